"""Test clocks: how integrators live through fifteen days in a second; they exist outside production only."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import created, shown
from case_api.callers.auth import Right, check_sees_all
from case_api.documents.openapi import operation
from case_api.door import Door, door_of
from case_api.refusals import problems
from case_api.refusals.problems import Refused
from case_api.requests import bodies
from case_api.requests.parameters import Query, cursor, uuid_of
from case_api.routes.deadlines import after_of
from case_api.views.lists import ClockDuePage, ClockPage
from case_events.core.values import LATEST, Fault, Instant, Problem, Value
from case_events.ledger.callers.keys import Caller
from case_events.ledger.clock import test_clocks
from case_events.ledger.clock.test_clocks import Frozen, Held, TestClock
from case_events.ledger.database import Ledger

ATTEMPTS_MAX = 20
"""How often an advance that another one overtook is tried again."""
ADVANCE_MAX = timedelta(days=366)
"""One step of a test clock; a clock that re-arms each day then runs out often, but no oftener than a step can carry."""
Done = TypeVar("Done")
BUSY = Problem(code="busy", detail="Others work under this clock all the time; send it again.")
FROZEN = Problem(code="clock_frozen", detail="The test clock is frozen: unfreeze it, and it can be advanced again.")


class AskedClocks(Value, frozen=True, kw_only=True):
    """All test clocks; cursors are bound to it."""


class AskedDue(Value, frozen=True, kw_only=True):
    """What of a clock's deadlines is asked for; cursors are bound to it."""

    clock: UUID
    before: Instant | None


def add_to(app: FastAPI) -> None:
    """The routes of this module; not called in production, where they are not found."""
    every, one = "/v1/test-clocks", "/v1/test-clocks/{clock_id}"
    app.add_api_route(every, make_clock, methods=["POST"], openapi_extra=operation(make_clock))
    app.add_api_route(every, find_clocks, methods=["GET"], openapi_extra=operation(find_clocks))
    app.add_api_route(one, get_clock, methods=["GET"], openapi_extra=operation(get_clock))
    app.add_api_route(one, delete_clock, methods=["DELETE"], openapi_extra=operation(delete_clock))
    app.add_api_route(f"{one}/due", find_due, methods=["GET"], openapi_extra=operation(find_due))
    app.add_api_route(f"{one}/advance", advance_clock, methods=["POST"], openapi_extra=operation(advance_clock))
    app.add_api_route(f"{one}/freeze", freeze_clock, methods=["POST"], openapi_extra=operation(freeze_clock))
    app.add_api_route(f"{one}/unfreeze", unfreeze_clock, methods=["POST"], openapi_extra=operation(unfreeze_clock))


async def make_clock(request: Request) -> Response:
    """Make a test clock."""
    door = door_of(request)
    caller = await door.caller(request, "set_clocks")
    Query(request).check()
    wanted = bodies.understood(await bodies.read(request), bodies.NewTestClock)
    clock = await test_clocks.create(door.ledger, wanted.at, caller.client, wanted.name)
    return created(clock, f"/v1/test-clocks/{clock.id}")


async def find_clocks(request: Request) -> Response:
    """List the test clocks, the newest first."""
    door = door_of(request)
    await _of_all(door, request, "read_clocks")
    query, asked = Query(request, "limit", "cursor"), AskedClocks()
    limit = query.limit()
    after = query.after("cursor", asked)
    query.check()
    clocks, more = await test_clocks.list_clocks(door.ledger, limit=limit, after=after[1] if after else None)
    ends = cursor(asked, clocks[-1].created_at, clocks[-1].id) if more else None
    return shown(ClockPage(items=clocks, next=ends))


async def get_clock(request: Request) -> Response:
    """Read a test clock."""
    door = door_of(request)
    await door.caller(request, "read_clocks")
    Query(request).check()
    return shown(await _found(door.ledger, _clock_id(request)))


async def find_due(request: Request) -> Response:
    """List what would fire if the clock were advanced, in legal order."""
    door = door_of(request)
    await _of_all(door, request, "read_clocks")
    query, clock_id = Query(request, "before", "limit", "cursor"), _clock_id(request)
    asked = AskedDue(clock=clock_id, before=query.instant("before"))
    limit = query.limit()
    after = after_of(query, query.after("cursor", asked))
    query.check()
    await _found(door.ledger, clock_id)
    due, more = await test_clocks.list_due(door.ledger, clock_id, before=asked.before, limit=limit, after=after)
    last = due[-1] if more else None
    ends = cursor(asked, last.due_at, last.case_id, f"{last.kind} {last.party} {last.set_by}") if last else None
    return shown(ClockDuePage(items=due, next=ends))


async def advance_clock(request: Request) -> Response:
    """Move a test clock forward; the schedulers then fire what has become due."""
    door = door_of(request)
    await _of_all(door, request, "set_clocks")
    Query(request).check()
    clock_id = _clock_id(request)
    wanted = bodies.advance(await bodies.read(request))
    for _ in range(ATTEMPTS_MAX):
        clock = await _found(door.ledger, clock_id)
        moved = await _unless_held(test_clocks.advance(door.ledger, clock, _destination(wanted, clock)))
        if moved is not None:
            return shown(moved)
    raise Refused(Problem(code="busy", detail="The clock is moved by others all the time; send it again."))


async def freeze_clock(request: Request) -> Response:
    """Freeze a test clock: it cannot be advanced, and nothing of it fires; once or twice is the same."""
    door = door_of(request)
    caller = await _of_all(door, request, "set_clocks")
    Query(request).check()
    return _there(await _unless_held(test_clocks.freeze(door.ledger, _clock_id(request), caller.client)))


async def unfreeze_clock(request: Request) -> Response:
    """Let a frozen test clock go on; what it had passed fires now."""
    door = door_of(request)
    caller = await _of_all(door, request, "set_clocks")
    Query(request).check()
    return _there(await _unless_held(test_clocks.unfreeze(door.ledger, _clock_id(request), caller.client)))


async def delete_clock(request: Request) -> Response:
    """Delete a test clock: its cases are hidden for good, and their events stay; once or twice is the same."""
    door = door_of(request)
    caller = await _of_all(door, request, "set_clocks")
    Query(request).check()
    return _there(await _unless_held(test_clocks.delete(door.ledger, _clock_id(request), caller.client)))


async def _of_all(door: Door, request: Request, right: Right) -> Caller:
    """Who asks about a clock with all its cases, or moves it: no key that is limited to some of them."""
    caller = await door.caller(request, right)
    check_sees_all(caller)
    return caller


async def _unless_held(work: Awaitable[Done]) -> Done:
    try:
        return await work
    except Frozen:
        raise Refused(FROZEN) from None
    except Held:
        raise Refused(BUSY) from None


def _destination(wanted: bodies.ClockAdvance, clock: TestClock) -> Instant:
    by = wanted.by if wanted.to is None else wanted.to - clock.at
    assert by is not None, "the body said one of them"
    if not timedelta(0) <= by <= min(ADVANCE_MAX, LATEST - clock.at):
        detail = f"0 to {ADVANCE_MAX.days} days forward from {clock.at.rfc3339()}, and no further than the year 2999"
        raise Refused(problems.invalid(Fault(pointer="/by" if wanted.to is None else "/to", detail=detail)))
    return Instant.of(clock.at + by)


NOT_FOUND = Problem(code="not_found", detail="There is no such test clock.")


async def _found(ledger: Ledger, clock_id: UUID) -> TestClock:
    clock = await test_clocks.read(ledger, clock_id)
    if clock is None:
        raise Refused(NOT_FOUND)
    return clock


def _there(clock: TestClock | None) -> Response:
    if clock is None:
        raise Refused(NOT_FOUND)
    return shown(clock)


def _clock_id(request: Request) -> UUID:
    return uuid_of(str(request.path_params["clock_id"]))
