"""Many at once: filings and steps in one request, each judged and answered as if it had come by itself."""

from __future__ import annotations

import asyncio
import traceback
from http import HTTPStatus

import msgspec
import structlog
from fastapi import FastAPI
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from case_api import bodies, problems
from case_api.answers import NDJSON, many
from case_api.auth import RIGHTS
from case_api.door import Door, door_of
from case_api.headers import prefers_minimal
from case_api.items import apart, case_id_of, items_of, key_of, version_of
from case_api.openapi import operation
from case_api.parameters import Query
from case_api.problems import Refused
from case_api.routes.cases import asking_to_file, asking_to_post, check_exists, step_view, why_refused
from case_api.views import BatchResult
from case_events.core.commands import File
from case_events.core.plan import Step
from case_events.core.values import Problem
from case_events.ledger.bulk.together import submit_all
from case_events.ledger.callers.keys import Caller
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.steps import Asking
from case_events.outgoing.form import JSON, encoded

PATH = "/v1/events:batch"
BODY_MAX = 16_000_000
"""Bytes of a whole batch; each item has at most what it could have by itself."""
BREATH = 50
"""After so many items others get their turn, so that a batch never holds up a single request for long."""

Told = str | msgspec.UnsetType

log = structlog.get_logger("case_api")


def add_to(app: FastAPI) -> None:
    """The route of this module."""
    app.add_api_route(PATH, post_batch, methods=["POST"], openapi_extra=operation(post_batch))


async def post_batch(request: Request) -> Response:
    """File and post up to 1,000 at once; one result each, in order, and one bad item spoils no other."""
    door = door_of(request)
    caller = await door.caller(request, "post")
    query = Query(request, "dry_run")
    dry_run = query.flag("dry_run")
    query.check()
    body = await bodies.read(request, BODY_MAX, (JSON, NDJSON))
    lines = request.headers["content-type"].partition(";")[0].strip().lower() == NDJSON
    brief = prefers_minimal(request)
    batch = _Batch(door, caller, items_of(body, lines=lines), request.scope["trace_id"], brief=brief)
    await batch.read()
    await batch.submit(dry_run=dry_run)
    return many([batch.results[place] for place in range(len(batch.items))], lines=lines, brief=brief)


class _Batch:
    """One batch on its way: what each item asks, and the results, written as soon as they are known."""

    def __init__(self, door: Door, caller: Caller, items: list[bytes], trace_id: str, *, brief: bool) -> None:
        self.items = items
        self._brief = brief
        self.results: dict[int, bytes] = {}
        self._door, self._caller, self._trace_id = door, caller, trace_id
        self._keys: dict[int, str | None] = {}
        self._askings: dict[int, Asking] = {}

    async def read(self) -> None:
        """What each item asks; who may not ask it, or says it wrongly, has its result."""
        for place, said in enumerate(self.items):
            try:
                asking = await self._asking(place, said)
                self._askings[place] = replace(asking, brief=True) if self._brief else asking
            except Refused as refused:
                self._refuse(place, refused.problem)
            if place % BREATH == 0:
                await asyncio.sleep(0)

    async def _asking(self, place: int, said: bytes) -> Asking:
        if len(said) > bodies.BODY_MAX:
            raise Refused(Problem(code="too_large", detail=f"An item has at most {bodies.BODY_MAX} bytes."))
        own, body = apart(said, "id", "if_match", "case_id")
        self._keys[place] = key = key_of(own.get("id"))
        read = version_of(own.get("if_match"))
        if "case_id" not in own:
            if self._caller.role not in RIGHTS["file"]:
                detail = f"A key with the role {self._caller.role} may not file."
                raise Refused(Problem(code="forbidden", detail=detail))
            return asking_to_file(self._door, self._caller, body, key, read)
        case_id = case_id_of(own["case_id"])
        await check_exists(self._door, self._caller, case_id)
        return asking_to_post(self._caller, case_id, body, key, read)

    async def submit(self, *, dry_run: bool) -> None:
        """Ask it all. Raises one of UNAVAILABLE if the database is away before anything was answered."""
        answered = False
        try:
            async for answers in submit_all(self._door.ledger, self._askings, dry_run=dry_run):
                for count, (place, step) in enumerate(answers.items()):
                    await self._tell(place, step, dry_run=dry_run)
                    answered = True
                    if count % BREATH == 0:
                        await asyncio.sleep(0)
        except UNAVAILABLE:
            if not answered:
                raise
            away = Problem(code="unavailable", detail="The database is away; send this again, with the same id.")
            for place in self._askings.keys() - self.results.keys():
                self._refuse(place, away)

    async def _tell(self, place: int, step: Step | Exception, *, dry_run: bool) -> None:
        if isinstance(step, Exception):
            self._broke(place, step)
            return
        if step.problem is not None or step.case is None:
            self._refuse(place, await why_refused(self._door, step))
            return
        shown: object = msgspec.UNSET
        if not self._brief:
            view = await step_view(self._door, self._caller, step)
            shown = view.case if isinstance(self._askings[place].command, File) else view
        done = HTTPStatus.OK if dry_run else HTTPStatus.CREATED
        location, etag = f"/v1/cases/{step.case_id}", f'"{step.case.version}"'
        self._result(place, done, shown, location, etag, replayed=step.replayed)

    def _refuse(self, place: int, problem: Problem) -> None:
        view = problems.view(problem, PATH, self._trace_id)
        stale = problem.code == "stale" and problem.current_version is not None
        etag = f'"{problem.current_version}"' if stale else msgspec.UNSET
        self._result(place, view.status, view, problem.location or msgspec.UNSET, etag)

    def _broke(self, place: int, fault: Exception) -> None:
        """A fault of ours with one item; as with a request of its own, nothing it says is logged."""
        frames = traceback.format_tb(fault.__traceback__)
        log.error("item failed", fault=type(fault).__name__, trace_id=self._trace_id, place=place, frames=frames)
        self._refuse(place, Problem(code="internal", detail="Something of ours broke; trace_id says where to look."))

    def _result(
        self, place: int, status: int, body: object, location: Told, etag: Told, *, replayed: bool = False
    ) -> None:
        self.results[place] = encoded(
            BatchResult(
                status=status,
                id=self._keys.get(place),
                location=location,
                etag=etag,
                replayed=replayed or msgspec.UNSET,
                body=body,
            )
        )
