"""Simulations: recorded cases under another policy, and how they would differ; nothing is written, and no text kept."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import shown
from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import Door, door_of
from case_api.refusals.problems import Refused, invalid
from case_api.requests import bodies
from case_api.requests.parameters import Query, cursor, place
from case_api.streams.rooms import Room
from case_api.views.simulations import AskedSimulation, NewSimulation, simulation_page
from case_events.core.policy import InForce
from case_events.core.values import Fault, Problem
from case_events.ledger.lists.lists import After
from case_events.ledger.simulating import Chosen, simulated
from case_events.policies import load_sent
from case_events.shape import FAULTS_MAX, Misshapen

SIMULATIONS_MAX, SIMULATIONS_PER_CLIENT_MAX = 4, 2
"""Pages that are made at once in one process, and for one client."""


def add_to(app: FastAPI) -> None:
    """The route of this module."""
    app.state.simulations = Room("simulations", SIMULATIONS_MAX, SIMULATIONS_PER_CLIENT_MAX)
    app.add_api_route("/v1/simulations", simulate, methods=["POST"], openapi_extra=operation(simulate))


async def simulate(request: Request) -> Response:
    """Tell recorded cases again under another policy, and say how they would differ; nothing is written."""
    door = door_of(request)
    caller = await door.caller(request, "audit")
    Query(request).check()
    asked = bodies.understood(await bodies.read(request), NewSimulation)
    if caller.merchants is not None and asked.policy_text is not None:
        # What a case has that is not for them, a policy of their own could be written to ask for.
        detail = "A key that is limited to merchants names a policy that is kept; it sends none of its own."
        raise Refused(Problem(code="forbidden", detail=detail))
    room: Room = request.app.state.simulations
    room.enter(caller.client)
    try:
        candidate = await _candidate(door, asked)
        said = AskedSimulation(digest=candidate.ref.digest, chosen=asked.chosen)
        after = _after(asked, said)
        found = await simulated(
            door.ledger, candidate, asked.chosen, viewer=viewer_of(caller), limit=asked.limit, after=after
        )
    finally:
        room.leave(caller.client)
    ends_with = found.after and cursor(said, *found.after)
    return shown(simulation_page(candidate, found.items, ends_with))


async def _candidate(door: Door, asked: NewSimulation) -> InForce:
    """The policy that is asked for, kept or new. Refused with every fault."""
    if (asked.policy is None) == (asked.policy_text is None):
        detail = "say either policy, name@version of one that is kept, or policy_text, the TOML of another"
        raise Refused(invalid(Fault(pointer="/policy", detail=detail), Fault(pointer="/policy_text", detail=detail)))
    if asked.policy_text is not None:
        return await _written(asked.policy_text)
    name, _, version = (asked.policy or "").partition("@")
    async with door.ledger.connection() as connection:
        found = await door.ledger.policies.find(connection, name, version)
    if found is None:
        raise Refused(invalid(Fault(pointer="/policy", detail="no such policy is kept; one is named name@version")))
    return found


async def _written(text: str) -> InForce:
    try:
        return await asyncio.to_thread(load_sent, text)  # a tenth of a second, in which others have their turn
    except Misshapen as misshapen:
        faults = (
            Fault(pointer=f"/policy_text{one.pointer}", detail=one.detail) for one in misshapen.faults[:FAULTS_MAX]
        )
        raise Refused(invalid(*faults)) from None


def _after(asked: NewSimulation, said: AskedSimulation) -> After | None:
    """Where the last page ended. Refused: a cursor of another simulation, or filters beside named cases."""
    faults = []
    if asked.case_ids is not None and asked.chosen != Chosen(case_ids=asked.case_ids):
        faults.append(Fault(pointer="/case_ids", detail="the cases are named: no filter goes with them"))
    after = None
    if asked.cursor is not None:
        try:
            after = place(asked.cursor, said)[:2]
        except (ValueError, OverflowError):
            detail = "not a cursor of this simulation with this policy and these filters"
            faults.append(Fault(pointer="/cursor", detail=detail))
    if faults:
        raise Refused(invalid(*faults))
    return after
