"""How each refusal is met: one small scene for every code."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from httpx import Response

from case_api.refusals.kinds import KINDS
from case_api.requests import bodies
from case_api.routes import reading
from case_api.serving import watch
from case_events.core.values import Instant
from case_events.ledger import batches
from case_events.ledger.clock.host import host_clock, later
from tests.api.house import AGREE, BUYER, JSON, REFUSE, REJECT, House, complaint, filed, happened, post
from tests.examples import NOON

Meeting = Callable[["Scene"], Awaitable[Response]]


class Scene:
    """What a refusal may need to be met."""

    def __init__(self, house: House, away: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.house, self.away, self.patch = house, away, monkeypatch
        self.storefront, self.platform = house.caller("storefront"), house.caller("platform")

    async def posted(self, body: dict[str, object], **headers: str) -> Response:
        return await post(self.storefront, await filed(self.storefront), body, **headers)


async def _malformed(scene: Scene) -> Response:
    return await scene.storefront.post("/v1/cases", content=b"{", headers=JSON)


async def _unauthenticated(scene: Scene) -> Response:
    return await scene.house.caller(None).get("/v1/cases")


async def _forbidden(scene: Scene) -> Response:
    return await scene.posted(REJECT)


async def _not_found(scene: Scene) -> Response:
    return await scene.storefront.get("/v1/nothing")


async def _method_not_allowed(scene: Scene) -> Response:
    return await scene.storefront.delete("/v1/cases")


async def _request_timeout(scene: Scene) -> Response:
    scene.patch.setattr(bodies, "BODY_WAIT_S", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        await asyncio.sleep(5)
        yield b"{}"

    return await scene.storefront.post("/v1/cases", content=slow(), headers=JSON)


async def _not_allowed_now(scene: Scene) -> Response:
    case = await filed(scene.storefront)
    return await post(scene.platform, case, REJECT, if_match='"1"')


async def _deadline_passed(scene: Scene) -> Response:
    admin = scene.house.caller("admin")
    clock = await admin.post("/v1/test-clocks", json={"at": NOON.rfc3339()})
    succeeded = Instant.of(NOON - timedelta(days=1))
    case = await filed(scene.storefront, succeeded_at=succeeded, test_clock=clock.json()["id"])
    await admin.post(f"{clock.headers['location']}/advance", json={"by": "PT73H"})
    return await post(scene.storefront, case, AGREE)


async def _clock_frozen(scene: Scene) -> Response:
    admin = scene.house.caller("admin")
    clock = (await admin.post("/v1/test-clocks", json={"at": NOON.rfc3339()})).headers["location"]
    await admin.post(f"{clock}/freeze")
    return await admin.post(f"{clock}/advance", json={"by": "PT1H"})


async def _not_yet(scene: Scene) -> Response:
    return await scene.posted(happened("intervention_requested", BUYER, reason="?"))


async def _already_open(scene: Scene) -> Response:
    body = complaint()
    await scene.storefront.post("/v1/cases", json=body)
    return await scene.storefront.post("/v1/cases", json=body)


async def _stale(scene: Scene) -> Response:
    return await scene.posted(AGREE, if_match='"9"')


async def _too_large(scene: Scene) -> Response:
    return await scene.storefront.post("/v1/cases", content=b" " * (bodies.BODY_MAX + 1), headers=JSON)


async def _unsupported_media_type(scene: Scene) -> Response:
    return await scene.storefront.post("/v1/cases", content=b"<xml/>", headers={"Content-Type": "text/xml"})


async def _invalid(scene: Scene) -> Response:
    return await scene.storefront.post("/v1/cases", json={})


async def _not_eligible(scene: Scene) -> Response:
    body = complaint()
    body["order"]["status"] = "awaiting_payment"
    return await scene.storefront.post("/v1/cases", json=body)


async def _id_reused(scene: Scene) -> Response:
    case = await filed(scene.storefront)
    await post(scene.storefront, case, REFUSE, idempotency_key="k")
    return await post(scene.storefront, case, AGREE, idempotency_key="k")


async def _precondition_required(scene: Scene) -> Response:
    return await post(scene.platform, await filed(scene.storefront), REJECT)


async def _too_many_requests(scene: Scene) -> Response:
    scene.patch.setattr(watch, "IN_FLIGHT_MAX", 0)
    return await scene.storefront.get("/v1/cases")


async def _internal(scene: Scene) -> Response:
    scene.patch.setattr(reading, "read_case", None)
    return await scene.storefront.get("/v1/cases/00000000-0000-4000-8000-000000000000")


async def _busy(scene: Scene) -> Response:
    case = await filed(scene.storefront)
    scene.patch.setattr(batches, "WAITING_MAX", 0)
    return await post(scene.storefront, case, AGREE)


async def _clock_disagrees(scene: Scene) -> Response:
    case = await filed(scene.storefront)
    ledger = scene.house.app.state.door.ledger
    scene.patch.setattr(ledger, "host_clock", lambda: later(host_clock(), -3600))
    return await post(scene.storefront, case, AGREE)


async def _not_ready(scene: Scene) -> Response:
    return await scene.away.caller(None).get("/readyz")


async def _unavailable(scene: Scene) -> Response:
    return await scene.away.caller("storefront").post("/v1/cases", json=complaint())


MEETINGS: dict[str, Meeting] = {
    name.removeprefix("_"): met
    for name, met in list(globals().items())
    if name.startswith("_") and name.removeprefix("_") in KINDS
}
