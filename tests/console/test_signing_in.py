"""Signing in to the console with a key, and how a session ends: by leaving, by the clock, and with its key."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from case_api.callers import limiter
from case_api.settings import Settings
from case_events.ledger.callers import changing, keys, sessions
from case_events.ledger.callers.keys import Caller
from case_events.ledger.database import Ledger
from tests.api.house import House, open_house
from tests.console.browser import HERE, Browser

SIGN_IN = "/console/sign-in"
INSIDE = "/console/scheduler"


@pytest_asyncio.fixture
async def superuser(house: House) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(house.database.superuser)
    yield connection
    await connection.close()


def ledger_of(house: House) -> Ledger:
    ledger: Ledger = house.app.state.door.ledger
    return ledger


async def key_of(house: House, role: keys.Role = "ops") -> tuple[Caller, str]:
    async with ledger_of(house).connection() as connection:
        return await keys.create(connection, client="desk", name=f"desk-{role}", role=role)


async def is_inside(browser: Browser) -> bool:
    return (await browser.open(INSIDE)).answer.request.url.path == INSIDE


async def test_a_key_opens_the_console_and_the_page_that_was_wanted(house: House) -> None:
    browser = Browser(house)
    page = await browser.open("/console/scheduler")
    assert page.answer.request.url.path == SIGN_IN, "who is not signed in is asked to"
    page = await browser.fill_in(page, SIGN_IN, key="dev-ops")
    assert (page.status, page.answer.request.url.path) == (200, "/console/scheduler")
    assert "Signed in as: dev-ops (ops)" in page.text


@pytest.mark.parametrize(("role", "leads_to"), [("platform", "/console"), ("auditor", "/console"), ("admin", INSIDE)])
async def test_the_console_is_for_the_platforms_own_people(house: House, role: str, leads_to: str) -> None:
    assert (await Browser(house).sign_in(f"dev-{role}")).answer.request.url.path == leads_to


async def test_a_storefronts_key_is_not_for_the_console(house: House) -> None:
    browser = Browser(house)
    page = await browser.sign_in("dev-storefront")
    assert (page.status, browser.cookie()) == (403, None)
    assert "not for the role storefront" in page.text


@pytest.mark.parametrize("key", ["dev-nobody", "", "a.b.c", "ops\N{SNOWMAN}", "x" * 300])
async def test_an_unknown_key_opens_nothing(house: House, key: str) -> None:
    browser = Browser(house)
    page = await browser.sign_in(key)
    assert (page.status, browser.cookie()) == (403, None)
    assert "This key is not known" in page.text
    assert not key or key not in page.answer.text


async def test_who_guesses_keeps_nobody_out(house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house(settings, house.database) as opened:
        browser, other = Browser(opened), Browser(opened)
        assert (await browser.sign_in("dev-ops")).status == 200
        answers = [await other.send(SIGN_IN, {"key": f"guess-{n}"}) for n in range(20)]
        assert {one.status_code for one in answers} == {403}
        assert (await other.sign_in("dev-auditor")).status == 200, "one that was not known here before"
        monkeypatch.setattr(limiter, "QUEUE_MAX", 0)
        crowded = await other.send(SIGN_IN, {"key": "guess"})
        assert crowded.status_code == 429
        assert int(crowded.headers["retry-after"]) > 0
        assert crowded.headers["content-type"] == "text/html; charset=utf-8"
        assert (await other.sign_in("dev-ops")).status == 200, "who is known does not wait"


async def test_pages_count_as_requests_of_their_key(house: House) -> None:
    connection = await asyncpg.connect(house.database.app)
    try:
        _, secret = await keys.create(connection, client="desk", name="slow", role="ops", per_minute=1)
    finally:
        await connection.close()
    browser = Browser(house)
    await browser.sign_in(secret)
    pages = [await browser.open(INSIDE) for _ in range(12)]
    assert [one.status for one in pages][-1] == 429
    assert int(pages[-1].answer.headers["retry-after"]) > 0


async def test_the_cookie_is_bound_to_tls_but_on_loopback_in_development(house: House, settings: Settings) -> None:
    async def cookie(where: House, origin: str) -> str:
        page = await Browser(where).client.get(f"{origin}{SIGN_IN}")
        assert page.status_code == 200
        browser = Browser(where, origin)
        answer = await browser.send(SIGN_IN, {"key": "dev-ops"})
        return str(answer.headers.get("set-cookie", ""))

    bound = await cookie(house, "https://caselog.example")
    assert bound.startswith("__Host-caselog=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(bound.split("; "))
    assert "Domain" not in bound
    plain = await cookie(house, HERE)
    assert plain.startswith("caselog=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(plain.split("; "))
    assert "Secure" not in plain
    sandbox = settings.model_copy(update={"env": "sandbox"})
    async with open_house(sandbox, house.database) as opened:
        assert (await cookie(opened, HERE)).startswith("__Host-caselog=")


async def test_only_the_hash_of_a_session_is_kept(house: House, superuser: asyncpg.Connection) -> None:
    browser = Browser(house)
    await browser.sign_in("dev-ops")
    secret = browser.cookie()
    assert secret is not None
    row = await superuser.fetchrow(
        "SELECT * FROM console_sessions WHERE secret_hash = $1", hashlib.sha256(secret.encode()).digest()
    )
    assert row is not None
    assert (row["key_id"], row["client"], row["role"]) == ("dev-ops", "dev", "ops")
    assert secret not in str(dict(row))
    assert secret not in (await browser.open("/console")).answer.text, "nor does any page show it"


async def test_signing_in_begins_another_session_and_ends_the_one_before(house: House) -> None:
    browser, other = Browser(house), Browser(house)
    planted = "p" * 43
    browser.client.cookies.set("caselog", planted, domain="localhost", path="/")
    answer = await browser.send(SIGN_IN, {"key": "dev-ops"})
    first = answer.cookies["caselog"]
    assert first != planted, "a secret that somebody else chose is nobody's session"
    other.client.cookies.set("caselog", planted, domain="localhost", path="/")
    assert not await is_inside(other)
    browser = Browser(house)
    browser.client.cookies.set("caselog", first)
    assert await is_inside(browser)
    assert (await browser.send(SIGN_IN, {"key": "dev-ops"})).cookies["caselog"] != first
    other = Browser(house)
    other.client.cookies.set("caselog", first)
    assert not await is_inside(other)


async def test_who_signs_out_is_out(house: House) -> None:
    browser = Browser(house)
    page = await browser.sign_in("dev-ops")
    secret = browser.cookie()
    page = await browser.fill_in(page, "/console/sign-out")
    assert "You are signed out." in page.text
    assert not browser.cookie()
    again = Browser(house)
    again.client.cookies.set("caselog", secret or "")
    assert not await is_inside(again), "whoever kept the cookie is out, too"


@pytest.mark.parametrize(("began", "until", "inside"), [("7 h", "-1 s", False), ("7 h", "1 min", True)])
async def test_an_idle_session_ends(
    house: House, superuser: asyncpg.Connection, began: str, until: str, inside: bool
) -> None:
    browser = Browser(house)
    await browser.sign_in("dev-ops")
    await _moved(superuser, browser, began, until)
    assert await is_inside(browser) == inside


async def test_a_session_goes_on_while_it_is_used_and_ends_after_a_working_day(
    house: House, superuser: asyncpg.Connection
) -> None:
    browser = Browser(house)
    await browser.sign_in("dev-ops")
    left = "SELECT extract(epoch FROM until - clock_timestamp())::float8 FROM console_sessions WHERE secret_hash = $1"
    mine = hashlib.sha256((browser.cookie() or "").encode()).digest()
    await _moved(superuser, browser, "1 h", "10 min")
    assert await is_inside(browser)
    assert sessions.IDLE_S - 60 < await superuser.fetchval(left, mine) <= sessions.IDLE_S
    await _moved(superuser, browser, f"{sessions.LASTS_S - 1800} s", "10 min")
    assert await is_inside(browser)
    assert 1700 < await superuser.fetchval(left, mine) <= 1800, "no later than a working day after it began"


async def _moved(superuser: asyncpg.Connection, browser: Browser, began: str, until: str) -> None:
    """As if this session had begun so long ago, and nobody had asked for anything since."""
    await superuser.execute(
        "UPDATE console_sessions SET began_at = clock_timestamp() - $2::text::interval,"
        " until = clock_timestamp() + $3::text::interval WHERE secret_hash = $1",
        hashlib.sha256((browser.cookie() or "").encode()).digest(),
        began,
        until,
    )


async def test_a_session_ends_with_its_key(house: House) -> None:
    caller, secret = await key_of(house)
    browser = Browser(house)
    await browser.sign_in(secret)
    assert await is_inside(browser)
    async with ledger_of(house).connection() as connection:
        await changing.revoke(connection, caller.key_id)
    assert not await is_inside(browser)


async def test_a_session_begun_with_a_secret_that_was_rotated_away_ends_when_that_does(
    house: House, superuser: asyncpg.Connection
) -> None:
    caller, secret = await key_of(house)
    old, new = Browser(house), Browser(house)
    await old.sign_in(secret)
    async with ledger_of(house).connection() as connection:
        rotated = await changing.rotate(connection, caller.key_id, timedelta(hours=1))
    assert rotated is not None
    await new.sign_in(rotated[1])
    assert (await is_inside(old), await is_inside(new)) == (True, True), "both secrets work for now"
    over = "UPDATE api_keys SET old_until = clock_timestamp() - interval '1 s' WHERE key_id = $1"
    await superuser.execute(over, caller.key_id)
    assert (await is_inside(old), await is_inside(new)) == (False, True)


async def test_in_production_no_session_of_a_development_key_goes_on(house: House, settings: Settings) -> None:
    browser = Browser(house, "https://caselog.example")
    await browser.sign_in("dev-ops")
    assert await is_inside(browser)
    async with open_house(settings.model_copy(update={"env": "production"}), house.database) as opened:
        there = Browser(opened, "https://caselog.example")
        there.client.cookies = browser.client.cookies
        assert not await is_inside(there)
        assert (await there.sign_in("dev-ops")).status == 403


async def test_the_cookie_opens_the_console_and_nothing_else(house: House) -> None:
    browser = Browser(house)
    await browser.sign_in("dev-ops")
    for path in ("/v1/cases", "/v1/scheduler", "/v1/events"):
        answer = await browser.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    no_cookie = await house.caller("ops").get("/console", follow_redirects=False)
    assert no_cookie.status_code == 303, "nor does a key in a header open a page"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/console",
        "//evil.example/console",
        "/console/../v1/cases",
        "/console/\\evil.example",
        "/console@evil.example",
        "/consolevil",
        "/console/sign-out",
        "/console\r\nX-Evil: 1",
        "/console/cases/" + "a" * 600,
        "javascript:alert(1)",
        "",
    ],
)
async def test_signing_in_leads_nowhere_but_into_the_console(house: House, wanted: str) -> None:
    browser = Browser(house)
    page = await browser.client.get(SIGN_IN, params={"next": wanted})
    assert "evil" not in page.text
    answer = await browser.send(SIGN_IN, {"key": "dev-ops", "next": wanted})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    answer = await browser.client.get("/console/language", params={"to": "zh", "next": wanted})
    assert answer.headers["location"] == "/console"


async def test_sessions_that_are_long_over_are_forgotten(house: House, superuser: asyncpg.Connection) -> None:
    kept, gone, told = Browser(house), Browser(house), Browser(house)
    for browser in (kept, gone, told):
        await browser.sign_in("dev-ops")
    await _moved(superuser, told, "29 days", "-28 days")
    await _moved(superuser, gone, "40 days", "-31 days")
    scheduler = await asyncpg.connect(house.database.scheduler)
    try:
        assert await sessions.forget(scheduler) == 1
    finally:
        await scheduler.close()
    assert await is_inside(kept)
