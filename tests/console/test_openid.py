"""Signing in to the console by an OpenID provider: a real small one, and everything that can be wrong on the way."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from httpx import AsyncClient
from httpx import Response as Answer
from pydantic import SecretStr
from starlette.responses import HTMLResponse, JSONResponse, Response

from case_api.settings import Settings
from tests.api.house import House, open_house
from tests.conftest import Database
from tests.console.browser import Browser
from tests.issuer import AUDIENCE, CLIENT_ID, CLIENT_SECRET, Issuer, issuing

ORIGIN = "https://caselog.example"
BEGIN, BACK = "/console/openid", "/console/signed-in"
FLOW, SESSION = "__Host-caselog-sign-in", "__Host-caselog"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture(autouse=True)
def somebody(issuer: Issuer) -> None:
    issuer.person = {"sub": "person-1", "roles": ["ops"]}
    issuer.away = False
    issuer.answers = JSONResponse


@pytest.fixture(scope="module")
def settings_with_openid(settings: Settings, issuer: Issuer) -> Settings:
    changes = {
        "oidc_issuer": issuer.url,
        "oidc_audience": AUDIENCE,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": SecretStr(CLIENT_SECRET),
    }
    return settings.model_copy(update=changes)


@pytest_asyncio.fixture(scope="module")
async def open_house_with_openid(prepared: Database, settings_with_openid: Settings) -> AsyncIterator[House]:
    async with open_house(settings_with_openid, prepared) as opened:
        yield opened


@pytest.fixture
def browser(open_house_with_openid: House) -> Browser:
    return Browser(open_house_with_openid, ORIGIN)


async def at_the_provider(browser: Browser, then: str = "") -> str:
    """Begin, sign in there, and where it sends the browser back to."""
    answer = await browser.client.get(BEGIN, params={"next": then} if then else {})
    assert answer.status_code == 303
    async with AsyncClient(trust_env=False) as outside:
        there = await outside.get(answer.headers["location"])
    assert there.status_code == 303, there.text
    return str(there.headers["location"])


async def sign_in(browser: Browser, then: str = "") -> Answer:
    return await browser.client.get(await at_the_provider(browser, then))


async def test_who_the_provider_knows_is_signed_in(browser: Browser) -> None:
    page = await browser.open("/console/scheduler")
    answer = await browser.client.get(page.links["Sign in with your organisation's account"])
    asked = {name: said[0] for name, said in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert asked["redirect_uri"] == f"{ORIGIN}{BACK}"
    assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == ("code", "S256", "openid")
    page = await browser.arrive(await sign_in(browser, "/console/scheduler"))
    assert (page.status, page.answer.request.url.path) == (200, "/console/scheduler")
    assert "(ops)" in page.text
    assert browser.cookie(FLOW) in (None, ""), "what the sign-in remembered is gone"


async def test_signing_in_there_leads_nowhere_but_into_the_console_either(browser: Browser) -> None:
    assert (await sign_in(browser, "https://evil.example/")).headers["location"] == "/console"
    back = await at_the_provider(browser)
    secret = (browser.cookie(FLOW) or "").partition(".")[0]
    browser.client.cookies.set(FLOW, f"{secret}.https%3A%2F%2Fevil.example", domain="caselog.example", path="/")
    assert (await browser.client.get(back)).headers["location"] == "/console", "whatever a cookie says"


async def test_the_role_is_the_providers_to_say(browser: Browser, issuer: Issuer) -> None:
    issuer.person["roles"] = ["storefront"]
    answer = await sign_in(browser)
    assert (answer.status_code, browser.cookie(SESSION)) == (403, None)
    assert "not for the role storefront" in answer.text
    issuer.person["roles"] = ["employee"]
    answer = await sign_in(browser)
    assert (answer.status_code, browser.cookie(SESSION)) == (403, None)
    assert "carries no role" in answer.text


async def test_a_sign_in_that_another_browser_began_is_refused(
    browser: Browser, open_house_with_openid: House, issuer: Issuer
) -> None:
    back = await at_the_provider(browser)
    asked = issuer.asked["token"]
    victim = Browser(open_house_with_openid, ORIGIN)
    assert (await victim.client.get(back)).status_code == 403, "without one of its own"
    await victim.client.get(BEGIN)
    answer = await victim.client.get(back)
    assert (answer.status_code, victim.cookie(SESSION)) == (403, None), "or with another one under way"
    assert "not begun in this browser" in answer.text
    assert issuer.asked["token"] == asked, "and the provider is not even asked"
    assert (await browser.client.get(back)).status_code == 303, "who began it comes in"
    assert (await browser.client.get(back)).status_code == 403, "once"


@pytest.mark.parametrize("tampered", ["state", "code", "iss"])
async def test_what_comes_back_changed_is_refused(browser: Browser, tampered: str) -> None:
    back = urlsplit(await at_the_provider(browser))
    said = {name: value[0] for name, value in parse_qs(back.query).items()} | {tampered: "https://evil.example"}
    answer = await browser.client.get(back.path, params=said)
    assert (answer.status_code, browser.cookie(SESSION)) == (403, None)


async def test_a_token_for_another_sign_in_is_refused(browser: Browser, issuer: Issuer) -> None:
    issuer.person["nonce"] = "of somebody else"
    answer = await sign_in(browser)
    assert (answer.status_code, browser.cookie(SESSION)) == (403, None)
    issuer.person = {"sub": "person-1", "roles": ["ops"], "aud": "another-client"}
    answer = await sign_in(browser)
    assert (answer.status_code, browser.cookie(SESSION)) == (403, None)


@pytest.mark.parametrize(
    ("said", "signed_in"),
    [
        ({"azp": "another-client"}, False),
        ({"azp": None}, True),
        ({"aud": [CLIENT_ID, "another-client"], "azp": None}, False),
        ({"aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID}, True),
    ],
)
async def test_a_token_that_was_made_for_another_client_signs_nobody_in(
    browser: Browser, issuer: Issuer, said: dict[str, Any], signed_in: bool
) -> None:
    issuer.person |= said
    assert ((await sign_in(browser)).status_code, browser.cookie(SESSION) is not None) == (
        (303, True) if signed_in else (403, False)
    )


async def test_a_code_stolen_on_the_way_is_of_no_use_to_another_browser(
    browser: Browser, open_house_with_openid: House
) -> None:
    code = parse_qs(urlsplit(await at_the_provider(browser)).query)["code"][0]
    thief = Browser(open_house_with_openid, ORIGIN)
    state = parse_qs(urlsplit(await at_the_provider(thief)).query)["state"][0]
    answer = await thief.client.get(BACK, params={"code": code, "state": state})
    assert (answer.status_code, thief.cookie(SESSION)) == (403, None), "its verifier is not the thief's"


async def test_while_the_provider_is_away_keys_still_open_the_console(browser: Browser, issuer: Issuer) -> None:
    back = await at_the_provider(browser)
    issuer.away = True
    assert (await browser.client.get(back)).status_code == 403
    assert (await browser.sign_in("dev-ops")).answer.request.url.path == "/console"


async def test_where_nothing_is_known_of_a_provider_that_is_away_that_is_said(
    browser: Browser, open_house_with_openid: House, settings_with_openid: Settings, issuer: Issuer
) -> None:
    back = await at_the_provider(browser)
    issuer.away = True
    async with open_house(settings_with_openid, open_house_with_openid.database) as opened:
        there = Browser(opened, ORIGIN)
        there.client.cookies = browser.client.cookies
        answer = await there.client.get(back)
        assert (answer.status_code, there.cookie(SESSION)) == (503, None)
        assert "Your identity provider cannot be reached" in answer.text


Answers = Callable[[dict[str, Any]], Response]
NO_ANSWERS: dict[str, Answers] = {
    "no json": lambda _: HTMLResponse("<h1>OK</h1>"),
    "no text": lambda _: HTMLResponse(b'{"id_token": "\xff"}'),
    "no token": lambda said: JSONResponse({**said, "id_token": None}),
    "refused": lambda said: JSONResponse(said, 500),
    "endless": lambda said: JSONResponse({**said, "more": "x" * 200_000}),
}


@pytest.mark.parametrize("answers", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_is_no_answer_of_a_provider_signs_nobody_in(
    browser: Browser, issuer: Issuer, answers: Answers
) -> None:
    issuer.answers = answers
    answer = await sign_in(browser)
    assert (answer.status_code, browser.cookie(SESSION)) == (403, None)
    assert "did not confirm the sign-in" in answer.text


async def test_a_public_client_says_who_it_is_and_what_the_providers_address_asks_for_stays(
    open_house_with_openid: House, settings_with_openid: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(issuer.metadata, "authorization_endpoint", f"{issuer.url}/authorize?tenant=7")
    monkeypatch.setattr(issuer, "client_secret", None)
    public = settings_with_openid.model_copy(update={"oidc_client_secret": None})
    async with open_house(public, open_house_with_openid.database) as opened:
        browser = Browser(opened, ORIGIN)
        begun = await browser.client.get(BEGIN)
        assert parse_qs(urlsplit(begun.headers["location"]).query)["tenant"] == ["7"]
        assert (await sign_in(browser)).status_code == 303


async def test_a_provider_that_refuses_somebody_leads_back_to_the_sign_in_page(browser: Browser) -> None:
    state = parse_qs(urlsplit(await at_the_provider(browser)).query)["state"][0]
    answer = await browser.client.get(BACK, params={"error": "access_denied", "state": state})
    assert answer.status_code == 403
    assert "did not confirm the sign-in" in answer.text


async def test_nobody_signs_in_by_openid_where_there_is_none(house: House) -> None:
    browser = Browser(house)
    assert (await browser.client.get(BEGIN)).status_code == 404
    assert BEGIN not in (await browser.open("/console/sign-in")).answer.text
