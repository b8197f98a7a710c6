"""Keys, roles and actors: tests/rights.py held against the running app, operation by operation and event by event."""

import json
import re
from typing import Any

import pytest
from fastapi.routing import APIRoute
from httpx import AsyncClient, Response
from starlette.routing import Route

from case_api.callers import auth
from case_events.core.commands import BY, POSTED
from case_events.core.events import EVENTS
from case_events.core.timeouts import DeadlineApproaching, TimedOut
from case_events.ledger.callers import changing, keys
from case_events.ledger.callers.keys import Caller, Role, caller_of
from case_events.ledger.database import Ledger
from tests import rights
from tests.api.house import AGREE, BUYER, MERCHANT, REFUSE, House, complaint, filed, happened, post
from tests.console.browser import Browser
from tests.docs.roles import operations_of
from tests.rights import ANYBODY, CLOUD, OPERATIONS, PAGES, REPLY, ROLES, Row

NOTHING = "00000000-0000-4000-8000-000000000000"
PLACES = {"policy": "taobao@2026.1", "year": "2026", "code": "invalid", "sha256": "0" * 64, "key": "nobody"}
UNDERSTOOD = {200, 400, 404, 409, 415, 422, 428}
"""What whoever may do a thing is answered, when what they sent is wrong or about nothing."""
LISTING_CASES = ("find_cases", "find_deadlines", "export_cases")


def path_of(path: str, **said: str) -> str:
    return re.sub(r"{(\w+)}", lambda place: (PLACES | said).get(place[1], NOTHING), path)


async def send(client: AsyncClient, method: str, path: str, row: Row, body: Any = None) -> Response:
    """A request that leads as far as the door asks who it is from, and with ``body`` further."""
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    own = (row.headers or {}) if body is not None else {}
    said = {"Content-Type": "application/json", **own} if method in ("POST", "PATCH") else {}
    where = f"{path}?{row.query}" if row.query else path
    return await client.request(method, where, content=content if said else None, headers=said)


def test_every_operation_page_and_event_has_its_row(house: House) -> None:
    assert operations_of(house.app).keys() == OPERATIONS.keys()
    for name, (method, path) in operations_of(house.app).items():
        told = house.app.openapi()["paths"][path][method.lower()]
        meant = [] if OPERATIONS[name].roles == ANYBODY else OPERATIONS[name].roles.split()
        assert told.get("x-roles", []) == meant, f"{name}: what the OpenAPI document says"
    others = [route for route in house.app.routes if isinstance(route, Route) and not isinstance(route, APIRoute)]
    # HEAD is GET without the body.
    found = {f"{method} {route.path}" for route in others for method in (route.methods or set()) - {"HEAD"}}
    assert found == {*PAGES, *(f"GET {path}" for path in rights.DOCUMENTS)}
    assert list(rights.EVENTS) == list(POSTED)
    assert not set(POSTED) & {name for name, kind in EVENTS.items() if issubclass(kind, TimedOut | DeadlineApproaching)}


@pytest.mark.parametrize("role", ROLES)
async def test_each_operation_is_for_its_roles(house: House, storefront: AsyncClient, role: str) -> None:
    case = await filed(storefront)
    for name, (method, path) in operations_of(house.app).items():
        row = OPERATIONS[name]
        answer = await send(house.caller(role), method, path_of(path, case_id=case["case_id"]), row)
        if row.roles == ANYBODY or role in row.roles.split():
            assert answer.status_code in UNDERSTOOD, (name, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), name


@pytest.mark.parametrize("key", ["", "ck_nobody", "revoked", "e30.e30.x"])
async def test_nobody_may_anything_but_what_is_for_anybody(house: House, storefront: AsyncClient, key: str) -> None:
    case = await filed(storefront)
    if key == "revoked":
        async with house.app.state.door.ledger.connection() as connection:
            caller, key = await keys.create(connection, client="gone", name="gone", role="platform")
            await changing.revoke(connection, caller.key_id)
    for name, (method, path) in operations_of(house.app).items():
        row = OPERATIONS[name]
        for case_id in (case["case_id"], NOTHING):
            answer = await send(house.with_key(key), method, path_of(path, case_id=case_id), row)
            if row.roles == ANYBODY:
                assert answer.status_code == 200, name
                continue
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), name
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", rights.DOCUMENTS)
async def test_the_documents_answer_anybody(house: House, path: str) -> None:
    assert (await house.caller(None).get(path)).status_code == 200


ELSEWHERE: list[dict[str, Any]] = [{"merchants": ["m-2"]}, {"marketplaces": ["tmall"]}]


@pytest.mark.parametrize("limits", ELSEWHERE, ids=["merchants", "marketplaces"])
@pytest.mark.parametrize("role", ROLES)
async def test_a_limited_key_neither_sees_nor_steers_what_is_another_s(
    house: House, storefront: AsyncClient, role: Role, limits: dict[str, Any]
) -> None:
    case = await filed(storefront)
    file = {"file": ("a.png", b"a", "image/png")}
    stored = (await storefront.post(f"/v1/cases/{case['case_id']}/evidence", files=file)).json()["evidence"]
    await post(storefront, case, happened("evidence_submitted", BUYER, evidence=[stored]))
    hook = (await storefront.post("/v1/webhooks", json={"url": "https://shop.example/hooks"})).json()["id"]
    async with house.app.state.door.ledger.connection() as connection:
        _, secret = await keys.create(connection, client="elsewhere", name="n", role=role, **limits)
    limited, before = house.with_key(secret), await house.count()
    for name, (method, path) in operations_of(house.app).items():
        row = OPERATIONS[name]
        if row.roles != ANYBODY and role not in row.roles.split():
            continue
        where = path_of(path, case_id=case["case_id"], endpoint_id=hook, sha256=stored["sha256"])
        answer = await send(limited, method, where, row, _asked(name, row, role, case["case_id"]))
        _check_limited(name, row, answer, case["case_id"], hook)
        if method == "GET" and row.limited in (rights.OWN, rights.CLIENT):
            theirs = storefront if row.limited == rights.CLIENT else house.caller(role)
            assert (await theirs.get(where)).status_code == 200, f"{name}: to others it is there"
        if name in LISTING_CASES:
            assert case["case_id"] in (await send(house.caller(role), method, where, row)).text, "others see it"
    assert await house.count() == before


def _asked(name: str, row: Row, role: str, case_id: str) -> Any:
    """What makes the door ask whose it is; the platform and ops speak for the platform."""
    as_a_party = role == "storefront"
    posting: dict[str, Any] = REPLY if as_a_party else {"type": "noted", "data": {"text": "x"}}
    match name:
        case "file_case":
            return complaint()
        case "post_event":
            return posting
        case "post_batch":
            return [{**posting, "case_id": case_id}]
        case "post_cloud_event":
            data = {**posting["data"], **({"actor": posting["actor"]} if as_a_party else {})}
            event = {"specversion": "1.0", "id": "e", "source": "/s", "subject": case_id, "data": data}
            return event | {"type": f"caselog.{posting['type']}.v1"}
        case _:
            return row.body


def _check_limited(name: str, row: Row, answer: Response, case_id: str, hook: str) -> None:
    match row.limited:
        case rights.ALL | rights.FILING:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (name, answer.text)
        case rights.OWN:
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (name, answer.text)
        case rights.CLIENT if name not in ("make_webhook", "list_webhooks"):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (name, answer.text)
        case rights.ITEMS:
            assert [one["status"] for one in answer.json()] == [404], answer.text
        case _:
            assert answer.status_code in UNDERSTOOD, (name, answer.text)
            assert case_id not in answer.text
            assert hook not in answer.text


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer nobody", "Basic ZGV2", "Bearer " + "x" * 5000, "Bearer caf\u00e9"]
)
async def test_a_key_nobody_has_opens_nothing(house: House, header: str) -> None:
    headers = {"Authorization": header.encode("utf-8")}
    answer = await house.caller(None).get("/v1/cases", headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("role", ROLES)
async def test_each_page_of_the_console_is_for_its_roles_and_for_no_key(
    house: House, storefront: AsyncClient, role: str
) -> None:
    case, browser = await filed(storefront), Browser(house)
    await browser.sign_in(f"dev-{role}")
    assert (browser.cookie() is not None) == (role in PAGES["GET /console"].split())
    for where, roles in PAGES.items():
        method, path = where.split(" ")
        if method == "POST" or roles == ANYBODY:
            continue  # what a form must be is tested with the console
        there = path_of(path, case_id=case["case_id"])
        assert (await house.caller(role).get(there)).status_code == 303, "a key opens no page"
        answer = await browser.client.get(there)
        if role in PAGES["GET /console"].split():
            assert (answer.status_code != 403) == (role in roles.split()), where
        else:
            assert answer.status_code == 303, where
    await browser.client.aclose()


@pytest.mark.parametrize("role", ROLES)
async def test_each_event_is_for_its_role_however_it_is_sent(house: House, storefront: AsyncClient, role: str) -> None:
    case, caller, before = await filed(storefront), house.caller(role), await house.count()
    wrong = [happened(name, nonsense=1) for name in sorted(BY)]
    items = [{**one, "case_id": case["case_id"]} for one in wrong]
    batch = await caller.post("/v1/events:batch", json=[*items, {"nonsense": 1}])
    for number, body in enumerate(wrong):
        name = body["type"]
        may = role in rights.EVENTS[name].split()
        alone = await post(caller, case, body)
        assert alone.status_code == (422 if may else 403), (name, alone.text)
        event = {"specversion": "1.0", "id": name, "source": "/s", "subject": case["case_id"], "data": body["data"]}
        said = json.dumps(event | {"type": f"caselog.{name}.v1"})
        cloud = await caller.post("/v1/events", content=said, headers=CLOUD)
        assert cloud.status_code == (422 if may else 403), (name, cloud.text)
        if role in OPERATIONS["post_batch"].roles.split():
            assert batch.json()[number]["status"] == (422 if may else 403), name
        else:
            assert batch.status_code == 403
    if role in OPERATIONS["post_batch"].roles.split():
        may_file = role in OPERATIONS["file_case"].roles.split()
        assert batch.json()[-1]["status"] == (422 if may_file else 403)
    assert await house.count() == before


async def test_ops_notes_as_the_platform_and_never_as_a_party(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    noted = await post(house.caller("ops"), case, happened("noted", text="已电话核实。"))
    assert noted.status_code == 201, noted.text
    assert (noted.json()["events"][0]["who"], noted.json()["events"][0]["agent"]) == ("platform", "dev-ops")
    as_party = await post(house.caller("ops"), case, happened("noted", MERCHANT, text="已电话核实。"))
    assert (as_party.status_code, as_party.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_posts_a_timeout(house: House, storefront: AsyncClient, role: str) -> None:
    case = await filed(storefront)
    before = await house.count()
    names = [name for name, kind in EVENTS.items() if issubclass(kind, TimedOut | DeadlineApproaching)]
    for name in (*names, "anything_timed_out"):
        answer = await post(house.caller(role), case, happened(name, BUYER))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert len(names) >= 14
    assert await house.count() == before


@pytest.mark.parametrize(
    "actor",
    [
        {"role": "merchant", "id": "m-2"},
        {"role": "buyer", "id": "m-1"},
        BUYER,
        {"role": "platform", "id": "p-1"},
    ],
)
async def test_the_actor_is_the_party_whose_event_it_is(storefront: AsyncClient, actor: dict[str, str]) -> None:
    case = await filed(storefront)
    answer = await post(storefront, case, {**AGREE, "actor": actor})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_platform_does_not_post_as_a_party(storefront: AsyncClient, platform: AsyncClient) -> None:
    case = await filed(storefront)
    evidence = [{"kind": "photo", "uri": "https://files.example/1", "sha256": "0" * 64}]
    answer = await post(platform, case, happened("evidence_submitted", MERCHANT, evidence=evidence))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_case_that_is_not_there_is_not_found(storefront: AsyncClient, platform: AsyncClient) -> None:
    nobody = {"case_id": "00000000-0000-4000-8000-000000000000"}
    assert (await post(storefront, nobody, REFUSE)).json()["code"] == "not_found"
    for path in ("/v1/cases/mine", "/v1/cases/{00000000000040008000000000000000}", f"/v1/cases/{nobody['case_id']}"):
        for tail in ("", "/events", "/timeline"):
            answer = await platform.get(path + tail)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_key_is_believed_a_few_seconds_and_a_guess_never(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def counted(ledger: Ledger, secret: str) -> Caller | None:
        asked.append(secret)
        return await caller_of(ledger, secret)

    async def asked_about(*secrets: str) -> int:
        asked.clear()
        callers = auth.Callers(house.app.state.door.ledger, sandbox=True)
        for secret in secrets:
            assert (await callers.of(secret) is None) == secret.startswith("guess")
        return len(asked)

    monkeypatch.setattr(auth, "caller_of", counted)
    assert auth.KNOWN_FOR_S <= 10
    assert await asked_about("dev-ops", "dev-ops", "dev-ops") == 1
    assert await asked_about("guess", "guess") == 2
    monkeypatch.setattr(auth, "KNOWN_FOR_S", 0)
    assert await asked_about("dev-ops", "dev-ops", "dev-ops") == 3


async def test_filing_is_not_for_ops(house: House) -> None:
    before = await house.count()
    answer = await house.caller("ops").post("/v1/cases", json=complaint())
    assert answer.status_code == 403
    assert await house.count() == before
