"""Who may file about which order, and when: order states, the window and what bends it (domain F1-F4, F8, F11)."""

from __future__ import annotations

from case_events.core.calendar import after
from case_events.core.commands import File
from case_events.core.facts import FilingFacts
from case_events.core.policy import InForce
from case_events.core.promises import Rulebook
from case_events.core.spans import Term
from case_events.core.terms import Filing
from case_events.core.values import Instant, Order, Problem, Value

ENDED = ("trade_success", "trade_closed")
"""States of an order whose trade is over (domain F1)."""


class Window(Value, frozen=True, kw_only=True):
    """When one may file: from ``opens`` to ``closes``, both included; ``extended``: as long as is asked for (F3)."""

    opens: Instant
    closes: Instant | None
    extended: Instant | None


def ineligible(command: File, in_force: InForce, book: Rulebook, now: Instant) -> Problem | None:
    """Why this complaint cannot be filed now: ``not_eligible`` (``closed_at``) or ``not_yet`` (``opens_at``)."""
    filing = in_force.ref.clause(f"{command.type}.filing")
    unfit = _wrong_state(command.order, book.rules.filing) or _wrong_facts(command, book, now)
    if unfit is not None:
        return Problem(code="not_eligible", detail=unfit, rule=filing)
    denied = _conformity_confirmed(command, book.rules.filing)
    if denied is not None:
        named = "conformity" if "conformity" in book.rules.clauses else "filing"
        return Problem(code="not_eligible", detail=denied, rule=in_force.ref.clause(f"{command.type}.{named}"))
    found = window(command.order, command.facts, book)
    return _outside(found, filing, now) if found is not None else None


def window(order: Order | None, facts: FilingFacts | None, book: Rulebook) -> Window | None:
    """When this complaint may be filed; None where the type counts no window."""
    terms = book.rules.filing
    start = counted_from(order, terms) if order is not None else None
    if start is None or order is None:
        return None
    opens = after(start, terms.opens_after, book.calendar)[0] if terms.opens_after else start
    if terms.closes_after is None:
        return Window(opens=opens, closes=None, extended=None)
    closes = max(after(start, term, book.calendar)[0] for term in _lengths(order, terms, terms.closes_after))
    extended, asked = None, facts.extension if facts else None
    if terms.extension is not None and asked is not None and asked.reason in terms.extension.reasons:
        extended, _ = after(closes, terms.extension.within, book.calendar)
    return Window(opens=opens, closes=closes, extended=extended)


def counted_from(order: Order, terms: Filing) -> Instant | None:
    """The first instant of the order, of those the window is counted from, that it has."""
    found: list[Instant | None] = [getattr(order, name) for name in counted_names(terms)]
    return next((instant for instant in found if instant is not None), None)


def counted_names(terms: Filing) -> tuple[str, ...]:
    """The instants of an order that the window is counted from, the first that it has."""
    if terms.counted_from is None:
        return ()
    return terms.counted_from if isinstance(terms.counted_from, tuple) else (terms.counted_from,)


def _lengths(order: Order, terms: Filing, usual: Term) -> list[Term]:
    """F3: the windows of which the longest counts: the goods', and what the merchant promised.

    Special goods have their category's instead of the usual one and of any entitlement. A filing about several
    goods may be made as long as it may be about one of them: which of them is at fault is not yet known.
    """
    lengths = [terms.promises[one] for one in order.merchant_promises if one in terms.promises]
    for goods in order.goods:
        special = terms.categories.get(goods.category)
        if special is not None:
            lengths.append(special)
        else:
            lengths += [usual] if terms.entitlement is None else [usual, terms.entitlement]
    return lengths


def _outside(found: Window, clause: str, now: Instant) -> Problem | None:
    closes = found.extended or found.closes
    if closes is not None and now > closes:
        detail = f"The filing window closed at {closes.rfc3339()} (F2)."
        return Problem(code="not_eligible", detail=detail, rule=clause, closed_at=closes)
    if now < found.opens:
        detail = f"The filing window opens at {found.opens.rfc3339()} (F2)."
        return Problem(code="not_yet", detail=detail, rule=clause, opens_at=found.opens)
    return None


def _wrong_state(order: Order | None, terms: Filing) -> str | None:
    """F1, F4, F10: the states an order must be in; where the trade must be over, that is said."""
    if order is None or not terms.order_states or order.status in terms.order_states:
        return None
    detail = f"The order is {order.status}; this complaint needs {' or '.join(terms.order_states)} (F1)."
    wants_it_over = any(state in ENDED for state in terms.order_states)
    return f"{detail} The trade must finish first." if wants_it_over and order.status not in ENDED else detail


def _wrong_facts(command: File, book: Rulebook, now: Instant) -> str | None:
    """F4, L10: facts that are there and are not what this type is about."""
    terms, facts = book.rules.filing, command.facts
    if facts is None:
        return None
    review = facts.review
    if terms.ratings and review is not None and (review.rating not in terms.ratings or not review.in_effect):
        return f"This complaint needs a review that is {' or '.join(terms.ratings)} and in effect (F4)."
    promised = facts.contract.accuracy if facts.contract else None
    if terms.accuracy is not None and promised is not None and promised < terms.accuracy:
        return f"The contract promises an accuracy of {promised} basis points; it takes {terms.accuracy} (L10)."
    return _wrong_refund(command, book, now)


def _wrong_refund(command: File, book: Rulebook, now: Instant) -> str | None:
    """F4: what a type asks of the refund that went before it."""
    wanted, refund = book.rules.filing.refund_after, command.facts.refund if command.facts else None
    if wanted is None or refund is None or command.order is None or command.order.paid_at is None:
        return None
    since, _ = after(command.order.paid_at, wanted, book.calendar)
    if refund.applied_at <= since:
        return f"The refund was applied for by {since.rfc3339()}; this complaint needs one applied for later (F4)."
    return "The refund has not succeeded yet (F4)." if refund.succeeded_at > now else None


def _conformity_confirmed(command: File, terms: Filing) -> str | None:
    """F11: once apparent conformity was confirmed, a claim about it brings evidence to the contrary."""
    conformity, facts = terms.conformity, command.facts
    if conformity is None or facts is None or facts.conformity_confirmed_at is None:
        return None
    proved = any(one.kind in conformity.evidence for one in command.evidence)
    if proved or command.reason not in conformity.reasons:
        return None
    kinds = ", ".join(conformity.evidence)
    return f"Apparent conformity was confirmed; a claim about it needs contrary evidence: {kinds} (F11)."
