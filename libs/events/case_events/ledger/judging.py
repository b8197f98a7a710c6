"""What is asked of many cases, judged together: the facts, the histories and the one instant, then the plan of each."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from case_events.core.commands import File
from case_events.core.decide import Facts
from case_events.core.events import Filed
from case_events.core.plan import Moment, Request, Step, World, claimed_ahead, plan
from case_events.core.values import Fault, Problem, Value
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.sealing import Vault
from case_events.ledger.store import Loaded, load

FACTS = """
SELECT asked.case_id, nextval('complaint_number') AS number, (SELECT clock_timestamp()) AS now,
    t.at AS clock_at, o.case_id AS open_complaint
FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS asked (case_id, test_clock, reservation)
LEFT JOIN test_clocks t ON t.id = asked.test_clock
LEFT JOIN open_complaints o ON o.reservation = asked.reservation
"""


class Judged(Value, frozen=True, kw_only=True):
    """A request, the history it was judged on (None: the case does not exist yet), and what it came to."""

    request: Request
    loaded: Loaded | None
    step: Step


async def judge(ledger: Ledger, connection: Connection, requests: Sequence[Request]) -> list[Judged]:
    """Judge requests of different cases, in order. Raises what ``load`` raises for a case that cannot be read."""
    # The facts before the histories: a case opened between the two by this very key is found and replayed. The
    # other way round its own reservation would look like somebody else's.
    worlds = await _filing_worlds(ledger, connection, requests)
    loaded = await load(connection, [request.case_id for request in requests], ledger.vault)
    return [
        await _judged(ledger, connection, request, loaded.get(request.case_id), worlds.get(request.case_id))
        for request in requests
    ]


def reservation(complaint: File | Filed, vault: Vault) -> bytes:
    """What holds one open complaint per order, type and complainant, without saying who that is."""
    who = complaint.complainant
    return vault.reserved(complaint.marketplace, complaint.order.order_id, complaint.type, who.role, who.id)


async def _judged(
    ledger: Ledger, connection: Connection, request: Request, loaded: Loaded | None, filing: World | Problem | None
) -> Judged:
    world = filing or Problem(code="not_found", detail="There is no such case.")
    if loaded is not None:
        filed = loaded.history[0].event
        assert isinstance(filed, Filed), "a history starts with its filing"
        in_force = await ledger.policies.pinned(connection, filed.policy)
        world = World(in_force=in_force, calendar=ledger.calendar, moment=loaded.moment)
    if isinstance(world, Problem):
        step = Step(case_id=request.case_id, before=None, case=None, problem=world)
    elif claimed_ahead(request.occurred_at, world.moment.effective_at):
        ahead = f"more than five minutes ahead of {world.moment.effective_at.rfc3339()}"
        step = Step(case_id=request.case_id, before=None, case=None, problem=_invalid("/occurred_at", ahead))
    else:
        step = plan(loaded.history if loaded else (), request, world)
    return Judged(request=request, loaded=loaded, step=step)


async def _filing_worlds(
    ledger: Ledger, connection: Connection, requests: Sequence[Request]
) -> dict[UUID, World | Problem]:
    commands = {one.case_id: one.command for one in requests if isinstance(one.command, File)}
    if not commands:
        return {}
    clocks = [command.test_clock for command in commands.values()]
    reservations = [reservation(command, ledger.vault) for command in commands.values()]
    rows = await connection.fetch(FACTS, list(commands), clocks, reservations)
    return {row["case_id"]: await _filing_world(ledger, connection, commands[row["case_id"]], row) for row in rows}


async def _filing_world(ledger: Ledger, connection: Connection, command: File, row: asyncpg.Record) -> World | Problem:
    if command.test_clock is not None and row["clock_at"] is None:
        return _invalid("/test_clock", "no such test clock")
    moment = Moment(recorded_at=row["now"], effective_at=row["clock_at"] or row["now"])
    in_force = await ledger.policies.in_force(connection, command.marketplace, moment.effective_at)
    if in_force is None:
        return _invalid("/marketplace", "no policy is in force for it")
    facts = Facts(number=str(row["number"]), open_complaint=row["open_complaint"])
    return World(in_force=in_force, calendar=ledger.calendar, moment=moment, facts=facts)


def _invalid(pointer: str, detail: str) -> Problem:
    return Problem(code="invalid", detail="1 fault in what was asked.", errors=(Fault(pointer=pointer, detail=detail),))
