"""Holds: who placed them and why is written down, they end by themselves, and there are never too many."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from case_events.core.changes import ALL
from case_events.core.values import Instant
from case_events.ledger import locks
from case_events.ledger.clock import holds, journal
from case_events.ledger.clock.claims import CLAIM_LIVE
from case_events.ledger.clock.firing import fire
from case_events.ledger.clock.holds import KINDS, OtherHold, TooMany, Wanted
from case_events.ledger.database import Ledger
from tests import examples
from tests.ledger.contending import waits
from tests.ledger.desk import SWIFT, Desk, a_filing, now

WHO = "ops-of-taobao"
AN_HOUR = Wanted(reason="商家系统故障。", marketplace="swift", lasts=timedelta(hours=1))


async def last_entry(ledger: Ledger) -> journal.JournalEntry:
    return (await journal.read(ledger, limit=1))[0]


async def placed(ledger: Ledger, **said: Any) -> holds.Hold:
    scope: dict[str, Any] = {"reason": "故障。", "lasts": timedelta(hours=1)} | said
    wanted = Wanted(**scope)
    hold, before = await holds.place(ledger, wanted, WHO, uuid4())
    assert not before
    return hold


async def test_a_hold_is_in_force_until_its_time_is_over_and_stands_in_the_journal(ledger: Ledger) -> None:
    hold = await placed(ledger, marketplace="taobao", merchant="m-7", kind="response")
    assert (hold.status, hold.placed_by, hold.reason) == ("in_force", WHO, "故障。")
    assert hold.until is not None
    assert hold.until - hold.placed_at == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=1))
    assert hold in await holds.in_force(ledger)
    entry = await last_entry(ledger)
    assert (entry.what, entry.who) == ("hold_placed", WHO)
    assert entry.data == {
        "hold": str(hold.id),
        "marketplace": "taobao",
        "merchant": "m-7",
        "kind": "response",
        "until": hold.until.rfc3339(),
        "reason": "故障。",
    }


async def test_a_hold_ends_by_itself(ledger: Ledger) -> None:
    hold = await placed(ledger, lasts=timedelta(milliseconds=1))
    await asyncio.sleep(0.01)
    assert hold.id not in {one.id for one in await holds.in_force(ledger)}
    (found,) = [one for one in await holds.ever(ledger) if one.id == hold.id]
    assert found.status == "ended"
    assert await holds.release(ledger, hold.id, "another", "太晚了。") == found
    assert (await last_entry(ledger)).data["hold"] == str(hold.id)
    assert (await last_entry(ledger)).what == "hold_placed"


async def test_whoever_releases_a_hold_says_why_and_only_once(ledger: Ledger) -> None:
    hold = await placed(ledger)
    released = await holds.release(ledger, hold.id, "another", "已恢复。")
    assert released is not None
    assert (released.status, released.released_by) == ("released", "another")
    assert hold.id not in {one.id for one in await holds.in_force(ledger)}
    entry = await last_entry(ledger)
    assert (entry.what, entry.who, entry.data) == (
        "hold_released",
        "another",
        {"hold": str(hold.id), "reason": "已恢复。"},
    )
    assert await holds.release(ledger, hold.id, WHO, "再次。") == released
    assert await last_entry(ledger) == entry
    assert await holds.release(ledger, UUID(int=7), WHO, "没有。") is None


async def test_the_same_hold_asked_for_twice_is_one_and_another_under_its_id_is_refused(ledger: Ledger) -> None:
    hold_id = uuid4()
    first, before = await holds.place(ledger, AN_HOUR, WHO, hold_id)
    assert not before
    entry = await last_entry(ledger)
    assert await holds.place(ledger, AN_HOUR, WHO, hold_id) == (first, True)
    assert await last_entry(ledger) == entry
    for other in (
        Wanted(reason="商家系统故障。", lasts=timedelta(hours=1)),
        Wanted(reason="另一个。", marketplace="swift", lasts=timedelta(hours=1)),
        Wanted(reason="商家系统故障。", marketplace="swift", until=Instant.of(now() + timedelta(days=1))),
    ):
        with pytest.raises(OtherHold):
            await holds.place(ledger, other, WHO, hold_id)
    await holds.release(ledger, hold_id, WHO, "完。")


async def test_who_places_a_hold_while_another_places_the_last_one_waits_and_is_refused(
    ledger: Ledger, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "HOLDS_MAX", len(await holds.in_force(ledger)) + 1)
    last = uuid4()
    async with superuser.transaction():
        await superuser.execute("SELECT pg_advisory_xact_lock($1)", locks.HOLDS)
        placing = asyncio.create_task(placed(ledger))
        await waits(superuser, placing)
        await superuser.execute("INSERT INTO holds (id, reason, placed_by) VALUES ($1, '抢。', 'another')", last)
    with pytest.raises(TooMany):
        await placing
    await holds.release(ledger, last, WHO, "完。")


async def test_a_hold_can_be_of_every_kind_of_clock_and_its_reminder() -> None:
    assert set(ALL) < set(KINDS)
    assert len(KINDS) == 2 * len(ALL)


async def test_a_hold_is_of_a_marketplace_there_are_policies_for(ledger: Ledger) -> None:
    assert await holds.marketplaces(ledger) == ("swift", "taobao", "tmall")


async def test_a_scheduler_reads_holds_and_places_none(ledger: Ledger, scheduler: Ledger) -> None:
    hold = await placed(ledger)
    assert hold in await holds.in_force(scheduler)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await placed(scheduler)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await holds.release(scheduler, hold.id, WHO, "不行。")
    await holds.release(ledger, hold.id, WHO, "完。")


async def test_a_hold_delays_the_writing_and_a_command_still_finds_the_deadline_passed(
    desk: Desk, scheduler: Ledger
) -> None:
    """Decision 16: it never changes who wins."""
    hold, _ = await holds.place(desk.ledger, AN_HOUR, WHO, uuid4())
    held, answered = [await desk.filed(a_filing(marketplace="swift")) for _ in range(2)]
    await asyncio.sleep(SWIFT.total_seconds() + 0.1)
    await fire(scheduler, CLAIM_LIVE, limit=10)
    async with desk.ledger.connection() as connection:
        kept = await connection.fetch("SELECT version FROM streams WHERE case_id = ANY($1)", [held, answered])
    assert {row["version"] for row in kept} == {1}, "nothing was fired"
    step = await desk.ask(examples.AGREE, answered)
    assert step.problem is not None
    assert [one.name for one in step.events] == ["merchant_response_timed_out", "intervention_requested"]
    assert await holds.release(desk.ledger, hold.id, WHO, "已恢复。") is not None
    async with desk.ledger.connection() as connection:  # half a minute passes
        await connection.execute("UPDATE deadlines SET next_try_at = due_at WHERE case_id = $1", held)
    fired = await fire(scheduler, CLAIM_LIVE, limit=10)
    assert held in fired.claimed
