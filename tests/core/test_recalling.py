"""What was asked of a case, taken back from its events: what was chosen, and what the rules had dictated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec.structs import replace

from case_events.core.commands import FollowUp
from case_events.core.comparing import AmountTotal, DifferenceCount, Flip, Tally, Totals
from case_events.core.facts import FilingFacts, ListingFacts
from case_events.core.others import Facts, Previous
from case_events.core.recalling import filing_of, steps_of
from case_events.core.retelling import RefusedStep, retell
from case_events.core.simulating import Simulated, shown_to, simulated_for
from case_events.core.values import LegalEntity, Penalty
from case_events.core.viewer import Viewer
from tests.core.market import FILING, GOODS, PART_REFUND, REFUND, complaint, market
from tests.core.retold import is_as_recorded, world_of
from tests.core.shipped import asked_to_file
from tests.core.shipped import complaint as shipped_complaint
from tests.core.test_after_the_ruling import LOOKS
from tests.core.test_simulating import CONCEDES, by, under
from tests.examples import AGREE, AMEND, APPEAL, ASK_FOR_PHOTOS, BUYER, MERCHANT, REFUNDED, REFUSE, REVERSE, TICK, yuan
from tests.spec import Dispute, days, given, hours

EARLIER = UUID("00000000-0000-4000-8000-0000000000aa")


def test_all_that_a_filing_said_is_asked_again() -> None:
    company = LegalEntity(name="某某公司", place="杭州")
    said = replace(FILING, complainant_entity=company, respondent_entity=company, external_ref="ticket-42")
    told = replace(said, channel="order_page", anonymous=True, facts=FilingFacts(circumstance="broken"))
    rules = {"ruling.channels": {"order_page": {"within": {"days": 5}}}, "anonymity": "allowed"}
    dispute = given(market(rules)).file(told)
    assert dispute.last.problem is None, dispute.last.problem
    (step,) = steps_of(dispute.history)
    command, facts = filing_of(step, dispute.in_force)
    assert replace(command, complainant=told.complainant, respondent=told.respondent) == told
    assert (command.complainant.id, command.respondent.id) == ("complainant", "respondent")
    assert facts == dispute.facts


def test_the_ruling_that_stands_is_the_last_and_a_clock_ran_out_first_when_it_did() -> None:
    dispute = complaint().when(REFUSE, at=days(1)).passes(days(9)).when(PART_REFUND, at=days(9))
    dispute.when(APPEAL, at=days(10)).when(REFUND, at=days(11))
    found = under(dispute).recorded
    assert (found.outcome, found.awarded) == ("upheld", yuan(129))
    (late,) = [one for one in found.timeouts if one.kind == "ruling"]
    assert (late.times > 1, late.first_due_at) == (True, dispute.instant(days(4)))


def test_a_complaint_that_is_taken_up_again_could_be() -> None:
    order = FILING.order
    assert order is not None
    before = Previous(case_id=EARLIER, closed=True, complainant=BUYER, order_id=order.order_id)
    again = given(market(), facts=Facts(number="C-2", previous=before)).file(replace(FILING, previous=EARLIER))
    assert again.last.problem is None
    is_as_recorded(again)


def test_so_could_a_report_about_the_same_listing() -> None:
    facts = FilingFacts(listing=ListingFacts(listing_id="l-1"))
    report = replace(shipped_complaint("counterfeit_report"), facts=facts, previous=EARLIER)
    before = Previous(case_id=EARLIER, closed=True, complainant=report.complainant, order_id=None, listing="l-1")
    again = asked_to_file(report, facts=Facts(number="C-2", previous=before))
    assert again.last.problem is None, again.last.problem
    is_as_recorded(again)


def test_the_marks_that_were_known_count_under_the_other_policy() -> None:
    marked = given(market(), facts=Facts(number="C-2", marks=2)).file(FILING)
    for refused_at, refused in ((2, 1), (3, 0)):
        found = under(marked, credit={"window": {"days": 90}, "refused_at": refused_at})
        assert [one.code for one in found.refused] == ["not_eligible"] * refused


def test_a_refund_with_the_goods_is_of_what_is_claimed_too() -> None:
    goods = complaint(GOODS, demand="return_and_refund")
    lower = replace(AMEND, demand="return_and_refund")
    dispute = goods.when(lower, at=days(2)).when(REFUSE, at=days(2))
    dispute.when(replace(REFUND, outcome="return_and_refund", amount=AMEND.amount), at=days(3)).passes(days(11))
    assert dispute.case.outcome == "upheld"
    found = under(dispute, GOODS | {"reply.open_period": {"days": 1}})
    assert found.simulated is not None
    assert (found.recorded.awarded, found.simulated.awarded) == (AMEND.amount, yuan(129))


def test_what_was_imposed_later_is_awarded_too() -> None:
    dispute = complaint(LOOKS).when(AGREE, at=hours(1)).when(REFUNDED, at=hours(2))
    dispute.when(FollowUp(solved=False, remedy="partial_refund", amount=yuan(20)), at=days(1))
    is_as_recorded(dispute)
    assert under(dispute, LOOKS).recorded.awarded == yuan(149)


def test_a_ruling_that_departs_keeps_its_penalties() -> None:
    def brings(points: int) -> dict[str, Any]:
        return {"ruling.sanctions": {"ruling": [{"kind": "points", "points": points}]}}

    dispute = complaint(brings(6)).when(REFUSE, at=days(1))
    departing = replace(REFUND, penalties=(Penalty(kind="warning"),), departs="初犯。")
    dispute.when(departing, at=days(2))
    again = retell(dispute.history, world_of(dispute), market(brings(12)), lambda _: ())
    assert (again.refused, again.case and again.case.rulings[0].penalties) == ((), departing.penalties)
    both = complaint(brings(6)).when(REFUSE, at=days(1))
    both.when(replace(REFUND, penalties=(Penalty(kind="warning"), Penalty(kind="points", points=6))), at=days(2))
    assert under(both, brings(12)).refused == ()
    assert [one.pointers for one in under(both, brings(12) | {"ruling.penalties": ["points"]}).refused] == [
        ("/data/penalties/0",)
    ]


def test_the_usual_time_of_evidence_is_known_beside_its_reminder() -> None:
    reminded = {"evidence.within": {"days": 3}, "reminders.evidence": {"hours": 12}}
    dispute = complaint(reminded).when(REFUSE, at=days(1)).when(ASK_FOR_PHOTOS, at=days(2))
    is_as_recorded(dispute)
    (moved,) = under(dispute, reminded | {"evidence.within": {"days": 4}}).due_times
    assert moved.simulated == dispute.instant(days(6))


def test_a_timeout_is_taken_back_for_the_other_policys_notice() -> None:
    dispute = complaint().passes(days(3) + TICK)
    first = next(one for one in dispute.history if one.who == "scheduler")
    dispute.when(replace(REVERSE, event=first.event_id), at=days(3) + hours(1))
    found = under(dispute, minimum_notice={"hours": 36})
    moved = {one.kind: one.simulated for one in found.due_times}
    assert moved["response"] == dispute.instant(days(3) + hours(37))


def conceding(silent: Dispute) -> Simulated:
    return under(silent.passes(days(10)), CONCEDES)


def test_what_many_cases_come_to_adds_up() -> None:
    tally = Tally()
    same = complaint().when(AGREE, at=hours(1))
    for one in (
        conceding(complaint()),
        conceding(complaint()),
        under(same),
        under(complaint(), {"reasons": ["broken"]}),
    ):
        tally.add(one)
    assert tally.totals() == Totals(
        cases=4,
        differing=3,
        differences=tuple(
            DifferenceCount(difference=word, cases=cases)  # type: ignore[arg-type]
            for word, cases in {
                "filing": 1,
                "outcome": 2,
                "status": 2,
                "amount": 2,
                "timeouts": 2,
                "due_times": 2,
            }.items()
        ),
        outcomes=(Flip(recorded=None, simulated="conceded", cases=2),),
        amounts=(AmountTotal(currency="CNY", recorded=12_900, simulated=3 * 12_900, change=2 * 12_900),),
    )
    empty = Totals(cases=0, differing=0, differences=(), outcomes=(), amounts=())
    assert Tally().totals() == empty


def test_who_is_limited_is_told_of_no_step_that_is_not_for_them() -> None:
    dispute = complaint().when(AGREE, at=hours(1))
    known = RefusedStep(version=1, type="filed", code="not_eligible", rule="market@1#plain.filing")
    unseen = RefusedStep(version=9, type="corrected", code="invalid", rule=None)
    found = replace(by(dispute, market()), refused=(known, unseen), differences=("refused", "amount"))
    merchant, desk = Viewer(merchants=(MERCHANT.id,)), Viewer()
    for viewer in (merchant, desk, Viewer(desk=False)):
        told = shown_to(found, dispute.history, viewer)
        assert (told.refused, told.differences) == ((known,), ("refused", "amount"))
    alone = replace(found, refused=(unseen,))
    assert shown_to(alone, dispute.history, merchant).differences == ("amount",)
    assert shown_to(by(dispute, market()), dispute.history, merchant) == by(dispute, market())


def test_who_is_not_to_know_of_marks_cannot_ask_for_them_by_a_policy_that_refuses_them() -> None:
    marked = given(market(), facts=Facts(number="C-2", marks=2)).file(FILING)
    strict = market(credit={"window": {"days": 90}, "refused_at": 1})

    def refused(viewer: Viewer) -> list[str]:
        found = simulated_for(viewer, marked.history, world_of(marked), strict, lambda _: ())
        return [one.code for one in found.refused]

    assert refused(Viewer()) == ["not_eligible"]
    assert refused(Viewer(merchants=(MERCHANT.id,))) == refused(Viewer(desk=False)) == []
