"""A history that happened elsewhere is judged at the instants it happened at, and recorded as if in time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid5

import asyncpg
import pytest
from msgspec.structs import replace

from case_events.core.commands import Dismiss, Posted
from case_events.core.events import Filed, History
from case_events.core.evolve import fold
from case_events.core.values import CaseId, Instant
from case_events.ledger import policy_book
from case_events.ledger.audit.audit import verify
from case_events.ledger.bulk.held import release, run_out
from case_events.ledger.bulk.importing import Line, Told, record
from case_events.ledger.clock.claims import CLAIM_LIVE
from case_events.ledger.clock.firing import fire
from case_events.ledger.database import Ledger
from case_events.ledger.steps import CLIENTS
from case_events.ledger.store import load
from tests import examples
from tests.ledger.desk import Desk
from tests.ledger.history import DAY, HOUR, at, filing, line, told

SOURCE = "legacy"
CLIENT = f"import:{SOURCE}"
MALICIOUS = Dismiss(reason="恶意投诉。", malicious=True)


def case_of(ref: str) -> CaseId:
    return uuid5(uuid5(CLIENTS, CLIENT), ref)


async def imported(ledger: Ledger, lines: Sequence[Line], *, at_once: int = 1_000) -> dict[int, Told]:
    said: dict[int, Told] = {}
    async with ledger.connection() as connection:
        for first in range(0, len(lines), at_once):
            said |= await record(ledger, connection, SOURCE, lines[first : first + at_once])
    return said


async def history_of(ledger: Ledger, ref: str) -> History:
    async with ledger.connection() as connection:
        found = await load(connection, [case_of(ref)], ledger.vault)
    return found[case_of(ref)].history


def refusals(said: dict[int, Told], lines: Sequence[Line]) -> list[str | None]:
    return [problem.code if (problem := said[one.number].problem) else None for one in lines]


def in_time(history: History) -> list[tuple[Any, ...]]:
    """What was recorded, without when we knew, under whose name, and what no two cases share."""
    alike = []
    for one in history:
        event = one.event
        if isinstance(event, Filed):
            event = replace(event, number="", test_clock=None, order=None)
        alike.append((one.version, event, one.occurred_at, one.effective_at, one.who))
    return alike


LIVES: dict[str, list[tuple[timedelta, Posted]]] = {
    "silent until the platform ruled": [
        (4 * DAY, examples.EVIDENCE),
        (5 * DAY, examples.REFUND),
        (40 * DAY, examples.NOTE),
    ],
    "refused and let lapse": [(2 * HOUR, examples.REFUSE), (60 * DAY, examples.NOTE)],
    "agreed and paid late": [(20 * HOUR, examples.AGREE), (30 * DAY, examples.REFUNDED)],
    "appealed": [
        (HOUR, examples.REFUSE),
        (2 * DAY, examples.REJECT),
        (3 * DAY, examples.APPEAL),
        (9 * DAY, examples.REFUND),
    ],
    "withdrawn": [(HOUR, examples.OFFER), (2 * HOUR, examples.WITHDRAW)],
}


@pytest.mark.parametrize("name", list(LIVES))
async def test_an_imported_history_is_what_it_would_have_been_in_time(ledger: Ledger, desk: Desk, name: str) -> None:
    clock = await desk.clock()
    lived = await desk.filed(filing(f"lived {name}", test_clock=clock))
    for after, command in LIVES[name]:
        await desk.advance(clock, at(after))
        await desk.fire_clocked(only=lived)
        await desk.post(lived, command)
    async with ledger.connection() as connection:
        expected = (await load(connection, [lived], ledger.vault))[lived].history
    lines = told(name, LIVES[name])
    assert set(refusals(await imported(ledger, lines), lines)) == {None}
    history = await history_of(ledger, name)
    assert in_time(history) == in_time(expected)
    assert {one.client for one in history} == {CLIENT}
    assert len(history) > len(lines) or name == "withdrawn", "the clocks have their say"
    assert (await verify(ledger, case_of(name))).findings == ()


async def test_a_reply_after_its_time_finds_the_timeout_recorded_at_its_time(ledger: Ledger) -> None:
    lines = told("too late", [(80 * HOUR, examples.AGREE)])
    said = await imported(ledger, lines)
    problem = said[lines[1].number].problem
    assert problem is not None
    assert (problem.code, problem.due_at) == ("deadline_passed", at(72 * HOUR))
    timeout, intervention = (await history_of(ledger, "too late"))[1:3]
    assert timeout.name == "merchant_response_timed_out"
    assert timeout.effective_at == at(72 * HOUR + examples.TICK)
    assert timeout.recorded_at > at(80 * HOUR)
    assert intervention.name == "intervention_requested"
    assert not any(clock.minimum_notice for clock in getattr(intervention.event, "clocks", ()))


async def test_lines_out_of_order_ahead_of_now_or_of_nobody_are_refused(ledger: Ledger) -> None:
    now = Instant.of(Instant.now(at(0 * HOUR).tzinfo) + timedelta(minutes=1))
    lines = [
        line("unfiled", HOUR, examples.AGREE),
        *told("crooked", [(5 * HOUR, examples.OFFER), (4 * HOUR, examples.AGREE), (5 * HOUR, examples.MESSAGE)]),
        replace(line("crooked", HOUR, examples.AGREE), occurred_at=now),
        line("clocked", HOUR, filing("o", test_clock=case_of("x"))),
        replace(line("early", HOUR, filing("o")), occurred_at=Instant.parse("2020-01-01T00:00:00Z")),
    ]
    said = await imported(ledger, lines)
    codes = ["not_found", None, None, "invalid", None, "invalid", "invalid", "invalid"]
    assert refusals(said, lines) == codes
    assert [one.name for one in await history_of(ledger, "crooked")] == ["filed", "merchant_replied", "messaged"]


@pytest.mark.parametrize("at_once", [1, 3, 1_000])
async def test_however_a_file_is_cut_and_mixed_it_records_the_same(ledger: Ledger, at_once: int) -> None:
    lives = [told(f"cut {at_once} {name}", steps) for name, steps in LIVES.items()]
    mixed = sorted((one for life in lives for one in life), key=lambda one: (one.occurred_at, one.number))
    mixed = [replace(one, number=10_000 + number) for number, one in enumerate(mixed)]
    assert set(refusals(await imported(ledger, mixed, at_once=at_once), mixed)) == {None}
    for name, steps in LIVES.items():
        alone = told(f"alone {at_once} {name}", steps)
        await imported(ledger, alone)
        histories = [await history_of(ledger, f"{how} {at_once} {name}") for how in ("cut", "alone")]
        assert in_time(histories[0]) == in_time(histories[1])


async def test_a_file_read_again_records_nothing_and_says_the_same(
    ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    said: tuple[Posted, ...] = (examples.OFFER, examples.AGREE, examples.AGREE, examples.REFUNDED)
    lines = told("again", [(HOUR, command) for command in said])
    first = await imported(ledger, lines)
    assert refusals(first, lines) == [None, None, None, "not_allowed_now", None]
    before = await superuser.fetchval("SELECT count(*) FROM events")
    second = await imported(ledger, lines)
    assert [second[one.number].replayed for one in lines] == [True, True, True, False, True]
    assert second[lines[3].number].problem is not None
    assert await superuser.fetchval("SELECT count(*) FROM events") == before
    changed = [replace(lines[1], body=b"something else")]
    assert refusals(await imported(ledger, changed), changed) == ["id_reused"]


async def test_complaints_about_one_order_follow_each_other_in_one_go(ledger: Ledger) -> None:
    ends: list[tuple[timedelta, Posted]] = [(HOUR, examples.AGREE), (2 * HOUR, examples.REFUNDED)]
    first = told("first", ends, order="the one")
    others = [
        [line(ref, days * DAY, filing("the one", days * DAY)), line(ref, days * DAY + HOUR, examples.WITHDRAW)]
        for ref, days in (("second", 2), ("third", 3))
    ]
    meanwhile = line("meanwhile", 30 * timedelta(minutes=1), filing("the one"))
    lines = [first[0], meanwhile, *first[1:], *others[0], *others[1]]
    lines = [replace(one, number=20_000 + number) for number, one in enumerate(lines)]
    said = await imported(ledger, lines)
    assert refusals(said, lines) == [None, "already_open", *[None] * 6]


async def test_marks_count_from_when_they_were_given(ledger: Ledger) -> None:
    culprit = {"complainant": replace(examples.BUYER, id="b-malicious"), "marketplace": "tmall"}

    def complains(ref: str, after: timedelta) -> Line:
        return line(ref, after, filing(ref, after, type="quality", reason="quality", **culprit))

    bad = [(f"bad {number}", number * HOUR) for number in range(3)]
    marked = [one for ref, after in bad for one in (complains(ref, after), line(ref, after + HOUR, MALICIOUS))]
    before, after = complains("then before", -DAY), complains("then after", DAY)
    said = await imported(ledger, [*marked, before, after])
    filed = [(await history_of(ledger, ref))[0].event for ref in ("bad 0", "bad 1", "bad 2", "then before")]
    assert [one.marks for one in filed if isinstance(one, Filed)] == [0, 1, 2, 0]
    assert refusals(said, [after]) == ["not_eligible"]


async def test_the_policy_in_force_then_judges(ledger: Ledger) -> None:
    text = examples.taobao_text().replace('version = "2026.1"', 'version = "2026.9"')
    later = text.replace('effective_from = "2025-01-01', 'effective_from = "2026-04-01')
    later = later.replace("open_period = { hours = 48 }", "open_period = { hours = 24 }")
    assert "2026-04-01" in later
    async with ledger.connection() as connection:
        await policy_book.keep(connection, later)
    lines = [line(f"under {days}", days * DAY, filing(f"under {days}", days * DAY)) for days in (0, 60)]
    await imported(ledger, lines)
    filed = [(await history_of(ledger, f"under {days}"))[0].event for days in (0, 60)]
    assert [one.policy.version for one in filed if isinstance(one, Filed)] == ["2026.1", "2026.9"]


async def test_a_case_waits_for_its_next_line_and_then_times_out_with_full_notice(
    ledger: Ledger, scheduler: Ledger
) -> None:
    lines = told("waiting", [(HOUR, examples.OFFER)])
    await imported(ledger, lines)
    case_id = case_of("waiting")
    assert (await fire(scheduler, CLAIM_LIVE, only=case_id)).claimed == ()
    more = [line("waiting", 2 * HOUR, examples.MESSAGE)]
    assert refusals(await imported(ledger, more), more) == [None]
    assert (await fire(scheduler, CLAIM_LIVE, only=case_id)).claimed == ()
    async with ledger.connection() as connection:
        await release(connection, CLIENT)
    fired = await fire(scheduler, CLAIM_LIVE, only=case_id)
    assert fired.claimed == (case_id,)
    timeout = (await history_of(ledger, "waiting"))[3]
    assert timeout.client == "caselog"
    assert timeout.effective_at == timeout.recorded_at
    assert (await verify(ledger, case_id)).findings == ()


async def test_what_ran_out_while_the_file_watched_ran_out_in_its_time(ledger: Ledger) -> None:
    lines = told("watched", [(HOUR, examples.REFUSE), (2 * DAY, examples.REJECT)])
    await imported(ledger, lines)
    async with ledger.connection() as connection:
        assert await run_out(ledger, connection, CLIENT, at(60 * DAY)) > 0
    history = await history_of(ledger, "watched")
    case = fold(history)
    assert case is not None
    assert case.stage == "closed"
    assert case.closed_at is not None
    assert case.closed_at < at(20 * DAY)
    assert {one.client for one in history} == {CLIENT}
    free = [line("after it", 61 * DAY, filing("order of watched", 60 * DAY))]
    assert refusals(await imported(ledger, free), free) == [None]


async def test_two_imports_of_one_file_at_once_record_it_once(ledger: Ledger) -> None:
    lines = [one for number in range(30) for one in told(f"twice {number}", LIVES["appealed"])]
    both = await asyncio.gather(imported(ledger, lines, at_once=40), imported(ledger, lines, at_once=25))
    for said in both:
        assert set(refusals(said, lines)) == {None}
    for number in range(30):
        names = [one.name for one in await history_of(ledger, f"twice {number}")]
        assert names == [one.name for one in await history_of(ledger, "twice 0")]
        assert names.count("appealed") == 1


async def test_everything_imported_here_verifies(ledger: Ledger) -> None:
    assert (await verify(ledger)).findings == ()
