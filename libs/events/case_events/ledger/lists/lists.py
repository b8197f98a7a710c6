"""Lists of cases: pages by keyset at any depth, each from the index that fits what was asked, none of unbounded work.

A question about an order, a number or a group reads only what is theirs, which is little. One about a party or an
assignee walks along theirs, a broad one along what its first filter leaves; with another filter it looks at
``LOOKED_AT_MAX`` rows at most (of several parties: of each): its page may then hold fewer cases than asked for, even
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
OWN = ("number", "order_id", "group_id")
"""Filters that leave few cases: everything else is then a condition on those."""
DUE_OWN = ("assignee",)
"""The same of what is listed by when it is due, which is what is open."""
INDEXED = ("assignee", "priority", "status", "department", "type", "stage")
"""Broad filters with an index by filing, the usually most selective first."""
IN_ORDER = "SET LOCAL enable_bitmapscan = off"
"""What is walked along is read by the index that has it in order, as far as anybody looks. The planner expects of a
party what the average one has: all that a large one ever had it would gather in a bitmap and sort, for each page."""


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
        if not bounded and not question.walks_parties:
            return _page(await connection.fetch(sql, *question.arguments), limit, question.due)
        # One snapshot for the page and for where it stopped looking.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(IN_ORDER)
            found = await connection.fetch(sql, *question.arguments)
            if len(found) > limit or not bounded:
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
        # Theirs come before those of the filters: what is walked along is asked for without the rest.
        self.buyers = None if wanted.buyer_id is None else self._given([wanted.buyer_id], "text[]")
        self.merchants = None if merchants is None else self._given(list(merchants), "text[]")
        said = {name: value for name in EQUAL if (value := getattr(wanted, name)) is not None}
        self.own = any(name in said for name in (*OWN, *(DUE_OWN if self.due else ())))
        self.one = self.buyers is not None or len(merchants or ()) == 1
        self.party = (BUYER, self.buyers) if self.buyers else (MERCHANT, self.merchants) if self.merchants else None
        self.walks_parties = self.party is not None and not self.own and not self.due  # no index has theirs by due time
        drivers = OWN if self.party else (*OWN, *INDEXED)
        self.driver = None if self.due else next((name for name in drivers if name in said), None)
        # Only the driver's own index has this order: the planner would rather walk all filings, which lie in order
        # on disk, and for a rare value find nothing in them.
        self.walk = f"{self.driver}, {self.order}" if self.driver else self.order
        names = sorted(said, key=lambda name: name != self.driver)  # its argument comes before those of the rest
        self.filters = {name: self._equal(name, said[name]) for name in names}
        self.looked_with = len(self.arguments) - len(names) + (self.driver is not None)
        self.filters |= self._others(wanted, viewer)

    def conditions(self) -> list[str]:
        """Everything that is asked, without where a page starts."""
        return [*self._parties(), *self.filters.values()]

    def sql(self, limit: int) -> tuple[str, bool]:
        """The statement, and whether it may stop looking before it has found ``limit``."""
        rest = self._rest()
        where = " AND ".join(rest) or "true"
        if self.own:
            every = " AND ".join([*self.start, *self.conditions()])
            return f"SELECT {COLUMNS} FROM cases WHERE {every} ORDER BY {self.walk} LIMIT {limit}", False
        # Whoever may not see all of what is walked along is told of no place in it.
        partly = (self.merchants and self.buyers) or "marketplaces" in self.filters
        if self.party and (self.due or partly):
            return self._of_parties(COLUMNS, *self.party, rest, limit), False
        looked = self._looked(COLUMNS, LOOKED_AT_MAX if rest else limit)
        return (
            f"SELECT {COLUMNS} FROM ({looked}) AS looked WHERE {where} ORDER BY {self.walk} LIMIT {limit}",
            rest != [],
        )

    def last_looked_at(self) -> tuple[str, list[Any]]:
        """The statement, with its arguments, for the row at which a bounded one stopped looking, if it did."""
        at = "next_due_at" if self.due else "filed_at"
        looked = self._looked(f"{at}, case_id", LOOKED_AT_MAX)
        last = f"SELECT {at} AS at, case_id FROM ({looked}) AS looked ORDER BY {self.order} LIMIT 1"
        return f"{last} OFFSET {LOOKED_AT_MAX - 1}", self.arguments[: self.looked_with]

    def _rest(self) -> list[str]:
        """What of it is no part of the walk."""
        conditions = [condition for name, condition in self.filters.items() if name != self.driver]
        return [*self._merchants(), *conditions] if self.buyers else conditions

    def _looked(self, columns: str, limit: int) -> str:
        if self.party:
            return self._of_parties(columns, *self.party, [], limit)
        where = " AND ".join([*self.start, *([self.filters[self.driver]] if self.driver else [])]) or "true"
        return f"SELECT {columns} FROM cases WHERE {where} ORDER BY {self.walk} LIMIT {limit}"

    def _of_parties(self, columns: str, role: str, ids: str, conditions: list[str], limit: int) -> str:
        """The newest of each party's cases, on either side, each side from its own index, then the newest of all."""
        on_both = f"NOT (respondent_role = '{role}' AND respondent_id = ANY ({ids}))"
        whose, found = f"({ids})[1]" if self.one else "party.id", []
        for side, more in (("respondent", []), ("complainant", [on_both])):
            where = " AND ".join([f"{side}_id = {whose}", f"{side}_role = '{role}'", *more, *self.start, *conditions])
            theirs = f"(SELECT {columns} FROM cases WHERE {where} ORDER BY {self.order} LIMIT {limit})"
            # Of one party both sides come in order, and are merged as far as anybody looks.
            each = f"SELECT theirs.* FROM unnest({ids}) AS party (id) CROSS JOIN LATERAL {theirs} AS theirs"
            found.append(theirs if self.one else each)
        return f"SELECT {columns} FROM ({' UNION ALL '.join(found)}) AS own ORDER BY {self.order} LIMIT {limit}"

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
        return [*self._merchants(), *([party_is(BUYER, self.buyers)] if self.buyers else [])]

    def _merchants(self) -> list[str]:
        return [party_is(MERCHANT, self.merchants)] if self.merchants else []

    def _equal(self, name: str, value: object) -> str:
        given = self._given(value, KINDS.get(name, "text"))
        # Said as a span of one value, so that the planner does not drop the driver from the order as a constant.
        return f"({name} >= {given} AND {name} <= {given})" if name == self.driver else f"{name} = {given}"

    def _given(self, value: object, kind: str) -> str:
        self.arguments.append(value)
        return f"${len(self.arguments)}::{kind}"


def party_is(role: str, ids: str, table: str = "") -> str:
    """One of these is a party of the case, on either side; ``table``: the name before its columns, with a dot."""
    sides = (f"{table}{side}" for side in ("respondent", "complainant"))
    either = (f"({side}_role = '{role}' AND {side}_id = ANY ({ids}))" for side in sides)
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
