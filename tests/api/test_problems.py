"""Every refusal there is can be met, looks the same, and explains itself in words."""

import html
import re
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from httpx import AsyncClient
from structlog.testing import capture_logs

import case_api
import case_events
from case_api.cli import postgres
from case_api.documents import examples
from case_api.refusals.kinds import KINDS
from case_api.routes import reading
from case_api.settings import Settings
from case_events.ledger.callers import keys
from case_events.ledger.callers.keys import ROLES, Caller
from case_events.ledger.queries import MIGRATION
from tests.api.house import AGREE, House, complaint, filed, open_house, post
from tests.api.refusals import MEETINGS, Scene
from tests.conftest import Database
from tests.examples import NOON


@pytest.fixture
async def scene(
    house: House, settings: Settings, prepared: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """The house, and one whose database is away."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"postgresql://caselog_app:x@127.0.0.1:{free.getsockname()[1]}/caselog"
    gone = Database(prepared.name, nowhere, nowhere, nowhere, nowhere)
    async with open_house(settings, gone) as away:
        yield Scene(house, away, monkeypatch)


MET_ELSEWHERE = {
    "store_unavailable": "test_evidence_files.py",
    "file_altered": "test_evidence_files.py",
    "record_altered": "test_audit.py",
    "last_admin": "test_keys.py",
    "issuer_unavailable": "test_tokens.py",
    "rate_limited": "test_limits.py",
}
"""By tests that have what it takes: a store that can be away, a house with one admin, a provider that is away."""


def test_every_code_is_met_over_http() -> None:
    assert set(MEETINGS) | set(MET_ELSEWHERE) == set(KINDS), "tests/api/refusals.py has a scene for each"
    for code, where in MET_ELSEWHERE.items():
        text = (Path(__file__).parent / where).read_text(encoding="utf-8")
        assert re.search(rf"status_code.*\n?.*{KINDS[code].status}, .{code}", text), f"{where} does not meet {code}"


@pytest.mark.parametrize("code", KINDS)
def test_every_code_says_what_it_means_and_what_to_do(code: str) -> None:
    kind, words = KINDS[code], examples.words(code)
    for zh, en in ((kind.zh, kind.en), (kind.then.zh, kind.then.en)):
        assert re.search(r"[\u4e00-\u9fff]", zh)
        assert en.isascii()
        assert en[0].isupper() or en.startswith(("allowed_events", "errors", "ruled"))
        assert en.endswith(".")
    assert words.example is not None, "case_api/documents/examples/problems.json has one for each code"
    assert (words.example.code, words.example.status) == (code, kind.status)
    assert kind.waiting_helps == (kind.status in (429, 503)), "the same may be answered a moment later"
    assert kind.waiting_helps == ("Retry-After" in kind.then.en or code == "not_ready")


@pytest.mark.parametrize("code", KINDS)
async def test_every_code_has_a_page_for_people(house: House, code: str) -> None:
    nobody, kind = house.caller(None), KINDS[code]
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = await nobody.get(f"/problems/{code}", headers=browser)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["vary"] == "Accept"
    assert "style-src 'unsafe-inline'" in page.headers["content-security-policy"], "its style stands in it"
    assert len(page.headers.get_list("content-security-policy")) == 1
    shown = html.unescape(page.text)
    for part in (kind.title, str(kind.status), kind.zh, kind.en, kind.then.zh, kind.then.en, f'"code": "{code}"'):
        assert part in shown
    assert ("Retry-After:" in shown) == kind.waiting_helps
    plain = await nobody.get(f"/problems/{code}", headers={"Accept": "application/json, text/html"})
    assert plain.json()["then"] == {"zh": kind.then.zh, "en": kind.then.en}
    assert plain.json()["example"]["code"] == code


async def test_a_page_says_which_operations_it_is_met_at(house: House) -> None:
    browser = {"Accept": "text/html"}
    frozen = (await house.caller(None).get("/problems/clock_frozen", headers=browser)).text
    assert "<code>advance_clock</code>" in frozen
    assert "file_case" not in frozen
    assert "Any request may meet it." in (await house.caller(None).get("/problems/internal", headers=browser)).text


@pytest.mark.parametrize("code", sorted(MEETINGS))
async def test_a_refusal_has_the_members_of_the_contract(scene: Scene, code: str) -> None:
    started = time.monotonic()
    answer = await MEETINGS[code](scene)
    took, body, kind = time.monotonic() - started, answer.json(), KINDS[code]
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["code"] == code
    assert answer.status_code == body["status"] == kind.status
    assert body["type"] == f"/problems/{code}"
    assert body["title"] == kind.title
    assert body["detail"]
    assert body["instance"] == answer.request.url.path
    assert body["trace_id"] == answer.headers["trace-id"]
    assert all(value is not None for value in body.values())
    assert ("retry-after" in answer.headers) == (kind.status in (429, 503))
    assert took < 3
    words = (await scene.house.caller(None).get(body["type"])).json() if code != "too_many_requests" else {}
    assert words.get("zh", kind.zh) == kind.zh
    assert words.get("en", kind.en) == kind.en


async def test_who_tries_another_method_is_told_of_every_one_there_is(house: House) -> None:
    for method in ("DELETE", "OPTIONS"):
        answer = await house.caller("storefront").request(method, "/v1/cases")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    answer = await house.caller("storefront").put("/v1/webhooks/00000000-0000-4000-8000-000000000000")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH"


async def test_an_instance_is_a_reference_whatever_stands_in_the_path(house: House) -> None:
    for path in ("/v1/cases/a%20b%22%00%E4%BD%A0", "/v1/policies/taobao@nothing", "/v1/events:nothing"):
        answer = await house.caller("storefront").get(path)
        assert (answer.status_code, answer.json()["instance"]) == (404, path)


def test_every_code_in_the_source_has_a_status_and_words() -> None:
    folders = [Path(package.__file__ or "").parent for package in (case_api, case_events)]
    sources = [path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py")]
    codes = {code for source in sources for code in re.findall(r'(?:code=|_problem\()\s*"(\w+)"', source)}
    assert codes <= set(KINDS)
    assert set(KINDS) <= codes, "a code that nothing is refused with is no code"


async def test_what_nobody_knows_has_no_words(house: House) -> None:
    assert (await house.caller(None).get("/problems/nonsense")).json()["code"] == "not_found"


async def test_an_open_complaint_is_pointed_at(scene: Scene) -> None:
    answer = await MEETINGS["already_open"](scene)
    assert answer.headers["location"] == answer.json()["location"]
    assert (await scene.storefront.get(answer.headers["location"])).status_code == 200


async def test_a_method_that_is_not_there_hears_which_are(storefront: AsyncClient) -> None:
    answer = await storefront.delete("/healthz")
    assert answer.headers["allow"] == "GET, HEAD"


async def test_our_own_fault_is_logged_without_what_a_person_wrote(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = chr(0x5F20) * 3  # frames quote source lines, so it must not stand in one

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(written)

    monkeypatch.setattr(reading, "read_case", broken)
    with capture_logs() as logs:
        answer = await scene.storefront.get("/v1/cases/00000000-0000-4000-8000-000000000000")
    assert answer.json()["code"] == "internal"
    (line,) = logs
    assert (line["fault"], line["trace_id"]) == ("RuntimeError", answer.json()["trace_id"])
    assert line["route"] == "/v1/cases/{case_id}"
    assert written not in str(logs) + answer.text


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("parent", "kept"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"01-{TRACE}-00f067aa0ba902b7-01-more", True),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", False),
        ("nonsense", False),
    ],
)
async def test_a_trace_is_taken_over_if_it_is_one(storefront: AsyncClient, parent: str, kept: bool) -> None:
    answer = await storefront.get("/v1/nothing", headers={"traceparent": parent})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.json()["trace_id"])
    assert (answer.json()["trace_id"] == TRACE) == kept


async def test_nothing_under_v1_is_to_be_stored(storefront: AsyncClient, house: House) -> None:
    for path in ("/v1/cases", "/v1/policies", "/v1/nothing", "/v1/cases?x=1"):
        assert (await storefront.get(path)).headers["cache-control"] == "no-store"
    assert (await house.caller(None).get("/v1/cases")).headers["cache-control"] == "no-store"


async def test_in_production_there_are_no_test_clocks_and_no_development_keys(
    settings: Settings, prepared: Database
) -> None:
    async with open_house(settings.model_copy(update={"env": "production"}), prepared) as house:
        async with house.app.state.door.ledger.connection() as connection:
            for role in ROLES:
                await keys.add(connection, Caller(key_id=role, client="c", role=role, name=role), f"real-{role}")
        made = await house.with_key("real-admin").post("/v1/test-clocks", json={"at": NOON.rfc3339()})
        assert (made.status_code, made.json()["code"]) == (404, "not_found")
        body = complaint(test_clock="00000000-0000-4000-8000-000000000000")
        answer = await house.with_key("real-storefront").post("/v1/cases", json=body)
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/test_clock"]
        assert (await house.caller("storefront").get("/v1/cases")).status_code == 401
        paths = (await house.caller(None).get("/openapi.json")).json()["paths"]
        assert not [path for path in paths if "clock" in path]


async def test_readiness_says_what_is_missing(house: House, prepared: Database) -> None:
    answer = await house.caller(None).get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert {"scheduler"} <= set(answer.json()["missing"]) <= {"scheduler", "feed"}, "none runs here"
    connection = await asyncpg.connect(prepared.superuser)
    try:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        answer = await house.caller(None).get("/readyz")
        assert (answer.status_code, "release" in answer.json()["missing"]) == (200, True), "it goes on"
        house.app.state.door.was_ready = False
        answer = await house.caller(None).get("/readyz")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (503, "/migrations"), "it comes too late"
        await connection.execute("UPDATE alembic_version SET version_num = 'older'")
        answer = await house.caller(None).get("/readyz")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (503, "/migrations")
        await connection.execute("ALTER SCHEMA public RENAME TO later")
        answer = await house.caller(None).get("/readyz")
        await connection.execute("ALTER SCHEMA later RENAME TO public")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (503, "/migrations"), "no tables at all"
    finally:
        await connection.execute("UPDATE alembic_version SET version_num = $1", MIGRATION)
        await connection.close()


async def test_a_database_that_comes_back_is_used_again(house: House, prepared: Database) -> None:
    storefront = house.caller("storefront")
    case = await filed(storefront)
    connection = await asyncpg.connect(prepared.superuser)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
    answers = [await post(storefront, case, AGREE, idempotency_key="a") for _ in range(15)]
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert answers[-1].status_code == 201


CLOSED = "ALTER DATABASE {0} SET default_transaction_read_only = on", "ALTER DATABASE {0} RESET ALL"
RENAMED = "ALTER DATABASE {0} RENAME TO {0}_gone", "ALTER DATABASE {0}_gone RENAME TO {0}"

SHUT = "ALTER DATABASE {0} ALLOW_CONNECTIONS false", "ALTER DATABASE {0} ALLOW_CONNECTIONS true"


@pytest.mark.parametrize(
    ("away", "ready"),
    [(CLOSED, (200, True)), (RENAMED, (503, False)), (SHUT, (503, False))],
    ids=["to writers", "renamed", "to everybody"],
)
async def test_a_database_that_is_closed_is_away_and_used_again_when_it_is_open(
    house: House,
    prepared: Database,
    postgres_server: postgres.Server,
    away: tuple[str, str],
    ready: tuple[int, bool],
) -> None:
    storefront = house.caller("storefront")
    case = await filed(storefront)
    closed, open_again = (word.format(prepared.name) for word in away)
    superuser = await asyncpg.connect(postgres_server.url(postgres.SUPERUSER, "postgres"))
    try:
        ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1"
        await superuser.execute(ended, prepared.name)
        await superuser.execute(closed)
        try:
            answers = [await post(storefront, case, AGREE, idempotency_key="a") for _ in range(15)]
            told = await house.caller(None).get("/readyz")
        finally:
            await superuser.execute(open_again)
        assert (told.status_code, "writes" in told.json().get("missing", [])) == ready
        assert {(one.status_code, one.json()["code"]) for one in answers} == {(503, "unavailable")}
        assert all("Retry-After" in one.headers for one in answers)
        assert (await post(storefront, case, AGREE, idempotency_key="a")).status_code == 201
    finally:
        await superuser.close()


async def test_what_was_answered_is_counted_by_route_and_status(house: House, storefront: AsyncClient) -> None:
    await filed(storefront)
    await storefront.get("/v1/cases/mine")
    await storefront.request("BREW", "/coffee/pot")
    told = (await storefront.get("/metrics")).text
    assert re.search(r'caselog_http_requests_total{method="POST",route="/v1/cases",status="201"} \d', told)
    assert re.search(r'requests_total{method="GET",route="/v1/cases/{case_id}",status="404"} \d', told)
    assert re.search(r'requests_total{method="other",route="unknown",status="404"} \d', told)
    assert "caselog_http_request_seconds_bucket" in told
    assert "/v1/cases/mine" not in told
