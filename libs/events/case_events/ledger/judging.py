"""What is asked of many cases, judged together: the facts, the histories and the one instant, then the plan of each."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from msgspec.structs import replace

from case_events.core.calendar import Calendar, after
from case_events.core.case import Case
from case_events.core.commands import Correct, File, Return
from case_events.core.events import Filed, Outage
from case_events.core.others import Facts, previous_of
from case_events.core.plan import Moment, Request, Step, World, claimed_ahead, plan
from case_events.core.policy import InForce
from case_events.core.terms import Credit
from case_events.core.values import CaseId, Fault, Instant, Problem, Value
from case_events.ledger.codec import WHO
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.marks import complainant_digest
from case_events.ledger.opened import with_opened
from case_events.ledger.reserving import reservation
from case_events.ledger.store import Loaded, load
from case_events.ledger.taken_up import taken_up

MARKS_MAX = 1_000
"""Marks of one complainant that are counted; long before so many nothing more is taken from it."""
FACTS = f"""
SELECT asked.case_id, nextval('complaint_number') AS number, (SELECT clock_timestamp()) AS now,
    t.at AS clock_at, o.case_id AS open_complaint,
    f.name, f.version,
    ARRAY (
        SELECT last.at FROM (
            SELECT DISTINCT ON (m.case_id) m.at, m.given FROM credit_marks m
            WHERE m.complainant = asked.complainant ORDER BY m.case_id, m.version DESC LIMIT {MARKS_MAX}
        ) AS last WHERE last.given
    ) AS marks
FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[], $5::text[])
    AS asked (case_id, test_clock, reservation, complainant, marketplace)
LEFT JOIN test_clocks t ON t.id = asked.test_clock AND t.deleted_at IS NULL
LEFT JOIN LATERAL (
    SELECT name, version FROM policies
    WHERE marketplace = asked.marketplace AND effective_from <= coalesce(t.at, now())
    ORDER BY effective_from DESC, loaded_at DESC LIMIT 1
) f ON true
LEFT JOIN open_complaints o ON o.reservation = asked.reservation
"""

NO_SUCH_CASE = Problem(code="not_found", detail="There is no such case.")
CLOCK_DISAGREES = Problem(
    code="clock_disagrees",
    detail="The database's clock is ahead of this server's: nothing is judged by it. Send it again, with the same key.",
)
REPEATING = (Correct, Return)
"""What may write again what was written before: a ruling put right, and what the insurer is asked for a return."""


class Judged(Value, frozen=True, kw_only=True):
    """A request, the history it was judged on (None: the case does not exist yet), and what it came to.

    ``opened``: the filings of the complaints that the step opens; written with it or not at all.
    """

    request: Request
    loaded: Loaded | None
    step: Step
    opened: tuple[Step, ...] = ()


async def judge(ledger: Ledger, connection: Connection, requests: Sequence[Request]) -> list[Judged]:
    """Judge requests of different cases, in order. Raises what ``load`` raises for a case that cannot be read."""
    # The facts before the histories: a case opened between the two by this very key is found and replayed. The
    # other way round its own reservation would look like somebody else's.
    worlds = await _filing_worlds(ledger, connection, requests)
    wanted = None if any(map(reads_texts, requests)) else WHO
    cases = [request.case_id for request in requests]
    loaded = await load(connection, cases, ledger.vault, wanted, ledger.recent)
    # Asked of the host after the database said what time it is: being slow in between makes nobody doubt.
    until = ledger.believed_until()
    judged = [
        await _judged(ledger, connection, request, loaded.get(request.case_id), worlds.get(request.case_id), until)
        for request in requests
    ]
    return [await _with_opened(ledger, connection, one) if one.step.opens else one for one in judged]


def reads_texts(request: Request) -> bool:
    """Must the texts of the case be opened for it: does its asker look at them, or may they be written once more?"""
    return not request.brief or isinstance(request.command, REPEATING)


async def _with_opened(ledger: Ledger, connection: Connection, judged: Judged) -> Judged:
    """What the step opens beside it."""

    async def judged_by(request: Request) -> World | Problem:
        return (await _filing_worlds(ledger, connection, [request]))[request.case_id]

    step, opened = await with_opened(connection, ledger.vault, judged.step, judged_by)
    return replace(judged, step=step, opened=opened)


async def _judged(
    ledger: Ledger,
    connection: Connection,
    request: Request,
    loaded: Loaded | None,
    filing: World | Problem | None,
    believed_until: Instant,
) -> Judged:
    world = filing or NO_SUCH_CASE
    if loaded is not None:
        world = NO_SUCH_CASE if loaded.hidden else await world_of(ledger, connection, loaded)
    if isinstance(world, Problem):
        step = refused(request.case_id, world)
    elif world.moment.recorded_at > believed_until:
        step = refused(request.case_id, CLOCK_DISAGREES)
    elif claimed_ahead(request.occurred_at, world.moment.effective_at):
        ahead = f"more than five minutes ahead of {world.moment.effective_at.rfc3339()}"
        step = refused(request.case_id, _invalid("/occurred_at", ahead))
    else:
        step = plan(loaded.history if loaded else (), request, world, loaded.case if loaded else None)
    return Judged(request=request, loaded=loaded, step=step)


def refused(case_id: CaseId, problem: Problem) -> Step:
    """A step that writes nothing and shows nothing of the case, because of ``problem``."""
    return Step(case_id=case_id, before=None, case=None, problem=problem)


async def world_of(ledger: Ledger, connection: Connection, loaded: Loaded) -> World:
    """What a case that is there is judged by: the policy it pinned, now. Raises PolicyChanged."""
    filed = loaded.history[0].event
    assert isinstance(filed, Filed), "a history starts with its filing"
    in_force = await ledger.policies.pinned(connection, filed.policy)
    outages = await outages_on_record(ledger, connection, in_force, loaded.moment.recorded_at)
    return World(in_force=in_force, calendar=ledger.calendar, moment=loaded.moment, outages=outages)


async def outages_on_record(
    ledger: Ledger, connection: Connection, in_force: InForce, at: Instant
) -> tuple[Outage, ...]:
    """The outages on record at ``at``; asked for only where the policy gives anything back for them."""
    return await ledger.outages.known(connection, at) if in_force.policy.relief is not None else ()


async def _filing_worlds(
    ledger: Ledger, connection: Connection, requests: Sequence[Request]
) -> dict[UUID, World | Problem]:
    commands = {one.case_id: one.command for one in requests if isinstance(one.command, File)}
    if not commands:
        return {}
    clocks = [command.test_clock for command in commands.values()]
    reservations = [reservation(command, ledger.vault) for command in commands.values()]
    complainants = [complainant_digest(command, ledger.vault) for command in commands.values()]
    marketplaces = [command.marketplace for command in commands.values()]
    before = await taken_up(ledger, connection, commands.values())
    rows = await connection.fetch(FACTS, list(commands), clocks, reservations, complainants, marketplaces)
    worlds = dict[UUID, World | Problem]()
    for row in rows:
        command = commands[row["case_id"]]
        previous = before.get(command.previous) if command.previous else None
        worlds[row["case_id"]] = await _filing_world(ledger, connection, command, row, previous)
    return worlds


async def _filing_world(
    ledger: Ledger, connection: Connection, command: File, row: asyncpg.Record, previous: Case | None
) -> World | Problem:
    if command.test_clock is not None and row["clock_at"] is None:
        return _invalid("/test_clock", "no such test clock")
    moment = Moment(recorded_at=row["now"], effective_at=row["clock_at"] or row["now"])
    in_force = await ledger.policies.find(connection, row["name"], row["version"]) if row["name"] else None
    if in_force is None:
        return _invalid("/marketplace", "no policy is in force for it")
    facts = Facts(
        number=str(row["number"]),
        open_complaint=row["open_complaint"],
        marks=marks_within(row["marks"], in_force.policy.credit, moment.effective_at, ledger.calendar),
        previous=previous_of(previous, closed=previous.stage == "closed") if previous else None,
    )
    return World(in_force=in_force, calendar=ledger.calendar, moment=moment, facts=facts)


def marks_within(given: list[Instant], credit: Credit | None, now: Instant, calendar: Calendar) -> int:
    """How many of the marks are still in the policy's window: one ends when the window from it ends."""
    if credit is None:
        return 0
    return sum(1 for at in given if now <= after(at, credit.window, calendar)[0])


def _invalid(pointer: str, detail: str) -> Problem:
    return Problem(code="invalid", detail="1 fault in what was asked.", errors=(Fault(pointer=pointer, detail=detail),))
