"""Published days: how far they reach, what they say, and the next year's once its notice is out."""

from __future__ import annotations

from datetime import date, timedelta

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import created, shown
from case_api.callers.auth import check_sees_all, viewer_of
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.refusals.problems import Refused, invalid
from case_api.requests import bodies
from case_api.requests.parameters import Query, case_id_of
from case_api.views.calendars import CalendarView, NewYear, YearView, counted_view, loaded_view, year_of
from case_events.core.calendar import Calendar
from case_events.core.values import Fault, Problem
from case_events.ledger.clock import calendars, provisional
from case_events.ledger.clock.calendars import COVERED_DAYS_MIN, Edition
from case_events.ledger.clock.counted import counted
from case_events.ledger.judging import NO_SUCH_CASE
from case_events.ledger.queries import read_case
from case_events.policies.working_days import release

FORESEEN_PAGES = 10
"""Pages of deadlines that a dry run looks through; `caselog calendar load --dry-run` looks at all."""


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    one = "/v1/calendars/{year}"
    counted_path = "/v1/cases/{case_id}/deadlines"
    said = operation(get_counted_deadlines)
    app.add_api_route(counted_path, get_counted_deadlines, methods=["GET"], openapi_extra=said)
    app.add_api_route("/v1/calendars", list_calendars, methods=["GET"], openapi_extra=operation(list_calendars))
    app.add_api_route("/v1/calendars", load_calendar, methods=["POST"], openapi_extra=operation(load_calendar))
    app.add_api_route(one, get_calendar, methods=["GET"], openapi_extra=operation(get_calendar))


async def get_counted_deadlines(request: Request) -> Response:
    """Read a case's running deadlines: how each was counted, which days did not count, and how it was moved."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    Query(request).check()
    case_id = case_id_of(request)
    reading = await read_case(door.ledger, case_id, viewer=viewer)
    if reading is None:
        raise Refused(NO_SUCH_CASE)
    found = await counted(door.ledger, case_id, reading.case.clocks)
    return shown(counted_view(found), reading.case.version)


async def list_calendars(request: Request) -> Response:
    """Say how far the published days reach, and which editions were loaded."""
    door = door_of(request)
    check_sees_all(await door.caller(request, "read_schedule"))
    Query(request).check()
    calendar = await calendars.refresh(door.ledger)
    covered = await calendars.coverage(door.ledger)
    return shown(
        CalendarView(
            known_from=calendar.known_from,
            known_until=covered.last_day,
            days_left=covered.days_left,
            status="short" if covered.days_left < COVERED_DAYS_MIN else "covered",
            provisional=covered.provisional,
            nearest_due_at=covered.nearest_due_at,
            waiting_due_at=covered.waiting_due_at,
            release=release(),
            editions=await calendars.editions(door.ledger),
        )
    )


async def get_calendar(request: Request) -> Response:
    """Read the days of one year: which weekdays are off, which weekend days are worked, and who says so."""
    door = door_of(request)
    await door.caller(request, "read_rules")
    Query(request).check()
    calendar = await calendars.refresh(door.ledger)
    said = str(request.path_params["year"])
    year = int(said) if said.isascii() and said.isdigit() and len(said) <= len("2027") else 0
    editions = tuple(one for one in await calendars.editions(door.ledger) if one.year == year)
    if not calendar.known_from.year <= year <= max(day.year for day in calendar.statutory):
        raise Refused(Problem(code="not_found", detail="Nothing is known of this year."))
    return shown(_year(calendar, year, editions))


def _year(calendar: Calendar, year: int, editions: tuple[Edition, ...]) -> YearView:
    first, last = date(year, 1, 1), date(year, 12, 31)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    known = calendar.knows(last)
    source = editions[-1].source if editions else release() if known else "the law alone"
    return YearView(
        year=year,
        published=known,
        rest=tuple(day for day in days if day.weekday() < 5 and not calendar.is_working_day(day)),
        work=tuple(day for day in days if day.weekday() >= 5 and calendar.is_working_day(day)),
        source=source,
        editions=editions,
    )


async def load_calendar(request: Request) -> Response:
    """Load a year's published days, or say what they would change; what is known so already changes nothing."""
    door = door_of(request)
    caller = await door.caller(request, "operate")
    check_sees_all(caller)
    query = Query(request, "dry_run")
    dry_run = query.flag("dry_run")
    query.check()
    year = year_of(bodies.understood(await bodies.read(request), NewYear))
    try:
        loading = await calendars.load(door.ledger, year, caller.client, dry_run=dry_run)
        foreseen = await provisional.foresee(door.ledger, year, pages=FORESEEN_PAGES) if dry_run else None
    except calendars.NotTaken as gap:
        raise Refused(invalid(Fault(pointer="/year", detail=str(gap)))) from None
    await calendars.refresh(door.ledger)
    view = loaded_view(year.year, loading, foreseen)
    return shown(view) if loading.edition is None else created(view, f"/v1/calendars/{year.year}")
