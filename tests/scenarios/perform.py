"""A scenario played over HTTP against a running Caselog, under a test clock, by the contract alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from case_events.core.values import Instant, Side, Value
from tests.scenarios.script import Expected, Refused, Scenario, Step, data_of, party

READY_TRIES = 400
READY_PAUSE_S = 0.05
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
    scenario: Scenario, client: httpx.AsyncClient, keys: Keys | None = None, watch: Watch = lambda _step: None
) -> Performance:
    """Plays it to the end and checks every expectation. Raises AssertionError at the first that fails."""
    stage = _Stage(scenario, client, keys or Keys())
    await stage.file()
    for step in scenario.steps:
        watch(step)
        await stage.play(step)
    return Performance(case_id=stage.case_id, timeline=await stage.timeline())


class _Stage:
    """One performance: its test clock, its case, and how much of its history was seen."""

    def __init__(self, scenario: Scenario, client: httpx.AsyncClient, keys: Keys) -> None:
        self.scenario, self.client, self.keys = scenario, client, keys
        self.run = uuid4().hex
        self.clock_id, self.case_id, self.seen, self.asked = "", "", 0, 0

    async def file(self) -> None:
        at = {"at": self.scenario.starts_at.rfc3339()}
        self.clock_id = (await self._said(201, "POST", "/v1/test-clocks", self.keys.admin, json=at)).json()["id"]
        body = {**self.scenario.body(f"T{self.run[:12]}"), "test_clock": self.clock_id}
        answer = await self._said(201, "POST", "/v1/cases", self.keys.storefront, json=body, headers=self._key())
        self.case_id = answer.json()["case_id"]
        assert answer.headers["location"].endswith(f"/v1/cases/{self.case_id}")
        await self._check(self.scenario.filed)

    async def play(self, step: Step) -> None:
        await self._advance(self.scenario.instant(step.at))
        if step.post is not None:
            await self._post(step)
        await self._check(step)

    async def timeline(self) -> dict[str, Any]:
        answer = await self._said(200, "GET", f"/v1/cases/{self.case_id}/timeline", self.keys.auditor)
        told: dict[str, Any] = answer.json()
        return told

    async def _advance(self, to: Instant) -> None:
        """Moves the test clock and waits, a bounded while, until the schedulers have fired what became due."""
        where = f"/v1/test-clocks/{self.clock_id}"
        await self._said(200, "POST", f"{where}/advance", self.keys.admin, json={"to": to.rfc3339()})
        for _ in range(READY_TRIES):
            if (await self._said(200, "GET", where, self.keys.admin)).json()["status"] == "ready":
                return
            await asyncio.sleep(READY_PAUSE_S)
        raise AssertionError(
            f"the test clock is not ready after {READY_TRIES * READY_PAUSE_S:.0f} s: is a scheduler up?"
        )

    async def _post(self, step: Step) -> None:
        assert step.post is not None, "a step without a post only lets time pass"
        post, headers = step.post, self._key()
        if post.type in JUDGING:
            headers["If-Match"] = f'"{self.seen}"'
        body = {"type": post.type, "actor": party(post.by), "data": data_of(post)}
        path, key = f"/v1/cases/{self.case_id}/events", self._key_of(post.by)
        answer = await self._ask("POST", path, key, json=body, headers=headers)
        if step.refused is not None:
            _check_refusal(answer, step.refused)
            return
        assert answer.status_code == 201, answer.text
        again = await self._ask("POST", path, key, json=body, headers=headers)
        assert again.headers.get("idempotency-replayed") == "true", again.text
        assert again.json() == answer.json()

    async def _check(self, expected: Expected) -> None:
        """Every expectation after a step, the same as ``rehearse`` has of the rules themselves."""
        answer = await self._said(200, "GET", f"/v1/cases/{self.case_id}", self.keys.auditor)
        case, history = answer.json(), await self._history()
        assert tuple(one["type"] for one in history[self.seen :]) == expected.recorded
        assert (case["status"], case["stage"], case["outcome"]) == (expected.status, expected.stage, expected.outcome)
        due = {clock["kind"]: Instant.parse(clock["due_at"]) for clock in case["deadlines"]}
        assert due == expected.deadlines
        assert case["priority"] == expected.priority
        assert answer.headers["etag"] == f'"{case["version"]}"'
        assert [one["version"] for one in history] == list(range(1, case["version"] + 1))
        self.seen = case["version"]

    async def _history(self) -> list[dict[str, Any]]:
        answer = await self._said(200, "GET", f"/v1/cases/{self.case_id}/events", self.keys.auditor)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def _said(self, status: int, method: str, path: str, key: str, **more: Any) -> httpx.Response:
        answer = await self._ask(method, path, key, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    async def _ask(
        self, method: str, path: str, key: str, json: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {key}", **(headers or {})}
        return await self.client.request(method, path, json=json, headers=sent)

    def _key(self) -> dict[str, str]:
        self.asked += 1
        return {"Idempotency-Key": f"{self.run}-{self.asked}"}

    def _key_of(self, side: Side) -> str:
        return self.keys.platform if side == "platform" else self.keys.storefront


def _check_refusal(answer: httpx.Response, expected: Refused) -> None:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    assert answer.status_code >= 400
    problem = answer.json()
    names = ("due_at", "opens_at", "closed_at")
    instants = {name: Instant.parse(problem[name]) for name in names if problem.get(name)}
    assert Refused(code=problem["code"], **instants) == expected
