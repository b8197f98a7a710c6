"""Which cases are verified, and in which parcels."""

from __future__ import annotations

from itertools import accumulate, compress, pairwise
from operator import itemgetter
from uuid import UUID

import asyncpg

from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.connection import Connection

PARCEL_EVENTS = 4_000
"""How many events are verified in one snapshot; a case is never split."""
STATEMENT_S = 3600
"""How long one statement may take. The login's own limit is for requests, and among millions of cases choosing alone
takes longer."""
BEFORE_ALL, AFTER_ALL = UUID(int=0), UUID(int=2**128 - 1)


class Selection(Value, frozen=True, kw_only=True):
    """Which cases are verified: all of them, or those that fit everything said here.

    ``since``: those recorded in at this instant or later. ``merchant``: those the lists show against it. Both are
    taken from what is to be verified, so only the verification of all cases proves that none is missing.
    """

    cases: tuple[CaseId, ...] | None = None
    merchant: str | None = None
    since: Instant | None = None

    @property
    def everything(self) -> bool:
        """Is nothing left out?"""
        return self.cases is None and self.merchant is None and self.since is None

    def surely(self, parcel: Parcel) -> set[CaseId]:
        """The cases of a parcel that are chosen by their name alone, whether there is anything of them or not."""
        return set(self.named(parcel)) if self.merchant is None and self.since is None else set()

    def named(self, parcel: Parcel) -> list[CaseId]:
        """Those of a parcel that have a name here, in their order."""
        return sorted({one for one in self.cases or () if parcel.after < one <= parcel.upto})


class Parcel(Value, frozen=True, kw_only=True, tag="parcel"):
    """The cases after one id, up to and including another: what is verified in one snapshot."""

    after: CaseId
    upto: CaseId


def instant(name: str) -> str:
    """A column with an instant, brought to the edges of Python's calendar."""
    first, last = "timestamptz '0001-01-02 00:00Z'", "timestamptz '9999-12-30 00:00Z'"
    return f"CASE WHEN {name} < {first} THEN {first} WHEN {name} > {last} THEN {last} ELSE {name} END AS {name}"


FITTING = """
    ($1::timestamptz IS NULL OR recorded_at >= $1) AND ($2::text IS NULL OR EXISTS (
        SELECT FROM cases c WHERE c.case_id = s.case_id AND c.respondent_role = 'merchant' AND c.respondent_id = $2
    ))
"""
NAMED = f"""
SELECT case_id, version, head_hash, {instant("recorded_at")} FROM streams s
WHERE {FITTING} AND case_id = ANY($3::uuid[])
"""
"""Found by their ids: however many cases there are, nobody waits for the others to be looked through."""
RANGE = f"""
SELECT case_id, version, head_hash, {{recorded_at}} FROM streams s
WHERE {FITTING} AND case_id > $3 AND case_id <= $4 ORDER BY case_id
"""
STREAMS = RANGE.format(recorded_at=instant("recorded_at"))
CHOSEN = RANGE.format(recorded_at="recorded_at")
ENDS = f"""
WITH chosen AS ({CHOSEN}),
counted AS (SELECT case_id, version, sum(version) OVER (ORDER BY case_id) AS events FROM chosen)
SELECT case_id, events FROM counted WHERE events / $5 > (events - version) / $5 ORDER BY case_id
"""
"""Where the parcels end: with the case that holds the next event of so many."""
NEXT = f"SELECT case_id FROM ({CHOSEN}) AS chosen LIMIT $5"
SIZE = f"SELECT coalesce(sum(version), 0) FROM ({CHOSEN}) AS chosen"


async def streams_of(connection: Connection, parcel: Parcel, selection: Selection) -> list[asyncpg.Record]:
    """The streams of a parcel's chosen cases, in their order."""
    fitting = selection.since, selection.merchant
    if selection.cases is None:
        return await connection.fetch(STREAMS, *fitting, parcel.after, parcel.upto)
    return sorted(await connection.fetch(NAMED, *fitting, selection.named(parcel)), key=itemgetter("case_id"))


async def ends(connection: Connection, selection: Selection, after: CaseId = BEFORE_ALL) -> list[CaseId]:
    """Where the parcels of the chosen cases after ``after`` end; beyond the last end are fewer than a parcel holds."""
    if selection.cases is None:
        rows = await connection.fetch(ENDS, selection.since, selection.merchant, after, AFTER_ALL, PARCEL_EVENTS)
        return [row["case_id"] for row in rows]
    named = await streams_of(connection, Parcel(after=after, upto=AFTER_ALL), selection)
    events = [0, *accumulate(row["version"] for row in named)]
    past = [before // PARCEL_EVENTS < now // PARCEL_EVENTS for before, now in pairwise(events)]
    return [row["case_id"] for row in compress(named, past)]


async def chosen_after(connection: Connection, selection: Selection, after: CaseId, count: int) -> list[CaseId]:
    """So many of the chosen cases as come after this one, in their order; none: these were all."""
    if selection.cases is not None:
        named = await streams_of(connection, Parcel(after=after, upto=AFTER_ALL), selection)
        return [row["case_id"] for row in named[:count]]
    async with connection.transaction(readonly=True):
        await connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_S}s'")
        fitting = selection.since, selection.merchant
        rows = await connection.fetch(NEXT, *fitting, after, AFTER_ALL, count, timeout=STATEMENT_S)
    return [row["case_id"] for row in rows]


async def size(connection: Connection, selection: Selection) -> int:
    """How many events the chosen cases have, as their streams say."""
    if selection.cases is None:
        return int(await connection.fetchval(SIZE, selection.since, selection.merchant, BEFORE_ALL, AFTER_ALL))
    everywhere = Parcel(after=BEFORE_ALL, upto=AFTER_ALL)
    return sum(row["version"] for row in await streams_of(connection, everywhere, selection))
