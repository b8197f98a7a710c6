"""Building the shadow tables: cases are read a bounded batch at a time, folded from their events, and written anew.

Each batch is one transaction on one snapshot. What says when a deadline is tried again is no promise and stands in no
event: it is carried over from the row there is, where that says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter
from uuid import UUID

import asyncpg

from case_events.core.case import Case
from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.codec import UnknownEvent
from case_events.ledger.connection import (
    CONNECT_TIMEOUT_S,
    POSTGRES_EPOCH,
    READ_COMMITTED,
    UNHURRIED,
    Connection,
    teach,
)
from case_events.ledger.read_models import CASE_COLUMNS, DEADLINE_COLUMNS, CaseRow, DeadlineRow, case_row, deadline_rows
from case_events.ledger.rebuild.shadows import SCHEMA, TABLES
from case_events.ledger.replaying import replay
from case_events.ledger.sealing import BrokenSeal, Vault

BATCH = 200
"""Cases in one transaction."""
SLICE = 2_000
"""Cases that one process takes at a time."""
BROKEN_MAX = 20
"""How many cases that cannot be replayed are named by each slice."""
CANNOT_REPLAY = (UnknownEvent, BrokenSeal, ValueError, LookupError, AssertionError)
"""What a replay raises where what is stored is not what was written."""
FIRST = UUID(int=0)
LAST = UUID(int=2**128 - 1)

CUTS = """
SELECT case_id FROM (SELECT case_id, row_number() OVER (ORDER BY case_id) AS place FROM streams) AS numbered
WHERE place % $1 = 0 ORDER BY case_id
"""
NEXT = "SELECT case_id FROM streams WHERE case_id > $1 AND case_id <= $2 ORDER BY case_id LIMIT $3"
STREAMS = """
SELECT case_id, version, (SELECT count(*) FROM events e WHERE e.case_id = s.case_id) AS events
FROM streams s WHERE case_id = ANY($1::uuid[]) ORDER BY case_id
"""
TRIED_COLUMNS = (*DEADLINE_COLUMNS, "next_try_at", "attempts")
TRIED = f"SELECT {', '.join(TRIED_COLUMNS)} FROM deadlines WHERE case_id = ANY($1::uuid[])"
FORGET = tuple(f"DELETE FROM {SCHEMA}.{name} WHERE case_id = ANY($1::uuid[])" for name in TABLES)
READ_CASES = f"SELECT {', '.join(CASE_COLUMNS)} FROM {SCHEMA}.cases WHERE case_id = ANY($1::uuid[])"
READ_DEADLINES = f"SELECT {', '.join(DEADLINE_COLUMNS)} FROM {SCHEMA}.deadlines WHERE case_id = ANY($1::uuid[])"


class Broken(Value, frozen=True, kw_only=True):
    """A case that cannot be replayed, and why."""

    case_id: CaseId
    why: str


class Built(Value, frozen=True, kw_only=True):
    """How much was built; ``broken``: the cases that were not, at most ``BROKEN_MAX`` of each slice."""

    cases: int = 0
    events: int = 0
    broken: tuple[Broken, ...] = ()

    def __add__(self, other: Built) -> Built:
        return Built(
            cases=self.cases + other.cases, events=self.events + other.events, broken=self.broken + other.broken
        )


Slice = tuple[UUID, UUID]
"""The cases after the first id and up to the second."""


async def connect(url: str) -> asyncpg.Connection:
    """A connection for work that reads whole tables: without the plans that the services' short statements want."""
    said = {"application_name": "caselog-rebuild", "jit": "off", **READ_COMMITTED, **UNHURRIED}
    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, server_settings=said)
    await teach(connection)
    return connection


async def slices(connection: Connection) -> list[Slice]:
    """All cases there are or may come, cut into slices of ``SLICE`` that there are now."""
    cuts = [row["case_id"] for row in await connection.fetch(CUTS, SLICE)]
    return list(pairwise([FIRST, *cuts, LAST]))


async def build_slice(connection: Connection, vault: Vault, cut: Slice) -> Built:
    """Build every case of the slice, which has no rows in the shadow tables yet."""
    after, last = cut
    built = Built()
    while True:
        batch = [row["case_id"] for row in await connection.fetch(NEXT, after, last, BATCH)]
        if batch:
            built += await build(connection, vault, batch, anew=True)
        if len(batch) < BATCH or len(built.broken) >= BROKEN_MAX:
            return built
        after = batch[-1]


async def build(connection: Connection, vault: Vault, ids: Sequence[CaseId], *, anew: bool = False) -> Built:
    """Build these cases, in one transaction; ``anew``: they have no rows in the shadow tables yet."""
    async with connection.transaction(isolation="repeatable_read"):
        folded, events, broken = await replayed(connection, vault, ids)
        tried = {_promised(row): row for row in await connection.fetch(TRIED, ids)}
        if not anew:
            for forget in FORGET:
                await connection.execute(forget, ids)
        deadlines = [(row, tried.get(row)) for case in folded for row in deadline_rows(case)]
        await _copy(connection, "cases", CASE_COLUMNS, [_of_case(case_row(case)) for case in folded])
        await _copy(
            connection,
            "deadlines",
            TRIED_COLUMNS,
            [
                (*_of_deadline(row), *(_tried(row) if old is None else (old["next_try_at"], old["attempts"])))
                for row, old in deadlines
            ],
        )
    return Built(cases=len(folded), events=events, broken=tuple(broken))


async def replayed(connection: Connection, vault: Vault, ids: Sequence[CaseId]) -> tuple[list[Case], int, list[Broken]]:
    """These cases, folded from their events; how many events that were; and those that cannot be replayed."""
    streams = await connection.fetch(STREAMS, ids)
    whole = [row["case_id"] for row in streams if row["events"] == row["version"]]
    broken = [
        Broken(case_id=row["case_id"], why=f"it has {row['events']} events, and its stream says {row['version']}")
        for row in streams
        if row["events"] != row["version"]
    ]
    try:
        folded = await replay(connection, whole, vault)
    except CANNOT_REPLAY:
        folded, found = await _one_by_one(connection, vault, whole)
        broken += found
    return list(folded.values()), sum(case.version for case in folded.values()), broken


async def _one_by_one(
    connection: Connection, vault: Vault, ids: Sequence[CaseId]
) -> tuple[dict[CaseId, Case], list[Broken]]:
    """So that the broken one among many is named, and no other."""
    folded, broken = dict[CaseId, Case](), list[Broken]()
    for case_id in ids:
        try:
            folded |= await replay(connection, [case_id], vault)
        except CANNOT_REPLAY as error:
            broken.append(Broken(case_id=case_id, why=f"{type(error).__name__}: {error}"))
    return folded, broken


async def read_back(connection: Connection, vault: Vault, ids: Sequence[CaseId]) -> tuple[CaseId, ...]:
    """Those of these cases whose rows in the shadow tables are not the fold of their events."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        folded, _, broken = await replayed(connection, vault, ids)
        cases = {row["case_id"]: CaseRow(**dict(row)) for row in await connection.fetch(READ_CASES, ids)}
        deadlines = _grouped(await connection.fetch(READ_DEADLINES, ids))
    wrong = {one.case_id for one in broken} | (set(ids) - {case.case_id for case in folded})
    for case in folded:
        found = {DeadlineRow(**dict(row)) for row in deadlines.get(case.case_id, ())}
        if cases.get(case.case_id) != case_row(case) or found != set(deadline_rows(case)):
            wrong.add(case.case_id)
    return tuple(sorted(wrong))


def _grouped(rows: Sequence[asyncpg.Record]) -> dict[UUID, list[asyncpg.Record]]:
    groups: dict[UUID, list[asyncpg.Record]] = {}
    for row in rows:
        groups.setdefault(row["case_id"], []).append(row)
    return groups


def _promised(row: asyncpg.Record) -> DeadlineRow:
    return DeadlineRow(**{name: row[name] for name in DEADLINE_COLUMNS})


def _tried(row: DeadlineRow) -> tuple[Instant, int]:
    """When a new row is tried, as the append writes it."""
    return (row.due_at if row.test_clock is None else POSTGRES_EPOCH), 0


_of_case = attrgetter(*CASE_COLUMNS)
_of_deadline = attrgetter(*DEADLINE_COLUMNS)


async def _copy(connection: Connection, table: str, columns: Sequence[str], rows: list[tuple[object, ...]]) -> None:
    if rows:
        await connection.copy_records_to_table(table, schema_name=SCHEMA, columns=columns, records=rows)
