"""The two-clock gate: nothing fires while the database's clock and this host's do not bear each other out.

Firing early cannot be undone, firing late can. The database's clock judges; it is believed as long as it agrees with
the host's, has not jumped against the seconds that have really passed, and is not behind what it once was.
"""

from __future__ import annotations

from typing import Literal

from case_events.core.values import Instant, Value
from case_events.ledger.clock.heartbeat import FRESH_S, Vitals, say
from case_events.ledger.clock.host import (
    TOLERANCE_S,
    BootClock,
    HostClock,
    apart_s,
    boot_clock,
    host_clock,
    later,
)
from case_events.ledger.clock.journal import write
from case_events.ledger.connection import Connection, touched

SETTLED_S = 60.0
"""After a jump that both clocks made they are believed again once they have gone on together for so long."""
RAISE_EVERY_S = 1.0
READINGS_MAX = 3

READ = "SELECT clock_timestamp() AS now, high_water, paused FROM clock_state"
RAISE = "UPDATE clock_state SET high_water = $1 WHERE high_water IS NULL OR high_water < $1"
ACCEPT = "UPDATE clock_state SET high_water = $1"
WITNESS = """
SELECT EXISTS (SELECT FROM schedulers WHERE split_part(name, ':', 1) <> split_part($1, ':', 1)
    AND seen_at BETWEEN $2 AND clock_timestamp() AND abs(offset_ms) <= $3 AND paused IS NULL AND started_at < $2)
"""
"""Who is paused has seen the same, and bears out nothing; who began since cannot have seen it."""
HOLD_STATE = "SELECT FROM clock_state FOR UPDATE"
PAUSE = "UPDATE clock_state SET paused = $1 WHERE paused IS NULL"
RESUME = f"""
UPDATE clock_state SET paused = NULL WHERE paused IS NOT NULL AND NOT EXISTS (
    SELECT FROM schedulers WHERE name <> $1 AND paused IS NOT NULL
        AND seen_at > clock_timestamp() - interval '{FRESH_S} seconds'
)
"""


class Reading(Value, frozen=True, kw_only=True):
    """All clocks read together: the database's, the host's, and the seconds that have passed since it was started."""

    database: Instant
    host: Instant
    boot_s: float

    @property
    def offset_s(self) -> float:
        """The database's clock less the host's."""
        return apart_s(self.database, self.host)

    def expected(self, boot_s: float) -> Instant:
        """What the database's clock must say by then if it goes on as it should."""
        return later(self.database, boot_s - self.boot_s)


class Doubt(Value, frozen=True, kw_only=True):
    """Why the database's clock is not believed, and by how many seconds it is off."""

    why: Literal["disagrees", "jumped", "behind"]
    seconds: float

    def told(self) -> str:
        """The same in words."""
        size, way = f"{abs(self.seconds):.1f} s", "ahead of" if self.seconds > 0 else "behind"
        match self.why:
            case "disagrees":
                return f"the database's clock is {size} {way} this host's"
            case "jumped":
                return f"the clocks of the database and of this host jumped ahead by {size}"
            case "behind":
                return f"the clocks of the database and of this host are {size} behind what was seen before"


def doubt(reading: Reading, trusted: Reading | None, high_water: Instant | None, tolerance_s: float) -> Doubt | None:
    """Why ``reading`` is not to be believed; None if it is. ``trusted``: the last one that was believed."""
    if abs(reading.offset_s) > tolerance_s:
        return Doubt(why="disagrees", seconds=reading.offset_s)
    if trusted is not None:
        ahead_s = apart_s(reading.database, trusted.expected(reading.boot_s))
        if ahead_s > tolerance_s:
            return Doubt(why="jumped", seconds=ahead_s)
    if high_water is not None and apart_s(high_water, reading.database) > tolerance_s:
        return Doubt(why="behind", seconds=apart_s(reading.database, high_water))
    return None


class Gate:
    """One scheduler's: it looks at the clocks before each sweep, and is shut while it doubts them.

    ``name``: the scheduler's, its host's name first. ``paused``: why it is shut, None while it is open.
    ``offset_ms``: the database's clock less the host's at the last look.
    """

    def __init__(
        self,
        name: str,
        tolerance_s: float = TOLERANCE_S,
        *,
        host: HostClock = host_clock,
        boot: BootClock = boot_clock,
    ) -> None:
        self.paused: str | None = None
        self.offset_ms: float | None = None
        self._name = name
        self._tolerance_s = tolerance_s
        self._host, self._boot = host, boot
        self._trusted: Reading | None = None
        self._steady: Reading | None = None  # since when doubtful clocks have gone on together
        self._raised_at_s = float("-inf")

    def believed_until(self) -> Instant:
        """The latest instant of the database's clock that is believed now; firing asks the database itself for it."""
        host = self._host()
        passed = self._trusted.expected(self._boot()) if self._trusted else host
        return later(min(host, passed), self._tolerance_s)

    async def look(self, connection: Connection) -> None:
        """Read the clocks, and open or shut. Raises one of UNAVAILABLE while Postgres is away, or slow to answer."""
        reading, high_water, known = await self._read(connection)
        self.offset_ms = round(reading.offset_s * 1000, 3)
        found = doubt(reading, self._trusted, high_water, self._tolerance_s)
        settled = found is not None and await self._settled(connection, reading, found)
        if found is not None and not settled:
            await self._shut(connection, found.told())
            return
        if self.paused is not None or known is not None:
            await self._open(connection, reading.database if settled else None)
        if reading.boot_s - self._raised_at_s >= RAISE_EVERY_S:
            await connection.execute(RAISE, reading.database)
            self._raised_at_s = reading.boot_s
        self._trusted, self._steady, self.paused = reading, None, None

    async def _read(self, connection: Connection) -> tuple[Reading, Instant | None, str | None]:
        """One round trip; one that takes longer than the tolerance says nothing about the clocks."""
        for _ in range(READINGS_MAX):
            host, began_s = self._host(), self._boot()
            row = await connection.fetchrow(READ)
            took_s = self._boot() - began_s
            assert row is not None, "the migration made the row"
            if took_s <= self._tolerance_s:
                reading = Reading(database=row["now"], host=later(host, took_s / 2), boot_s=began_s + took_s / 2)
                return reading, row["high_water"], row["paused"]
        raise TimeoutError(f"the database's clock was not to be read within {self._tolerance_s} s")

    async def _settled(self, connection: Connection, reading: Reading, found: Doubt) -> bool:
        """Whether clocks that agree, though not with the past, are believed again.

        Another host's scheduler whose clock agrees too, and that doubts nothing, is asked first; without one, they must
        go on together a while.
        """
        if found.why == "disagrees":
            self._steady = None
            return False
        since = self._steady
        if since is None or abs(apart_s(reading.database, since.expected(reading.boot_s))) > self._tolerance_s:
            self._steady = reading
            return False
        if reading.boot_s - since.boot_s >= SETTLED_S:
            return True
        witnessed: bool = await connection.fetchval(WITNESS, self._name, since.database, self._tolerance_s * 1000)
        return witnessed

    async def _shut(self, connection: Connection, why: str) -> None:
        async with connection.transaction():
            await connection.execute(HOLD_STATE)
            await say(connection, self._name, self._vitals(why))
            if touched(await connection.execute(PAUSE, why)):
                await write(connection, "clock_paused", self._name, why=why, offset_ms=self.offset_ms)
        self.paused = why

    async def _open(self, connection: Connection, accepted: Instant | None) -> None:
        """Who is the last to resume says so in the journal; ``accepted``: the instant that is believed from now on."""
        async with connection.transaction():
            await connection.execute(HOLD_STATE)
            await say(connection, self._name, self._vitals(None))
            if accepted is not None:
                await connection.execute(ACCEPT, accepted)
            if touched(await connection.execute(RESUME, self._name)):
                await write(
                    connection, "clock_resumed", self._name, offset_ms=self.offset_ms, accepted=accepted is not None
                )

    def _vitals(self, paused: str | None) -> Vitals:
        return Vitals(swept=False, offset_ms=self.offset_ms, paused=paused)
