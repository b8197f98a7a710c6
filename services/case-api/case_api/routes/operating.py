"""What operators do to the clock and see of it: holds, outages and what they made late, the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import created, shown
from case_api.callers.auth import Right, check_sees_all
from case_api.documents.openapi import operation
from case_api.door import Door, door_of
from case_api.refusals.problems import Refused, invalid
from case_api.requests import bodies
from case_api.requests.headers import REUSED, id_by_key, idempotency_key
from case_api.requests.parameters import NO_CASE, Query, cursor, uuid_of
from case_api.views.operating import (
    AskedJournal,
    AskedLate,
    AskedOutages,
    HoldPage,
    JournalPage,
    LateTimeoutPage,
    NewHold,
    NewOutage,
    OutagePage,
    OutageReport,
    PlacedHold,
    Release,
)
from case_events.core.values import Fault, Instant, Problem
from case_events.ledger.callers.keys import Caller
from case_events.ledger.clock import aftermath, holds, journal, outages

HOLDS, OUTAGES = "/v1/scheduler/holds", "/v1/scheduler/outages"
NUMBER_MAX = 10**9 - 1


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    for path, method, endpoint in (
        (HOLDS, "POST", place_hold),
        (HOLDS, "GET", list_holds),
        (f"{HOLDS}/{{hold_id}}", "GET", get_hold),
        (f"{HOLDS}/{{hold_id}}/release", "POST", release_hold),
        (OUTAGES, "POST", declare_outage),
        (OUTAGES, "GET", list_outages),
        (f"{OUTAGES}/{{outage_id}}", "GET", get_outage),
        (f"{OUTAGES}/{{outage_id}}/timeouts", "GET", list_made_late),
        ("/v1/scheduler/journal", "GET", read_journal),
    ):
        app.add_api_route(path, endpoint, methods=[method], openapi_extra=operation(endpoint))


async def place_hold(request: Request) -> Response:
    """Hold the timeouts of a scope: the schedulers write them later; who wins does not change."""
    door = door_of(request)
    caller = await _caller(door, request, "operate")
    Query(request).check()
    hold_id = id_by_key(caller.client, "hold", idempotency_key(request))
    asked = bodies.understood(await bodies.read(request), NewHold)
    again = await holds.find(door.ledger, hold_id) is not None
    faults = _wrong(asked, await holds.marketplaces(door.ledger), again=again)
    if faults:
        raise Refused(invalid(*faults))
    wanted = holds.Wanted(
        reason=asked.reason,
        marketplace=asked.marketplace,
        merchant=asked.merchant_id,
        kind=asked.kind,
        until=asked.until,
        lasts=asked.lasts,
    )
    try:
        hold, before = await holds.place(door.ledger, wanted, caller.who, hold_id)
    except holds.OtherHold:
        raise Refused(REUSED) from None
    except holds.TooMany:
        detail = f"{holds.HOLDS_MAX} holds are in force already; release one first"
        raise Refused(invalid(Fault(pointer="", detail=detail))) from None
    return created(PlacedHold(hold=hold), f"{HOLDS}/{hold.id}", replayed=before)


async def list_holds(request: Request) -> Response:
    """List the holds in force, or the latest that ever were."""
    door = door_of(request)
    await _caller(door, request, "read_schedule")
    query = Query(request, "ended")
    ended = query.flag("ended")
    query.check()
    return shown(HoldPage(items=await (holds.ever if ended else holds.in_force)(door.ledger)))


async def get_hold(request: Request) -> Response:
    """Read a hold, in force or over."""
    door = door_of(request)
    await _caller(door, request, "read_schedule")
    Query(request).check()
    return shown(_there(await holds.find(door.ledger, uuid_of(str(request.path_params["hold_id"])))))


async def release_hold(request: Request) -> Response:
    """End a hold now; what it held is written within half a minute."""
    door = door_of(request)
    caller = await _caller(door, request, "operate")
    Query(request).check()
    hold_id = uuid_of(str(request.path_params["hold_id"]))
    asked = bodies.understood(await bodies.read(request), Release)
    return shown(_there(await holds.release(door.ledger, hold_id, caller.who, asked.reason)))


async def declare_outage(request: Request) -> Response:
    """Put an outage on record that the schedulers could not measure; it is never taken back."""
    door = door_of(request)
    caller = await _caller(door, request, "operate")
    Query(request).check()
    key = idempotency_key(request)
    asked = bodies.understood(await bodies.read(request), NewOutage)
    lasted = asked.ended_at - asked.began_at
    if not timedelta(0) < lasted <= outages.OUTAGE_MAX:
        detail = f"after began_at, and at most {outages.OUTAGE_MAX.days} days after it"
        raise Refused(invalid(Fault(pointer="/ended_at", detail=detail)))
    said = (asked.began_at, asked.ended_at, asked.reason, caller.who, id_by_key(caller.client, "outage", key))
    try:
        outage, before = await outages.declare(door.ledger, *said)
    except outages.OtherOutage:
        raise Refused(REUSED) from None
    except outages.NotYetOver as not_yet:
        detail = f"an outage is declared when it is over: {not_yet}"
        raise Refused(invalid(Fault(pointer="/ended_at", detail=detail))) from None
    return created(await _report(door, outage), f"{OUTAGES}/{outage.id}", replayed=before)


async def list_outages(request: Request) -> Response:
    """List the outages on record, what ended last coming first."""
    door = door_of(request)
    await _caller(door, request, "read_schedule")
    limit, after = _page(request, asked := AskedOutages())
    found = await outages.listed(door.ledger, limit + 1, after[:2] if after else None)
    last = found[limit - 1] if len(found) > limit else None
    ends_with = cursor(asked, last.ended_at, last.id) if last else None
    return shown(OutagePage(items=found[:limit], next=ends_with))


async def get_outage(request: Request) -> Response:
    """Report what an outage made late, in figures."""
    door = door_of(request)
    await _caller(door, request, "read_schedule")
    Query(request).check()
    return shown(await _report(door, await _found(door, request)))


async def list_made_late(request: Request) -> Response:
    """List the timeouts that an outage made late, by their legal instants, and which can still be undone."""
    door = door_of(request)
    await _caller(door, request, "read_schedule")
    outage = await _found(door, request)
    limit, after = _page(request, asked := AskedLate(outage=outage.id), numbered=True)
    found = await aftermath.made_late(door.ledger, outage, limit + 1, after)
    last = found[limit - 1] if len(found) > limit else None
    ends_with = cursor(asked, last.due_at, last.case_id, str(last.version)) if last else None
    return shown(LateTimeoutPage(items=found[:limit], next=ends_with))


async def read_journal(request: Request) -> Response:
    """Read what operators and schedulers did that no case's history says, the latest first."""
    door = door_of(request)
    await _caller(door, request, "read_schedule")
    limit, after = _page(request, asked := AskedJournal(), numbered=True)
    found = await journal.read(door.ledger, before=after[2] if after else None, limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    ends_with = cursor(asked, last.at, NO_CASE, str(last.number)) if last else None
    return shown(JournalPage(items=found[:limit], next=ends_with))


async def _caller(door: Door, request: Request, right: Right) -> Caller:
    """Who does what is about everybody's cases: no key that is limited to some of them."""
    caller = await door.caller(request, right)
    check_sees_all(caller)
    return caller


def _there(hold: holds.Hold | None) -> PlacedHold:
    if hold is None:
        raise Refused(Problem(code="not_found", detail="There is no such hold."))
    return PlacedHold(hold=hold)


def _wrong(asked: NewHold, marketplaces: tuple[str, ...], *, again: bool) -> list[Fault]:
    """Everything that no shape can say of a hold. ``again``: its key placed one before, which may be over."""
    faults = list[Fault]()
    named = asked.marketplace or asked.merchant_id or asked.kind
    if asked.all == bool(named):
        detail = "with all: true it names nothing" if named else "say all: true to hold everything there is"
        faults.append(Fault(pointer="/all", detail=detail))
    if asked.marketplace is not None and asked.marketplace not in marketplaces:
        known = ", ".join(marketplaces) or "none"
        faults.append(Fault(pointer="/marketplace", detail=f"no marketplace with a policy; there are {known}"))
    if asked.kind is not None and asked.kind not in holds.KINDS:
        faults.append(Fault(pointer="/kind", detail=f"no kind of clock; one of {', '.join(holds.KINDS)}"))
    if (asked.until is None) == (asked.lasts is None):
        detail = "say either until, an instant, or for, a duration like PT2H"
        faults += [Fault(pointer="/until", detail=detail), Fault(pointer="/for", detail=detail)]
        return faults
    if again and asked.until is not None:
        return faults  # another instant than that one's makes it another hold
    lasts = asked.lasts if asked.until is None else asked.until - Instant.of(datetime.now(UTC))
    if lasts is None or not timedelta(0) < lasts <= holds.HOLD_MAX:
        pointer = "/for" if asked.until is None else "/until"
        faults.append(Fault(pointer=pointer, detail=f"from now on, and {holds.HOLD_MAX.days} days at most"))
    return faults


def _page(request: Request, asked: object, *, numbered: bool = False) -> tuple[int, tuple[Instant, UUID, int] | None]:
    """How many a page has, and where the last one ended; ``numbered``: at a number, too."""
    query = Query(request, "limit", "cursor")
    limit, after = query.limit(), query.after("cursor", asked)
    number = query.number_in(after[2], NUMBER_MAX) if after and numbered else 0
    query.check()
    return limit, (after[0], after[1], number or 0) if after else None


async def _found(door: Door, request: Request) -> outages.KnownOutage:
    outage = await outages.find(door.ledger, uuid_of(str(request.path_params["outage_id"])))
    if outage is None:
        raise Refused(Problem(code="not_found", detail="There is no such outage on record."))
    return outage


async def _report(door: Door, outage: outages.KnownOutage) -> OutageReport:
    return OutageReport(outage=outage, aftermath=await aftermath.aftermath(door.ledger, outage))
