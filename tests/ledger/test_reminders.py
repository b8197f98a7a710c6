"""Reminders (domain Q2): deadlines for the scheduler, and for nobody else who looks at deadlines."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg

from case_events.core.timeouts import DeadlineApproaching
from case_events.core.values import CaseId, Instant
from case_events.ledger.audit.audit import verify
from case_events.ledger.database import Ledger
from case_events.ledger.lists.due_list import list_deadlines
from case_events.ledger.queries import health, read_case
from tests import examples
from tests.ledger.desk import Desk, on_tmall

HOUR = timedelta(hours=1)
RESPONSE_DUE = Instant.of(examples.NOON + 72 * HOUR)
REMINDED = Instant.of(RESPONSE_DUE - 24 * HOUR)
"""Tmall's lead time for a reply."""
KINDS = "SELECT kind FROM deadlines WHERE case_id = $1 ORDER BY kind"


async def waiting(desk: Desk) -> tuple[CaseId, UUID]:
    """A case in which the respondent is next and will be reminded."""
    clock = await desk.clock()
    return await desk.filed(on_tmall("not_received", "not_received", clock=clock)), clock


async def kinds(superuser: asyncpg.Connection, case_id: CaseId) -> list[str]:
    return [row["kind"] for row in await superuser.fetch(KINDS, case_id)]


async def test_a_reminder_is_a_row_for_the_scheduler_and_no_deadline_of_the_list(
    desk: Desk, ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    case_id, _ = await waiting(desk)
    assert await kinds(superuser, case_id) == ["negotiation", "response", "response_reminder"]
    listed = (await list_deadlines(ledger, limit=200)).rows
    assert {row.kind for row in listed if row.case_id == case_id} == {"negotiation", "response"}
    assert (await list_deadlines(ledger, kind="response_reminder", limit=200)).rows == ()
    next_due = await superuser.fetchval("SELECT next_due_at FROM cases WHERE case_id = $1", case_id)
    assert next_due == RESPONSE_DUE


async def test_at_its_instant_the_party_is_reminded_and_the_clock_goes_on(
    desk: Desk, ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    case_id, clock = await waiting(desk)
    await desk.advance(clock, REMINDED)
    assert await desk.fire_clocked(case_id) == []
    await desk.advance(clock, Instant.of(REMINDED + examples.TICK))
    (fired,) = await desk.fire_clocked(case_id)
    assert fired.events == 1
    reading = await read_case(ledger, case_id)
    assert reading is not None
    told = reading.history[-1]
    assert told.event == DeadlineApproaching(kind="response", party="respondent", due_at=RESPONSE_DUE, set_by=1)
    assert (told.who, told.effective_at) == ("scheduler", Instant.of(REMINDED + examples.TICK))
    assert await kinds(superuser, case_id) == ["negotiation", "response"]
    assert reading.case.clocks[0].due_at == RESPONSE_DUE


async def test_a_clock_that_stops_takes_its_reminder_with_it(desk: Desk, superuser: asyncpg.Connection) -> None:
    case_id, _ = await waiting(desk)
    await desk.post(case_id, examples.OFFER)
    assert "response_reminder" not in await kinds(superuser, case_id)


async def test_one_long_advance_of_a_test_clock_reminds_as_many_short_ones_do(desk: Desk, ledger: Ledger) -> None:
    case_id, clock = await waiting(desk)
    await desk.advance(clock, Instant.of(RESPONSE_DUE + examples.TICK))
    await desk.fire_clocked(case_id)
    reading = await read_case(ledger, case_id)
    assert reading is not None
    assert [one.name for one in reading.history[1:3]] == ["deadline_approaching", "merchant_response_timed_out"]
    assert reading.history[1].effective_at == Instant.of(REMINDED + examples.TICK)


async def test_a_late_reminder_is_no_overdue_deadline(
    desk: Desk, ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed(on_tmall("not_received", "not_received"))
    late = (
        "UPDATE deadlines SET due_at = now() - interval '1 hour', next_try_at = now() - interval '1 hour'"
        " WHERE case_id = $1 AND kind = $2"
    )
    before = (await health(ledger)).overdue_s
    await superuser.execute(late, case_id, "response_reminder")
    assert (await health(ledger)).overdue_s == before == 0
    await superuser.execute(late, case_id, "response")
    assert (await health(ledger)).overdue_s >= 3600
    await superuser.execute("DELETE FROM deadlines WHERE case_id = $1", case_id)


async def test_the_rows_are_the_clocks_and_the_reminders_of_the_fold(desk: Desk, ledger: Ledger) -> None:
    case_id, _ = await waiting(desk)
    assert (await verify(ledger, case_id)).findings == ()
