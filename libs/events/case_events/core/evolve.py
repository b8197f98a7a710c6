"""How events change a case; no rules: evolve never judges and never computes a date."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core import events, timeouts
from case_events.core.case import Case, RequestedEvidence
from case_events.core.changes import brought, ticking, turn
from case_events.core.clock_changes import timed_out
from case_events.core.events import History, Recorded
from case_events.core.party_changes import PartyEvent, by_party
from case_events.core.platform_changes import by_platform


def fold(history: History) -> Case | None:
    """The case after ``history``, oldest first; None for no history."""
    case: Case | None = None
    for recorded in history:
        case = evolve(case, recorded)
    return case


def evolve(case: Case | None, recorded: Recorded) -> Case:
    """The case after one more event. The first is ``Filed`` and no other is (an assertion: the ledger keeps it so)."""
    event = recorded.event
    if isinstance(event, events.Filed):
        assert case is None, "a case is filed once"
        return _filed(event, recorded)
    assert case is not None, "nothing happens before filing"
    case = replace(case, version=recorded.version, updated_at=recorded.effective_at)
    if isinstance(event, timeouts.TimedOut | timeouts.DeadlineApproaching):
        return timed_out(case, event)
    if isinstance(event, PartyEvent):
        return by_party(case, event, recorded)
    return by_platform(case, event, recorded)


def _filed(event: events.Filed, recorded: Recorded) -> Case:
    accepted = not any(clock.kind == "acceptance" for clock in event.clocks)
    case = Case(
        case_id=recorded.case_id,
        number=event.number,
        version=recorded.version,
        stage="inquiry",
        status="waiting_for_acceptance",
        outcome=None,
        type=event.type,
        reason=event.reason,
        marketplace=event.marketplace,
        policy=event.policy,
        order=event.order,
        complainant=event.complainant,
        respondent=event.respondent,
        demand=event.demand,
        amount=event.amount,
        description=event.description,
        anonymous=event.anonymous,
        external_ref=event.external_ref,
        test_clock=event.test_clock,
        department=event.department,
        filed_at=recorded.effective_at,
        updated_at=recorded.effective_at,
        subtype=event.subtype,
        kind=event.kind,
        channel=event.channel,
        facts=event.facts,
        complainant_entity=event.complainant_entity,
        respondent_entity=event.respondent_entity,
        marks=event.marks,
        previous=event.previous,
        late=event.late,
        reply_started_at=recorded.effective_at if accepted else None,
    )
    if accepted:
        case = replace(case, status=turn(case))
    case = brought(case, "complainant", event.evidence)
    if event.missing:
        missing = RequestedEvidence(party="complainant", kinds=event.missing, back=None)
        case = replace(case, requested=(missing,))
    return ticking(case, event.clocks)
