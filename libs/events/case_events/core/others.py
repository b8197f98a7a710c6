"""What a filing must know of other cases; the ledger looks it up and passes it in, and the event records it."""

from __future__ import annotations

from uuid import UUID

from case_events.core.case import Case
from case_events.core.facts import FilingFacts
from case_events.core.values import CaseId, Party, Value, Word


class Previous(Value, frozen=True, kw_only=True):
    """The complaint a new one takes up again (domain F14), as it stands.

    ``remedied``: nothing that was decided is left to be done for the complainant.
    """

    case_id: CaseId
    closed: bool
    complainant: Party
    order_id: str | None
    respondent: Party | None = None
    listing: str | None = None
    outcome: Word | None = None
    remedied: bool = False


class Facts(Value, frozen=True, kw_only=True):
    """What filing must know that is in no event of this case; the ledger passes it in.

    ``marks``: malicious complaints of this complainant in the policy's window (domain A2). ``previous``: the
    complaint named in the filing, None where there is none such.
    """

    number: str
    open_complaint: UUID | None = None
    marks: int = 0
    previous: Previous | None = None


def previous_of(case: Case, *, closed: bool) -> Previous:
    """What a filing that takes this case up must know of it; ``closed``: whether it was by then."""
    return Previous(
        case_id=case.case_id,
        closed=closed,
        complainant=case.complainant,
        respondent=case.respondent,
        order_id=case.order.order_id if case.order else None,
        listing=listed(case.facts),
        outcome=case.outcome,
        remedied=case.remedy is None,
    )


def listed(facts: FilingFacts | None) -> str | None:
    """The listing a report is about, where it names one (domain F8)."""
    return facts.listing.listing_id if facts and facts.listing else None
