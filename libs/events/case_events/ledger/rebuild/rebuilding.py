"""Rebuilding the read models: ``cases`` and ``deadlines`` from the events alone, while everybody goes on working.

New tables are filled beside the old ones, caught up with what moved meanwhile, compared, verified, and switched in one
moment (decision 13). Killed at any time it has changed nothing: what is left over is dropped by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Literal

from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.connection import Connection
from case_events.ledger.locks import REBUILDING
from case_events.ledger.rebuild import shadows
from case_events.ledger.rebuild.building import BATCH, BROKEN_MAX, Broken, Built, build, connect, read_back, slices
from case_events.ledger.rebuild.differing import Difference, Earlier, differences, earlier
from case_events.ledger.rebuild.shadows import SCHEMA, NotAlike
from case_events.ledger.rebuild.switching import InTheWay, NotNow, switch
from case_events.ledger.rebuild.workers import build_all
from case_events.ledger.sealing import Vault

ROUNDS_MAX = 20
"""How often what moved is caught up before the switch; each round is shorter than the one before."""
FEW = 50
"""So many cases that moved are few enough to be caught up while writers wait."""
LAST_MAX = 200
"""If more have moved by then, writers are not made to wait for them."""
SAMPLE = 500
"""Cases that are read back and compared with the fold once more, beside all that were caught up."""

SNAPSHOT = "SELECT pg_current_snapshot()::text"
MOMENT = "SELECT pg_current_snapshot()::text AS snapshot, clock_timestamp() AS at"
BY_KEY = "SET LOCAL enable_seqscan = off"
MOVED = f"""
SELECT case_id FROM (
    SELECT DISTINCT case_id FROM events WHERE tx >= pg_snapshot_xmin($1::text::pg_snapshot)
) AS lately
CROSS JOIN LATERAL (SELECT version FROM streams s WHERE s.case_id = lately.case_id OFFSET 0) AS s
LEFT JOIN LATERAL (SELECT version FROM {SCHEMA}.cases n WHERE n.case_id = lately.case_id OFFSET 0) AS n ON true
WHERE n.version IS DISTINCT FROM s.version ORDER BY case_id
"""
"""Whatever the planner guesses that moved, it is looked up by key: writers wait while this is asked last."""
AMISS = f"""
SELECT case_id FROM streams s FULL JOIN {SCHEMA}.cases n USING (case_id)
WHERE s.version IS DISTINCT FROM n.version AND NOT EXISTS (
    SELECT FROM events e WHERE e.case_id = s.case_id AND e.tx >= pg_snapshot_xmin($1::text::pg_snapshot)
) LIMIT 1
"""
STRAY = f"""
SELECT case_id FROM {SCHEMA}.deadlines d WHERE NOT EXISTS (SELECT FROM {SCHEMA}.cases c WHERE c.case_id = d.case_id)
LIMIT 1
"""
SAMPLED = f"SELECT case_id FROM {SCHEMA}.cases ORDER BY random() LIMIT $1"
NAMED = 3
"""Cases that a refusal names."""

Phase = Literal["building", "indexing", "catching up", "comparing", "verifying", "switching"]
Tell = Callable[[Phase, int, int], None]
"""What is being done, how much of it is done, and of how much."""


class Rebuilt(Value, frozen=True, kw_only=True):
    """What came of it. ``refused``: why it was not switched to; ``writers_waited_s``: how long writers stood still at
    the switch, None when there was none. The cases and events are those of the build, without what was caught up."""

    cases: int
    events: int
    differences: tuple[Difference, ...]
    earlier: tuple[Earlier, ...]
    broken: tuple[Broken, ...]
    refused: str | None
    writers_waited_s: float | None


class AlreadyRebuilding(Exception):
    """Somebody else is rebuilding this ledger, or releases what an import held."""


class _Refused(Exception):
    """The switch must not be; the message says why."""


async def rebuild(
    url: str,
    *,
    master_key: bytes,
    jobs: int = 1,
    dry_run: bool = False,
    allow_earlier: bool = False,
    tell: Tell | None = None,
) -> Rebuilt:
    """Rebuild the tables behind ``url``, the owner's login; ``dry_run`` only says what would change.

    Refuses, in the answer, when a case cannot be replayed or, unless ``allow_earlier``, a running deadline would
    become earlier. Raises AlreadyRebuilding, or one of UNAVAILABLE; then nothing was changed.
    """
    tell = tell or _silent
    connection, other = await connect(url), await connect(url)
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", REBUILDING):
            raise AlreadyRebuilding("another rebuild of this ledger is under way, or an import of it is just ending")
        try:
            built = await _built(connection, url, master_key, jobs, tell)
            may = allow_earlier or dry_run
            copy = _Copy(connection, other, Vault(master_key), built, allow_earlier=may, tell=tell)
            return await _finished(copy, dry_run=dry_run)
        finally:
            if not connection.is_closed():
                await shadows.drop(connection)
    finally:
        await other.close()
        await connection.close()


def _silent(_phase: Phase, _done: int, _whole: int) -> None:
    """Nobody is told."""


class _Start(Value, frozen=True, kw_only=True):
    """What was built at first, when that began, and what was visible then."""

    built: Built
    began: Instant
    snapshot: str


async def _built(connection: Connection, url: str, master_key: bytes, jobs: int, tell: Tell) -> _Start:
    await shadows.make(connection)
    moment = await connection.fetchrow(MOMENT)
    assert moment is not None, "the query has no FROM"
    cuts = await slices(connection)
    whole, done = Built(), 0
    tell("building", 0, len(cuts))
    async with aclosing(build_all(url, master_key, cuts, jobs)) as slices_built:
        async for built in slices_built:
            whole, done = whole + built, done + 1
            tell("building", done, len(cuts))
            if len(whole.broken) >= BROKEN_MAX:
                break
    return _Start(built=whole, began=moment["at"], snapshot=moment["snapshot"])


class _Copy:
    """The shadow tables: how far they were caught up with the events, and what they would change."""

    def __init__(
        self,
        connection: Connection,
        other: Connection,
        vault: Vault,
        start: _Start,
        *,
        allow_earlier: bool,
        tell: Tell,
    ) -> None:
        self.connection, self.other, self.tell = connection, other, tell
        self.start = start
        self.differences: tuple[Difference, ...] = ()
        self.earlier: tuple[Earlier, ...] = ()
        self._vault = vault
        self._snapshot = start.snapshot
        self._allow_earlier = allow_earlier
        self._compared = False

    async def index(self) -> None:
        """Give the tables their keys and indexes; raises Refused when a case is missing that cannot be replayed."""
        if self.start.built.broken:
            raise _Refused(_cannot_be_replayed(self.start.built.broken))
        self.tell("indexing", 0, 1)
        await shadows.index(self.other)
        self.tell("indexing", 1, 1)

    async def catch_up(self) -> None:
        """Build again what moved meanwhile, until that is little or does not get less."""
        for number in range(ROUNDS_MAX):
            self.tell("catching up", number, ROUNDS_MAX)
            if len(await self._round()) <= FEW:
                return

    async def last(self) -> None:
        """Build what moved last, while no writer moves; raises NotNow when that is too much."""
        ids = await self._round(LAST_MAX)
        if await self._moved() or await read_back(self.other, self._vault, ids):
            raise _Refused("what was caught up last is not the fold of its events")

    async def _round(self, most: int | None = None) -> list[CaseId]:
        """Build again the cases that moved since the last round; raises NotNow if they are more than ``most``."""
        snapshot = await self.other.fetchval(SNAPSHOT)
        ids = await self._moved()
        if most is not None and len(ids) > most:
            raise NotNow(f"{len(ids)} cases moved within a moment")
        for batch in _batched(ids, BATCH):
            built = await build(self.other, self._vault, batch)
            if built.broken:
                raise _Refused(_cannot_be_replayed(built.broken))
        self._snapshot = snapshot
        if self._compared:
            self._judge(await earlier(self.other, ids))
        return ids

    async def _moved(self) -> list[CaseId]:
        async with self.other.transaction():
            await self.other.execute(BY_KEY)
            return [row["case_id"] for row in await self.other.fetch(MOVED, self._snapshot)]

    def _judge(self, found: tuple[Earlier, ...]) -> None:
        self.earlier = tuple(dict.fromkeys((*self.earlier, *found)))
        if found and not self._allow_earlier:
            raise _Refused(_would_be_earlier(found))

    async def compare(self) -> None:
        """Find out what would change; raises Refused when a deadline would become earlier that may not."""
        self.tell("comparing", 0, 1)
        self.differences = await differences(self.other)
        self._compared = True  # what moves from here on is judged as it is caught up
        self._judge(await earlier(self.other))
        self.tell("comparing", 1, 1)

    async def verify(self) -> None:
        """Every case once, at its stream's version, nothing beside them, and a sample read back. Raises Refused."""
        self.tell("verifying", 0, 1)
        for sql, arguments in ((AMISS, (self._snapshot,)), (STRAY, ())):
            amiss = await self.other.fetchval(sql, *arguments)
            if amiss is not None:
                raise _Refused(f"the copy of case {amiss} is missing, too much or not at its version")
        sample = [row["case_id"] for row in await self.other.fetch(SAMPLED, SAMPLE)]
        for batch in _batched(sample, BATCH):
            wrong = await read_back(self.other, self._vault, batch)
            # One that has moved since is no longer what was copied, and is caught up before the switch.
            for case_id in set(wrong) - set(await self._moved()):
                raise _Refused(f"the copy of case {case_id} is not the fold of its events")
        self.tell("verifying", 1, 1)


async def _finished(copy: _Copy, *, dry_run: bool) -> Rebuilt:
    waited_s, refused = None, None
    try:
        await copy.index()
        await copy.catch_up()
        await copy.compare()
        await copy.verify()
        if not dry_run:
            copy.tell("switching", 0, 1)
            began = copy.start.began
            done = await switch(copy.connection, copy.other, began, catch_up=copy.catch_up, last=copy.last)
            waited_s = done.writers_waited_s
            copy.tell("switching", 1, 1)
    except (_Refused, NotAlike, InTheWay) as reason:
        refused = str(reason)
    return Rebuilt(
        cases=copy.start.built.cases,
        events=copy.start.built.events,
        differences=copy.differences,
        earlier=copy.earlier,
        broken=copy.start.built.broken,
        refused=refused,
        writers_waited_s=waited_s,
    )


def _cannot_be_replayed(broken: tuple[Broken, ...]) -> str:
    named = "; ".join(f"case {one.case_id}: {one.why}" for one in broken[:NAMED])
    return f"{len(broken)} cases cannot be replayed: {named}"


def _would_be_earlier(found: tuple[Earlier, ...]) -> str:
    named = "; ".join(
        f"case {one.case_id}, {one.kind} of {one.party}: {one.was.rfc3339()} to {one.becomes.rfc3339()}"
        for one in found[:NAMED]
    )
    return f"a running deadline would become earlier, and people were told the later one: {named}"


def _batched(ids: Sequence[CaseId], size: int) -> Iterator[Sequence[CaseId]]:
    """As itertools.batched, which Python 3.11 does not have."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
