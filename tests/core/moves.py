"""What can be asked of a case, each command so that its content fits the case: for generated disputes and drivers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from case_events.core.aftermath import NEVER_IMPOSED
from case_events.core.amounts import amount_of, cap_of
from case_events.core.case import Case
from case_events.core.commands import (
    BY,
    POSTED_NAMES,
    Accept,
    AcceptRuling,
    AmendClaim,
    Appeal,
    Assign,
    Close,
    Correct,
    Correction,
    Escalate,
    FollowUp,
    Link,
    PayAdvance,
    Posted,
    Recover,
    RejectEvidence,
    Remedy,
    Reply,
    RequestEvidence,
    RequestIntervention,
    Respond,
    Return,
    Rule,
    Settle,
)
from case_events.core.gates import return_clock
from case_events.core.outcomes import THINGS
from case_events.core.policy import ComplaintType, InForce
from case_events.core.stages import RETURN_STEPS
from case_events.core.values import Instant, Liable, Money, Offer, Penalty, Side
from tests import examples as ex

Move = Callable[[Case, InForce, int], Posted]
"""The command, made for the case; the number varies it."""
NO_MONEY = (*THINGS, "rejected")
SHARES: tuple[tuple[Liable, ...], ...] = (
    (Liable(party="respondent", share=6_667), Liable(party="complainant", share=3_333)),
    (
        Liable(party="complainant", share=2_000),
        Liable(party="respondent", share=5_000),
        Liable(party="platform", share=3_000),
    ),
    (Liable(party="platform", share=10_000),),
    (Liable(party="complainant", share=10_000),),
)
"""A loss between two, among all three, or one side's alone."""
DIFFERS = "情况特殊，说明如下。"


def rules_of(case: Case, in_force: InForce) -> ComplaintType:
    return in_force.type_of(case.type, case.subtype)


def fen(amount: int) -> Money:
    return Money(amount=amount, currency="CNY")


def dismiss(_case: Case, _in_force: InForce, number: int) -> Posted:
    return replace(ex.DISMISS, malicious=number % 2 == 0)


def ask_for_evidence(_case: Case, _in_force: InForce, number: int) -> Posted:
    asked = replace(ex.ASK_FOR_PHOTOS, within=(timedelta(days=2), timedelta(hours=30), timedelta(hours=1))[number % 3])
    return asked if number % 2 else replace(asked, party="respondent")


def escalate(case: Case, in_force: InForce, _number: int) -> Posted:
    ladder = in_force.policy.ladder
    at = ladder.index(case.department) if case.department in ladder else 0
    return Escalate(to=ladder[min(at + 1, len(ladder) - 1)], reason="金额较大。")


def amend(case: Case, in_force: InForce, number: int) -> Posted:
    rules = rules_of(case, in_force)
    demands = rules.demands_of.get(case.reason, rules.demands)
    cap = cap_of(rules.cap, case.order, case.facts)
    most = 12_900 if cap is None else cap
    return AmendClaim(demand=demands[number % len(demands)], amount=fen(most * (4 - number % 4) // 4))


def evidence(_case: Case, _in_force: InForce, number: int) -> Posted:
    kind = ("photo", "packaging", "chat_record")[number % 3]
    return replace(ex.EVIDENCE, evidence=(ex.proof(200 + number, kind),))


def said(decision: Reply, case: Case) -> Posted:
    """A reply under the name the respondent's role has."""
    if case.respondent.role == "merchant":
        return decision
    return Respond(**{name: getattr(decision, name) for name in decision.__struct_fields__})


def agree(case: Case, _in_force: InForce, _number: int) -> Posted:
    return said(ex.AGREE, case)


def refuse(case: Case, _in_force: InForce, _number: int) -> Posted:
    return said(ex.REFUSE, case)


def offer(case: Case, in_force: InForce, number: int) -> Posted:
    offers = rules_of(case, in_force).offers or ("partial_refund",)
    kind = offers[number % len(offers)]
    amount = None if kind in THINGS else fen(max(case.amount.amount // 2, 1))
    return said(Reply(decision="offer", offer=Offer(kind=kind, amount=amount)), case)


def rule(case: Case, in_force: InForce, number: int) -> Posted:
    """Any outcome the policy knows; every other ruling says that it departs from the policy's figure."""
    outcomes = rules_of(case, in_force).ruling.outcomes
    ruled = ruling(outcomes[number % len(outcomes)], case, in_force, departs=number % 2 == 0)
    shares = ruled.amount is not None and not ruled.liable and number % 3 == 0
    return replace(ruled, liable=SHARES[number // 3 % len(SHARES)]) if shares else ruled


def ruling(outcome: str, case: Case, in_force: InForce, *, departs: bool) -> Rule:
    rules = rules_of(case, in_force)
    if "complainant" in case.forged_by:
        outcome = "rejected"
    elif "respondent" in case.forged_by and outcome == "rejected":
        outcome = next(one for one in rules.ruling.outcomes if one != "rejected")
    sides = SHARES[departs]
    return Rule(
        outcome=outcome,
        rule=min(rules.clauses),
        reasons="双方陈述与证据已核。",
        amount=_amount(outcome, case, rules),
        departs=DIFFERS if departs else None,
        liable=sides if outcome == "shared_liability" else (),
        penalties=tuple(
            Penalty(kind="warning", on="complainant" if one == "complainant" else "respondent")
            for one in case.forged_by
        ),
        evidence=tuple(
            one.evidence.sha256 for one in case.evidence if one.evidence.sha256 not in case.rejected_evidence
        )[:2],
    )


def _amount(outcome: str, case: Case, rules: ComplaintType) -> Money | None:
    formula, claimed = rules.ruling.amounts.get(outcome), case.amount.amount
    if outcome in NO_MONEY:
        return None
    if formula is not None:
        return fen(amount_of(formula, case.order, case.facts))
    return fen(claimed // 2 if outcome == "partial_refund" else claimed)


def simplest_ruling(case: Case, in_force: InForce) -> Rule:
    """What the platform can always decide: nothing is granted, or where that cannot be, something."""
    return ruling("rejected", case, in_force, departs=True)


def reject_evidence(case: Case, _in_force: InForce, number: int) -> Posted:
    brought = [one.evidence.sha256 for one in case.evidence if one.by != "platform"] or [ex.proof(1).sha256]
    return RejectEvidence(evidence=(brought[number % len(brought)],), reason="系伪造。", forged=number % 3 == 0)


def appeal(_case: Case, _in_force: InForce, number: int) -> Posted:
    return replace(ex.APPEAL, evidence=(ex.proof(100 + number),))


def next_return_step(case: Case, _in_force: InForce, number: int) -> Posted:
    """The next step of the return; now and then a pickup, or goods that did not come."""
    clock = return_clock(case)
    step = RETURNS[clock.kind if clock else "return_address"]
    if step is ex.ADDRESS and number % 3 == 0:
        return ex.PICKUP
    return replace(step, received=number % 2 == 0) if step is ex.RECEIVED else step


def remedy(case: Case, _in_force: InForce, _number: int) -> Posted:
    return replace(ex.REFUNDED, kind=case.remedy or "refund", amount=case.owed)


def recover(case: Case, _in_force: InForce, number: int) -> Posted:
    owed = case.recoveries[number % len(case.recoveries)] if case.recoveries else None
    return Recover(party=owed.party, amount=owed.amount) if owed else ex.RECOVER


def extend(case: Case, _in_force: InForce, number: int) -> Posted:
    clock = case.clocks[number % len(case.clocks)] if case.clocks else None
    until = clock.due_at if clock else case.updated_at
    later = Instant.of(until + timedelta(hours=0 if clock and clock.provisional else 30))
    return ex.extend(clock.kind if clock else "ruling", clock.party if clock else "platform", later)


def assign(case: Case, _in_force: InForce, number: int) -> Posted:
    return Assign(department=case.department, agent=f"agent-{number}")


def link(_case: Case, _in_force: InForce, number: int) -> Posted:
    return ex.LINK if number % 2 else Link(group=ex.CORRECT.event, by="reason")


def correct(case: Case, in_force: InForce, number: int) -> Posted:
    """The last ruling, or words."""
    if case.rulings and number % 2:
        last, rules = case.rulings[-1], rules_of(case, in_force)
        outcome = rules.ruling.outcomes[number // 2 % len(rules.ruling.outcomes)]
        fields = Correction(outcome=outcome, amount=_amount(outcome, case, rules), reasons="更正后的理由。")
        return Correct(event=last.event_id, fields=fields, reason="笔误。")
    post = case.posts[number % len(case.posts)] if case.posts else None
    return replace(ex.CORRECT, event=post.event_id) if post else ex.CORRECT


def pay_advance(case: Case, _in_force: InForce, number: int) -> Posted:
    debtor = ("ruling", "ruling", "respondent", "complainant")[number % 4]
    return PayAdvance(amount=fen(max(case.amount.amount // (1 + number % 3), 1)), recover_from=debtor)  # type: ignore[arg-type]


def follow_up(case: Case, in_force: InForce, number: int) -> Posted:
    """Well handled or not; every other time badly enough for more."""
    possible = [one for one in rules_of(case, in_force).ruling.outcomes if one not in NEVER_IMPOSED]
    if number % 2 == 0 or not possible:
        return FollowUp(solved=number % 4 == 0)
    kind = possible[number // 2 % len(possible)]
    return FollowUp(solved=False, remedy=kind, amount=None if kind in THINGS else fen(max(case.amount.amount // 4, 1)))


def reverse(case: Case, _in_force: InForce, number: int) -> Posted:
    return replace(ex.REVERSE, event=case.undo.event_id) if case.undo and number % 4 else ex.REVERSE


def erase(_case: Case, _in_force: InForce, number: int) -> Posted:
    """No one of ``MOVES``: the books that are made of those keep every key."""
    return replace(ex.ERASE, subject=("complainant", "respondent")[number % 2])


def usual_side(command: Posted, case: Case, *, respondent: bool) -> Side | None:
    """Who asks it: whose turn the return is, either party where both may; None: who always does."""
    goods = return_clock(case)
    if isinstance(command, Return):
        return "respondent" if goods is not None and goods.party == "respondent" else None
    both = BY[POSTED_NAMES[type(command)]][:2] == ("complainant", "respondent")
    return "respondent" if both and respondent else None


RETURNS = dict(zip(RETURN_STEPS, (ex.ADDRESS, ex.SHIPPED, ex.RECEIVED), strict=True))
MOVES: tuple[Move, ...] = (
    lambda _case, _in_force, _number: ex.ACCEPT,
    dismiss,
    ask_for_evidence,
    escalate,
    amend,
    evidence,
    agree,
    refuse,
    offer,
    lambda _case, _in_force, _number: ex.TAKE_THE_OFFER,
    lambda _case, _in_force, _number: ex.CALL_THE_PLATFORM,
    rule,
    reject_evidence,
    appeal,
    lambda _case, _in_force, _number: ex.ACCEPT_RULING,
    lambda _case, _in_force, _number: ex.WITHDRAW,
    next_return_step,
    remedy,
    recover,
    lambda _case, _in_force, _number: ex.CLOSE,
    extend,
    reverse,
    assign,
    link,
    correct,
    pay_advance,
    follow_up,
    lambda _case, _in_force, _number: ex.EXPEDITE,
    lambda _case, _in_force, _number: ex.MESSAGE,
    lambda _case, _in_force, _number: ex.NOTE,
    lambda _case, _in_force, number: replace(ex.RATE, score=1 + number % 5),
)
"""One way to make each command that can be posted, but for ``erase``."""
LEADING_ON = (
    *(Accept, RequestEvidence, Reply, Settle, RequestIntervention, Rule, Appeal, AcceptRuling, Return),
    *(RejectEvidence, Remedy, Recover, Close, FollowUp, PayAdvance),
)
"""What brings a case to another state."""
