"""Lists of cases: pages by keyset at any depth, each from the index that fits what was asked, none of unbounded work.

A question about somebody's own (a party, an order, a number, an assignee) reads only theirs. A broad one with more
than one filter looks at ``LOOKED_AT_MAX`` rows at most: its page may then hold fewer cases than asked for, even
none, and still say where to go on.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from case_events.core.values import Instant, Value
from case_events.core.viewer import EVERYTHING, MERCHANT, Viewer
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.read_models import CASE_COLUMNS, CaseRow

LOOKED_AT_MAX = 10_000
BUYER = "buyer"
COLUMNS = ", ".join(CASE_COLUMNS)
After = tuple[Instant, UUID]
"""Where a page ends: the next one starts after it."""

EQUAL = (
    "number",
    "order_id",
    "group_id",
    "assignee",
    "priority",
    "status",
    "department",
    "type",
    "stage",
    "marketplace",
    "kind",
    "subtype",
)
KINDS = {"priority": "integer", "group_id": "uuid"}
"""The types of those that are no text."""
OWN = ("number", "order_id", "group_id", "assignee")
"""Filters that leave few cases: everything else is then a condition on those."""
INDEXED = ("priority", "status", "department", "type", "stage")
"""Broad filters with an index by filing, the usually most selective first."""


class Wanted(Value, frozen=True, kw_only=True):
    """Which cases are asked for: those that are all of what is said."""

    status: str | None = None
    stage: str | None = None
    type: str | None = None
    marketplace: str | None = None
    merchant_id: str | None = None
    buyer_id: str | None = None
    order_id: str | None = None
    department: str | None = None
    assignee: str | None = None
    priority: int | None = None
    due_before: Instant | None = None
    updated_after: Instant | None = None
    number: str | None = None
    kind: str | None = None
    subtype: str | None = None
    group_id: UUID | None = None


class CaseRows(Value, frozen=True, kw_only=True):
    """A page, and where the next one starts; None after the last."""

    rows: tuple[CaseRow, ...]
    after: After | None


async def list_cases(
    ledger: Ledger, wanted: Wanted, *, viewer: Viewer = EVERYTHING, limit: int, after: After | None = None
) -> CaseRows:
    """A page of the viewer's cases, the newest filed first; with ``due_before`` what is due next comes first."""
    merchants = merchants_of(wanted.merchant_id, viewer)
    if merchants == ():
        return CaseRows(rows=(), after=None)
    question = Question(wanted, viewer, merchants, after)
    sql, bounded = question.sql(limit + 1)
    async with ledger.connection() as connection:
        if not bounded:
            return _page(await connection.fetch(sql, *question.arguments), limit, question.due)
        # One snapshot for the page and for where it stopped looking.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = await connection.fetch(sql, *question.arguments)
            if len(found) > limit:
                return _page(found, limit, question.due)
            return CaseRows(rows=rows_of(found), after=await _stopped(connection, question))


def merchants_of(merchant_id: str | None, viewer: Viewer) -> tuple[str, ...] | None:
    """The merchants whose cases are asked for, None for everybody's: nobody filters their way around their limit."""
    if merchant_id is None:
        return viewer.merchants
    return (merchant_id,) if viewer.merchants is None or merchant_id in viewer.merchants else ()


class Question:
    """One statement in the making: its conditions with their arguments, and the order of the list."""

    def __init__(
        self,
        wanted: Wanted,
        viewer: Viewer,
        merchants: tuple[str, ...] | None,
        after: After | None = None,
        arguments: list[Any] | None = None,
    ) -> None:
        """``arguments``: those the statement has already, where only the conditions are wanted."""
        self.arguments: list[Any] = [] if arguments is None else arguments
        self.due = wanted.due_before is not None
        self.order = "next_due_at, case_id" if self.due else "filed_at DESC, case_id DESC"
        self.start = self._start(wanted, after)
        said = {name: value for name in EQUAL if (value := getattr(wanted, name)) is not None}
        self.driver = None if self.due else next((name for name in (*OWN, *INDEXED) if name in said), None)
        # Only the driver's own index has this order: the planner would rather walk all filings, which lie in order
        # on disk, and for a rare value find nothing in them.
        self.walk = f"{self.driver}, {self.order}" if self.driver else self.order
        names = sorted(said, key=lambda name: name != self.driver)  # its argument comes before those of the rest
        self.filters = {name: self._equal(name, said[name]) for name in names}
        self.looked_with = len(self.arguments) - len(names) + (self.driver is not None)
        self.merchants = None if merchants is None else self._given(list(merchants), "text[]")
        self.buyers = None if wanted.buyer_id is None else self._given([wanted.buyer_id], "text[]")
        self.filters |= self._others(wanted, viewer)

    def conditions(self) -> list[str]:
        """Everything that is asked, without where a page starts."""
        return [*self._parties(), *self.filters.values()]

    def sql(self, limit: int) -> tuple[str, bool]:
        """The statement, and whether it may stop looking before it has found ``limit``."""
        if any(name in self.filters for name in OWN):
            return self._all_of(self.conditions(), self.walk, limit), False
        if self.buyers is not None:
            return self._of_parties(BUYER, self.buyers, [*self._merchants(), *self.filters.values()], limit), False
        if self.merchants is not None:
            return self._of_parties(MERCHANT, self.merchants, list(self.filters.values()), limit), False
        looked = self._looked(limit if self._rest() == [] else LOOKED_AT_MAX, COLUMNS)
        rest = " AND ".join(self._rest()) or "true"
        sql = f"SELECT {COLUMNS} FROM ({looked}) AS looked WHERE {rest} ORDER BY {self.walk} LIMIT {limit}"
        return sql, self._rest() != []

    def last_looked_at(self) -> tuple[str, list[Any]]:
        """The statement, with its arguments, for the row at which a bounded one stopped looking, if it did."""
        key = "next_due_at AS at" if self.due else "filed_at AS at"
        return f"{self._looked(1, f'{key}, case_id')} OFFSET {LOOKED_AT_MAX - 1}", self.arguments[: self.looked_with]

    def _rest(self) -> list[str]:
        return [condition for name, condition in self.filters.items() if name != self.driver]

    def _looked(self, limit: int, columns: str) -> str:
        where = " AND ".join([*self.start, *([self.filters[self.driver]] if self.driver else [])]) or "true"
        return f"SELECT {columns} FROM cases WHERE {where} ORDER BY {self.walk} LIMIT {limit}"

    def _all_of(self, conditions: list[str], order: str, limit: int) -> str:
        where = " AND ".join([*self.start, *conditions]) or "true"
        return f"SELECT {COLUMNS} FROM cases WHERE {where} ORDER BY {order} LIMIT {limit}"

    def _of_parties(self, role: str, ids: str, conditions: list[str], limit: int) -> str:
        """The newest of each party's cases, on either side, each side from its own index, then the newest of all."""
        on_both = f"NOT (respondent_role = '{role}' AND respondent_id = ANY ({ids}))"
        sides: tuple[tuple[str, list[str]], ...] = (("respondent", []), ("complainant", [on_both]))
        found = [
            f"SELECT found.* FROM unnest({ids}) AS party (id) CROSS JOIN LATERAL ("
            + self._all_of([f"{side}_id = party.id", f"{side}_role = '{role}'", *more, *conditions], self.order, limit)
            + ") AS found"
            for side, more in sides
        ]
        return f"SELECT {COLUMNS} FROM ({' UNION ALL '.join(found)}) AS own ORDER BY {self.order} LIMIT {limit}"

    def _start(self, wanted: Wanted, after: After | None) -> list[str]:
        found = []
        if wanted.due_before is not None:
            found.append(f"next_due_at < {self._given(wanted.due_before, 'timestamptz')}")
        if after is not None:
            at, case_id = self._given(after[0], "timestamptz"), self._given(after[1], "uuid")
            ends = "(next_due_at, case_id) >" if self.due else "(filed_at, case_id) <"
            found.append(f"{ends} ({at}, {case_id})")
        return found

    def _others(self, wanted: Wanted, viewer: Viewer) -> dict[str, str]:
        found = {}
        if wanted.updated_after is not None:
            found["updated_after"] = f"updated_at > {self._given(wanted.updated_after, 'timestamptz')}"
        if viewer.marketplaces is not None:
            found["marketplaces"] = f"marketplace = ANY ({self._given(list(viewer.marketplaces), 'text[]')})"
        if viewer.merchants is not None and wanted.buyer_id is not None:
            # Who complained anonymously cannot be found by asking for them.
            limit = self._given(list(viewer.merchants), "text[]")
            found["nameless"] = f"NOT (anonymous AND respondent_role = '{MERCHANT}' AND respondent_id = ANY ({limit}))"
        return found

    def _parties(self) -> list[str]:
        return [*self._merchants(), *([_of(BUYER, self.buyers)] if self.buyers else [])]

    def _merchants(self) -> list[str]:
        return [_of(MERCHANT, self.merchants)] if self.merchants else []

    def _equal(self, name: str, value: object) -> str:
        given = self._given(value, KINDS.get(name, "text"))
        # Said as a span of one value, so that the planner does not drop the driver from the order as a constant.
        return f"({name} >= {given} AND {name} <= {given})" if name == self.driver else f"{name} = {given}"

    def _given(self, value: object, kind: str) -> str:
        self.arguments.append(value)
        return f"${len(self.arguments)}::{kind}"


def _of(role: str, ids: str) -> str:
    either = (f"({side}_role = '{role}' AND {side}_id = ANY ({ids}))" for side in ("respondent", "complainant"))
    return f"({' OR '.join(either)})"


async def _stopped(connection: Connection, question: Question) -> After | None:
    sql, arguments = question.last_looked_at()
    row = await connection.fetchrow(sql, *arguments)
    return (row["at"], row["case_id"]) if row else None


def _page(found: list[Any], limit: int, due: bool) -> CaseRows:
    rows = rows_of(found[:limit])
    if len(found) <= limit:
        return CaseRows(rows=rows, after=None)
    at = rows[-1].next_due_at if due else rows[-1].filed_at
    assert at is not None, "what is listed by when it is due is due"
    return CaseRows(rows=rows, after=(at, rows[-1].case_id))


def rows_of(found: list[Any]) -> tuple[CaseRow, ...]:
    """Rows of ``cases`` as they came."""
    return tuple(CaseRow(**dict(row)) for row in found)
