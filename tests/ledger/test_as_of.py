"""Two axes of time: how a case was at an instant, and how it was answered at one, by what had been recorded."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

from msgspec.structs import replace

from case_events.core.calendar import PublishedYear, end_of
from case_events.core.commands import BY, POSTED_NAMES, File, Posted
from case_events.core.events import History
from case_events.core.evolve import fold
from case_events.core.others import Facts
from case_events.core.plan import Moment, Request, Step, World, plan
from case_events.core.values import CaseId, Instant
from case_events.ledger import policy_book
from case_events.ledger.clock import calendars
from case_events.ledger.clock.claims import CLAIM_LIVE
from case_events.ledger.clock.firing import fire
from case_events.ledger.codec import GENESIS
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.identifiers import uuid7
from case_events.ledger.queries import Reading, read_case
from case_events.ledger.steps import commit
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, SWIFT, Desk, a_filing, now, swift_text
from tests.spec import ACTORS

RULED_LATE = "within = { working_days = 300 }"
TICK = timedelta(microseconds=1)
FAR = Instant.parse("2999-01-01T00:00:00Z")


async def read(desk: Desk, case_id: CaseId, at: Instant | None = None, known_at: Instant | None = None) -> Reading:
    reading = await read_case(desk.ledger, case_id, at=at, known_at=known_at)
    assert reading is not None
    return reading


async def test_a_live_case_is_what_was_recorded_until_then(desk: Desk) -> None:
    case_id = await desk.filed()
    await desk.post(case_id, examples.REFUSE)
    await desk.post(case_id, examples.PART_REFUND)
    whole = await read(desk, case_id)
    for one in whole.history:
        known = tuple(other for other in whole.history if other.recorded_at <= one.recorded_at)
        then = await read(desk, case_id, known_at=one.recorded_at)
        assert (then.history, then.case, then.now) == (known, fold(known), one.recorded_at)
        assert then.written == len(known)
        assert set(then.hashes) == {other.version for other in known}
    before = Instant.of(whole.history[0].recorded_at - TICK)
    assert await read_case(desk.ledger, case_id, known_at=before) is None, "nobody knew of it"
    assert (await read(desk, case_id, known_at=FAR)).case == whole.case, "nobody knows the future"


async def test_while_no_scheduler_ran_the_timeout_was_answered_and_not_recorded(desk: Desk, scheduler: Ledger) -> None:
    case_id = await desk.filed(a_filing(marketplace="swift"))
    await asyncio.sleep(SWIFT.total_seconds() + 0.05)
    answered = await read(desk, case_id)
    assert (answered.written, answered.case.version, answered.case.status) == (1, 3, "under_review")
    assert (await fire(scheduler, CLAIM_LIVE, limit=1, only=case_id)).events == 2
    written = await read(desk, case_id)
    assert (written.written, written.case.version) == (3, 3)
    due = answered.history[1].occurred_at
    again = await read(desk, case_id, known_at=answered.now)
    assert (again.written, again.case, again.history) == (1, answered.case, answered.history)
    in_time = await read(desk, case_id, known_at=due)
    assert (in_time.written, in_time.case.status) == (1, "waiting_for_merchant"), "now <= due_at is in time"
    late = written.history[1].recorded_at
    assert late > due + TICK
    assert (await read(desk, case_id, known_at=late)).written == 3
    # How it was when it fell due is the same whoever knew of it, but only later was it recorded.
    for known_at in (answered.now, late, None):
        assert (await read(desk, case_id, at=Instant.of(due + TICK), known_at=known_at)).case.status == "under_review"


async def test_what_was_answered_goes_by_the_days_that_were_published_then(database: Database) -> None:
    """Silence brings the platform in, which nobody has written; its time to rule ends after the days that are known."""
    ledger = await open_ledger(database.app, master_key=MASTER_KEY)
    try:
        async with ledger.connection() as connection:
            await policy_book.keep(connection, swift_text().replace("within = { working_days = 2 }", RULED_LATE, 1))
        desk = Desk(ledger)
        case_id = await desk.filed(a_filing(marketplace="swift"))
        await asyncio.sleep(SWIFT.total_seconds() + 0.05)
        guessed = await read(desk, case_id)
        year = ledger.calendar.known_until.year + 1
        (ruling,) = guessed.case.clocks
        assert ruling.due_at > end_of(ledger.calendar.known_until)
        await calendars.load(ledger, PublishedYear(year=year, rest=(), work=(), source="notice"), "ops")
        await calendars.refresh(ledger)
        (counted,) = (await read(desk, case_id)).case.clocks
        assert counted.due_at < ruling.due_at
        assert (await read(desk, case_id, known_at=guessed.now)).case == guessed.case
        assert (await read(desk, case_id, known_at=FAR)).case.clocks == (counted,)
    finally:
        await ledger.close()


async def test_what_is_back_dated_was_true_then_and_known_only_since(desk: Desk) -> None:
    last_month = Instant.of(now() - timedelta(days=30))
    imported_at = now()
    told: list[tuple[timedelta, File | Posted]] = [
        (timedelta(), a_filing(at=last_month)),
        (timedelta(hours=5), examples.REFUSE),
        (timedelta(days=2), examples.PART_REFUND),
    ]
    case_id, history = await back_dated(desk, last_month, imported_at, told)
    assert {one.recorded_at for one in history} == {imported_at}
    replied = history[1].effective_at
    assert (await read(desk, case_id, at=replied)).history == tuple(e for e in history if e.effective_at <= replied)
    assert await read_case(desk.ledger, case_id, known_at=replied) is None
    assert await read_case(desk.ledger, case_id, known_at=Instant.of(imported_at - TICK)) is None
    assert await read_case(desk.ledger, case_id, at=replied, known_at=Instant.of(imported_at - TICK)) is None
    both = await read(desk, case_id, at=replied, known_at=imported_at)
    assert (both.case, both.now) == ((await read(desk, case_id, at=replied)).case, replied)
    # What was overdue when it was brought in is answered from then on, though nobody has written it yet.
    known = await read(desk, case_id, known_at=imported_at)
    assert (known.written, known.now) == (len(history), imported_at)
    assert known.history[: len(history)] == history
    assert known.history[len(history) :], "the time to appeal was over"


async def back_dated(
    desk: Desk, start: Instant, recorded_at: Instant, told: list[tuple[timedelta, File | Posted]]
) -> tuple[CaseId, History]:
    """A history that happened then and is recorded now, as an import records it."""
    case_id = uuid7()
    history: History = ()
    step: Step | None = None
    async with desk.ledger.connection() as connection:
        in_force = await desk.ledger.policies.in_force(connection, "taobao", start)
        assert in_force is not None
        for after, command in told:
            moment = Moment(recorded_at=recorded_at, effective_at=Instant.of(start + after))
            facts = Facts(number="1") if isinstance(command, File) else None
            world = World(in_force=in_force, calendar=desk.ledger.calendar, moment=moment, facts=facts)
            actor = command.complainant if isinstance(command, File) else ACTORS[BY[POSTED_NAMES[type(command)]][0]]
            step = plan(
                history, Request(case_id=case_id, command=command, actor=actor, client="a", event_id=uuid4()), world
            )
            assert step.problem is None, step.problem
            history = (*history, *step.events)
        assert step is not None
        whole = Step(case_id=case_id, before=None, case=step.case, events=history)
        keys = desk.ledger.vault.new_keys(case_id)
        assert await commit(connection, [(whole, GENESIS, keys)], desk.ledger.vault) == {case_id}
    return case_id, history


async def test_of_a_clocked_case_it_is_known_how_far_its_clock_had_come_at_least(desk: Desk) -> None:
    clock = await desk.clock()
    case_id = await desk.filed(a_filing(clock=clock))
    filed_at = (await read(desk, case_id)).history[0].recorded_at
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=4)))
    await desk.fire_clocked(case_id)
    await desk.post(case_id, examples.PART_REFUND)
    whole = await read(desk, case_id)
    first = await read(desk, case_id, known_at=filed_at)
    assert (first.written, first.case.version, first.now) == (1, 1, examples.NOON)
    fired_at = whole.history[2].recorded_at
    assert (await read(desk, case_id, known_at=fired_at)).written == 3
    # The clock's own time is the other axis: what was overdue at it by what was recorded when it was filed.
    late = Instant.of(whole.history[1].effective_at)
    both = await read(desk, case_id, at=late, known_at=filed_at)
    assert (both.written, both.case.version, both.case.status) == (1, 3, "under_review")
    assert both.history[1].event_id == whole.history[1].event_id
    assert (await read(desk, case_id, known_at=FAR)).case == whole.case
    assert replace(both.case, clocks=()) == replace((await read(desk, case_id, at=late)).case, clocks=())
