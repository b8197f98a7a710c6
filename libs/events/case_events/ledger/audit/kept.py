"""Everything that is kept of a range of cases, read in one snapshot with few columns, as verification needs it.

Instants come as plain datetimes on a connection of one's own: they are written for the chain in a tenth of the time,
and nothing that is verified needs more. What lies outside Python's calendar comes as its edge: no case has an instant
there, so that it is found like any other change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from case_events.core.values import CaseId, PolicyRef, Value
from case_events.ledger.audit.chosen import STATEMENT_S, Parcel, Selection, instant, streams_of
from case_events.ledger.connection import CONNECT_TIMEOUT_S, Connection, to_postgres
from case_events.ledger.marks import Mark
from case_events.ledger.read_models import CASE_COLUMNS, DEADLINE_COLUMNS
from case_events.ledger.sealing import Subject, SubjectKey

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Postgres's."""
# By the keys only: what a range holds is read in its order and never sorted.
BY_KEYS = {f"enable_{way}": "off" for way in ("seqscan", "bitmapscan", "sort")}
WITHIN = "; ".join(f"SET LOCAL {name} = {value}" for name, value in BY_KEYS.items())
"""The same for who verifies a few cases on a connection that others use, too."""
AUDITING = {
    "application_name": "caselog-audit",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "statement_timeout": f"{STATEMENT_S}s",
    **BY_KEYS,
}
"""What a connection that only verifies is set to."""


class EventRow(NamedTuple):
    """A row of ``events``, in the order it is selected: it begins with ``codec.RECORDED``."""

    case_id: CaseId
    version: int
    event_id: UUID
    type: str
    schema: int
    occurred_at: Any
    effective_at: Any
    recorded_at: Any
    who: Any
    agent: str | None
    client: str
    correlation: UUID
    causation: UUID | None
    asked: bytes | None
    payload: bytes
    payload_hash: bytes
    hash: bytes


class Kept(Value, frozen=True, kw_only=True):
    """Everything that is kept of one case; ``stream`` is its version, head hash and instant.

    ``case`` and ``deadlines`` have the columns of their tables in the order of CASE_COLUMNS and DEADLINE_COLUMNS.
    ``positions``: (version, position) of each of its rows in the feed. ``behind``: the versions that have no
    position although the last tick of the sequencer saw them. ``deleted_clocks``: the test clocks whose cases are
    hidden, where there may be such a case. ``policies``: those that are kept, each as cases name theirs.
    ``twice``: the tables in which something of it stands more than once, which only a key that was dropped allows.
    """

    case_id: CaseId
    stream: tuple[int, bytes, Any] | None = None
    events: Sequence[asyncpg.Record] = ()
    keys: tuple[SubjectKey, ...] = ()
    case: tuple[Any, ...] | None = None
    deadlines: frozenset[tuple[Any, ...]] = frozenset()
    reservations: tuple[bytes, ...] = ()
    marks: tuple[Mark, ...] = ()
    positions: tuple[tuple[int, int], ...] = ()
    behind: frozenset[int] = frozenset()
    deleted_clocks: frozenset[UUID] = frozenset()
    policies: frozenset[PolicyRef] = frozenset()
    twice: tuple[str, ...] = ()


def _columns(names: Iterable[str]) -> str:
    return ", ".join(instant(name) if name.endswith("_at") or name == "at" else name for name in names)


OF_CASES = {
    "events": f"SELECT {_columns(EventRow._fields)} FROM events t WHERE {{these}} ORDER BY case_id, version",
    "keys": "SELECT case_id, key_id, side, wrapped FROM subject_keys t WHERE {these} ORDER BY case_id, key_id",
    "cases": f"SELECT {_columns(CASE_COLUMNS)} FROM cases t WHERE {{these}}",
    "deadlines": f"SELECT {_columns(DEADLINE_COLUMNS)} FROM deadlines t WHERE {{these}}",
    "reservations": "SELECT case_id, reservation FROM open_complaints t WHERE {these}",
    "marks": f"SELECT {_columns(Mark.__struct_fields__)} FROM credit_marks t WHERE {{these}} ORDER BY case_id, version",
    "positions": """
        SELECT case_id, array_agg(version ORDER BY version) AS versions,
            array_agg(position ORDER BY version) AS positions
        FROM feed t WHERE {these} GROUP BY case_id
    """,
    "behind": """
        SELECT t.case_id, t.version FROM feed_state s JOIN events t ON pg_visible_in_snapshot(t.tx, s.snapshot)
        WHERE s.lane = 0 AND s.cluster = (SELECT system_identifier FROM pg_control_system())
            AND pg_snapshot_xmax(s.snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) AND {these}
            AND NOT EXISTS (SELECT FROM feed f WHERE f.case_id = t.case_id AND f.version = t.version)
    """,
}
KEYS_HAVE = {"streams": 1, "cases": 1, "deadlines": 4, "marks": 2}
"""How many of the first columns of these are their key."""
POLICIES = "SELECT name, version, digest FROM policies"
DELETED_CLOCKS = "SELECT id FROM test_clocks WHERE deleted_at IS NOT NULL"
IN_RANGE = {name: sql.format(these="t.case_id > $1 AND t.case_id <= $2") for name, sql in OF_CASES.items()}
NAMED = {name: sql.format(these="t.case_id = ANY($1::uuid[])") for name, sql in OF_CASES.items()}


async def open_connection(url: str) -> Connection:
    """A connection that only verifies. Raises one of UNAVAILABLE."""
    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, server_settings=AUDITING)
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=to_postgres, decoder=_plain, format="tuple"
    )
    return connection


@lru_cache(maxsize=64)  # the instants of an event are mostly one; asyncpg itself makes each anew, in thrice the time
def _plain(parts: tuple[int]) -> datetime:
    return EPOCH + timedelta(0, 0, parts[0])


async def read(connection: Connection, parcel: Parcel, selection: Selection) -> list[Kept]:
    """What is kept of a parcel's chosen cases, in their order.

    Where all cases are chosen also of those that have no stream, and where some are named also of those of which
    nothing is kept.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(WITHIN)
        streams = await streams_of(connection, parcel, selection)
        chosen = {row["case_id"] for row in streams}
        these: list[Any]
        if selection.everything:
            sqls, these = IN_RANGE, [parcel.after, parcel.upto]
        else:
            chosen |= selection.surely(parcel)
            sqls, these = NAMED, [list(chosen)]
        rows = {name: await connection.fetch(sql, *these) for name, sql in sqls.items() if name != "behind"}
        # Asked only where something has no position: it costs as much as reading all of it.
        behind = len(rows["events"]) != sum(len(row["positions"]) for row in rows["positions"])
        rows["behind"] = await connection.fetch(sqls["behind"], *these) if behind else []
        # Only a case under a test clock, or one that is not listed, can be hidden.
        hidden = len(rows["cases"]) < len(streams) or any(row["test_clock"] is not None for row in rows["cases"])
        clocks = await connection.fetch(DELETED_CLOCKS) if hidden else []
        policies = await connection.fetch(POLICIES)
    whole = _Whole(
        deleted_clocks=frozenset(row["id"] for row in clocks),
        policies=frozenset(PolicyRef(**row) for row in policies),
    )
    rows["streams"] = streams
    return _kept(chosen, {name: _grouped(found) for name, found in rows.items()}, whole)


class _Whole(NamedTuple):
    """What is kept of all cases."""

    deleted_clocks: frozenset[UUID]
    policies: frozenset[PolicyRef]


Rows = Mapping[CaseId, list[asyncpg.Record]]


def _grouped(rows: Iterable[asyncpg.Record]) -> Rows:
    groups: dict[CaseId, list[asyncpg.Record]] = {}
    for row in rows:
        groups.setdefault(row["case_id"], []).append(row)
    return groups


def _kept(chosen: set[CaseId], rows: Mapping[str, Rows], whole: _Whole) -> list[Kept]:
    found = chosen.union(*rows.values())

    def of(name: str, case_id: CaseId) -> Sequence[asyncpg.Record]:
        return rows[name].get(case_id, ())

    return [
        Kept(
            case_id=case_id,
            stream=next((tuple(row)[1:] for row in of("streams", case_id)), None),
            events=of("events", case_id),
            keys=tuple(_key(*row) for row in of("keys", case_id)),
            case=next((tuple(row) for row in of("cases", case_id)), None),
            deadlines=frozenset(tuple(row) for row in of("deadlines", case_id)),
            reservations=tuple(row["reservation"] for row in of("reservations", case_id)),
            marks=tuple(Mark(**row) for row in of("marks", case_id)),
            positions=tuple(
                pair for row in of("positions", case_id) for pair in zip(row["versions"], row["positions"], strict=True)
            ),
            behind=frozenset(row["version"] for row in of("behind", case_id)),
            deleted_clocks=whole.deleted_clocks,
            policies=whole.policies,
            twice=tuple([name for name in KEYS_HAVE if _is_twice(name, of(name, case_id))]),
        )
        for case_id in sorted(found)
    ]


def _is_twice(name: str, rows: Sequence[asyncpg.Record]) -> bool:
    return len(rows) > 1 and len({row[: KEYS_HAVE[name]] for row in rows}) < len(rows)


def _key(case_id: CaseId, key_id: UUID, side: Subject, wrapped: bytes | None) -> SubjectKey:
    return SubjectKey(case_id=case_id, key_id=key_id, side=side, wrapped=wrapped)
