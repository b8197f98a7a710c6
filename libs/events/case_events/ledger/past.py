"""What a line of the past is judged by: the policy in force then, and what was known of other cases by then."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from msgspec.structs import replace

from case_events.core.case import Case
from case_events.core.commands import File
from case_events.core.others import Facts, Previous, previous_of
from case_events.core.plan import Moment, Request, Step, World
from case_events.core.values import Fault, Instant, Problem
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.judging import MARKS_MAX, marks_within
from case_events.ledger.marks import complainant_digest
from case_events.ledger.opened import with_opened
from case_events.ledger.reserving import reservation
from case_events.ledger.taken_up import taken_up

FACTS = f"""
SELECT asked.case_id, nextval('complaint_number') AS number, (SELECT clock_timestamp()) AS now,
    f.name, f.version, o.case_id AS open_complaint,
    ARRAY (
        SELECT last.at FROM (
            SELECT DISTINCT ON (m.case_id) m.at, m.given FROM credit_marks m
            WHERE m.complainant = asked.complainant AND m.at <= asked.at
            ORDER BY m.case_id, m.version DESC LIMIT {MARKS_MAX}
        ) AS last WHERE last.given
    ) AS marks
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::bytea[], $5::bytea[])
    AS asked (case_id, at, marketplace, reservation, complainant)
LEFT JOIN LATERAL (
    SELECT name, version FROM policies
    WHERE marketplace = asked.marketplace AND effective_from <= asked.at
    ORDER BY effective_from DESC, loaded_at DESC LIMIT 1
) f ON true
LEFT JOIN open_complaints o ON o.reservation = asked.reservation
"""


async def filing_worlds(
    ledger: Ledger, connection: Connection, filings: Sequence[Request]
) -> dict[UUID, World | Problem]:
    """What each filing is judged by, as of its ``occurred_at``; the problem where there is nothing to judge it by."""
    asked = [(one, one.command) for one in filings if isinstance(one.command, File)]
    if not asked:
        return {}
    before = await taken_up(ledger, connection, [command for _, command in asked])
    rows = await connection.fetch(
        FACTS,
        [request.case_id for request, _ in asked],
        [request.occurred_at for request, _ in asked],
        [command.marketplace for _, command in asked],
        [reservation(command, ledger.vault) for _, command in asked],
        [complainant_digest(command, ledger.vault) for _, command in asked],
    )
    worlds = dict[UUID, World | Problem]()
    by_case = {request.case_id: (request, command) for request, command in asked}
    for row in rows:
        request, command = by_case[row["case_id"]]
        previous = before.get(command.previous) if command.previous else None
        worlds[row["case_id"]] = await _world(ledger, connection, request, row, previous)
    return worlds


async def _world(
    ledger: Ledger, connection: Connection, request: Request, row: asyncpg.Record, previous: Case | None
) -> World | Problem:
    at = request.occurred_at
    assert at is not None, "a line says when it happened"
    if isinstance(request.command, File) and request.command.test_clock is not None:
        return at_fault("/test_clock", "what happened goes by no test clock")
    in_force = await ledger.policies.find(connection, row["name"], row["version"]) if row["name"] else None
    if in_force is None:
        return at_fault("/marketplace", f"no policy was in force for it at {at.rfc3339()}")
    facts = Facts(
        number=str(row["number"]),
        open_complaint=row["open_complaint"],
        marks=marks_within(row["marks"], in_force.policy.credit, at, ledger.calendar),
        previous=_as_of(previous, at) if previous else None,
    )
    moment = Moment(recorded_at=row["now"], effective_at=at)
    return World(in_force=in_force, calendar=ledger.calendar, moment=moment, facts=facts)


def _as_of(case: Case, at: Instant) -> Previous:
    """The complaint a line takes up: closed by then, or not yet; what it came to does not change afterwards."""
    return previous_of(case, closed=case.closed_at is not None and case.closed_at <= at)


def at_fault(pointer: str, detail: str) -> Problem:
    """A line that says what cannot be."""
    return Problem(code="invalid", detail="1 fault in the line.", errors=(Fault(pointer=pointer, detail=detail),))


async def with_opened_then(
    ledger: Ledger, connection: Connection, request: Request, step: Step
) -> tuple[Step, tuple[Step, ...]]:
    """The step of ``request``, and the filings of what it opens, at its own instant."""

    async def judged_by(filing: Request) -> World | Problem:
        world = (await filing_worlds(ledger, connection, [filing]))[filing.case_id]
        return world if isinstance(world, Problem) else replace(world, imported_by=request.client)

    at = request.occurred_at
    return await with_opened(connection, ledger.vault, step, judged_by, client=request.client, occurred_at=at)
