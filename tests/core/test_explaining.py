"""How a deadline was counted, said so that anybody can count along: from when, which days counted, which did not."""

from __future__ import annotations

import random
from datetime import date

from case_events.core.case import Deadline
from case_events.core.changes import ALL
from case_events.core.commands import ExtendDeadline
from case_events.core.explaining import Counting, explained, moves
from case_events.core.values import Instant
from tests.core import subjects
from tests.core.test_intervention import ANSWERS_AGAIN
from tests.core.test_recounting import EVE, GUESSED, book_of, told
from tests.examples import AMEND, APPEAL, NOON, OFFER, PART_REFUND, REFUSE, TICK, calendar, extend
from tests.spec import Dispute, days, filed, hours

DISPUTES = 25
BEFORE_THE_FESTIVAL = Instant.parse("2026-02-11T10:00:00+08:00")


def counting(dispute: Dispute, kind: str) -> Counting | None:
    return explained(dispute.history, dispute.clock(kind), book_of(dispute), (dispute.calendar, calendar()))


def instants(dispute: Dispute, kind: str) -> list[tuple[str, Instant]]:
    return [(one.type, one.due_at) for one in moves(dispute.history, dispute.clock(kind))]


def test_a_window_over_the_festival_names_the_days_that_did_not_count_and_the_saturday_that_did() -> None:
    five = ("within = { working_days = 2 }", "within = { working_days = 5 }")
    said = counting(filed(five, at=BEFORE_THE_FESTIVAL).when(REFUSE, at=hours(1)), "ruling")
    assert said is not None
    assert (said.working_days, said.counted_from, said.given_by) == (5, BEFORE_THE_FESTIVAL + hours(1), 3)
    assert said.worked == (date(2026, 2, 14),)
    assert said.off == tuple(date(2026, 2, day) for day in (16, 17, 18, 19, 20, 23))
    assert said.guessed_after is None
    assert said.en == (
        "The end of the 5th of the working days after 2026-02-11, China time. Weekend days worked, and counted:"
        " 2026-02-14. Days off, not counted: 2026-02-16/2026-02-20, 2026-02-23."
    )
    assert said.zh == (
        "自 2026-02-11（不含当日）起第 5 个工作日的24:00。调休上班，计入：2026-02-14。"
        "放假，不计：2026-02-16/2026-02-20, 2026-02-23。"
    )


def test_a_window_that_begins_at_midnight_leaves_out_the_day_that_ends_with_it() -> None:
    """Not ruled in time: the ruling is due again from 24:00 of the Friday, and the Saturday is worked."""
    friday = Instant.parse("2026-02-13T16:00:00Z")
    dispute = filed(at=Instant.of(friday - hours(60))).when(REFUSE, at=TICK).passes(Instant.of(friday + TICK))
    assert dispute.written == ("ruling_timed_out",)
    said = counting(dispute, "ruling")
    assert said is not None
    assert (said.counted_from, said.working_days, said.worked) == (friday, 1, (date(2026, 2, 14),))
    assert said.en.startswith("The end of the 1st of the working days after 2026-02-13, China time.")
    assert said.zh.startswith("自 2026-02-13（不含当日）起第 1 个工作日的24:00。")


def test_a_window_of_hours_counts_whatever_day_it_is() -> None:
    dispute = filed(at=BEFORE_THE_FESTIVAL)
    said, talks = counting(dispute, "response"), counting(dispute, "negotiation")
    assert said is not None
    assert talks is not None
    assert (said.working_days, said.lasts, said.off) == (None, hours(72), ())
    assert said.en == "72 hours from 2026-02-11 10:00, China time."
    assert talks.lasts == days(9)


def test_a_guess_says_after_which_day_it_is_one_and_once_confirmed_how_it_came_about() -> None:
    dispute = filed(at=Instant.of(EVE - hours(5))).when(REFUSE, at=EVE)
    guess = counting(dispute, "ruling")
    assert guess is not None
    assert (guess.guessed_after, guess.off) == (date(2026, 12, 31), (date(2027, 1, 1),))
    assert "尚未公布" in guess.zh
    dispute.when(ExtendDeadline(kind="ruling", party="platform", due_at=GUESSED, reason="放假安排已公布。"), at=days(1))
    sure = counting(dispute, "ruling")
    assert sure is not None
    assert (sure.given_by, sure.working_days) == (guess.given_by, 2)
    assert [one for one, _ in instants(dispute, "ruling")] == ["intervention_requested", "deadline_extended"]


def test_a_deadline_that_was_moved_by_hand_was_counted_by_no_rule_and_its_moves_are_told() -> None:
    dispute = filed().when(extend("response", "respondent", Instant.of(filed().filed_at + hours(100))), at=hours(1))
    assert counting(dispute, "response") is None
    assert instants(dispute, "response") == [
        ("filed", dispute.instant(hours(72))),
        ("deadline_extended", dispute.instant(hours(100))),
    ]


def test_a_right_that_is_kept_open_beyond_the_respondents_turn_counts_from_the_end_of_that() -> None:
    dispute = filed(ANSWERS_AGAIN).when(OFFER, at=hours(1)).passes(days(9) + TICK)
    said = counting(dispute, "intervention")
    assert said is not None
    assert (said.counted_from, said.lasts) == (dispute.instant(days(9)), days(7))
    dispute.when(AMEND, at=days(16))
    kept = counting(dispute, "intervention")
    assert kept is not None
    assert (kept.counted_from, kept.lasts) == (dispute.instant(days(17)), hours(24))


def test_what_a_storefront_claims_of_when_it_happened_counts_nothing() -> None:
    said = counting(filed().when(REFUSE, at=hours(5), claimed=hours(1)), "ruling")
    assert said is not None
    assert said.counted_from == NOON + hours(5)


def test_a_right_that_was_lengthened_to_the_minimum_notice_counts_from_when_that_was_written() -> None:
    dispute = filed().when(OFFER, at=hours(1)).passes(days(40))
    assert dispute.clock("intervention").minimum_notice
    said = counting(dispute, "intervention")
    assert said is not None
    assert (said.counted_from, said.lasts) == (dispute.instant(days(40)), hours(24))


def test_a_clock_that_began_anew_tells_nothing_of_its_life_before() -> None:
    dispute = filed().when(REFUSE, at=hours(1)).when(PART_REFUND, at=hours(2)).when(APPEAL, at=hours(3))
    assert [one for one, _ in instants(dispute, "ruling")] == ["appealed"]
    late = filed().when(REFUSE, at=hours(1))
    late.passes(Instant.of(late.clock("ruling").due_at + TICK))
    assert [one for one, _ in instants(late, "ruling")] == ["ruling_timed_out"]


def test_in_any_dispute_every_clock_that_nobody_moved_was_counted_by_a_rule() -> None:
    dice, looked = random.Random(1122), set[Deadline]()
    for _ in range(DISPUTES):
        for dispute in told(dice, dice.choice(sorted(subjects.subjects()))):
            for clock in dispute.case.clocks:
                if clock in looked or dispute.history[clock.set_by - 1].name in (
                    "deadline_extended",
                    "timeout_reversed",
                    "evidence_requested",
                ):
                    continue
                looked.add(clock)
                said = explained(dispute.history, clock, book_of(dispute), (dispute.calendar,))
                assert said is not None, clock
                assert said.counted_from + said.lasts == clock.due_at
                assert moves(dispute.history, clock)[-1].due_at == clock.due_at
    assert len({one.kind for one in looked} & set(ALL)) >= 6
