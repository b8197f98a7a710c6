"""Storefronts that do not give up: each step is sent with its key until it is answered, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from datetime import timedelta
from typing import Any

import httpx

from case_events.core.values import Instant
from tests.api.house import BUYER, PROOF, complaint, happened
from tests.examples import NOON

GIVE_UP_S = 60.0
AGAIN_S = 0.05
PAGE = 1_000
ROUNDS_MAX = 10_000
HOLDS = "/v1/scheduler/holds"

Acknowledged = dict[str, dict[int, str]]
"""By case, the id of the event that was acknowledged under each version."""


class Storefronts:
    """What they asked, and what they were told is done."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.acknowledged: Acknowledged = defaultdict(dict)

    async def writes(self, number: int, steps: int) -> None:
        """File a complaint and post to it, each step again with its key until it is answered."""
        case = await self._file(f"file-{number}")
        for step in range(steps):
            body = happened("evidence_submitted", BUYER, evidence=PROOF)
            said = await self.ask("storefront", "POST", f"/v1/cases/{case}/events", body, f"step-{step}")
            for event in said["events"]:
                self._keep(case, event["version"], event["event_id"])
            assert said["case"]["version"] == step + 2, "no step was lost or recorded twice"

    async def waits(self, number: int, advances: int) -> str:
        """File a complaint under a test clock and let days of silence pass; the case."""
        clock = (await self.ask("admin", "POST", "/v1/test-clocks", {"at": NOON.rfc3339()}, f"clock-{number}"))["id"]
        succeeded = Instant.of(NOON - timedelta(days=1))
        case = await self._file(f"silent-{number}", succeeded_at=succeeded, test_clock=clock)
        for day in range(1, advances + 1):
            to = {"to": Instant.of(NOON + timedelta(days=4 * day)).rfc3339()}
            await self.ask("admin", "POST", f"/v1/test-clocks/{clock}/advance", to, None)
            await self._until_ready(clock)
        return case

    async def _file(self, key: str, **said: Any) -> str:
        case: str = (await self.ask("storefront", "POST", "/v1/cases", complaint(**said), key))["case_id"]
        return case

    def _keep(self, case: str, version: int, event_id: str) -> None:
        assert self.acknowledged[case].setdefault(version, event_id) == event_id, "a version is one event"

    async def _until_ready(self, clock: str) -> None:
        end = time.monotonic() + GIVE_UP_S
        while (await self.ask("admin", "GET", f"/v1/test-clocks/{clock}"))["status"] != "ready":
            assert time.monotonic() < end, "no scheduler fired"
            await asyncio.sleep(AGAIN_S)

    async def history(self, case: str) -> dict[int, tuple[str, str]]:
        """Of the case as it is read: by version the event's id and type."""
        items = (await self.ask("auditor", "GET", f"/v1/cases/{case}/events"))["items"]
        assert [one["version"] for one in items] == list(range(1, len(items) + 1))
        return {one["version"]: (one["event_id"], one["type"]) for one in items}

    async def ask(self, key: str, method: str, path: str, body: object = None, retry: str | None = None) -> Any:
        """The answer, however often it must be asked for."""
        headers = {"Authorization": f"Bearer dev-{key}"} | ({"Idempotency-Key": retry} if retry else {})
        end = time.monotonic() + GIVE_UP_S
        while time.monotonic() < end:
            try:
                answer = await self.http.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(AGAIN_S)
                continue
            if answer.status_code != 503:
                assert answer.is_success, answer.text
                return answer.json()
            await asyncio.sleep(AGAIN_S)
        raise AssertionError(f"{method} {path} was not answered in {GIVE_UP_S} s")


class Operator:
    """Who holds a merchant's clocks, and then does nothing but look how far everything due is done."""

    def __init__(self, storefronts: Storefronts) -> None:
        self._storefronts = storefronts
        self.seen: list[Instant] = []
        """The watermarks, as they were shown."""

    async def hold(self) -> str:
        """Hold what nobody here complains about, for an hour; the hold."""
        body = {"merchant_id": "m-held", "for": "PT1H", "reason": "their system is down"}
        hold: str = (await self._storefronts.ask("ops", "POST", HOLDS, body, "hold"))["hold"]["id"]
        return hold

    async def held(self) -> list[str]:
        """The holds in force."""
        return [hold["id"] for hold in (await self._storefronts.ask("ops", "GET", HOLDS))["items"]]

    async def watch(self, done: asyncio.Event) -> None:
        """Look until it is done."""
        while not done.is_set():
            mark = (await self._storefronts.ask("ops", "GET", "/v1/scheduler?forecast=false"))["watermark"]
            if mark.get("at"):
                self.seen.append(Instant.parse(mark["at"]))
            await asyncio.sleep(AGAIN_S)


class Follower:
    """Who reads the feed while all this happens, from the beginning and with nothing but the last position."""

    def __init__(self, storefronts: Storefronts) -> None:
        self._storefronts = storefronts
        self.seen: list[tuple[str, int, str]] = []
        """Case, version and event id, by position."""

    async def follow(self, done: asyncio.Event) -> None:
        """Read until it is done, and then until there is nothing more."""
        for _ in range(ROUNDS_MAX):
            last = done.is_set()
            items = await self._page()
            if not items:
                if last:
                    return
                await asyncio.sleep(AGAIN_S)
        raise AssertionError("the feed has no end")

    async def _page(self) -> list[dict[str, Any]]:
        path = f"/v1/events?after={len(self.seen)}&limit={PAGE}"
        items: list[dict[str, Any]] = (await self._storefronts.ask("auditor", "GET", path))["items"]
        for one in items:
            assert one["position"] == len(self.seen) + 1, "dense, from the first"
            self.seen.append((one["subject"], int(one["sequence"]), one["id"]))
        return items
