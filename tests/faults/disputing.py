"""Storefronts, a desk and testers at a running Caselog: random disputes, in real time and under clocks they move."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from case_events.core.values import Instant
from tests.api.house import (
    AGREE,
    APPEAL,
    BUYER,
    MERCHANT,
    OFFER,
    PROOF,
    REFUND,
    REFUNDED,
    REFUSE,
    REJECT,
    SETTLE,
    complaint,
    happened,
)
from tests.examples import NOON

CLOCKS, CASES_MAX = 4, 400
AGAIN_S, GIVE_UP_S = 0.1, 30.0
FORGET = 40
"""Cases of one clock that are still asked about; older ones are left to their clocks."""
ADMIN, PLATFORM, STOREFRONT = ({"Authorization": f"Bearer dev-{role}"} for role in ("admin", "platform", "storefront"))
SAYINGS: tuple[tuple[str, dict[str, str], dict[str, Any]], ...] = (
    ("merchant_replied", STOREFRONT, AGREE),
    ("merchant_replied", STOREFRONT, REFUSE),
    ("merchant_replied", STOREFRONT, OFFER),
    ("settled", STOREFRONT, SETTLE),
    ("evidence_submitted", STOREFRONT, happened("evidence_submitted", BUYER, evidence=PROOF)),
    ("messaged", STOREFRONT, happened("messaged", MERCHANT, text="请稍候。")),
    ("intervention_requested", STOREFRONT, happened("intervention_requested", BUYER, reason="商家不处理。")),
    ("withdrawn", STOREFRONT, happened("withdrawn", BUYER)),
    ("appealed", STOREFRONT, APPEAL),
    ("remedied", STOREFRONT, REFUNDED),
    ("ruled", PLATFORM, REFUND),
    ("ruled", PLATFORM, REJECT),
    ("noted", PLATFORM, happened("noted", text="已电话核实。")),
)
REFUSALS = (404, 409, 412, 422)
"""How somebody is told that it cannot be, or not any more; 503 is told to who must come again."""


class Disputing:
    """Everybody at one Caselog until ``over``, and what they were told; whatever is no answer ends it all."""

    def __init__(self, http: httpx.AsyncClient, seed: int) -> None:
        self.http, self.chance = http, random.Random(seed)
        self.over = asyncio.Event()
        self.told: Counter[str] = Counter()
        self.clocks: list[str] = []
        self.deleted: set[str] = set()
        self._cases: dict[str | None, list[str]] = {}

    async def opens(self) -> None:
        for _ in range(CLOCKS):
            await self._new_clock()

    async def storefront(self, live: str) -> None:
        """Files and posts, mostly what is allowed; ``live``: the marketplace of what is filed in real time."""
        while not self.over.is_set():
            clock = self.chance.choice([*self.clocks, None])
            cases = self._cases.setdefault(clock, [])
            if not cases or self.chance.random() < 0.3:
                await self._files(clock, live)
            else:
                await self._posts(self.chance.choice(cases[-FORGET:]))
            await asyncio.sleep(self.chance.random() / 20)

    async def tester(self, number: int) -> None:
        """Moves a clock by minutes or weeks, freezes it, waits for it or not, and now and then deletes it."""
        while not self.over.is_set():
            clock, what = self.clocks[number], self.chance.random()
            if what < 0.02:
                await self._deletes(number)
            elif what < 0.10:
                await self._ask("POST", f"/v1/test-clocks/{clock}/freeze", ADMIN)
                await asyncio.sleep(self.chance.random() / 5)
                await self._ask("POST", f"/v1/test-clocks/{clock}/unfreeze", ADMIN)
                self.told["froze"] += 1
            else:
                hours = self.chance.choice((0.2, 1, 5, 23, 49, 73, 24 * 9))
                by = {"by": f"PT{int(hours * 3600)}S"}
                await self._ask("POST", f"/v1/test-clocks/{clock}/advance", ADMIN, by)
                self.told["advanced"] += 1
            await asyncio.sleep(self.chance.random())

    async def settled(self) -> None:
        """Every clock goes on, and everything it has passed is fired."""
        for clock in self.clocks:
            await self._ask("POST", f"/v1/test-clocks/{clock}/unfreeze", ADMIN)
        for clock in self.clocks:
            await self._until_ready(clock)

    async def _new_clock(self) -> str:
        body = {"at": NOON.rfc3339(), "name": f"tester {len(self.clocks)}"}
        made = await self._ask("POST", "/v1/test-clocks", ADMIN, body)
        self.clocks.append(made["id"])
        return str(made["id"])

    async def _deletes(self, number: int) -> None:
        old = self.clocks[number]
        gone = await self._ask("DELETE", f"/v1/test-clocks/{old}", ADMIN)
        assert gone["status"] == "deleted", gone
        self.deleted.add(old)
        await self._new_clock()
        self.clocks[number] = self.clocks.pop()
        self.told["deleted"] += 1

    async def _files(self, clock: str | None, live: str) -> None:
        cases = self._cases.setdefault(clock, [])
        if len(cases) >= CASES_MAX:
            cases.clear()
        at = Instant.of(datetime.now(UTC))
        if clock is not None:
            stands = await self._ask("GET", f"/v1/test-clocks/{clock}", ADMIN)
            if "at" not in stands:
                return  # it was deleted meanwhile
            at = Instant.parse(stands["at"])
        about = {"marketplace": live} if clock is None else {"test_clock": clock}
        body = complaint(succeeded_at=Instant.of(at - timedelta(days=1)), **about)
        body["order"]["order_id"] = uuid4().hex
        said = await self._ask("POST", "/v1/cases", STOREFRONT, body, key=uuid4().hex)
        if "case_id" in said:
            cases.append(said["case_id"])
            self.told["filed"] += 1

    async def _posts(self, case: str) -> None:
        read = await self._ask("GET", f"/v1/cases/{case}", PLATFORM)
        if "version" not in read:
            assert read["code"] == "not_found", read
            return
        allowed = {one["type"] for one in read["allowed_events"]}
        fit = [one for one in SAYINGS if one[0] in allowed]
        _, key, body = self.chance.choice(fit if fit and self.chance.random() < 0.9 else SAYINGS)
        said = await self._ask(
            "POST", f"/v1/cases/{case}/events", key, body, key=uuid4().hex, if_match=f'"{read["version"]}"'
        )
        self.told["posted" if "events" in said else "refused"] += 1

    async def _until_ready(self, clock: str) -> None:
        for _ in range(int(GIVE_UP_S / AGAIN_S) * 4):
            if (await self._ask("GET", f"/v1/test-clocks/{clock}", ADMIN))["status"] == "ready":
                return
            await asyncio.sleep(AGAIN_S)
        raise AssertionError(f"the clock {clock} is not ready")

    async def _ask(
        self,
        method: str,
        path: str,
        who: dict[str, str],
        body: object = None,
        *,
        key: str | None = None,
        if_match: str | None = None,
    ) -> Any:
        """The answer, or the refusal; who is told to come again does, with the same key."""
        headers = dict(who)
        if key is not None:
            headers["Idempotency-Key"] = key
        if if_match is not None:
            headers["If-Match"] = if_match
        for _ in range(int(GIVE_UP_S / AGAIN_S)):
            answer = await self.http.request(method, path, json=body, headers=headers)
            if answer.status_code != 503:
                assert answer.is_success or answer.status_code in REFUSALS, (method, path, answer.text)
                return answer.json()
            self.told["again"] += 1
            await asyncio.sleep(AGAIN_S)
        raise AssertionError(f"{method} {path}: busy for {GIVE_UP_S} s")
