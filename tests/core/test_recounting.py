"""Guessed deadlines counted again (design, "Policies"): the rule that gave one is found, and asked by what is known."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from case_events.core.calendar import Calendar, PublishedYear, guessing_after, with_years
from case_events.core.case import Deadline
from case_events.core.commands import Posted
from case_events.core.policy import ComplaintType, InForce
from case_events.core.promises import Rulebook
from case_events.core.recounting import Recounted, recount
from case_events.core.spans import Span
from case_events.core.values import CHINA, Instant
from tests import examples as ex
from tests.core import subjects
from tests.core.market import FILING, GOODS, market
from tests.core.subjects import Subject
from tests.core.tales import GAPS, Ask, chosen
from tests.core.test_return_leg import DONE
from tests.examples import REFUSE, TICK, calendar
from tests.spec import Dispute, days, filed, given, hours

DISPUTES = 160
STEPS = 8
SEED = int(os.environ.get("CASELOG_SEED", "20261122"))
SHARE = 0.5
"""Of the windows; the others run out, so that what follows is guessed too."""
TIMEOUTS_MAX = 50
MET_LEAST = 16
"""Kinds of clocks, by the events that set them."""
KINDS = {"acceptance", "response", "negotiation", "intervention", "evidence", "ruling", "appeal", "remedy", "recovery"}


def book_of(dispute: Dispute) -> Rulebook:
    in_force = dispute.in_force
    return Rulebook(
        rules=in_force.type_of(dispute.case.type, dispute.case.subtype),
        minimum_notice=in_force.policy.minimum_notice,
        calendar=dispute.calendar,
        policy=in_force.policy,
    )


def counted(dispute: Dispute, clock: Deadline, now: Calendar, *then: Calendar) -> Recounted:
    return recount(dispute.history, clock, book_of(dispute), then or (dispute.calendar,), now)


def as_guessed(guess: Calendar) -> Calendar:
    """The days after the guess, published just as they were guessed."""
    later = {day for day in guess.statutory if day > guess.known_until and day.weekday() < 5}
    known = {day for day in guess.work if day <= guess.known_until}
    rest = {day for day in guess.rest if day <= guess.known_until}
    return replace(guess, known_until=date(2030, 12, 31), rest=frozenset(rest | later), work=frozenset(known))


def in_working_days(subject: Subject, dice: random.Random) -> InForce:
    """Its policy with some of the windows in working days, so that clocks of every kind are guessed."""
    policy = subject.in_force.policy
    said = msgspec.to_builtins(policy.types[subject.type], enc_hook=str)
    _change_spans(said, dice)
    types = policy.types | {subject.type: msgspec.convert(said, ComplaintType)}
    return replace(subject.in_force, policy=replace(policy, types=types))


def _change_spans(said: dict[str, Any], dice: random.Random) -> None:
    for name, value in said.items():
        if not isinstance(value, dict) or name in ("filing", "lateness", "reminders"):
            continue
        if set(value) != set(Span.__struct_fields__):
            _change_spans(value, dice)
        elif dice.random() < SHARE:
            said[name] = {"working_days": dice.randint(1, 9)}


def told(dice: random.Random, name: str) -> Iterator[Dispute]:
    """A dispute of this subject, step by step, while nobody knows any days but the first few."""
    subject, start = subjects.subjects()[name], dice.choice(ex.STARTS)
    in_force = in_working_days(subject, dice)
    horizon = start.astimezone(CHINA).date() + timedelta(days=dice.randint(0, 9))
    dispute = given(in_force, calendar=guessing_after(calendar(), horizon))
    filing = subjects.filing(subject._replace(in_force=in_force), start, clocked=dice.random() < SHARE)
    at = dispute.file(filing, at=start).now
    assert dispute.last.problem is None, dispute.last.problem
    yield dispute
    for number in range(STEPS):
        at = Instant.of(at + dice.choice(GAPS))
        for _ in range(TIMEOUTS_MAX):
            due = [clock.due_at for clock in dispute.case.clocks if not clock.provisional and clock.due_at < at]
            if not due:
                break
            dispute.passes(max(Instant.of(min(due) + dice.choice((TICK, hours(20)))), dispute.now))
            yield dispute
        at = max(at, dispute.now)
        one = Ask(timedelta(), dice.randint(0, 59), wild=False, other_side=False, lag=TICK)
        dispute.when(chosen(dispute, one, number, at), at=at, key=f"key {number}")
        yield dispute


def test_whatever_rule_gave_a_guess_gives_it_again_by_the_days_it_was_guessed_from() -> None:
    dice, met = random.Random(SEED), Counter[str]()
    names = sorted(subjects.subjects())
    for _ in range(DISPUTES):
        looked = set[Deadline]()
        for dispute in told(dice, dice.choice(names)):
            for clock in dispute.case.clocks:
                if clock.provisional and clock not in looked:
                    looked.add(clock)
                    again = counted(dispute, clock, as_guessed(dispute.calendar))
                    event = dispute.history[clock.set_by - 1].name
                    assert again == Recounted(came_to="known", due_at=clock.due_at), f"{clock} of {event}"
                    met[f"{clock.kind} of {event}"] += 1
    assert {one.split()[0] for one in met} >= KINDS, met
    assert len(met) >= MET_LEAST, met


EVE = Instant.parse("2026-12-30T12:00:00+08:00")
GUESSED = Instant.parse("2027-01-05T00:00:00+08:00")
"""Two working days: Thursday 31 December; 1 January is a holiday by law, and a Friday: Monday the 4th."""


def year(rest: str = "", work: str = "") -> PublishedYear:
    """2027 as a notice may say it; days as in ``01-04 01-05``."""
    rest_days, work_days = (tuple(date.fromisoformat(f"2027-{day}") for day in said.split()) for said in (rest, work))
    return PublishedYear(year=2027, rest=rest_days, work=work_days, source="国办发明电〔2026〕9号")


def ruled_next_year() -> Dispute:
    return filed(at=Instant.of(EVE - hours(5))).when(REFUSE, at=EVE)


@pytest.mark.parametrize(
    ("published", "due_at"),
    [
        (year(rest="01-01"), "2027-01-05T00:00:00+08:00"),  # as guessed
        (year(rest="01-01 01-04"), "2027-01-06T00:00:00+08:00"),  # Monday is off: later
        (year(rest="01-01", work="01-02"), "2027-01-03T00:00:00+08:00"),  # Saturday is worked: earlier
        (year(rest="01-01", work="01-03"), "2027-01-04T00:00:00+08:00"),
    ],
)
def test_a_guess_is_counted_again_by_the_days_that_were_published(published: PublishedYear, due_at: str) -> None:
    dispute = ruled_next_year().runs(ruling=GUESSED)
    again = counted(dispute, dispute.clock("ruling"), with_years(calendar(), [published]), calendar())
    assert again == Recounted(came_to="known", due_at=Instant.parse(due_at))


IN_TWO = {"working_days": 2}
WAY_BACK = {f"return_leg.{step}_within": IN_TWO for step in ("address", "ship", "receive")}


def in_two_working_days(*steps: Posted) -> Dispute:
    """On the eve of a year that is not published: goods go back, and whatever waits has two working days."""
    rules = GOODS | WAY_BACK | {"follow_up.within": IN_TWO, "intervention.steps_in_within": IN_TWO}
    filing = replace(FILING, demand="return_and_refund", order=ex.order_that_succeeded(EVE))
    dispute = given(market(rules)).file(filing, at=EVE)
    for step in steps:
        dispute.when(step, at=EVE, by="respondent" if step in (ex.ADDRESS, ex.RECEIVED) else None)
        assert dispute.last.problem is None, dispute.last.problem
    return dispute


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        ("return_address", (ex.AGREE,)),
        ("return_shipment", (ex.AGREE, ex.ADDRESS)),
        ("return_receipt", (ex.AGREE, ex.ADDRESS, ex.SHIPPED)),
        ("follow_up", (ex.AGREE, ex.ADDRESS, ex.SHIPPED, ex.RECEIVED, DONE)),
        ("assignment", (REFUSE,)),
    ],
)
def test_guesses_of_every_kind_are_counted_again(kind: str, steps: tuple[Posted, ...]) -> None:
    dispute = in_two_working_days(*steps)
    clock = dispute.clock(kind)
    assert (clock.due_at, clock.provisional) == (GUESSED, True)
    again = counted(dispute, clock, with_years(calendar(), [year(rest="01-01 01-04")]), calendar())
    assert again == Recounted(came_to="known", due_at=Instant.of(GUESSED + days(1)))


def test_a_guess_that_grew_is_counted_again_by_how_often_its_clock_had_run_out() -> None:
    """Ruled never: after one working day, two, four, and then eight, past the end of the year."""
    rules = {"ruling.within": {"days": 1}, "ruling.again_up_to": {"working_days": 20}}
    start = Instant.parse("2026-12-16T12:00:00+08:00")
    filing = replace(FILING, order=ex.order_that_succeeded(start))
    dispute = given(market(rules)).file(filing, at=start).when(REFUSE, at=start).passes(EVE)
    clock = dispute.clock("ruling")
    assert [one.name for one in dispute.history[3:]] == ["ruling_timed_out"] * 4
    assert (clock.due_at, clock.provisional) == (Instant.parse("2027-01-09T00:00:00+08:00"), True)
    again = counted(dispute, clock, with_years(calendar(), [year(rest="01-01 01-04")]), calendar())
    assert again == Recounted(came_to="known", due_at=Instant.parse("2027-01-12T00:00:00+08:00"))


def test_a_guess_whose_days_are_not_all_published_stays_one() -> None:
    ruling = ("within = { working_days = 2 }", "within = { working_days = 300 }")
    dispute = filed(ruling, at=Instant.of(EVE - hours(5))).when(REFUSE, at=EVE)
    for known in (calendar(), with_years(calendar(), [year()])):
        assert counted(dispute, dispute.clock("ruling"), known, calendar()) == Recounted(came_to="unknown")


def test_a_promise_that_its_rule_does_not_give_is_left_to_a_human() -> None:
    dispute = ruled_next_year()
    other = replace(dispute.clock("ruling"), due_at=Instant.of(GUESSED + days(1)))
    assert counted(dispute, other, with_years(calendar(), [year()]), calendar()) == Recounted(came_to="lost")
    guessed_otherwise = replace(calendar(), statutory=calendar().statutory | {date(2027, 1, 4)})
    clock = dispute.clock("ruling")
    assert counted(dispute, clock, with_years(calendar(), [year()]), guessed_otherwise).came_to == "lost"
    assert counted(dispute, clock, with_years(calendar(), [year()]), guessed_otherwise, calendar()).came_to == "known"


def test_what_was_published_before_the_promise_and_changed_since_is_remembered() -> None:
    """2026's last days were changed after the promise; it was made by the old ones."""
    dispute = ruled_next_year()
    changed = PublishedYear(year=2026, rest=(date(2026, 12, 31),), work=(), source="临时通知")
    known = with_years(calendar(), [changed, year(rest="01-01")])
    again = counted(dispute, dispute.clock("ruling"), known, calendar())
    assert again == Recounted(came_to="known", due_at=Instant.parse("2027-01-06T00:00:00+08:00"))


def test_a_promise_that_was_kept_by_a_later_event_is_counted_from_where_it_was_given() -> None:
    """No deadline moves earlier: a ruling corrected from working days to less keeps the promise of the first."""
    window = ("window = { days = 7 }", "window = { working_days = 5 }")
    dispute = filed(window, at=Instant.of(EVE - hours(30))).when(REFUSE, at=Instant.of(EVE - hours(20)))
    dispute.when(ex.PART_REFUND, at=EVE)
    clock = dispute.clock("appeal")
    assert clock.provisional
    kept = replace(clock, set_by=clock.set_by + 1)
    later = replace(dispute.history[-1], version=kept.set_by, effective_at=Instant.of(EVE + days(1)))
    dispute.history = (*dispute.history, later)
    again = counted(dispute, kept, with_years(calendar(), [year(rest="01-01 01-04")]), calendar())
    assert again.came_to == "known"
    assert again.due_at == Instant.of(clock.due_at + days(1))
