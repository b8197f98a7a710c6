"""The running deadlines as a list, by when they are due: live ones and those of test clocks, each with its case."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from case_events.core.changes import REMINDER
from case_events.core.values import CaseId, Instant, Value
from case_events.core.viewer import EVERYTHING, MERCHANT, Viewer
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.lists.lists import party_is

LOOKED_AT_MAX = 10_000
"""Deadlines a page looks at; one that asks for a rare kind may hold fewer than its limit and go on all the same."""
FEW = 10
"""Merchants up to whom their cases are looked up; of more, the deadlines are walked as for everybody."""
KEY = "due_at, case_id, kind, party, set_by"
CLOCK = f"{KEY}, provisional, minimum_notice, test_clock"
OF_CASE = "number, type, marketplace, status, department, assignee, priority"
SHOWN = ", ".join([*(f"d.{name}" for name in CLOCK.split(", ")), *(f"c.{name}" for name in OF_CASE.split(", "))])
BY_DUE = ", ".join(f"d.{name}" for name in KEY.split(", "))

After = tuple[Instant, UUID, str, str, int]
"""Where a page ends: due at, case, kind, party, set by."""


class DueRow(Value, frozen=True, kw_only=True):
    """A running clock and the case it runs for. ``test_clock``: the clock it goes by; None is real time."""

    due_at: Instant
    case_id: CaseId
    kind: str
    party: str
    set_by: int
    provisional: bool
    minimum_notice: bool
    test_clock: UUID | None
    number: str
    type: str
    marketplace: str
    status: str
    department: str
    assignee: str | None
    priority: int


class DueRows(Value, frozen=True, kw_only=True):
    """A page, and where the next one starts; None after the last."""

    rows: tuple[DueRow, ...]
    after: After | None


async def list_deadlines(
    ledger: Ledger,
    *,
    due_before: Instant | None = None,
    kind: str | None = None,
    viewer: Viewer = EVERYTHING,
    limit: int,
    after: After | None = None,
) -> DueRows:
    """A page of the deadlines of the viewer's cases, what is due first coming first."""
    arguments: list[Any] = []

    def given(value: object, type_: str) -> str:
        arguments.append(value)
        return f"${len(arguments)}::{type_}"

    start = [f"right(d.kind, {len(REMINDER)}) <> '{REMINDER}'"]  # a reminder is no deadline (domain Q2)
    if due_before is not None:
        start.append(f"d.due_at < {given(due_before, 'timestamptz')}")
    if after is not None:
        types = ("timestamptz", "uuid", "text", "text", "integer")
        ends = ", ".join(given(value, type_) for value, type_ in zip(after, types, strict=True))
        start.append(f"({BY_DUE}) > ({ends})")
    looked_with = len(arguments)
    rest = []
    if kind is not None:
        rest.append(f"d.kind = {given(kind, 'text')}")
    if viewer.marketplaces is not None:
        rest.append(f"c.marketplace = ANY ({given(list(viewer.marketplaces), 'text[]')})")
    few = viewer.merchants is not None and len(viewer.merchants) <= FEW
    if viewer.merchants is not None and few:
        sql = _of_merchants(given(list(viewer.merchants), "text[]"), [*start, *rest], limit + 1)
        async with ledger.connection() as connection:
            return _page(await connection.fetch(sql, *arguments), limit)
    if viewer.merchants is not None:
        ids = given(list(viewer.merchants), "text[]")
        rest.append(party_is(MERCHANT, ids, "c."))
    looked = _looked(CLOCK, start, LOOKED_AT_MAX if rest else limit + 1)
    sql = f"SELECT {SHOWN} FROM ({looked}) AS d JOIN cases c USING (case_id)"
    sql += f" WHERE {' AND '.join(rest) or 'true'} ORDER BY {BY_DUE} LIMIT {limit + 1}"
    # One snapshot for the page and for where it stopped looking.
    async with ledger.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        page = _page(await connection.fetch(sql, *arguments), limit)
        if page.after is not None or not rest:
            return page
        return await _stopped(connection, page, start, arguments[:looked_with])


async def _stopped(connection: Connection, page: DueRows, start: list[str], arguments: list[Any]) -> DueRows:
    """A page that is not full goes on after the last deadline it looked at."""
    last = f"{_looked(KEY, start, 1)} OFFSET {LOOKED_AT_MAX - 1}"
    stopped = await connection.fetchrow(last, *arguments)
    return DueRows(rows=page.rows, after=tuple(stopped) if stopped else None)


def _looked(columns: str, conditions: list[str], limit: int) -> str:
    where = " AND ".join(conditions) or "true"
    return f"SELECT {columns} FROM deadlines d WHERE {where} ORDER BY {BY_DUE} LIMIT {limit}"


def _of_merchants(merchants: str, conditions: list[str], limit: int) -> str:
    """Theirs are few: all the clocks of their cases that have one, looked up case by case (OFFSET 0 keeps it so)."""
    own = " UNION ".join(
        f"SELECT case_id, {OF_CASE} FROM cases WHERE {side}_id = ANY ({merchants}) AND {side}_role = '{MERCHANT}'"
        " AND next_due_at IS NOT NULL"
        for side in ("respondent", "complainant")
    )
    where = " AND ".join(conditions) or "true"
    return (
        f"WITH c AS MATERIALIZED ({own}) SELECT {SHOWN} FROM c CROSS JOIN LATERAL ("
        f"SELECT {CLOCK} FROM deadlines x WHERE x.case_id = c.case_id OFFSET 0) AS d"
        f" WHERE {where} ORDER BY {BY_DUE} LIMIT {limit}"
    )


def _page(found: list[Any], limit: int) -> DueRows:
    rows = tuple(DueRow(**dict(row)) for row in found[:limit])
    if len(found) <= limit:
        return DueRows(rows=rows, after=None)
    last = rows[-1]
    return DueRows(rows=rows, after=(last.due_at, last.case_id, last.kind, last.party, last.set_by))
