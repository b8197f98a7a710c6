"""What the desk adds to a case in the console: once, through the API's own path, and only from its own pages."""

from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from tests.api.house import House, filed
from tests.console.browser import Browser, Page

NOTE, ASSIGN = "note", "assign"


@pytest.fixture
async def case(storefront: AsyncClient) -> dict[str, Any]:
    return await filed(storefront)


@pytest.fixture
async def browser(house: House) -> Browser:
    browser = Browser(house)
    await browser.sign_in("dev-ops")
    return browser


def action(case: dict[str, Any], what: str) -> str:
    return f"/console/cases/{case['case_id']}/{what}"


async def page_of(browser: Browser, case: dict[str, Any]) -> Page:
    return await browser.open(f"/console/cases/{case['case_id']}")


async def events_of(platform: AsyncClient, case: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await platform.get(f"/v1/cases/{case['case_id']}/events")).json()["items"]
    return items


async def test_a_note_is_recorded_as_the_api_would_have_recorded_it(
    browser: Browser, storefront: AsyncClient, platform: AsyncClient, case: dict[str, Any]
) -> None:
    page = await page_of(browser, case)
    page = await browser.fill_in(page, action(case, NOTE), text="已电话联系商家。\r\n等待凭证。")
    assert (page.status, "Recorded." in page.text) == (200, True)
    assert "已电话联系商家。" in page.text
    (_, note) = await events_of(platform, case)
    said = {"text": "已电话联系商家。\n等待凭证。", "internal": True, "outside": None}
    assert (note["type"], note["data"], note["agent"]) == ("noted", said, "dev-ops")
    assert "已电话联系商家" not in str(await events_of(storefront, case)), "it is the desk's own"


async def test_a_note_may_be_for_everybody(browser: Browser, platform: AsyncClient, case: dict[str, Any]) -> None:
    page = await page_of(browser, case)
    form = page.forms[action(case, NOTE)] | {"text": "材料已收到。"}
    assert form.pop("internal") == "yes", "unless somebody says otherwise, it is the desk's own"
    assert (await browser.send(action(case, NOTE), form)).status_code == 303
    assert (await events_of(platform, case))[-1]["data"]["internal"] is False


async def test_a_case_is_assigned(browser: Browser, platform: AsyncClient, case: dict[str, Any]) -> None:
    page = await page_of(browser, case)
    assert page.forms[action(case, ASSIGN)]["agent"] == "dev-ops"
    page = await browser.fill_in(page, action(case, ASSIGN), agent="agent-7")
    assert "agent-7" in page.text
    after = (await platform.get(f"/v1/cases/{case['case_id']}")).json()
    assert (after["department"], after["assignee"]) == ("customer_service", "agent-7")


async def test_nobody_takes_a_case_from_somebody_without_seeing_it(
    house: House, browser: Browser, platform: AsyncClient, case: dict[str, Any]
) -> None:
    other = Browser(house)
    await other.sign_in("dev-platform")
    mine, theirs = await page_of(browser, case), await page_of(other, case)
    await other.fill_in(theirs, action(case, ASSIGN), agent="agent-1")
    page = await browser.fill_in(mine, action(case, ASSIGN), agent="agent-2")
    assert (page.status, "The case has moved on" in page.text, "agent-1" in page.text) == (412, True, True)
    assert page.forms[action(case, ASSIGN)]["agent"] == "agent-2", "what was written stays"
    page = await browser.fill_in(page, action(case, ASSIGN))
    assert (page.status, "Recorded." in page.text) == (200, True)
    assert [one["data"].get("agent") for one in await events_of(platform, case)] == [None, "agent-1", "agent-2"]


async def test_a_refusal_is_told_in_the_readers_language_and_by_the_title(house: House, case: dict[str, Any]) -> None:
    browser = Browser(house, language="zh-CN")
    await browser.sign_in("dev-ops")
    page = await browser.fill_in(await page_of(browser, case), action(case, NOTE), text="x" * 4001)
    assert (page.status, page.faults, "填写有误，请改正后再提交。" in page.text) == (422, [], True)
    assert "内容：过长，最多 4000 字，现有 4001 字。" in page.text, "the field as the form calls it"
    (alert,) = [said["id"] for _, said in page.tags if said.get("role") == "alert"]
    (field,) = [said for tag, said in page.tags if tag == "textarea"]
    assert field["aria-describedby"] == alert
    assert page.title.startswith("没有记录")
    page = await browser.fill_in(await page_of(browser, case), action(case, ASSIGN), agent="  ")
    assert "由谁处理：未填写。" in page.text, "and no word of the API's"


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 20, "²"])
async def test_an_assignment_says_which_version_was_read(browser: Browser, case: dict[str, Any], version: str) -> None:
    form = (await page_of(browser, case)).forms[action(case, ASSIGN)] | {"version": version}
    assert (await browser.send(action(case, ASSIGN), form)).status_code == 400


async def test_a_form_that_is_sent_twice_is_recorded_once(
    browser: Browser, platform: AsyncClient, case: dict[str, Any]
) -> None:
    form = (await page_of(browser, case)).forms[action(case, NOTE)] | {"text": "一次"}
    for _ in range(2):
        assert (await browser.send(action(case, NOTE), form)).status_code == 303
    assert [one["type"] for one in await events_of(platform, case)] == ["filed", "noted"]
    page = Page(await browser.send(action(case, NOTE), form | {"text": "另一件事"}))
    assert (page.status, "id_reused" in page.text) == (422, True)


async def test_what_is_refused_says_why_and_keeps_what_was_written(
    browser: Browser, platform: AsyncClient, case: dict[str, Any]
) -> None:
    page = await page_of(browser, case)
    page = await browser.fill_in(page, action(case, NOTE), text="x" * 4001)
    assert (page.status, "Text: at most 4000" in page.text, "x" * 4001 in page.text) == (422, True, True)
    page = await browser.fill_in(page, action(case, NOTE), text="a\0b")
    assert page.status == 422
    page = await browser.fill_in(page, action(case, NOTE), text=" \u3000\r\n")
    assert page.status == 422, "nothing is noted for ever"
    page = await browser.fill_in(page, action(case, ASSIGN), department="Not A Word", agent="")
    assert (page.status, "/data/department" in page.text, "Who takes it: was left" in page.text) == (422, True, True)
    page = await browser.fill_in(page, action(case, ASSIGN), department="consumer_protection", agent="agent-7")
    assert (page.status, "the case is with customer_service" in page.text) == (422, True), "as the rules say it"
    assert len(await events_of(platform, case)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "", "Origin": "http://localhost:8081"},
        {"Sec_Fetch_Site": "", "Origin": "http://localhost"},
        {"Sec_Fetch_Site": "", "Origin": ""},
    ],
)
async def test_no_other_sites_page_can_send_a_form_of_ours(
    browser: Browser, platform: AsyncClient, case: dict[str, Any], headers: dict[str, str]
) -> None:
    page = await page_of(browser, case)
    for where, more in ((action(case, NOTE), {"text": "x"}), ("/console/sign-out", {})):
        answer = await browser.send(where, page.forms[where] | more, **headers)
        assert answer.status_code == 403
    answer = await browser.send("/console/sign-in", {"key": "dev-platform"}, **headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), "nor sign somebody in as another"
    assert len(await events_of(platform, case)) == 1
    assert "dev-ops (ops)" in (await browser.open("/console")).text, "and the session goes on"


@pytest.mark.parametrize("meant_for", ["empty", "iframe", "script"])
async def test_no_script_reads_a_page_or_sends_a_form(
    browser: Browser, platform: AsyncClient, case: dict[str, Any], meant_for: str
) -> None:
    page = await page_of(browser, case)
    for where in ("/console", f"/console/cases/{case['case_id']}", "/console/scheduler", "/console/search?number=1"):
        answer = await browser.client.get(where, headers={"Sec-Fetch-Dest": meant_for, "Sec-Fetch-Site": "same-origin"})
        assert (answer.status_code, case["number"] in answer.text, 'name="token"' in answer.text) == (403, False, False)
    form = page.forms[action(case, NOTE)] | {"text": "x"}
    assert (await browser.send(action(case, NOTE), form, Sec_Fetch_Dest=meant_for)).status_code == 403
    answer = await browser.send("/console/sign-in", {"key": "dev-platform"}, Sec_Fetch_Dest=meant_for)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert len(await events_of(platform, case)) == 1
    assert (await browser.send(action(case, NOTE), form, Sec_Fetch_Dest="document")).status_code == 303


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Site": ""}, {"Origin": ""}])
async def test_an_older_browser_says_one_of_the_two(
    browser: Browser, case: dict[str, Any], headers: dict[str, str]
) -> None:
    form = (await page_of(browser, case)).forms[action(case, NOTE)] | {"text": "x"}
    assert (await browser.send(action(case, NOTE), form, **headers)).status_code == 303


@pytest.mark.parametrize("token", ["", "x", "é", "another session's", None])
async def test_a_form_without_the_token_of_its_session_is_refused(
    house: House, browser: Browser, platform: AsyncClient, case: dict[str, Any], token: str | None
) -> None:
    other = Browser(house)
    others = (await other.sign_in("dev-ops")).forms["/console/sign-out"]["token"]
    for where, more in ((action(case, NOTE), {"text": "x"}), (action(case, ASSIGN), {}), ("/console/sign-out", {})):
        form = (await page_of(browser, case)).forms[where] | more
        assert form.pop("token") != others
        said = {} if token is None else {"token": others if token.startswith("another") else token}
        assert (await browser.send(where, form | said)).status_code == 403
    assert len(await events_of(platform, case)) == 1
    assert "dev-ops (ops)" in (await browser.open("/console")).text


async def test_who_is_signed_out_while_writing_is_told_and_keeps_what_was_written(
    house: House, browser: Browser, platform: AsyncClient, case: dict[str, Any]
) -> None:
    form = (await page_of(browser, case)).forms[action(case, NOTE)] | {"text": "写了十分钟的备注"}
    other = Browser(house)
    page = Page(await other.send(action(case, NOTE), form))
    assert (page.status, page.faults, "写了十分钟的备注" in page.text) == (403, [], True)
    assert "what you sent was not recorded" in page.text
    page = await other.fill_in(page, "/console/sign-in", key="dev-ops")
    assert page.answer.request.url.path == f"/console/cases/{case['case_id']}"
    assert len(await events_of(platform, case)) == 1


async def test_what_another_sites_page_sends_without_a_session_leads_to_the_sign_in_page(
    house: House, browser: Browser, case: dict[str, Any]
) -> None:
    form = (await page_of(browser, case)).forms[action(case, NOTE)] | {"text": "x"}
    answer = await Browser(house).send(action(case, NOTE), form, Sec_Fetch_Site="cross-site")
    there = f"/console/sign-in?next=%2Fconsole%2Fcases%2F{case['case_id']}"
    assert (answer.status_code, answer.headers["location"]) == (303, there)


async def test_who_signed_in_anew_meanwhile_keeps_what_was_written(browser: Browser, case: dict[str, Any]) -> None:
    browser.client.headers["Accept-Language"] = "zh-CN"
    form = (await page_of(browser, case)).forms[action(case, NOTE)] | {"text": "写了十分钟的备注"}
    await browser.sign_in("dev-ops")
    page = Page(await browser.send(action(case, NOTE), form))
    assert (page.status, page.faults, "写了十分钟的备注" in page.text) == (403, [], True)
    assert page.links["返回案件"] == f"/console/cases/{case['case_id']}"
    assert page.title.startswith("您没有此权限，或页面已失效。"), "and not that the key's role is the wrong one"


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("/console/", "/console"),
        ("/console/cases/{}/", "/console/cases/{}"),
        ("/console/cases/{}/note", "/console/cases/{}"),
        ("/console/cases/{}/assign", "/console/cases/{}"),
    ],
)
async def test_the_address_of_a_form_leads_to_its_page(
    browser: Browser, case: dict[str, Any], address: str, leads_to: str
) -> None:
    page = await browser.open(address.format(case["case_id"]))
    assert (page.status, page.answer.request.url.path) == (200, leads_to.format(case["case_id"]))


@pytest.mark.parametrize("address", ["/console/nope", "/console/cases", "/console//evil.example", "/console/sign-out"])
async def test_what_is_no_page_is_not_found_on_a_page(browser: Browser, address: str) -> None:
    page = await browser.open(address)
    assert (page.status, "There is no such page" in page.text) == (404, True)


@pytest.mark.parametrize("role", ["auditor", "admin"])
async def test_who_may_not_post_to_the_api_may_not_post_here(
    house: House, browser: Browser, platform: AsyncClient, case: dict[str, Any], role: str
) -> None:
    theirs = Browser(house)
    token = (await theirs.sign_in(f"dev-{role}")).forms["/console/sign-out"]["token"]
    page = await page_of(theirs, case)
    assert not any(NOTE in one or ASSIGN in one for one in page.forms)
    form = (await page_of(browser, case)).forms[action(case, NOTE)] | {"text": "x", "token": token}
    assert (await theirs.send(action(case, NOTE), form)).status_code == 403
    assert len(await events_of(platform, case)) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"token=a&token=b", {}, 400),
        (b"text=%ff%fe", {}, 400),
        (b"text=\xff", {}, 400),
        (b"&".join(b"a%d=1" % n for n in range(30)), {}, 400),
        (b"text=" + b"x" * 300_000, {}, 413),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"text=x", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
)
async def test_a_body_that_is_no_form_of_ours_is_refused(
    browser: Browser, case: dict[str, Any], body: bytes, headers: dict[str, str], status: int
) -> None:
    said = {"Origin": browser.origin, "Content-Type": "application/x-www-form-urlencoded", **headers}
    for where in (action(case, NOTE), "/console/sign-in"):
        answer = await browser.client.post(where, content=body, headers=said)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")


async def test_a_note_in_a_case_that_is_not_there_is_not_found(browser: Browser, case: dict[str, Any]) -> None:
    form = (await page_of(browser, case)).forms[action(case, NOTE)] | {"text": "x"}
    for there in (str(uuid4()), "no-uuid"):
        assert (await browser.send(f"/console/cases/{there}/note", form)).status_code == 404
