"""Keys, roles and actors: the table of api.md, endpoint by endpoint and event by event."""

import pytest
from httpx import AsyncClient

from case_api import auth
from case_events.core.commands import BY
from case_events.core.events import EVENTS
from case_events.core.timeouts import DeadlineApproaching, TimedOut
from case_events.ledger.callers.keys import ROLES, Caller, caller_of
from case_events.ledger.database import Ledger
from tests.api.house import AGREE, BUYER, MERCHANT, REFUSE, House, complaint, filed, happened, post

READERS = {"storefront", "platform", "ops", "auditor"}
WATCHERS = {"platform", "ops", "auditor", "admin"}
ENDPOINTS: list[tuple[str, str, set[str]]] = [
    ("POST", "/v1/cases", {"storefront", "platform"}),
    ("POST", "/v1/cases/{case_id}/events", {"storefront", "platform", "ops"}),
    ("GET", "/v1/cases", READERS),
    ("GET", "/v1/deadlines", READERS),
    ("GET", "/v1/stats", READERS),
    ("GET", "/v1/events", READERS),
    ("GET", "/v1/cases/{case_id}", READERS),
    ("GET", "/v1/cases/{case_id}/events", READERS),
    ("GET", "/v1/cases/{case_id}/timeline", READERS),
    ("GET", "/v1/policies", READERS | {"admin"}),
    ("GET", "/v1/policies/taobao@2026.1", READERS | {"admin"}),
    ("POST", "/v1/scheduler/holds", {"ops", "admin"}),
    ("GET", "/v1/scheduler/holds", WATCHERS),
    ("GET", "/v1/scheduler/holds/{case_id}", WATCHERS),
    ("POST", "/v1/scheduler/holds/{case_id}/release", {"ops", "admin"}),
    ("POST", "/v1/scheduler/outages", {"ops", "admin"}),
    ("GET", "/v1/scheduler/outages", WATCHERS),
    ("GET", "/v1/scheduler/outages/{case_id}", WATCHERS),
    ("GET", "/v1/scheduler/outages/{case_id}/timeouts", WATCHERS),
    ("GET", "/v1/scheduler/journal", WATCHERS),
    ("GET", "/v1/scheduler", {"platform", "ops", "auditor", "admin"}),
    ("POST", "/v1/test-clocks", {"admin"}),
    ("GET", "/v1/test-clocks/{case_id}", READERS | {"admin"}),
    ("POST", "/v1/test-clocks/{case_id}/advance", {"admin"}),
]
OPEN = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/problems/invalid"]


@pytest.mark.parametrize(("method", "path", "roles"), ENDPOINTS)
async def test_each_endpoint_is_for_its_roles(
    house: House, storefront: AsyncClient, method: str, path: str, roles: set[str]
) -> None:
    case = await filed(storefront)
    path = path.format(**case)
    for role in ROLES:
        # An empty body: whoever may call is told what is wrong with it, whoever may not hears only that.
        answer = await house.caller(role).request(method, path, json={} if method == "POST" else None)
        assert (answer.status_code != 403) == (role in roles), (role, answer.text)
        assert answer.status_code in (200, 403, 404, 422)
    answer = await house.caller(None).request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", OPEN)
async def test_some_answer_anybody(house: House, path: str) -> None:
    assert (await house.caller(None).get(path)).status_code == 200


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer nobody", "Basic ZGV2", "Bearer " + "x" * 5000, "Bearer caf\u00e9"]
)
async def test_a_key_nobody_has_opens_nothing(house: House, header: str) -> None:
    headers = {"Authorization": header.encode("utf-8")}
    answer = await house.caller(None).get("/v1/cases", headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


MAY_POST = {
    "storefront": {name for name, sides in BY.items() if {"complainant", "respondent"} & set(sides)},
    "platform": {name for name, sides in BY.items() if "platform" in sides},
    "ops": {"noted", "assigned", "linked"},
}


@pytest.mark.parametrize("role", sorted(MAY_POST))
@pytest.mark.parametrize("name", sorted(BY))
async def test_each_event_is_for_its_role(house: House, storefront: AsyncClient, role: str, name: str) -> None:
    case = await filed(storefront)
    answer = await post(house.caller(role), case, happened(name, nonsense=1))
    assert answer.status_code == (422 if name in MAY_POST[role] else 403), answer.text


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
