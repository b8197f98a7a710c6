"""The queue of a department, of somebody at the desk, or of all of it: open cases, the urgent first, then what is due.

Within one priority what nobody waits for comes last; cases that tie stand in the order of their ids.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from case_events.core.values import Instant, Value
from case_events.core.viewer import EVERYTHING, Viewer
from case_events.ledger.database import Ledger
from case_events.ledger.lists.lists import COLUMNS, IN_ORDER, LOOKED_AT_MAX, Wanted, merchants_of, rows_of
from case_events.ledger.lists.lists import Question as Listed
from case_events.ledger.read_models import CaseRow

WHOSE = ("assignee", "department")
"""The filters that have an index in the queue's order; without either of them each department's queue is read."""
DUE = "coalesce(next_due_at, 'infinity'::timestamptz)"
KEY = f"(-priority), {DUE}, case_id"
"""As the queue indexes say it, word for word."""
DEPARTMENTS = """WITH RECURSIVE departments AS (
    (SELECT department AS name FROM cases WHERE stage <> 'closed' ORDER BY department LIMIT 1)
    UNION ALL
    SELECT (
        SELECT department FROM cases WHERE stage <> 'closed' AND department > departments.name
        ORDER BY department LIMIT 1
    ) FROM departments WHERE name IS NOT NULL
)"""
"""Those that have an open case, each found by one look into the index: there are few of them."""
After = tuple[int, Instant | None, UUID]
"""Where a page ends: priority, next due at, case."""


class Queue(Value, frozen=True, kw_only=True):
    """A page of a queue, and where the next one starts; None after the last."""

    rows: tuple[CaseRow, ...]
    after: After | None


class Question(NamedTuple):
    """The statement for a page; where it may stop looking early (``last``), the one for the row at which it stopped."""

    sql: str
    arguments: list[Any]
    last: str | None
    start: list[Any]


async def list_queue(
    ledger: Ledger, wanted: Wanted, *, viewer: Viewer = EVERYTHING, limit: int, after: After | None = None
) -> Queue:
    """A page of the queue of ``wanted.assignee``, or else of ``wanted.department``, or of every department.

    With more filters it looks at ``LOOKED_AT_MAX`` cases of the queue at most: its page may then hold fewer than
    asked for and still have a next one.
    """
    if merchants_of(wanted.merchant_id, viewer) == ():
        return Queue(rows=(), after=None)
    asked = question(wanted, viewer, limit, after)
    # One snapshot for the page and for where it stopped looking.
    async with ledger.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(IN_ORDER)
        found = await connection.fetch(asked.sql, *asked.arguments)
        rows = rows_of(found[:limit])
        if len(found) > limit:
            return Queue(rows=rows, after=(rows[-1].priority, rows[-1].next_due_at, rows[-1].case_id))
        stopped = await connection.fetchrow(asked.last, *asked.start) if asked.last else None
        return Queue(rows=rows, after=tuple(stopped) if stopped else None)


def question(wanted: Wanted, viewer: Viewer, limit: int, after: After | None) -> Question:
    """What the database is asked for a page; one row more than the page holds, to know whether it is the last."""
    whose = next((name for name in WHOSE if getattr(wanted, name) is not None), None)
    arguments: list[Any] = [getattr(wanted, whose)] if whose else []
    start = ["stage <> 'closed'", f"{whose} = $1::text" if whose else "department = departments.name"]
    if after is not None:
        priority, due_at, case_id = (f"${len(arguments) + number}" for number in (1, 2, 3))
        arguments += after
        ends = f"(-{priority}::integer, coalesce({due_at}::timestamptz, 'infinity'::timestamptz), {case_id}::uuid)"
        start.append(f"({KEY}) > {ends}")
    before = list(arguments)
    others = replace(wanted, **{whose: None}) if whose else wanted
    rest = Listed(others, viewer, merchants_of(wanted.merchant_id, viewer), arguments=arguments).conditions()
    looking = _looked if whose else _looked_everywhere
    looked = looking(COLUMNS, start, LOOKED_AT_MAX if rest else limit + 1)
    where = " AND ".join(rest) or "true"
    sql = f"SELECT {COLUMNS} FROM ({looked}) AS looked WHERE {where} ORDER BY {KEY} LIMIT {limit + 1}"
    last = looking("priority, next_due_at, case_id", start, LOOKED_AT_MAX)
    last = f"SELECT * FROM ({last}) AS looked ORDER BY {KEY} LIMIT 1 OFFSET {LOOKED_AT_MAX - 1}"
    return Question(sql, arguments, last if rest else None, before)


def _looked(columns: str, conditions: list[str], limit: int) -> str:
    return f"SELECT {columns} FROM cases WHERE {' AND '.join(conditions)} ORDER BY {KEY} LIMIT {limit}"


def _looked_everywhere(columns: str, conditions: list[str], limit: int) -> str:
    """The first of each department's queue, then the first of all."""
    theirs = f"CROSS JOIN LATERAL ({_looked(columns, conditions, limit)}) AS theirs"
    return f"{DEPARTMENTS} SELECT theirs.* FROM departments {theirs} ORDER BY {KEY} LIMIT {limit}"
