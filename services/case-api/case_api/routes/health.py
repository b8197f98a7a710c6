"""Health: is the process alive, can it serve, and what it has been doing."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from fastapi import FastAPI
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import shown
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.refusals import problems
from case_api.serving.meters import Meters
from case_api.views.policies import Readiness
from case_events import logs
from case_events.core.values import Fault, Problem
from case_events.ledger.clock.calendars import COVERED_DAYS_MIN, Coverage, coverage
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.feed.sequencing import FeedState
from case_events.ledger.queries import Health, health
from case_events.ledger.readable import holds_newer

SCHEDULER_SILENT_MAX = timedelta(seconds=60)
"""A scheduler sweeps every few seconds; one that was not seen for this long is missing."""
OVERDUE_MAX_S = 60
FEED_STILL_MAX = timedelta(seconds=10)
"""A sequencer numbers events within milliseconds; a feed that stands still for this long while some wait is missing."""

Missing = Literal["writes", "scheduler", "watermark", "feed", "clock", "calendar", "release"]
"""What may be missing while requests are answered all the same; docs/running.md says what each means."""


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    app.add_api_route("/healthz", alive, methods=["GET"], openapi_extra=operation(alive))
    app.add_api_route("/readyz", ready, methods=["GET"], openapi_extra=operation(ready))
    app.add_api_route("/metrics", metrics, methods=["GET"], openapi_extra=operation(metrics))


async def alive(_: Request) -> Response:
    """Is the process alive?"""
    return shown({"status": "ok"})


async def ready(request: Request) -> Response:
    """Can requests be answered? A missing scheduler is said, but does not stop them: no outcome depends on its lag.

    Nor do missing ``writes``: what was recorded can be read, and the next server may be open to writers.
    Nor does a missing ``clock``: schedulers pause, and only what would be judged by a clock that is ahead is refused.
    Nor does a missing ``release``: while newer ones are started, the cases that these wrote in are answered 503 here.
    So who was ready before a newer release migrated on stays so, and who comes after it is not.
    That few days are published ahead is a warning, until a live deadline that waits for days is near: then they are
    missing. It fails the schedulers' readiness and not this one: a shut door would load no calendar either.
    """
    try:
        ledger = door_of(request).ledger
        seen = await health(ledger)
        stays = seen.migrated or (seen.outgrown and door_of(request).was_ready)
        newer = seen.outgrown or (stays and await holds_newer(ledger))
        covered = await coverage(ledger) if stays else None
    except UNAVAILABLE as fault:
        request.scope["why"] = logs.why(fault)
        return _not_ready(request, Fault(pointer="/database", detail="Postgres does not answer"))
    if covered is None:
        return _not_ready(request, Fault(pointer="/migrations", detail="the tables are not this release's"))
    door_of(request).was_ready = True
    ahead = seen.now > ledger.believed_until()
    return shown(
        Readiness(
            ready=True,
            missing=_missing(seen, covered, ahead=ahead, newer=newer),
            warnings=("calendar",) if covered.days_left < COVERED_DAYS_MIN else (),
            calendar_until=covered.last_day,
            scheduler_seen_at=seen.scheduler_seen_at,
            overdue_s=seen.overdue_s,
            feed_head=seen.feed.head if seen.feed else 0,
            feed_ticked_at=seen.feed.ticked_at if seen.feed else None,
        )
    )


async def metrics(request: Request) -> Response:
    """What the workers have been doing, for Prometheus: of `caselog up`, all of them together."""
    meters: Meters = request.app.state.meters
    return Response(meters.exposed(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _missing(seen: Health, covered: Coverage, *, ahead: bool, newer: bool) -> tuple[Missing, ...]:
    """``ahead``: the database's clock is, of this host's; ``newer``: a newer release writes here."""
    silent = seen.scheduler_seen_at is None or seen.now - seen.scheduler_seen_at > SCHEDULER_SILENT_MAX
    wanting: dict[Missing, bool] = {
        "writes": seen.read_only,
        "scheduler": silent,
        "watermark": seen.overdue_s > OVERDUE_MAX_S,
        "feed": seen.feed is not None and _stands_still(seen.feed),
        "clock": ahead or seen.clock_paused is not None,
        "calendar": covered.waits_too_long,
        "release": newer,
    }
    return tuple(word for word, is_missing in wanting.items() if is_missing)


def _stands_still(feed: FeedState) -> bool:
    marks = (feed.ticked_at, feed.waiting_since)
    return feed.waiting and all(mark is None or feed.now - mark > FEED_STILL_MAX for mark in marks)


def _not_ready(request: Request, fault: Fault) -> Response:
    problem = Problem(code="not_ready", detail=f"Missing: {fault.pointer[1:]}.", errors=(fault,))
    return problems.answer(problem, request.scope)
