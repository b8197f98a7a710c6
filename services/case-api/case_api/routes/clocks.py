"""Test clocks: how integrators live through fifteen days in a second; they exist outside production only."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api import bodies, problems
from case_api.answers import created, shown
from case_api.door import door_of
from case_api.openapi import operation
from case_api.parameters import Query, uuid_of
from case_api.problems import Refused
from case_events.core.values import Fault, Instant, Problem
from case_events.ledger.clock import test_clocks
from case_events.ledger.database import Ledger

ATTEMPTS_MAX = 20
"""How often an advance that another one overtook is tried again."""
ADVANCE_MAX = timedelta(days=366)
"""One step of a test clock; a clock that re-arms each day then runs out often, but no oftener than a step can carry."""


def add_to(app: FastAPI) -> None:
    """The routes of this module; not called in production, where they are not found."""
    one = "/v1/test-clocks/{clock_id}"
    app.add_api_route("/v1/test-clocks", make_clock, methods=["POST"], openapi_extra=operation(make_clock))
    app.add_api_route(one, get_clock, methods=["GET"], openapi_extra=operation(get_clock))
    app.add_api_route(f"{one}/advance", advance_clock, methods=["POST"], openapi_extra=operation(advance_clock))


async def make_clock(request: Request) -> Response:
    """Make a test clock."""
    door = door_of(request)
    caller = await door.caller(request, "set_clocks")
    Query(request).check()
    wanted = bodies.new_clock(await bodies.read(request))
    clock = await test_clocks.create(door.ledger, wanted.at, caller.client)
    return created(clock, f"/v1/test-clocks/{clock.id}")


async def get_clock(request: Request) -> Response:
    """Read a test clock."""
    door = door_of(request)
    await door.caller(request, "read_clocks")
    Query(request).check()
    return shown(await _found(door.ledger, _clock_id(request)))


async def advance_clock(request: Request) -> Response:
    """Move a test clock forward; the schedulers then fire what has become due."""
    door = door_of(request)
    await door.caller(request, "set_clocks")
    Query(request).check()
    clock_id = _clock_id(request)
    wanted = bodies.advance(await bodies.read(request))
    for _ in range(ATTEMPTS_MAX):
        clock = await _found(door.ledger, clock_id)
        moved = await test_clocks.advance(door.ledger, clock, _destination(wanted, clock))
        if moved is not None:
            return shown(moved)
    raise Refused(Problem(code="busy", detail="The clock is moved by others all the time; send it again."))


def _destination(wanted: bodies.ClockAdvance, clock: test_clocks.TestClock) -> Instant:
    by = wanted.by if wanted.to is None else wanted.to - clock.at
    assert by is not None, "the body said one of them"
    if not timedelta(0) <= by <= ADVANCE_MAX:
        detail = f"0 to {ADVANCE_MAX.days} days forward from {clock.at.rfc3339()}"
        raise Refused(problems.invalid(Fault(pointer="/by" if wanted.to is None else "/to", detail=detail)))
    return Instant.of(clock.at + by)


async def _found(ledger: Ledger, clock_id: UUID) -> test_clocks.TestClock:
    clock = await test_clocks.read(ledger, clock_id)
    if clock is None:
        raise Refused(Problem(code="not_found", detail="There is no such test clock."))
    return clock


def _clock_id(request: Request) -> UUID:
    return uuid_of(str(request.path_params["clock_id"]))
