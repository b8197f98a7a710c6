"""Every clock of a case from filing to its end, each at its last instant and a microsecond later."""

from __future__ import annotations

from datetime import timedelta

from case_events.core.commands import (
    AmendClaim,
    Appeal,
    Expedite,
    FollowUp,
    Remedy,
    RequestEvidence,
    Return,
)
from case_events.core.values import Instant, Side
from tests.examples import NOON, TICK, proof
from tests.figures.promise import Promise, ends
from tests.figures.scene import (
    ACCEPTED_AT,
    DECIDED_AT,
    RULED_AT,
    Market,
    answer,
    ask,
    due,
    fen,
    left_alone,
    offering,
    rejecting,
    running,
    runs_out,
    take,
)
from tests.spec import Dispute, hours


def acceptance(promise: Promise, market: Market) -> None:
    """A1: the platform answers in its time; late, the clock runs again."""
    assert promise.acceptance is not None
    dispute = market.filed(promise)
    running(dispute, promise, acceptance=promise.acceptance)
    at = Instant.of(NOON + promise.acceptance)
    late = runs_out(dispute, "acceptance", "acceptance_timed_out", at)
    running(late, promise, acceptance=Instant.of(at + promise.acceptance_again))
    left_alone(late, "acceptance", at, promise.acceptance_again, promise.acceptance_again_up_to)


def reply(promise: Promise, market: Market) -> None:
    """N1, N4, N6: the respondent's turn, the talks beside it, and what silence does."""
    dispute = market.in_turn(promise)
    running(dispute, promise, **_turn(promise))
    at = due(dispute, "response")
    event = "merchant_response_timed_out" if promise.respondent == "merchant" else "response_timed_out"
    over = runs_out(dispute, "response", event, at)
    match promise.on_timeout:
        case "escalate":
            assert "intervention_requested" in over.written
        case "unlock":
            running(over, promise, intervention=Instant.of(at + promise.lapses_after))
            runs_out(over, "intervention", "intervention_window_expired", due(over, "intervention"))
        case "concede":
            assert "settled" in over.written


def _turn(promise: Promise) -> dict[str, Instant | timedelta]:
    assert promise.reply is not None
    starts = NOON if promise.acceptance is None else Instant.of(NOON + ACCEPTED_AT)
    turn = promise.reply + (promise.final_period or timedelta(0))
    clocks: dict[str, Instant | timedelta] = {"response": Instant.of(starts + turn)}
    if promise.stalls_after is not None:
        clocks["negotiation"] = Instant.of(NOON + promise.stalls_after)
    return clocks


def amending(promise: Promise, market: Market) -> None:
    """N2: in the last part of the turn an amendment moves its end, before it does not; after an offer it starts one."""
    dispute = market.in_turn(promise)
    amend = AmendClaim(demand=promise.demand, amount=fen(1))
    if promise.final_period is not None and promise.reply is not None:
        opened = Instant.of(NOON + promise.reply)
        take(dispute.fork(), promise, "complainant", amend, opened).runs(**_turn(promise))
        moved = take(dispute.fork(), promise, "complainant", amend, Instant.of(opened + TICK))
        assert due(moved, "response") == Instant.of(opened + TICK + promise.final_period)
    if promise.offer is not None and promise.final_period is None:
        take(dispute, promise, "respondent", offering(promise), DECIDED_AT)
        take(dispute, promise, "complainant", amend, RULED_AT)
        clocks = _turn(promise) | {"response": promise.after_amendment}
        running(dispute, promise, **clocks)


def stall(promise: Promise, market: Market) -> None:
    """N3: talks still open so long after filing let the complainant call the platform in, for so long."""
    assert promise.stalls_after is not None
    dispute = take(market.in_turn(promise), promise, "respondent", offering(promise), DECIDED_AT)
    at = Instant.of(NOON + promise.stalls_after)
    running(dispute, promise, negotiation=at)
    stalled = runs_out(dispute, "negotiation", "negotiation_stalled", at)
    running(stalled, promise, intervention=Instant.of(at + promise.lapses_after))
    runs_out(stalled, "intervention", "intervention_window_expired", due(stalled, "intervention"))


def ruling(promise: Promise, market: Market) -> None:
    """I3, N1: the limit and the target of each channel, the desk's time to take the case, and the clock again."""
    for channel in promise.channels:
        dispute = market.at_the_desk(promise, channel=channel.name)
        clocks = {"ruling": ends(dispute.now, channel.limit)}
        if promise.steps_in is not None:
            clocks["assignment"] = ends(dispute.now, promise.steps_in)
            runs_out(dispute, "assignment", "assignment_timed_out", clocks["assignment"])
        target = ends(dispute.now, channel.target) if channel.target else None
        running(dispute, promise, target, **clocks)
        late = runs_out(dispute, "ruling", "ruling_timed_out", clocks["ruling"])
        assert due(late, "ruling") == ends(clocks["ruling"], promise.ruling_again)
        left_alone(late, "ruling", clocks["ruling"], promise.ruling_again, promise.ruling_again_up_to)


def asked_evidence(promise: Promise, market: Market) -> None:
    """A3: the time a side has for evidence it was asked for."""
    assert promise.evidence_within is not None
    request = RequestEvidence(party="complainant", kinds=("invoice",))
    dispute = take(market.at_the_desk(promise), promise, "platform", request, RULED_AT)
    at = Instant.of(dispute.now + promise.evidence_within)
    assert due(dispute, "evidence") == at
    assert _reminder(dispute, "evidence") == Instant.of(at - dict(promise.reminders)["evidence"])
    runs_out(dispute, "evidence", "evidence_timed_out", at)


def required_evidence(promise: Promise, market: Market) -> None:
    """E4: a filing without what its reason requires is taken, and has so long to bring it."""
    dispute = market.filed(promise, evidence=())
    assert promise.evidence_within is not None
    at = Instant.of(NOON + promise.evidence_within)
    assert due(dispute, "evidence") == at
    runs_out(dispute, "evidence", "evidence_timed_out", at)


def _reminder(dispute: Dispute, kind: str) -> Instant:
    (found,) = (one.due_at for one in dispute.case.reminders if one.kind == f"{kind}_reminder")
    return found


def appeal(promise: Promise, market: Market) -> None:
    """P1, P3, I4: the window, the time to rule again, and how often; then it is final. The complainant is the last."""
    dispute, at = market.at_the_desk(promise), RULED_AT
    for instance in range(promise.appeals):
        take(dispute, promise, "platform", rejecting(promise), at)
        running(dispute, promise, appeal=promise.appeal)
        runs_out(dispute, "appeal", "appeal_window_expired", due(dispute, "appeal"))
        new = Appeal(reason="有新证据。", evidence=(proof(100 + instance, "video"),))
        side: Side = "complainant" if instance == promise.appeals - 1 else "respondent"
        take(dispute, promise, side, new, at + hours(0.5))
        running(dispute, promise, ruling=promise.ruling_on_appeal)
        at += hours(1)
    take(dispute, promise, "platform", rejecting(promise), at)
    assert dispute.case.status == "closed"


def remedy(promise: Promise, market: Market) -> None:
    """N8, P4: agreed, the goods go back first where they must; then what is owed, and the platform's look at it."""
    agree = answer(promise, decision="agree")
    dispute = take(market.in_turn(promise), promise, "respondent", agree, DECIDED_AT)
    if promise.return_leg is not None:
        _sent_back(dispute, promise)
    running(dispute, promise, remedy=promise.remedy)
    late = runs_out(dispute, "remedy", "remedy_timed_out", due(dispute, "remedy"))
    assert due(late, "remedy") == Instant.of(due(dispute, "remedy") + promise.remedy_again)
    left_alone(late, "remedy", due(dispute, "remedy"), promise.remedy_again, promise.remedy_again_up_to)
    done = Remedy(kind=promise.demand, amount=dispute.case.owed)
    take(dispute, promise, "respondent", done, RULED_AT)
    if promise.follow_up is None:
        assert dispute.case.status == "closed"
        return
    running(dispute, promise, follow_up=promise.follow_up)
    over = runs_out(dispute, "follow_up", "follow_up_timed_out", due(dispute, "follow_up"))
    assert over.case.status == "closed"
    take(dispute, promise, "platform", FollowUp(solved=True), due(dispute, "follow_up"))


def _sent_back(dispute: Dispute, promise: Promise) -> None:
    assert promise.return_leg is not None
    leg = promise.return_leg
    running(dispute, promise, return_address=leg.address)
    runs_out(dispute, "return_address", "return_timed_out", due(dispute, "return_address"))
    take(dispute, promise, "respondent", Return(step="address", address="杭州市"), DECIDED_AT)
    running(dispute, promise, return_shipment=leg.shipping)
    runs_out(dispute, "return_shipment", "return_timed_out", due(dispute, "return_shipment"))
    take(dispute, promise, "complainant", Return(step="shipped", tracking="SF1"), DECIDED_AT)
    running(dispute, promise, return_receipt=leg.receipt)
    runs_out(dispute, "return_receipt", "return_timed_out", due(dispute, "return_receipt"))
    take(dispute, promise, "respondent", Return(step="received", received=True), DECIDED_AT)


def expedites(promise: Promise, market: Market) -> None:
    """I2: a complainant may press so often and not once more."""
    dispute, press = market.at_the_desk(promise), Expedite(reason="请尽快。")
    for _ in range(promise.expedites):
        take(dispute, promise, "complainant", press, RULED_AT)
    ask(dispute, promise, "complainant", press, RULED_AT).refused("not_allowed_now")
