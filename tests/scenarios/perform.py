"""A scenario played over HTTP against a running Caselog, under a test clock, by the client that storefronts use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec

from case_events.core.values import Instant, Side, Value
from caselog_client import AsyncCaselog, Case, ProblemError
from tests.scenarios.checking import check_reads, check_refusal, running
from tests.scenarios.sayings import Names
from tests.scenarios.script import Ask, Expected, Scenario, State, Step, Table, party

READY_S = 60.0
PAUSE_S, PAUSE_MAX_S = 0.05, 0.4
JUDGING = ("ruled", "settled")
"""Events that judge what was read, so that they must say which version that was (api.md, "Sending safely")."""


class Keys(Value, frozen=True, kw_only=True):
    """Who calls: the development keys, unless others are given."""

    storefront: str = "dev-storefront"
    platform: str = "dev-platform"
    ops: str = "dev-ops"
    auditor: str = "dev-auditor"
    admin: str = "dev-admin"


class Performance(Value, frozen=True, kw_only=True):
    """A scenario as it went: the last case of it, and how that is told; nothing where no filing was taken."""

    case_id: str
    timeline: dict[str, Any]


Watch = Callable[[Step], None]
KeyOf = Callable[[str], Awaitable[str]]
"""Makes a key limited to the merchant of this id."""


async def _no_key(merchant: str) -> str:
    raise NotImplementedError(f"nobody makes a key for {merchant} here")


async def perform(
    scenario: Scenario,
    http: httpx.AsyncClient,
    keys: Keys | None = None,
    watch: Watch = lambda _step: None,
    key_of: KeyOf = _no_key,
) -> Performance:
    """Plays it to the end and checks every expectation. Raises AssertionError at the first that fails.

    ``key_of``: for the scenarios that read as the respondent.
    """
    stage = _Stage(scenario, http, keys or Keys(), key_of)
    await stage.open()
    for step in scenario.steps:
        watch(step)
        await stage.play(step)
    if stage.case is None:
        return Performance(case_id="", timeline={})
    told = plain(await stage.auditor.timeline(stage.case.case_id))
    return Performance(case_id=str(stage.case.case_id), timeline=told)


class _Stage:
    """One performance: who calls, its test clock, the case it is about, and how much of its history was seen."""

    def __init__(self, scenario: Scenario, http: httpx.AsyncClient, keys: Keys, key_of: KeyOf) -> None:
        url = str(http.base_url)
        self.scenario, self.http, self.keys, self.key_of = scenario, http, keys, key_of
        self.storefront = AsyncCaselog(url, keys.storefront, http=http)
        self.platform = AsyncCaselog(url, keys.platform, http=http)
        self.auditor = AsyncCaselog(url, keys.auditor, http=http)
        self.admin = AsyncCaselog(url, keys.admin, http=http)
        self.run = uuid4().hex[:12]
        self.clock_id, self.stands = "", scenario.starts_at
        self.case: Case | None = None
        self.body: Table = {}
        self.names = Names(run=self.run)
        self.state, self.seen = State(), 0

    async def open(self) -> None:
        """The attempts, and the filing."""
        scenario = self.scenario
        self.clock_id = str((await self.admin.create_clock(scenario.starts_at)).id)
        for attempt in scenario.attempts:
            body = scenario.body(self.run, attempt.change, attempt.without)
            check_refusal(scenario, attempt.refused, await self._file(body))
        check_refusal(scenario, scenario.refused, await self._file(scenario.body(self.run)))
        if scenario.filed is not None:
            await self._check(scenario.filed)

    async def play(self, step: Step) -> None:
        """Time passes, perhaps something is asked, and then everything is as the step says."""
        at, told = self.scenario.instant(step.at), None
        if at != self.stands:
            await self._advance(at)
        if step.file is not None:
            change = step.file.change | ({"previous": self.names.case} if step.file.previous else {})
            told = await self._file(self.scenario.body(self.run, change, step.file.without))
        if step.post is not None:
            told = await self._post(step)
        check_refusal(self.scenario, step.refused, told)
        await self._check(step)

    async def _advance(self, at: Instant) -> None:
        """Time passes to ``at``; looked at ever less often, for many clocks may be on their way at once."""
        clock, pause_s, ends = await self.admin.advance(self.clock_id, to=at), PAUSE_S, time.monotonic() + READY_S
        while clock.status != "ready":
            assert time.monotonic() < ends, f"the test clock did not reach {at.rfc3339()} in {READY_S:g} s"
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
            clock = await self.admin.clock(self.clock_id)
        self.stands = at

    async def _file(self, body: Table) -> Table | None:
        """Files twice with one key: the second time nothing happens. The problem, or None: the story goes on there."""
        body, key = {**body, "test_clock": self.clock_id}, uuid4().hex
        caller = self._caller("platform" if body["complainant"]["role"] == "platform" else "complainant")
        try:
            case = await caller.file(body, idempotency_key=key)
        except ProblemError as problem:
            return _members(problem)
        again = await caller.file(body, idempotency_key=key)
        assert again == case
        self.case, self.body, self.state, self.seen = case, body, State(), 0
        self.names = self.names.about(
            complainant=body["complainant"]["id"],
            respondent=body["respondent"]["id"],
            order=body["order"]["order_id"] if "order" in body else "",
            case=str(case.case_id),
            number=case.number,
        )
        return None

    async def _post(self, step: Step) -> Table | None:
        """Posts it twice with one key: the second time nothing happens, and the answer is the first one."""
        assert step.post is not None, "asked for"
        assert self.case is not None, "something was filed"
        post, key = step.post, uuid4().hex
        caller = self._caller(post.by)
        read = self.seen if post.type in JUDGING else None
        data = self.scenario.whole(post.data, self.names)
        asked = (self.case.case_id, post.type, data, post.actor or party(post.by, self.body))
        try:
            said = await caller.post(*asked, if_match=read, idempotency_key=key)
        except ProblemError as problem:
            return _members(problem)
        assert not said.replayed
        again = await caller.post(*asked, if_match=read, idempotency_key=key)
        assert again == msgspec.structs.replace(said, replayed=True)
        return None

    async def _check(self, expected: Expected) -> None:
        """Every expectation after a step, the same as ``rehearse`` has of the rules themselves."""
        if self.case is not None:
            history = await self.auditor.events(self.case.case_id)
            self.names = self.names.about(events={one.type: str(one.event_id) for one in history})
            assert tuple(one.type for one in history[self.seen :]) == expected.recorded
            self.state = self.scenario.state_after(expected, self.state)
            view = (await self._get(f"/v1/cases/{self.names.case}", self.keys.platform)).json()
            assert [one.version for one in history] == list(range(1, view["version"] + 1))
            self.seen = view["version"]
            clocks = running((one["kind"], one["party"], Instant.parse(one["due_at"])) for one in view["deadlines"])
            assert (view["status"], view["stage"], view["outcome"]) == (
                self.state.status,
                self.state.stage,
                self.state.outcome,
            )
            assert clocks == self.state.deadlines
            assert view["priority"] == self.state.priority
            check_reads(self.scenario, self.names, expected.reads, expected.lacks, view)
        for ask in expected.asks:
            await self._ask(ask)

    async def _ask(self, ask: Ask) -> None:
        key = await self.key_of(self.names.respondent) if ask.who == "respondent" else getattr(self.keys, ask.who)
        query = {name: self.scenario.whole(value, self.names) for name, value in ask.query.items()}
        answer = await self._get(self.scenario.whole(ask.get, self.names), key, query)
        told = answer.json()
        assert (None if answer.is_success else told["code"]) == ask.code, answer.text
        if ask.count is not None:
            assert len(told["items"]) == ask.count, told["items"]
        check_reads(self.scenario, self.names, ask.reads, ask.lacks, told)
        bytes_of = answer.text + str(dict(answer.headers))
        for hidden in ask.hides:
            word = self.scenario.whole(hidden, self.names)
            assert word not in bytes_of, f"{word} stands in the answer to {ask.get}"

    async def _get(self, path: str, key: str, query: dict[str, str] | None = None) -> httpx.Response:
        return await self.http.get(path, params=query, headers={"Authorization": f"Bearer {key}"})

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


def _members(problem: ProblemError) -> Table:
    """The members of the problem as they were sent."""
    members: Table = plain(problem.problem)
    return members
