"""Was a shipment late: the first official pickup decides, and what excuses it (domain E5, M1)."""

from __future__ import annotations

from case_events.core.calendar import after
from case_events.core.case import Case
from case_events.core.commands import Rule
from case_events.core.promises import Rulebook
from case_events.core.terms import Lateness
from case_events.core.values import Evidence, Fault, Instant, Value

PICKUP, PRESALE = "pickup_record", "presale_terms"
"""The evidence that proves a shipment, and the evidence of a day agreed for it."""


class Shipment(Value, frozen=True, kw_only=True):
    """What the evidence says of the shipment.

    ``ship_by``: the promised instant, a presale's own where its terms name one. ``picked_up_at``: the first official
    pickup. ``fake``: it was scanned and did not move in the policy's time. ``excused_by``: kinds of evidence.
    """

    ship_by: Instant
    picked_up_at: Instant | None
    late: bool
    fake: bool
    excused_by: tuple[str, ...]


def shipment(case: Case, book: Rulebook) -> Shipment | None:
    """The finding; None where the policy does not ask for this reason, or the order was never paid."""
    terms, order = book.rules.lateness, case.order
    if terms is None or order is None or order.paid_at is None:
        return None
    if terms.reasons and case.reason not in terms.reasons:
        return None
    counted = [one.evidence for one in case.evidence if one.evidence.sha256 not in case.rejected_evidence]
    first = min(_pickups(counted), key=_first_and_moved, default=None)
    ship_by = _agreed(counted, terms) or after(order.paid_at, terms.ship_within, book.calendar)[0]
    fake = first is not None and _stood_still(*first, terms, book)
    return Shipment(
        ship_by=ship_by,
        picked_up_at=first[0] if first else None,
        late=first is None or fake or first[0] > ship_by,
        fake=fake,
        excused_by=tuple(
            dict.fromkeys(one.kind for one in counted if one.kind in terms.excused_by and one.kind != PRESALE)
        ),
    )


def _agreed(counted: list[Evidence], terms: Lateness) -> Instant | None:
    """The latest day agreed for a presale: where the policy lets it count, it takes the place of the time to ship."""
    agreed = [one.shows_at for one in counted if one.kind == PRESALE and one.shows_at is not None]
    return max(agreed, default=None) if PRESALE in terms.excused_by else None


def _pickups(counted: list[Evidence]) -> list[tuple[Instant, Evidence]]:
    return [(one.shows_at, one) for one in counted if one.kind == PICKUP and one.shows_at is not None]


def _first_and_moved(pickup: tuple[Instant, Evidence]) -> tuple[Instant, bool, Instant]:
    """Of several records of one scan, whoever brought them, one that shows the movement after it counts."""
    picked_up_at, record = pickup
    return picked_up_at, record.moved_at is None, record.moved_at or picked_up_at


def _stood_still(picked_up_at: Instant, pickup: Evidence, terms: Lateness, book: Rulebook) -> bool:
    """Scanned and not moved in the policy's time: a scan made to look like a shipment."""
    moves_by, _ = after(picked_up_at, terms.moves_within, book.calendar)
    return pickup.moved_at is None or pickup.moved_at > moves_by


def contradiction(command: Rule, case: Case, book: Rulebook) -> list[Fault]:
    """A ruling that goes against what the pickup record shows says why; not where forgery decides (E2)."""
    found = shipment(case, book)
    if found is None or command.departs is not None or case.forged_by:
        return []
    guilty = found.late and not found.excused_by
    if guilty == (command.outcome != "rejected"):
        return []
    due, seen = found.ship_by.rfc3339(), found.picked_up_at.rfc3339() if found.picked_up_at else "never"
    shown = f"due {due}, picked up {seen}{', not moved in time' if found.fake else ''}"
    why = f"late, excused by {', '.join(found.excused_by)}" if found.excused_by and found.late else "in time"
    detail = f"{shown}: {'late' if guilty else why} (E5); a ruling that departs from it says why (departs)"
    return [Fault(pointer="/data/outcome", detail=detail)]
