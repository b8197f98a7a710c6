"""The console in a real browser, by keyboard and with scripts switched off: what no reading of HTML can show."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import uvicorn
from httpx import AsyncClient

from tests.api.house import House, filed
from tests.console import chromium

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="apt-get install chromium (.ci/run does)")
PHONE, A4 = 320, 718
"""Pixels across; of a sheet what is between its margins."""
EVIL = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"


@pytest_asyncio.fixture
async def port(house: House) -> AsyncIterator[int]:
    """The house's app on a port of this machine; its lifespan is the house's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(house.app, lifespan="off", log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield int(listening.getsockname()[1])
        server.should_exit = True
        await serving


def at_the_desk(url: str, case: str) -> dict[str, object]:
    """Sign in by keyboard, write a note, and have another site try the same; what was seen on the way."""
    with chromium.tab() as tab:
        tab.without_scripts()
        tab.open(f"{url}/console/cases/{case}")
        tab.tab_to("key")
        tab.write("dev-ops")
        tab.press_enter()
        seen: dict[str, object] = {"signed in": tab.says("location.pathname")}
        seen["styled"] = tab.says("document.styleSheets[0].cssRules.length > 10")
        seen["cookies"] = tab.says("document.cookie")
        tab.tab_to("text")
        tab.write(EVIL)
        tab.tab_to("Write a note")
        tab.press_enter()
        seen["status"] = tab.says("document.querySelector('[role=status]').textContent")
        seen["shown"] = tab.says("document.body.textContent").count(EVIL)
        seen["title"] = tab.says("document.title")
        seen["complaints"] = list(tab.complaints)
        form = f"<form method=post action='{url}/console/cases/{case}/note'><input name=text value=evil></form>"
        tab.open(f"data:text/html,{form}")
        tab.submit("document.forms[0].submit()")
        seen["from elsewhere"] = tab.says("location.pathname")
        return seen


async def test_a_note_is_written_by_keyboard_and_without_scripts(
    house: House, storefront: AsyncClient, platform: AsyncClient, port: int
) -> None:
    case = await filed(storefront)
    seen = await asyncio.to_thread(at_the_desk, f"http://localhost:{port}", case["case_id"])
    assert seen == {
        "signed in": f"/console/cases/{case['case_id']}",
        "styled": True,
        "cookies": "",
        "status": "Recorded.",
        "shown": 1,
        "title": f"{case['number']} · Caselog console",
        "complaints": [],
        "from elsewhere": "/console/sign-in",
    }
    events = (await platform.get(f"/v1/cases/{case['case_id']}/events")).json()["items"]
    assert [one["data"].get("text") for one in events] == [None, EVIL]


def widths(url: str, case: str) -> dict[str, tuple[int, int]]:
    """How wide each page is beside its window: on a phone, and on paper, where a table scrolls no more."""
    with chromium.tab() as tab:
        tab.open(f"{url}/console/cases/{case}")
        tab.tab_to("key")
        tab.write("dev-ops")
        tab.press_enter()
        seen = {}
        for medium, pixels in (("screen", PHONE), ("print", A4)):
            tab.shows(medium, pixels)
            for page in ("/console", f"/console/cases/{case}"):
                tab.open(url + page)
                seen[f"{page} on {medium}"] = tab.says("[document.documentElement.scrollWidth, window.innerWidth]")
        return seen


async def test_no_page_is_wider_than_a_phone_or_a_sheet_however_long_a_name_is(
    storefront: AsyncClient, port: int
) -> None:
    parties = {"complainant": {"role": "buyer", "id": "b" * 150}, "respondent": {"role": "merchant", "id": "m" * 150}}
    case = await filed(storefront, **parties, description="x" * 2000)
    for page, (needed, there) in (await asyncio.to_thread(widths, f"http://localhost:{port}", case["case_id"])).items():
        assert needed <= there, page


def pasted(url: str, case: str, note: str) -> list[str]:
    """What the page says to a note that is too long, and what of the note is left."""
    with chromium.tab() as tab:
        tab.open(f"{url}/console/cases/{case}")
        tab.tab_to("key")
        tab.write("dev-ops")
        tab.press_enter()
        tab.tab_to("text")
        tab.write(note)
        tab.tab_to("Write a note")
        tab.press_enter()
        return [tab.says("document.querySelector('[role=alert]')?.textContent"), tab.says("text.value")]


async def test_a_note_that_is_too_long_is_refused_and_not_cut_off(
    storefront: AsyncClient, platform: AsyncClient, port: int
) -> None:
    case, note = await filed(storefront), "长" * 4500 + "结论：支持买家。"
    alert, kept = await asyncio.to_thread(pasted, f"http://localhost:{port}", case["case_id"], note)
    assert "at most 4000 characters; there are 4508" in (alert or "nothing was refused")
    assert kept == note
    assert len((await platform.get(f"/v1/cases/{case['case_id']}/events")).json()["items"]) == 1
