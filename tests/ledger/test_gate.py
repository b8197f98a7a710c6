"""The two-clock gate: a clock that nothing bears out fires nothing, and what was doubted is believed again in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import Instant
from case_events.ledger.clock import gate as gates
from case_events.ledger.clock import heartbeat
from case_events.ledger.clock.gate import SETTLED_S, Gate
from case_events.ledger.clock.heartbeat import Vitals, beat
from case_events.ledger.clock.host import boot_clock, host_clock, later
from case_events.ledger.clock.journal import read
from case_events.ledger.database import Ledger, open_ledger
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY
from tests.scheduler.skew import Server, a_server_with_a_clock_of_its_own

HOUR_S = 3600.0
AGE = "UPDATE schedulers SET seen_at = seen_at - $2::interval, swept_at = swept_at - $2::interval WHERE name = $1"


class Host:
    """A machine whose clocks are set by hand: ``ahead_s`` of the time, ``later_s`` more seconds have passed."""

    def __init__(self, ledger: Ledger, name: str = "one:1:a") -> None:
        self.ledger = ledger
        self.ahead_s = self.later_s = 0.0
        self.gate = Gate(name, host=self.clock, boot=self.boot)

    def clock(self) -> Instant:
        return later(host_clock(), self.ahead_s)

    def boot(self) -> float:
        return boot_clock() + self.later_s

    async def look(self) -> str | None:
        async with self.ledger.connection() as connection:
            await self.gate.look(connection)
        return self.gate.paused


@pytest_asyncio.fixture(scope="module")
async def server(module_database: Database) -> AsyncIterator[Server]:
    async with a_server_with_a_clock_of_its_own(module_database) as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def firing(module_database: Database, server: Server) -> AsyncIterator[Ledger]:
    """The scheduler's ledger, on that server."""
    opened = await open_ledger(module_database.scheduler, master_key=MASTER_KEY, calendar=examples.calendar())
    yield opened
    await opened.close()


@pytest_asyncio.fixture(autouse=True)
async def put_right(server: Server) -> AsyncIterator[None]:
    """Every test begins with clocks that agree, and with nothing remembered."""
    await server.runs_ahead_by(0)
    await server.superuser.execute("UPDATE clock_state SET high_water = NULL, paused = NULL")
    await server.superuser.execute("DELETE FROM schedulers")
    await server.superuser.execute("TRUNCATE journal")
    yield


async def state(server: Server) -> dict[str, Any]:
    row = await server.superuser.fetchrow("SELECT high_water, paused FROM clock_state")
    assert row is not None
    return dict(row)


async def noted(ledger: Ledger) -> list[str]:
    return [entry.what for entry in reversed(await read(ledger))]


async def test_while_the_clocks_agree_it_is_open_and_the_highest_instant_is_kept(
    firing: Ledger, server: Server
) -> None:
    host = Host(firing)
    assert await host.look() is None
    assert host.gate.offset_ms is not None
    assert abs(host.gate.offset_ms) < 1000
    first = (await state(server))["high_water"]
    assert first is not None
    assert await host.look() is None
    assert (await state(server))["high_water"] == first, "once a second is enough"
    host.later_s = 1
    assert await host.look() is None
    assert (await state(server))["high_water"] > first
    assert await noted(firing) == []


@pytest.mark.parametrize(("ahead_s", "way"), [(HOUR_S, "ahead of"), (-HOUR_S, "behind")])
async def test_a_server_that_is_an_hour_off_shuts_it_until_it_is_right_again(
    firing: Ledger, server: Server, ahead_s: float, way: str
) -> None:
    """As after a failover to a standby with a wrong clock."""
    host = Host(firing)
    await host.look()
    before = await state(server)
    await server.runs_ahead_by(ahead_s)
    host.later_s = 2
    assert await host.look() == f"the database's clock is 3600.0 s {way} this host's"
    host.later_s += 10 * SETTLED_S
    assert await host.look() is not None, "clocks that contradict each other never settle"
    assert (await state(server))["high_water"] == before["high_water"], "what is not believed is not remembered"
    await server.runs_ahead_by(0)
    host.later_s = 3
    assert await host.look() is None
    assert (await state(server))["paused"] is None
    assert await noted(firing) == ["clock_paused", "clock_resumed"]


async def test_just_within_the_tolerance_nothing_is_doubted(firing: Ledger, server: Server) -> None:
    host = Host(firing)
    await server.runs_ahead_by(4.5)
    assert await host.look() is None
    await server.runs_ahead_by(5.5)
    assert await host.look() is not None


async def test_several_schedulers_that_doubt_note_it_once_and_the_last_to_resume_says_so(
    firing: Ledger, server: Server
) -> None:
    hosts = [Host(firing, f"{name}:1:a") for name in ("one", "two", "three")]
    await server.runs_ahead_by(HOUR_S)
    for host in hosts:
        assert await host.look() is not None
    assert await noted(firing) == ["clock_paused"]
    await server.runs_ahead_by(0)
    for host in hosts:
        assert await noted(firing) == ["clock_paused"]
        assert (await state(server))["paused"] is not None
        assert await host.look() is None
    assert await noted(firing) == ["clock_paused", "clock_resumed"]
    assert (await state(server))["paused"] is None


async def test_a_host_whose_own_clock_is_wrong_pauses_alone_and_everybody_can_read_it(
    firing: Ledger, server: Server
) -> None:
    wrong, right = Host(firing, "wrong:1:a"), Host(firing, "right:1:a")
    wrong.ahead_s = -HOUR_S
    assert await wrong.look() is not None
    assert await right.look() is None
    assert (await state(server))["paused"] is not None, "the one that looks fine does not speak for the other"
    wrong.ahead_s = 0
    assert await wrong.look() is None
    assert (await state(server))["paused"] is None


async def test_what_a_scheduler_that_died_said_last_is_not_believed_for_ever(firing: Ledger, server: Server) -> None:
    dead, living = Host(firing, "dead:1:a"), Host(firing, "living:1:a")
    dead.ahead_s = HOUR_S
    await dead.look()
    await living.look()
    assert (await state(server))["paused"] is not None
    ago = heartbeat.FRESH_S + 1
    await server.superuser.execute("UPDATE schedulers SET seen_at = seen_at - make_interval(secs => $1)", float(ago))
    await living.look()
    assert (await state(server))["paused"] is None


async def test_a_jump_that_both_clocks_made_is_believed_after_they_have_gone_on_together(
    firing: Ledger, server: Server
) -> None:
    """As where the database runs on the very machine whose clock somebody set."""
    host = Host(firing)
    await host.look()
    await server.runs_ahead_by(HOUR_S)
    host.ahead_s = HOUR_S
    for passed_s in (1, SETTLED_S / 2, SETTLED_S - 1):
        host.later_s = passed_s
        host.ahead_s = HOUR_S + passed_s
        await server.runs_ahead_by(HOUR_S + passed_s)
        assert await host.look() == "the clocks of the database and of this host jumped ahead by 3600.0 s"
    assert host.gate.believed_until() < later(host_clock(), HOUR_S), "nor is a claim believed meanwhile"
    host.later_s = host.ahead_s = 1 + SETTLED_S
    host.ahead_s += HOUR_S
    await server.runs_ahead_by(host.ahead_s)
    assert await host.look() is None
    assert (await read(firing))[0].data["accepted"] is True
    assert (await state(server))["high_water"] > later(host_clock(), HOUR_S)


async def test_clocks_that_keep_jumping_together_do_not_settle(firing: Ledger, server: Server) -> None:
    host = Host(firing)
    await host.look()
    for looked in range(1, 8):
        host.later_s = looked * SETTLED_S / 3
        host.ahead_s = looked * HOUR_S
        await server.runs_ahead_by(host.ahead_s)
        assert await host.look() is not None


async def test_another_host_whose_clock_agrees_ends_the_doubt_at_once_and_one_on_this_host_does_not(
    firing: Ledger, server: Server
) -> None:
    host = Host(firing, "one:1:a")
    await host.look()
    host.ahead_s = HOUR_S
    await server.runs_ahead_by(HOUR_S)
    await beat(firing, "two:1:a", Vitals(offset_ms=3.0))
    assert await host.look() is not None
    assert await host.look() is not None, "what another saw before this one doubted says nothing"
    await beat(firing, "one:2:b", Vitals(offset_ms=3.0))
    await beat(firing, "three:1:a", Vitals(offset_ms=-HOUR_S * 1000))
    assert await host.look() is not None, "nor does a neighbour by the same clock, nor one that disagrees"
    await beat(firing, "two:1:a", Vitals(offset_ms=3.0))
    assert await host.look() is None
    assert await noted(firing) == ["clock_paused", "clock_resumed"]


async def test_whoever_doubts_the_same_or_began_since_is_no_witness(firing: Ledger, server: Server) -> None:
    """As where every host goes by the same wrong time server."""
    hosts = [Host(firing, f"{name}:1:a") for name in ("one", "two")]
    for host in hosts:
        await host.look()
    await server.runs_ahead_by(HOUR_S)
    for host in hosts:
        host.ahead_s = HOUR_S
    for _ in range(3):
        for host in hosts:
            assert await host.look() is not None, "the other one is as doubtful"
    new = Host(firing, "three:1:a")
    new.ahead_s = HOUR_S
    assert await new.look() is None, "it knows of no other time"
    await beat(firing, "three:1:a", Vitals(offset_ms=new.gate.offset_ms))
    for host in hosts:
        assert await host.look() is not None
        host.later_s = SETTLED_S + 1
        host.ahead_s = HOUR_S + SETTLED_S + 1
    await server.runs_ahead_by(HOUR_S + SETTLED_S + 1)
    for host in hosts:
        assert await host.look() is None, "they have gone on together"


async def test_clocks_that_are_behind_what_was_seen_before_are_doubted_even_by_a_scheduler_that_just_started(
    firing: Ledger, server: Server
) -> None:
    await Host(firing).look()
    await server.superuser.execute("UPDATE clock_state SET high_water = high_water + interval '1 hour'")
    host = Host(firing)
    assert "behind what was seen before" in (await host.look() or "")
    host.later_s = SETTLED_S + 1
    host.ahead_s = SETTLED_S + 1
    await server.runs_ahead_by(SETTLED_S + 1)
    assert await host.look() is None
    assert (await state(server))["high_water"] < later(host_clock(), HOUR_S / 2), "what was believed wrongly is not"


async def test_nothing_is_believed_beyond_either_of_the_hosts_clocks(firing: Ledger) -> None:
    host = Host(firing)
    await host.look()
    assert abs(host.gate.believed_until() - later(host_clock(), 5)) < timedelta(seconds=1)
    host.ahead_s = HOUR_S
    assert host.gate.believed_until() < later(host_clock(), 6), "the clock was set, no time has passed"
    host.ahead_s, host.later_s = 0, HOUR_S
    assert host.gate.believed_until() < later(host_clock(), 6), "time is said to have passed, the clock says no"


async def test_a_reading_that_took_longer_than_the_tolerance_says_nothing(
    firing: Ledger, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "SELECT clock_timestamp() AS now, high_water, paused FROM clock_state, pg_sleep(0.15)"
    host = Host(firing)
    host.gate._tolerance_s = 0.1
    monkeypatch.setattr(gates, "READ", slow)
    with pytest.raises(TimeoutError):
        await host.look()
    assert host.gate.paused is None
    assert await noted(firing) == []


async def test_schedulers_not_seen_for_a_day_are_forgotten_but_for_the_last_that_swept(
    firing: Ledger, server: Server
) -> None:
    for name, days in (("old", 3), ("last", 2), ("new", 0)):
        await beat(firing, name, Vitals(swept=name != "new"))
        await server.superuser.execute(AGE, name, timedelta(days=days))
    assert await heartbeat.forget(firing) == 1
    rows: list[asyncpg.Record] = await server.superuser.fetch("SELECT name FROM schedulers ORDER BY name")
    assert [row["name"] for row in rows] == ["last", "new"]
