"""A case in the console as it was: after each entry, at an instant, and by what had been recorded; and taken away."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from httpx import AsyncClient

from tests.api.house import BUYER, REFUSE, House, filed, happened, post
from tests.console.browser import Browser, Page
from tests.console.test_pages import limited, signed_in

MADE_AT = re.compile(r"\d\d:\d\d:\d\d[^<]*")
"""What two files of one case differ in."""


@pytest_asyncio.fixture
async def browser(house: House) -> Browser:
    return await signed_in(house, "dev-auditor")


async def disputed(storefront: AsyncClient) -> dict[str, Any]:
    case = await filed(storefront)
    assert (await post(storefront, case, REFUSE)).status_code == 201
    answer = await post(storefront, case, happened("withdrawn", BUYER, reason="已解决"))
    assert answer.status_code == 201, answer.text
    return case


async def told(storefront: AsyncClient, case: dict[str, Any], **when: str) -> dict[str, Any]:
    answer = await storefront.get(f"/v1/cases/{case['case_id']}/timeline", params=when)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def tells(page: Page, said: dict[str, Any]) -> bool:
    """Does the page tell just this: status, deadlines, and no entry more?"""
    entries = [one for tag, one in page.tags if tag == "li" and "value" in one]
    words = (said["status"], *said["deadlines"], *said["entries"])
    return len(entries) == len(said["entries"]) and all(" ".join(one["en"].split()) in page.text for one in words)


async def test_from_each_entry_the_case_is_seen_as_that_left_it(
    house: House, storefront: AsyncClient, browser: Browser
) -> None:
    case = await disputed(storefront)
    where = f"/console/cases/{case['case_id']}"
    then = [said["href"] for tag, said in (await browser.open(where)).tags if "?version=" in said.get("href", "")]
    last = len((await told(storefront, case))["entries"])
    assert (last >= 3, then) == (True, [f"{where}?version={version}" for version in range(1, last + 1)])
    page = await browser.open(then[0])
    for version in range(1, last + 1):
        assert (page.status, page.faults) == (200, [])
        assert tells(page, await told(storefront, case, version=str(version))), version
        assert f"This is the case as entry {version} left it." in page.text
        assert ("The entry before" in page.links, "The entry after" in page.links) == (version > 1, version < last)
        assert page.links["As it is now"] == where
        if version < last:
            page = await browser.open(page.links["The entry after"])
    assert tells(await browser.open(where), await told(storefront, case))


async def test_in_the_past_nothing_is_written(house: House, storefront: AsyncClient) -> None:
    where = f"/console/cases/{(await filed(storefront))['case_id']}"
    desk = await signed_in(house, "dev-ops")
    for path, written in ((where, True), (f"{where}?version=1", False), (f"{where}?known_at=2999-01-01", False)):
        page = await desk.open(path)
        assert (page.status, f"{where}/note" in page.forms, f"{where}/assign" in page.forms) == (200, written, written)


@pytest.mark.parametrize(("axis", "said"), [("at", "This is how the case was at"), ("known_at", "By what had been")])
async def test_an_instant_is_asked_for_in_china_time(
    storefront: AsyncClient, browser: Browser, axis: str, said: str
) -> None:
    case = await filed(storefront, occurred_at="2026-03-02T01:30:00Z")
    where = f"/console/cases/{case['case_id']}"
    due = datetime.fromisoformat(case["deadlines"][0]["due_at"])
    later = due + timedelta(days=400)
    local = f"{later + timedelta(hours=8):%Y-%m-%dT%H:%M:%S}"
    page = await browser.fill_in_question(await browser.open(where), where, **{axis: local})
    assert (page.status, page.faults, said in page.text) == (200, [], True)
    assert local.replace("T", " ") in page.text
    assert page.forms[where][axis] == local, "it stays asked for"
    assert tells(page, await told(storefront, case, **{axis: f"{later:%Y-%m-%dT%H:%M:%SZ}"}))


async def test_what_was_not_there_yet_is_said_on_a_page(storefront: AsyncClient, browser: Browser) -> None:
    where = f"/console/cases/{(await filed(storefront))['case_id']}"
    for question, status in (
        ("version=2", 404),
        ("at=2001-01-01T00:00", 404),
        ("known_at=2001-01-01T00:00:00", 404),
        ("version=x", 422),
        ("version=1&at=2999-01-01T00:00", 422),
        ("at=yesterday", 422),
        ("at=2999-01-01T00:00:00Z", 200),
        ("at=&known_at=", 200),
    ):
        page = await browser.open(f"{where}?{question}")
        assert (page.status, page.faults) == (status, []), question


async def test_a_case_is_taken_away_as_one_file(house: House, storefront: AsyncClient, browser: Browser) -> None:
    case = await disputed(storefront)
    page = await browser.open(f"/console/cases/{case['case_id']}")
    link = page.links["Download the dossier"]
    answer = await browser.client.get(link)
    of_the_api = await house.caller("auditor").get(f"/v1/cases/{case['case_id']}/dossier", params={"format": "html"})
    assert (answer.status_code, MADE_AT.sub("", answer.text)) == (200, MADE_AT.sub("", of_the_api.text))
    for name in ("content-disposition", "content-security-policy", "x-content-type-options", "content-type"):
        assert answer.headers[name] == of_the_api.headers[name]
    stranger = await signed_in(house, await limited(house, "ops", ["m-other"]))
    assert (await stranger.client.get(link)).status_code == 404
    assert (await house.caller(None).get(link)).status_code == 303
