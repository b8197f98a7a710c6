"""Verification: is the record what was written, and is everything anyone reads rebuilt from it?

For each case: every payload has its hash, the chain holds from the first event to the head, versions are dense
and time does not run backwards, and the fold of the events equals the rows of ``cases`` and ``deadlines``.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any
from uuid import UUID

import asyncpg

from case_events.core.evolve import fold
from case_events.core.values import CaseId, Value
from case_events.ledger.codec import GENESIS, UnknownEvent, chained
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.read_models import CASE_COLUMNS, DEADLINE_COLUMNS, CaseRow, DeadlineRow, case_row, deadline_rows
from case_events.ledger.sealing import BrokenSeal, Keys, SubjectKey, Vault, by_id
from case_events.ledger.store import recorded_of

BATCH = 200
STREAMS = "SELECT case_id, version, head_hash, recorded_at FROM streams WHERE case_id > $1 ORDER BY case_id LIMIT $2"
ONE = "SELECT case_id, version, head_hash, recorded_at FROM streams WHERE case_id = $1"
EVENTS = "SELECT * FROM events WHERE case_id = ANY($1::uuid[]) ORDER BY case_id, version"
CASES = f"SELECT {', '.join(CASE_COLUMNS)} FROM cases WHERE case_id = ANY($1::uuid[])"
DEADLINES = f"SELECT {', '.join(DEADLINE_COLUMNS)} FROM deadlines WHERE case_id = ANY($1::uuid[])"
KEYS = "SELECT case_id, key_id, side, wrapped FROM subject_keys WHERE case_id = ANY($1::uuid[])"
ORPHANS = """
SELECT DISTINCT case_id FROM (SELECT case_id FROM events UNION ALL SELECT case_id FROM cases
    UNION ALL SELECT case_id FROM deadlines) AS named
WHERE NOT EXISTS (SELECT FROM streams s WHERE s.case_id = named.case_id) LIMIT $1
"""


class Finding(Value, frozen=True, kw_only=True):
    """Something that is not as it was written, at the exact case and, where it has one, version."""

    case_id: CaseId
    version: int | None
    what: str


class Verdict(Value, frozen=True, kw_only=True):
    """How much was verified and everything that was found."""

    cases: int
    events: int
    findings: tuple[Finding, ...]


async def verify(ledger: Ledger, case_id: CaseId | None = None) -> Verdict:
    """Verify one case, or all of them; each batch is read in one snapshot, so that work may go on meanwhile."""
    cases = events = 0
    findings: list[Finding] = []
    async with ledger.connection() as connection:
        async for batch in _batches(connection, case_id):
            for one in batch:
                cases += 1
                events += len(one.events)
                findings += _verified(one, ledger.vault)
        if case_id is None:
            orphans = [row["case_id"] for row in await connection.fetch(ORPHANS, BATCH)]
            findings += [Finding(case_id=orphan, version=None, what="rows without a stream") for orphan in orphans]
    return Verdict(cases=cases, events=events, findings=tuple(findings))


class _Kept(Value, frozen=True, kw_only=True):
    """Everything that is kept of one case."""

    stream: Any
    events: tuple[Any, ...]
    keys: Keys
    case: CaseRow | None
    deadlines: tuple[DeadlineRow, ...]


async def _batches(connection: Connection, case_id: CaseId | None) -> AsyncIterator[list[_Kept]]:
    last = UUID(int=0)
    while True:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = connection.fetch(ONE, case_id) if case_id else connection.fetch(STREAMS, last, BATCH)
            streams = await found
            batch = await _kept(connection, streams)
        if batch:
            yield batch
        if case_id is not None or len(streams) < BATCH:
            return
        last = streams[-1]["case_id"]


async def _kept(connection: Connection, streams: list[asyncpg.Record]) -> list[_Kept]:
    ids = [stream["case_id"] for stream in streams]
    events = _grouped(await connection.fetch(EVENTS, ids))
    keys = _grouped(await connection.fetch(KEYS, ids))
    rows = {row["case_id"]: CaseRow(**dict(row)) for row in await connection.fetch(CASES, ids)}
    deadlines = _grouped(await connection.fetch(DEADLINES, ids))
    return [
        _Kept(
            stream=stream,
            events=tuple(events.get(stream["case_id"], ())),
            keys=by_id(SubjectKey(**dict(row)) for row in keys.get(stream["case_id"], ())),
            case=rows.get(stream["case_id"]),
            deadlines=tuple(DeadlineRow(**dict(row)) for row in deadlines.get(stream["case_id"], ())),
        )
        for stream in streams
    ]


def _grouped(rows: Iterable[asyncpg.Record]) -> Mapping[UUID, list[asyncpg.Record]]:
    groups: dict[UUID, list[asyncpg.Record]] = {}
    for row in rows:
        groups.setdefault(row["case_id"], []).append(row)
    return groups


def _verified(kept: _Kept, vault: Vault) -> list[Finding]:
    case_id = kept.stream["case_id"]
    findings = [Finding(case_id=case_id, version=version, what=what) for version, what in _chain(kept)]
    try:
        case = fold(tuple(recorded_of(row, kept.keys, vault) for row in kept.events))
    except (UnknownEvent, BrokenSeal, ValueError, LookupError, AssertionError) as error:
        return [*findings, Finding(case_id=case_id, version=None, what=f"cannot be replayed: {error}")]
    if case is None:
        return findings
    if kept.case != case_row(case):
        what = "the row in cases is not the fold of the events" + _differing(kept.case, case_row(case))
        findings.append(Finding(case_id=case_id, version=case.version, what=what))
    if set(kept.deadlines) != set(deadline_rows(case)):
        what = "the rows in deadlines are not the clocks of the fold"
        findings.append(Finding(case_id=case_id, version=case.version, what=what))
    return findings


def _differing(row: CaseRow | None, folded: CaseRow) -> str:
    if row is None:
        return ": there is none"
    return ": " + ", ".join(name for name in CASE_COLUMNS if getattr(row, name) != getattr(folded, name))


def _chain(kept: _Kept) -> list[tuple[int | None, str]]:
    """What is wrong with the hashes, the numbers and the times, version by version."""
    found: list[tuple[int | None, str]] = []
    head, recorded_at = GENESIS, None
    for number, row in enumerate(kept.events, 1):
        if row["version"] != number:
            # What comes after a gap is chained onto what is gone: nothing more can be said of it.
            return [*found, (number, f"version {number} is missing")]
        if hashlib.sha256(row["payload"]).digest() != row["payload_hash"]:
            found.append((number, "the payload is not the one that was hashed"))
        if chained(head, row) != row["hash"]:
            found.append((number, "the chain is broken: the envelope or the event before it was changed"))
        if recorded_at is not None and row["recorded_at"] < recorded_at:
            found.append((number, "recorded before the event before it"))
        head, recorded_at = row["hash"], row["recorded_at"]
    stream = kept.stream
    if not kept.events:
        found.append((None, "the stream has no events"))
    elif (stream["version"], stream["head_hash"], stream["recorded_at"]) != (len(kept.events), head, recorded_at):
        found.append((len(kept.events), "the stream's head is not its last event"))
    return found
