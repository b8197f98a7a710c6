"""A case that is left alone: its clocks run again, each time for longer where the policy says so, and never stop."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace

from case_events.core.clock_changes import Pressing
from case_events.core.commands import FollowUp, Posted
from case_events.core.deadlines import overdue, overdue_since
from case_events.core.plan import CASCADE_MAX
from case_events.core.spans import Again, Span
from case_events.core.timeouts import TimedOut
from case_events.core.values import Instant
from case_events.policies import load
from tests.core import subjects
from tests.core.market import GOODS, PART_REFUND, REFUND, complaint
from tests.core.subjects import Subject
from tests.core.test_advances import ADVANCE, HUNDRED
from tests.core.test_after_the_ruling import LOOKS as FOLLOWED_UP
from tests.examples import (
    ACCEPT,
    ADDRESS,
    AGREE,
    APPEAL,
    EXPEDITE,
    LANDED,
    NOON,
    RECEIVED,
    REFUNDED,
    REFUSE,
    SHIPPED,
    TICK,
    extend,
    yuan,
)
from tests.spec import TEST_CLOCK, Dispute, days, hours

Rules = dict[str, Any]
SLOWER: Rules = {
    "ruling.again_after": {"days": 1},
    "ruling.again_up_to": {"days": 7},
    "remedy.again_up_to": {"days": 7},
}
"""A day, two, four, and then a week each time."""
GROWS = [days(0), days(1), days(3), days(7), days(14), days(21)]
"""How long after the first time the next ones are."""


def under_review(rules: Rules | None = None, **filing: Any) -> Dispute:
    """Refused at once: three days to rule."""
    return complaint(SLOWER | (rules or {}), **filing).when(REFUSE, at=days(0)).runs(ruling=days(3))


def ran_out(dispute: Dispute, kind: str) -> list[timedelta]:
    """When the clock of this kind ran out, counted from the first time it did."""
    due = missed(dispute, kind)
    return [at - due[0] for at in due]


def missed(dispute: Dispute, kind: str) -> list[Instant]:
    return [one.event.due_at for one in dispute.history if isinstance(one.event, TimedOut) and one.event.kind == kind]


def test_a_ruling_that_never_comes_is_missed_again_each_time_after_twice_as_long_up_to_the_policys_longest() -> None:
    dispute = under_review().passes(days(3) + TICK).then("ruling_timed_out", priority=1).runs(ruling=days(4))
    dispute.passes(days(4) + TICK).then("ruling_timed_out", priority=2).runs(ruling=days(6))
    dispute.passes(days(6) + TICK).then("ruling_timed_out", priority=3).runs(ruling=days(10))
    dispute.passes(days(10) + TICK).then("ruling_timed_out", priority=4).runs(ruling=days(17))
    dispute.passes(days(17) + TICK).then("ruling_timed_out", priority=5).runs(ruling=days(24))


def test_looked_at_once_it_comes_to_the_same() -> None:
    dispute = under_review().passes(days(31))
    assert ran_out(dispute, "ruling") == GROWS
    dispute.runs(ruling=days(31))


def test_a_policy_that_does_not_say_so_asks_again_after_the_same_time_for_ever() -> None:
    dispute = under_review({"ruling.again_up_to": {"days": 1}}).passes(days(34))
    other = complaint({"ruling.again_after": {"days": 1}}).when(REFUSE, at=days(0)).passes(days(34))
    assert ran_out(dispute, "ruling") == ran_out(other, "ruling") == [days(count) for count in range(31)]


def test_under_rules_that_landed_before_everything_is_asked_for_as_often_as_ever() -> None:
    text = (LANDED.parent / "taobao-2026.5.toml").read_text(encoding="utf-8")
    subject = Subject(load(text), "quality")
    dispute = subjects.filed(subject, NOON).passes(days(8))
    assert ran_out(dispute, "acceptance") == [hours(12 * count) for count in range(14)]
    assert dispute.case.priority == 14


@pytest.mark.parametrize(
    ("steps", "before", "now"),
    [
        ((), 729, 19),  # nobody accepts it
        ((ACCEPT,), 211, 20),  # the merchant is silent and nobody rules, as far as the days are published
        ((ACCEPT, AGREE), 367, 37),  # nothing is paid; each month the merchant is reminded a day before (Q2)
    ],
)
def test_a_year_alone_under_the_shipped_rules(steps: tuple[Posted, ...], before: int, now: int) -> None:
    for version, events in (("2026.5", before), ("2026.6", now)):
        in_force = load((LANDED.parent / f"taobao-{version}.toml").read_text(encoding="utf-8"))
        dispute = subjects.filed(Subject(in_force, "quality", demand="refund"), NOON, clocked=True)
        for step in steps:
            dispute.when(step, at=hours(1))
        assert len(dispute.passes(days(365)).history) == events


def test_a_complaint_nobody_answers_is_asked_for_after_longer_and_longer() -> None:
    acceptance = {"within": {"hours": 24}, "again_after": {"hours": 12}, "again_up_to": {"days": 2}}
    dispute = complaint({"acceptance": acceptance}).runs(acceptance=hours(24)).passes(days(8))
    assert ran_out(dispute, "acceptance") == [hours(one) for one in (0, 12, 36, 84, 132)]
    assert overdue_since(dispute.case, dispute.clock("acceptance")) == dispute.instant(hours(24))


def test_working_days_double_as_working_days() -> None:
    """Ruled by Thursday noon, the days 6; 9 and 10; 11, 12, 13 and 16; five from then on, each until its midnight."""
    rules = {"ruling.again_after": {"working_days": 1}, "ruling.again_up_to": {"working_days": 5}}
    dispute = under_review(rules).passes(days(27))
    ends = ("2026-03-06", "2026-03-10", "2026-03-16", "2026-03-23")
    assert missed(dispute, "ruling")[1:] == [Instant.parse(f"{end}T16:00:00Z") for end in ends]


@pytest.mark.parametrize("kind", ["remedy", "recovery"])
def test_what_is_owed_is_asked_for_after_longer_and_longer(kind: str) -> None:
    dispute = complaint(SLOWER | ADVANCE).when(HUNDRED, at=hours(1)).when(REFUSE, at=hours(2))
    dispute.when(REFUND, at=hours(3)).passes(days(40))
    assert ran_out(dispute, kind)[:5] == GROWS[:5]
    assert overdue_since(dispute.case, dispute.clock(kind)) == missed(dispute, kind)[0]


def test_each_side_that_owes_the_platform_is_counted_by_itself() -> None:
    """The respondent's is moved; the complainant's goes on as it was."""
    dispute = complaint(SLOWER | ADVANCE).when(replace(HUNDRED, amount=yuan(100)), at=hours(1))
    dispute.when(REFUSE, at=hours(2)).when(PART_REFUND, at=hours(3))
    sides = {one.party for one in dispute.case.recoveries}
    assert sides == {"respondent", "complainant"}
    dispute.when(extend("recovery", "respondent", dispute.instant(days(9))), at=hours(4)).passes(days(9) + hours(1))
    due = {one.party: one.due_at - dispute.filed_at for one in dispute.case.clocks if one.kind == "recovery"}
    assert due == {"respondent": days(10), "complainant": days(10) + hours(3)}


def test_a_new_ruling_is_asked_for_as_soon_as_the_first_was() -> None:
    """The second look is no continuation of the first: what was missed there is over."""
    dispute = under_review().passes(days(20)).when(PART_REFUND, at=days(20)).when(APPEAL, at=days(21))
    dispute.runs(ruling=days(25)).passes(days(25) + TICK).then("ruling_timed_out").runs(ruling=days(26))
    dispute.passes(days(26) + TICK).then("ruling_timed_out").runs(ruling=days(28))


def test_a_receipt_that_is_disputed_brings_a_new_clock_to_the_desk() -> None:
    """Ruled late, sent back, and the merchant says that nothing came: the desk looks anew."""
    dispute = under_review(GOODS | {"appeal.rounds": 0}, demand="return_and_refund").passes(days(20))
    dispute.when(replace(REFUND, outcome="return_and_refund"), at=days(20)).when(ADDRESS, at=days(20), by="respondent")
    dispute.when(SHIPPED, at=days(20)).when(replace(RECEIVED, received=False), at=days(20), by="respondent")
    dispute.runs(ruling=days(23)).passes(days(24)).then("ruling_timed_out").runs(ruling=days(24))


def test_a_longer_time_begins_nothing_anew() -> None:
    """The clock is the same one: it only was to run out later."""
    dispute = under_review().passes(days(5))
    dispute.when(extend("ruling", "platform", dispute.instant(days(8))), at=days(5)).passes(days(8) + TICK)
    dispute.then("ruling_timed_out").runs(ruling=days(12))


def test_what_is_imposed_later_is_asked_for_as_soon_as_what_was_owed_first() -> None:
    dispute = complaint(SLOWER | FOLLOWED_UP).when(AGREE, at=days(0)).passes(days(12)).runs(remedy=days(17))
    dispute.when(REFUNDED, at=days(12)).then("remedied")
    dispute.when(FollowUp(solved=False, remedy="partial_refund", amount=yuan(20)), at=days(13)).runs(remedy=days(16))
    dispute.passes(days(16) + TICK).then("remedy_timed_out").runs(remedy=days(17))


def test_clocks_raise_the_priority_as_far_as_the_policy_says_and_pressing_goes_on_from_there() -> None:
    dispute = under_review(whole={"priority_up_to": 3}).passes(days(20)).then(*["ruling_timed_out"] * 5, priority=3)
    dispute.when(EXPEDITE, at=days(20)).then("expedited", priority=4)
    dispute.passes(days(24) + TICK).then("ruling_timed_out", priority=4)


def test_a_priority_that_pressing_raised_further_stays() -> None:
    dispute = under_review({"intervention.expedites": 2}, whole={"priority_up_to": 1})
    dispute.when(EXPEDITE, at=days(1)).when(EXPEDITE, at=days(1)).then("expedited", priority=2)
    dispute.passes(days(4)).then("ruling_timed_out", priority=2)


def test_every_clock_that_presses_raises_it_no_further_than_the_policy_says() -> None:
    """Nobody accepts, nobody takes the case, nobody rules, and then neither side pays."""
    acceptance = {"within": {"hours": 24}, "again_after": {"hours": 12}}
    rules = SLOWER | ADVANCE | {"acceptance": acceptance, "intervention.steps_in_within": {"days": 1}}
    dispute = complaint(rules, whole={"priority_up_to": 1}).passes(days(3)).when(ACCEPT, at=days(3))
    dispute.when(HUNDRED, at=days(3)).when(REFUSE, at=days(3)).passes(days(9)).when(PART_REFUND, at=days(9))
    dispute.passes(days(30))
    late = {one.name: one.event for one in dispute.history if isinstance(one.event, Pressing)}
    assert {name.removesuffix("_timed_out") for name in late} == {"acceptance", "assignment", "ruling", "recovery"}
    assert {event.priority for event in late.values()} == {1}


FIRST = st.integers(12, 72)
TIMES = st.integers(1, 60)
"""The longest interval, by the first."""
ALONE = st.timedeltas(timedelta(0), days(800))
LOOKS = st.lists(ALONE, max_size=8).map(sorted)
patient = settings(max_examples=40, deadline=None, derandomize=True)


@patient
@generated(FIRST, TIMES, ALONE, LOOKS, st.booleans())
def test_however_long_a_case_is_left_alone_its_record_grows_by_one_event_for_each_longest_interval(
    first: int, times: int, alone: timedelta, looks: list[timedelta], clocked: bool
) -> None:
    """Doubling takes logarithmically many events to the longest interval; from there on they are that far apart. And
    the promises are the same whoever looks when, under a test clock or in real time."""
    longest = hours(first * times)
    rules = {"ruling.again_after": {"hours": first}, "ruling.again_up_to": {"hours": first * times}}
    filing = {"test_clock": TEST_CLOCK if clocked else None}
    watched, once = under_review(rules, **filing), under_review(rules, **filing)
    for look in looks:
        _passed(watched, days(3) + look)
    last = max([alone, *looks])
    _passed(watched, days(3) + last)
    _passed(once, days(3) + last)
    assert ran_out(watched, "ruling") == ran_out(once, "ruling")
    assert watched.case.clocks == once.case.clocks
    assert len(once.history) - 3 <= 1 + math.ceil(math.log2(times)) + 1 + last // longest
    assert overdue(once.case, once.now) is None


def _passed(dispute: Dispute, until: timedelta) -> None:
    dispute.passes(until)
    while len(dispute.written) >= CASCADE_MAX:
        dispute.passes(until)


@patient
@generated(FIRST, TIMES, st.integers(0, 2_000))
def test_an_interval_never_shrinks_nor_passes_the_longest(first: int, times: int, before: int) -> None:
    terms = Again(again_after=Span(hours=first), again_up_to=Span(hours=first * times))
    now, then = terms.interval(before), terms.interval(before + 1)
    assert now.length <= then.length <= Span(hours=first * times).length
    assert then.length[1] <= 2 * now.length[1]
    assert terms.interval(0).length == terms.again_after.length


def test_units_of_elapsed_time_are_compared_with_each_other() -> None:
    assert Span(days=1).length == Span(hours=24).length == Span(seconds=86_400).length
    assert Span(working_days=2).length > Span(working_days=1).length
    terms = Again(again_after=Span(hours=12), again_up_to=Span(days=3))
    assert [terms.interval(before) for before in range(4)] == [
        Span(hours=12),
        Span(hours=24),
        Span(hours=48),
        Span(days=3),
    ]
