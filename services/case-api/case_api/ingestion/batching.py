"""A batch on its way: what each item asks, and the results, written as soon as they are known.

Whatever the items are, JSON items or CloudEvents, each is judged and answered as if it had come by itself.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from http import HTTPStatus

import msgspec
import structlog
from msgspec.structs import replace

from case_api.asking import asking_for, files_erased, step_view, why_refused
from case_api.callers.auth import viewer_of
from case_api.door import Door
from case_api.ingestion import cloudevents
from case_api.refusals import problems
from case_api.refusals.problems import Refused
from case_api.requests import bodies
from case_api.requests.items import apart, case_id_of, key_of, version_of
from case_api.views.cases import BatchResult
from case_events.core.commands import File
from case_events.core.plan import Step
from case_events.core.values import Problem
from case_events.ledger.bulk.together import submit_all
from case_events.ledger.callers.keys import Caller
from case_events.ledger.connection import UNAVAILABLE
from case_events.ledger.steps import Asking
from case_events.outgoing.form import encoded

PATH = "/v1/events:batch"
BREATH_S = 0.01
"""After so long others get their turn, so that a batch never holds up a single request for long.

Time is measured and no items are counted: to say all that is wrong with one can take a hundred times as long as to read
one that is right.
"""

Told = str | msgspec.UnsetType

log = structlog.get_logger("case_api")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Who sent a batch and how: ``brief``: what was not refused is answered without its body; ``events``: its items
    are CloudEvents; ``dry_run``: nothing is recorded."""

    door: Door
    caller: Caller
    trace_id: str
    brief: bool = False
    events: bool = False
    dry_run: bool = False


class Batch:
    """The items of one batch, or of one group of a stream of them."""

    def __init__(self, asked: Asked, items: list[bytes]) -> None:
        self.cut = False
        """The database went away in the middle of it."""
        self._asked = asked
        self._items = items
        self._results: dict[int, bytes] = {}
        self._ids: dict[int, str | None] = {}
        self._askings: dict[int, Asking] = {}
        self._breathed_at = time.monotonic()

    async def judge(self) -> None:
        """Ask it all. Raises one of UNAVAILABLE if the database is away before anything was answered."""
        await self._read()
        answered, dry_run = False, self._asked.dry_run
        try:
            async for answers in submit_all(self._asked.door.ledger, self._askings, dry_run=dry_run):
                for place, step in answers.items():
                    await self._tell(place, step)
                    answered = True
                    await self._breathe()
        except UNAVAILABLE:
            if not answered:
                raise
            self.away()

    def away(self) -> None:
        """What has no result yet has none because the database is away."""
        self.cut = True
        away = Problem(code="unavailable", detail="The database is away; send this again, with the same id.")
        for place in range(len(self._items)):
            if place not in self._results:
                self._refuse(place, away)

    def results(self) -> list[bytes]:
        """One for each item, in order."""
        return [self._results[place] for place in range(len(self._items))]

    async def _read(self) -> None:
        """What each item asks; who may not ask it, or says it wrongly, has its result."""
        for place, said in enumerate(self._items):
            try:
                asking = await self._asking(place, said)
                self._askings[place] = replace(asking, brief=True) if self._asked.brief else asking
            except Refused as refused:
                self._refuse(place, refused.problem)
            await self._breathe()

    async def _breathe(self) -> None:
        if time.monotonic() - self._breathed_at >= BREATH_S:
            await asyncio.sleep(0)
            self._breathed_at = time.monotonic()

    async def _asking(self, place: int, said: bytes) -> Asking:
        door, caller = self._asked.door, self._asked.caller
        if len(said) > bodies.BODY_MAX:
            raise Refused(Problem(code="too_large", detail=f"An item has at most {bodies.BODY_MAX} bytes."))
        if self._asked.events:
            event = cloudevents.structured(said)
            self._ids[place] = event.id
            return await cloudevents.asking_of(door, caller, event)
        own, body = apart(said, "id", "if_match", "case_id")
        self._ids[place] = key = key_of(own.get("id"))
        read = version_of(own.get("if_match"))
        case_id = case_id_of(own["case_id"]) if "case_id" in own else None
        return await asking_for(door, caller, case_id, body, key, read)

    async def _tell(self, place: int, step: Step | Exception) -> None:
        if isinstance(step, Exception):
            self._broke(place, step)
            return
        try:
            if not self._asked.dry_run:
                await files_erased(self._asked.door, step)
        except Refused as refused:
            self._refuse(place, refused.problem)
            return
        if step.problem is not None or step.case is None:
            self._refuse(place, await why_refused(self._asked.door, viewer_of(self._asked.caller), step))
            return
        shown: object = msgspec.UNSET
        if not self._asked.brief:
            view = await step_view(self._asked.door, self._asked.caller, step)
            shown = view.case if isinstance(self._askings[place].command, File) else view
        done = HTTPStatus.OK if self._asked.dry_run else HTTPStatus.CREATED
        location, etag = f"/v1/cases/{step.case_id}", f'"{step.case.version}"'
        self._result(place, done, shown, location, etag, replayed=step.replayed)

    def _broke(self, place: int, fault: Exception) -> None:
        """A fault of ours with one item; as with a request of its own, nothing it says is logged."""
        frames = traceback.format_tb(fault.__traceback__)
        log.error("item failed", fault=type(fault).__name__, trace_id=self._asked.trace_id, place=place, frames=frames)
        self._refuse(place, Problem(code="internal", detail="Something of ours broke; trace_id says where to look."))

    def _refuse(self, place: int, problem: Problem) -> None:
        self._results[place] = refusal(self._asked, problem, self._ids.get(place))

    def _result(self, place: int, status: int, body: object, location: Told, etag: Told, *, replayed: bool) -> None:
        self._results[place] = encoded(
            BatchResult(
                status=status,
                id=self._ids.get(place),
                location=location,
                etag=etag,
                replayed=replayed or msgspec.UNSET,
                body=body,
            )
        )


def refusal(asked: Asked, problem: Problem, item_id: str | None = None) -> bytes:
    """The result of an item that was refused."""
    view = problems.view(problem, PATH, asked.trace_id)
    stale = problem.code == "stale" and problem.current_version is not None
    return encoded(
        BatchResult(
            status=view.status,
            id=item_id,
            location=problem.location or msgspec.UNSET,
            etag=f'"{problem.current_version}"' if stale else msgspec.UNSET,
            body=view,
        )
    )
