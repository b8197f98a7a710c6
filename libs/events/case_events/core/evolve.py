"""How events change a case; no rules: evolve never judges and never computes a date."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import asdict, replace

from case_events.core import events, timeouts
from case_events.core.case import BroughtEvidence, Case, Deadline, RequestedEvidence, Ruling
from case_events.core.events import History, Recorded
from case_events.core.values import Clock, Evidence, Money, Side, Word


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
    match event:
        case events.Accepted():
            case = replace(case, status="waiting_for_merchant", reply_started_at=recorded.effective_at)
            return _clocks(case, event.clocks, stop=("acceptance",))
        case events.Dismissed():
            return _clocks(replace(case, outcome="dismissed"), (), stop=ALL)
        case events.EvidenceRequested():
            # The platform's own clock goes on: asking for more does not give it more time.
            wanted = RequestedEvidence(party=event.party, kinds=event.kinds, back=case.status)
            return _clocks(
                replace(case, status="evidence_requested", requested=wanted), event.clocks, stop=("evidence",)
            )
        case events.Escalated():
            return replace(case, department=event.to)
        case events.ClaimAmended():
            case = replace(case, demand=event.demand, amount=event.amount, offer=None, decision=None)
            return _clocks(replace(case, status="waiting_for_merchant"), event.clocks)
        case events.EvidenceSubmitted():
            return _answered(case, event)
        case events.MerchantReplied():
            return _replied(case, event)
        case events.Settled():
            outcome = "conceded" if event.basis == "concession" else "settled"
            return _decided(case, outcome, event.remedy, event.owed, event.clocks)
        case events.InterventionRequested():
            case = replace(case, stage="claim", status="under_review", department=event.department)
            return _clocks(case, event.clocks, stop=NEGOTIATION)
        case events.Ruled():
            return _ruled(case, event, recorded)
        case events.Appealed():
            case = replace(case, stage="appeal", status="appeal_under_review", appealed_by=event.by)
            return _clocks(_brought(case, event.by, event.evidence), event.clocks, stop=("appeal",))
        case events.Withdrawn():
            return _clocks(replace(case, outcome="withdrawn"), (), stop=ALL)
        case events.Returned():
            return _owed(_clocks(case, event.clocks, stop=RETURN))
        case timeouts.ReturnTimedOut():
            case = case if event.effect == "owe" else replace(case, owed=None)
            return _owed(_expired(case, event))
        case events.Remedied():
            return _clocks(replace(case, owed=None), (), stop=("remedy",))
        case events.Closed():
            case = replace(
                case, stage="closed", status="closed", outcome=event.outcome, closed_at=recorded.effective_at
            )
            return _clocks(case, (), stop=ALL)
        case events.DeadlineExtended():
            return _clocks(case, event.clocks)
        case timeouts.AcceptanceTimedOut() | timeouts.RulingTimedOut() | timeouts.RemedyTimedOut():
            return _expired(replace(case, priority=event.priority), event)
        case timeouts.EvidenceTimedOut():
            assert case.requested is not None, "its clock ran"
            return _expired(replace(case, status=case.requested.back), event)
        case timeouts.MerchantResponseTimedOut() | timeouts.NegotiationStalled() | timeouts.InterventionWindowExpired():
            return _expired(case, event)
        case timeouts.AppealWindowExpired():
            ruling = case.rulings[-1]
            return _decided(_expired(case, event), ruling.verdict, ruling.outcome, ruling.owed, event.clocks)
        case _:
            assert_never(event)


NEGOTIATION = ("acceptance", "response", "negotiation", "intervention")
RETURN = ("return_address", "return_shipment", "return_receipt")
ALL = (*NEGOTIATION, *RETURN, "evidence", "ruling", "appeal", "remedy")
"""Every kind of clock there is; a closed case has none running."""


def _filed(event: events.Filed, recorded: Recorded) -> Case:
    accepted = not any(clock.kind == "acceptance" for clock in event.clocks)
    case = Case(
        case_id=recorded.case_id,
        number=event.number,
        version=recorded.version,
        stage="inquiry",
        status="waiting_for_merchant" if accepted else "waiting_for_acceptance",
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
        reply_started_at=recorded.effective_at if accepted else None,
    )
    return _clocks(_brought(case, "complainant", event.evidence), event.clocks)


def _answered(case: Case, event: events.EvidenceSubmitted) -> Case:
    """Whatever the asked side brings ends the waiting; what it left out stays missing."""
    case, asked = _brought(case, event.by, event.evidence), case.requested
    if asked is None or asked.party != event.by:
        return case
    left = tuple(kind for kind in asked.kinds if kind not in {item.kind for item in event.evidence})
    case = replace(case, requested=replace(asked, kinds=left))
    return (
        _clocks(replace(case, status=asked.back), (), stop=("evidence",))
        if case.status == "evidence_requested"
        else case
    )


def _replied(case: Case, event: events.MerchantReplied) -> Case:
    case = replace(
        _brought(case, "respondent", event.evidence),
        decision=event.decision,
        offer=event.offer,
        status="waiting_for_complainant",
        intervention_open=case.intervention_open or event.decision == "refuse",
    )
    return _clocks(case, (), stop=("response",))


def _ruled(case: Case, event: events.Ruled, recorded: Recorded) -> Case:
    ruling = Ruling(
        version=recorded.version,
        round=event.round,
        outcome=event.outcome,
        verdict=event.verdict,
        rule=event.rule,
        reasons=event.reasons,
        owed=event.owed,
        liable=event.liable,
        penalties=event.penalties,
        evidence=event.evidence,
        final=event.final,
        ruled_at=recorded.effective_at,
    )
    case = replace(case, rulings=(*case.rulings, ruling))
    if event.final:
        return _decided(case, event.verdict, event.outcome, event.owed, event.clocks)
    return _clocks(replace(case, status="appealable"), event.clocks, stop=("ruling",))


def _decided(case: Case, outcome: Word, remedy: Word, owed: Money | None, clocks: tuple[Clock, ...]) -> Case:
    """The outcome is fixed; what is owed is waited for. Nothing owed: the ``closed`` of the same step ends it."""
    case = replace(case, outcome=outcome, remedy=remedy, owed=owed)
    return _owed(_clocks(case, clocks, stop=tuple(kind for kind in ALL if kind != "remedy")))


def _owed(case: Case) -> Case:
    """What is owed waits for the goods while a clock of the return runs."""
    returning = any(clock.kind in RETURN for clock in case.clocks)
    return replace(case, status="waiting_for_return" if returning else "waiting_for_remedy")


def _expired(case: Case, event: timeouts.Timeout) -> Case:
    gone = Deadline(kind=event.kind, party=event.party, due_at=event.due_at, set_by=event.set_by)
    case = replace(case, expired=(*case.expired, gone))
    match event:
        case timeouts.MerchantResponseTimedOut() | timeouts.NegotiationStalled():
            case = replace(case, status="waiting_for_complainant", intervention_open=True)
            return _clocks(case, event.clocks, stop=(event.kind, "negotiation"))
        case _:
            return _clocks(case, event.clocks, stop=(event.kind,))


def _brought(case: Case, by: Side, evidence: tuple[Evidence, ...]) -> Case:
    brought = tuple(BroughtEvidence(by=by, evidence=item) for item in evidence)
    return replace(case, evidence=(*case.evidence, *brought)) if brought else case


def _clocks(case: Case, started: tuple[Clock, ...], stop: tuple[str, ...] = ()) -> Case:
    """Stop the named kinds, then start or move what the event promises."""
    moved = {(clock.kind, clock.party) for clock in started}
    running = [d for d in case.clocks if d.kind not in stop and (d.kind, d.party) not in moved]
    running += [Deadline(set_by=case.version, **asdict(clock)) for clock in started]
    # At one instant silence comes before stall: the talks are over because the respondent had its turn, not before.
    running.sort(key=lambda one: (one.due_at, one.kind != "response", one.kind, one.party))
    return replace(case, clocks=tuple(running))
