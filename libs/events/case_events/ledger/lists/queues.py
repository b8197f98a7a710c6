"""The queue of a department or of somebody at the desk: open cases, the urgent first, then what is due next.

Within one priority what nobody waits for comes last; cases that tie stand in the order of their ids.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from case_events.core.values import Instant, Value
from case_events.core.viewer import EVERYTHING, Viewer
from case_events.ledger.database import Ledger
from case_events.ledger.lists.lists import COLUMNS, LOOKED_AT_MAX, Wanted, merchants_of, rows_of
from case_events.ledger.lists.lists import Question as Listed
from case_events.ledger.read_models import CaseRow

WHOSE = ("assignee", "department")
"""The filters of which a queue needs one; each has an index in the queue's order."""
DUE = "coalesce(next_due_at, 'infinity'::timestamptz)"
KEY = f"(-priority), {DUE}, case_id"
"""As the queue indexes say it, word for word."""
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
    """A page of the queue of ``wanted.assignee`` or else ``wanted.department`` (one of them is said).

    With more filters it looks at ``LOOKED_AT_MAX`` cases of the queue at most: its page may then hold fewer than
    asked for and still have a next one.
    """
    if merchants_of(wanted.merchant_id, viewer) == ():
        return Queue(rows=(), after=None)
    asked = question(wanted, viewer, limit, after)
    # One snapshot for the page and for where it stopped looking.
    async with ledger.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        found = await connection.fetch(asked.sql, *asked.arguments)
        rows = rows_of(found[:limit])
        if len(found) > limit:
            return Queue(rows=rows, after=(rows[-1].priority, rows[-1].next_due_at, rows[-1].case_id))
        stopped = await connection.fetchrow(asked.last, *asked.start) if asked.last else None
        return Queue(rows=rows, after=tuple(stopped) if stopped else None)


def question(wanted: Wanted, viewer: Viewer, limit: int, after: After | None) -> Question:
    """What the database is asked for a page; one row more than the page holds, to know whether it is the last."""
    whose = next(name for name in WHOSE if getattr(wanted, name) is not None)
    arguments: list[Any] = [getattr(wanted, whose)]
    start = ["stage <> 'closed'", f"{whose} = $1::text"]
    if after is not None:
        arguments += after
        start.append(f"({KEY}) > (-$2::integer, coalesce($3::timestamptz, 'infinity'::timestamptz), $4::uuid)")
    before = list(arguments)
    others = replace(wanted, **{whose: None})
    rest = Listed(others, viewer, merchants_of(wanted.merchant_id, viewer), arguments=arguments).conditions()
    looked = _looked(COLUMNS, start, LOOKED_AT_MAX if rest else limit + 1)
    where = " AND ".join(rest) or "true"
    sql = f"SELECT {COLUMNS} FROM ({looked}) AS looked WHERE {where} ORDER BY {KEY} LIMIT {limit + 1}"
    last = f"{_looked('priority, next_due_at, case_id', start, 1)} OFFSET {LOOKED_AT_MAX - 1}" if rest else None
    return Question(sql, arguments, last, before)


def _looked(columns: str, conditions: list[str], limit: int) -> str:
    return f"SELECT {columns} FROM cases WHERE {' AND '.join(conditions)} ORDER BY {KEY} LIMIT {limit}"
