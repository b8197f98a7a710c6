"""A scenario played over HTTP against a running Caselog, under a test clock, by the client that storefronts use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec

from case_events.core.values import Instant, Side, Value
from caselog_client import AsyncCaselog, Case, ProblemError
from tests.scenarios.script import Expected, Refused, Scenario, Step, data_of, party

READY_S = 20.0
JUDGING = ("ruled", "settled")
"""Events that judge what was read, so that they must say which version that was (api.md, "Sending safely")."""


class Keys(Value, frozen=True, kw_only=True):
    """Who calls: the development keys, unless others are given."""

    storefront: str = "dev-storefront"
    platform: str = "dev-platform"
    auditor: str = "dev-auditor"
    admin: str = "dev-admin"


class Performance(Value, frozen=True, kw_only=True):
    """A scenario as it went: the case, and how it is told."""

    case_id: str
    timeline: dict[str, Any]


Watch = Callable[[Step], None]


async def perform(
    scenario: Scenario, http: httpx.AsyncClient, keys: Keys | None = None, watch: Watch = lambda _step: None
) -> Performance:
    """Plays it to the end and checks every expectation. Raises AssertionError at the first that fails."""
    stage = _Stage(scenario, http, keys or Keys())
    case = await stage.file()
    for step in scenario.steps:
        watch(step)
        await stage.play(case.case_id, step)
    told = plain(await stage.auditor.timeline(case.case_id))
    return Performance(case_id=str(case.case_id), timeline=told)


class _Stage:
    """One performance: who calls, its test clock, and how much of the case's history was seen."""

    def __init__(self, scenario: Scenario, http: httpx.AsyncClient, keys: Keys) -> None:
        url = str(http.base_url)
        self.scenario = scenario
        self.storefront = AsyncCaselog(url, keys.storefront, http=http)
        self.platform = AsyncCaselog(url, keys.platform, http=http)
        self.auditor = AsyncCaselog(url, keys.auditor, http=http)
        self.admin = AsyncCaselog(url, keys.admin, http=http)
        self.run = uuid4().hex
        self.clock_id, self.seen = "", 0

    async def file(self) -> Case:
        self.clock_id = str((await self.admin.create_clock(self.scenario.starts_at)).id)
        body = {**self.scenario.body(f"T{self.run[:12]}"), "test_clock": self.clock_id}
        case = await self.storefront.file(body)
        await self._check(case.case_id, self.scenario.filed)
        return case

    async def play(self, case_id: UUID, step: Step) -> None:
        """Time passes, perhaps something is posted, and then everything is as the step says."""
        await self.admin.advance(self.clock_id, to=self.scenario.instant(step.at))
        await self.admin.wait_until_ready(self.clock_id, within_s=READY_S)
        if step.post is not None:
            await self._post(case_id, step)
        await self._check(case_id, step)

    async def _post(self, case_id: UUID, step: Step) -> None:
        """Posts it twice with one key: the second time nothing happens, and the answer is the first one."""
        assert step.post is not None, "a step without a post only lets time pass"
        post, key = step.post, uuid4().hex
        caller = self._caller(post.by)
        read = self.seen if post.type in JUDGING else None
        asked = (case_id, post.type, data_of(post), party(post.by))
        try:
            said = await caller.post(*asked, if_match=read, idempotency_key=key)
        except ProblemError as problem:
            if step.refused is None or _refusal(problem) != step.refused:
                raise AssertionError(f"refused: {problem}; expected: {step.refused}") from problem
            return
        assert step.refused is None, f"not refused; recorded: {[one.type for one in said.events]}"
        assert not said.replayed
        again = await caller.post(*asked, if_match=read, idempotency_key=key)
        assert again == msgspec.structs.replace(said, replayed=True)

    async def _check(self, case_id: UUID, expected: Expected) -> None:
        """Every expectation after a step, the same as ``rehearse`` has of the rules themselves."""
        case, history = await self.auditor.case(case_id), await self.auditor.events(case_id)
        assert tuple(one.type for one in history[self.seen :]) == expected.recorded
        assert (case.status, case.stage, case.outcome) == (expected.status, expected.stage, expected.outcome)
        assert {clock.kind: clock.due_at for clock in case.deadlines} == expected.deadlines
        assert case.priority == expected.priority
        assert [one.version for one in history] == list(range(1, case.version + 1))
        self.seen = case.version

    def _caller(self, side: Side) -> AsyncCaselog:
        return self.platform if side == "platform" else self.storefront


def plain(value: object) -> Any:
    """A view of the client as the JSON data it was read from, instants with their six digits."""
    if isinstance(value, datetime):
        return Instant.of(value).rfc3339()
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, UUID) else value


def _refusal(problem: ProblemError) -> Refused:
    named = {"due_at": problem.due_at, "opens_at": problem.opens_at, "closed_at": problem.closed_at}
    return Refused(code=problem.code, **{name: Instant.of(at) for name, at in named.items() if at is not None})
