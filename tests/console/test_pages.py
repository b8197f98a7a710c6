"""The console's pages: the queue, a case, the clock; what each shows to whom, in which language, and how."""

import re
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from httpx import AsyncClient

from case_api.console import pages
from case_api.settings import Settings
from case_events.core.values import ERASED, Instant
from case_events.core.viewer import WITHHELD
from case_events.ledger.callers import keys
from case_events.ledger.callers.keys import Role
from tests.api.house import BUYER, REFUSE, House, filed, happened, open_house, post
from tests.console.browser import Browser, Page

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7919*7907 }}",
    "'-alert(1)-'",
    "</textarea>",
)
MANY = 51
"""One more than a page has."""
PAGES_MAX = 40


async def signed_in(house: House, key: str, language: str = "en") -> Browser:
    await (browser := Browser(house, language=language)).sign_in(key)
    return browser


@pytest_asyncio.fixture
async def browser(house: House) -> Browser:
    return await signed_in(house, "dev-ops")


async def limited(house: House, role: Role, merchants: list[str]) -> str:
    connection = await asyncpg.connect(house.database.app)
    try:
        _, secret = await keys.create(connection, client="desk", name="desk", role=role, merchants=merchants)
    finally:
        await connection.close()
    return secret


def numbers(page: Page) -> list[str]:
    return [name for name, href in page.links.items() if href.startswith("/console/cases/")]


def priorities(page: Page) -> list[int]:
    """The last column of the queue."""
    return [int(found) for found in re.findall(r"<td>(\d+)</td>\s*</tr>", page.answer.text)]


async def test_the_queue_of_one_merchant_shows_what_is_due_next_first_page_by_page(
    house: House, storefront: AsyncClient, browser: Browser
) -> None:
    respondent = {"role": "merchant", "id": "m-many"}
    cases = [await filed(storefront, respondent=respondent) for _ in range(MANY)]
    closed = await filed(storefront, respondent=respondent)
    await post(storefront, closed, happened("withdrawn", BUYER, reason="已解决"))
    first = await browser.open("/console?status=&type=&department=&merchant_id=m-many")
    assert first.status == 200, first.text
    second = await browser.open(first.links["Next page"])
    expected = [
        case["number"] for case in sorted(cases, key=lambda case: min(one["due_at"] for one in case["deadlines"]))
    ]
    assert numbers(first) + numbers(second) == expected
    assert (len(numbers(first)), "Next page" in second.links) == (MANY - 1, False)
    assert 'value="m-many"' in second.answer.text, "what was asked for stays asked for"
    assert "what is due next first" in first.text


@pytest.mark.parametrize("question", ["", "?department=customer_service", "?status=waiting_for_merchant"])
async def test_the_queue_shows_the_urgent_first_however_late_it_is_due(
    house: House, storefront: AsyncClient, browser: Browser, question: str
) -> None:
    """I2: whom nobody answered and who pressed is not lost behind all that is due next; the next page goes on."""
    waiting = [await filed(storefront) for _ in range(MANY)]
    pressed = waiting[-1]
    await post(storefront, pressed, happened("expedited", BUYER, reason="没有人回复。"))
    seen, page = list[tuple[int, str]](), await browser.open(f"/console{question}")
    assert "the highest priority first" in page.text
    assert priorities(page)[0] > 0
    for _ in range(PAGES_MAX):
        assert page.status == 200, page.text
        seen += zip(priorities(page), numbers(page), strict=True)
        if "Next page" not in page.links:
            break
        page = await browser.open(page.links["Next page"])
    assert [priority for priority, _ in seen] == sorted((priority for priority, _ in seen), reverse=True)
    found = [number for _, number in seen]
    assert len(found) == len(set(found))
    assert {case["number"] for case in waiting} <= set(found)
    assert found.index(pressed["number"]) < min(found.index(case["number"]) for case in waiting[:-1])


async def test_the_queue_is_filtered_as_the_apis_list_is(
    house: House, storefront: AsyncClient, browser: Browser
) -> None:
    respondent = {"role": "merchant", "id": "m-few"}
    replied, waiting = [await filed(storefront, respondent=respondent) for _ in range(2)]
    other = await filed(storefront, respondent=respondent, type="quality", reason="quality")
    await post(storefront, replied, REFUSE | {"actor": respondent})
    for question, wanted in (
        ("status=waiting_for_merchant", {waiting["number"]}),
        ("type=quality", {other["number"]}),
        ("department=customer_service", {replied["number"], waiting["number"], other["number"]}),
        ("department=platform_supervision", set()),
        ("status=waiting_for_merchant&type=quality", set()),
        (f"status={other['status']}&type=quality", {other["number"]}),
    ):
        page = await browser.open(f"/console?merchant_id=+m-few%09&{question}")
        assert set(numbers(page)) == wanted, question
    path = f"/console/cases/{replied['case_id']}"
    await browser.fill_in(await browser.open(path), f"{path}/assign", agent="小二 张三")
    for question in (urlencode({"assignee": "小二 张三"}), urlencode({"order_id": replied["order"]["order_id"]})):
        assert numbers(await browser.open(f"/console?{question}")) == [replied["number"]], question
    page = await browser.open("/console?merchant_id=m-nobody")
    assert "No such case waits for anything." in page.text


@pytest.mark.parametrize(
    "question", ["status=nonsense", "cursor=x", "type=A'--", "colour=red", "status=closed&status=x"]
)
async def test_a_question_asked_amiss_is_answered_on_a_page(browser: Browser, question: str) -> None:
    page = await browser.open(f"/console?{question}")
    assert (page.status, page.faults) == (422, [])
    assert page.answer.headers["trace-id"] in page.text


async def test_a_case_is_found_by_its_complaint_number(storefront: AsyncClient, browser: Browser) -> None:
    case = await filed(storefront)
    page = await browser.open(f"/console/search?number=+{case['number']}")
    assert page.answer.request.url.path == f"/console/cases/{case['case_id']}"
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in case["number"])
    for written in (wide, f"{case['number']}\u200b", f"\u3000{case['number']}\t"):
        page = await browser.open(f"/console/search?{urlencode({'number': written})}")
        assert page.answer.request.url.path == f"/console/cases/{case['case_id']}", "as it was typed or pasted"
    page = await browser.open("/console/search?number=<b>0</b>")
    assert (page.status, "There is no case with the number <b>0</b>." in page.text) == (200, True)
    assert (await browser.open("/console/search?number=")).answer.request.url.path == "/console"


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_case_in_one_look(house: House, storefront: AsyncClient, language: str) -> None:
    case = await filed(storefront)
    await post(storefront, case, REFUSE)
    told = (await storefront.get(f"/v1/cases/{case['case_id']}/timeline")).json()
    page = await (await signed_in(house, "dev-ops", language)).open(f"/console/cases/{case['case_id']}")
    assert next(said for tag, said in page.tags if tag == "html")["lang"] == language
    assert page.text.count(case["number"]) >= 2
    for said in (told["next"], told["status"], *told["deadlines"], *told["entries"]):
        assert " ".join(said[language].split()) in page.text
    times = [said["datetime"] for tag, said in page.tags if tag == "time"]
    assert {one["due_at"] for one in told["deadlines"]} <= set(times), "to the microsecond, for who wants it"
    local = datetime.fromisoformat(told["entries"][0]["at"]) + timedelta(hours=8)
    assert f"{local:%Y-%m-%d %H:%M:%S} UTC+8" in page.text, "and in China time for people"
    day = f"{datetime.fromisoformat(told['deadlines'][0]['due_at']) - timedelta(hours=16):%Y-%m-%d}"
    assert page.text.count(f"{day} 24:00") >= 3, "what ends with a day is due on that day, wherever it stands"
    assert f"{day} 24:00:00 UTC+8" in page.text
    assert case["evidence"][0]["sha256"] in page.text


async def test_what_is_missing_is_said_and_a_closed_case_waits_for_nobody(
    storefront: AsyncClient, browser: Browser
) -> None:
    video = [{"kind": "video", "uri": "https://files.example/1", "sha256": f"{1:064x}"}]
    case = await filed(storefront, marketplace="tmall", type="quality", reason="quality", evidence=video)
    (missing,) = (await storefront.get(f"/v1/cases/{case['case_id']}/timeline")).json()["missing"]
    page = await browser.open(f"/console/cases/{case['case_id']}")
    assert missing["en"] in page.text
    assert (await post(storefront, case, happened("withdrawn", BUYER, reason="已解决"))).status_code == 201
    page = await browser.open(f"/console/cases/{case['case_id']}")
    assert (page.status, missing["en"] in page.text) == (200, False)
    assert "Outcome: withdrawn" in page.text
    assert not any("assign" in one for one in page.forms), "who could take it?"


async def test_what_people_write_is_shown_and_never_run(
    house: House, storefront: AsyncClient, browser: Browser
) -> None:
    evil = " ".join(ATTACKS)
    evidence = [{"kind": "photo", "uri": f"javascript:{ATTACKS[0]}", "sha256": f"{5:064x}"}]
    respondent = {"role": "merchant", "id": ATTACKS[1]}
    case = await filed(storefront, description=evil, respondent=respondent, evidence=evidence, external_ref=evil)
    answer = await post(storefront, case, happened("messaged", respondent, text=evil))
    assert answer.status_code == 201, answer.text
    where = f"/console/cases/{case['case_id']}"
    page = await browser.open(where)
    page = await browser.fill_in(page, f"{where}/note", text=evil)
    page = await browser.fill_in(page, f"{where}/assign", agent=ATTACKS[1])
    queue = await browser.open("/console?" + "merchant_id=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    for shown in (page, queue):
        assert shown.status == 200, shown.text
        assert not {tag for tag, _ in shown.tags} & {"script", "img", "b", "iframe", "object", "svg"}
        assert not any(name.startswith("on") for _, said in shown.tags for name in said)
        assert not any("script:" in said.get("href", "") for _, said in shown.tags)
        assert (shown.faults, str(7919 * 7907) in shown.text) == ([], False)
        assert ATTACKS[1] in shown.text
    assert page.text.count(ATTACKS[0]) >= 3, "it is shown as it was written"


async def test_a_key_with_limits_sees_in_the_console_what_it_sees_of_the_api(
    house: House, storefront: AsyncClient
) -> None:
    own = {"role": "merchant", "id": "m-own"}
    seen, other = await filed(storefront, respondent=own), await filed(storefront)
    report = await storefront.post(
        "/v1/cases",
        json={
            "type": "counterfeit_report",
            "reason": "counterfeit",
            "marketplace": "tmall",
            "demand": "takedown",
            "complainant": {"role": "buyer", "id": "b-nameless"},
            "respondent": own,
            "description": "我是b-nameless",
            "facts": {"listing": {"listing_id": "L-1", "title": "手表"}},
            "amount": {"amount": 0, "currency": "CNY"},
            "anonymous": True,
        },
    )
    assert report.status_code == 201, report.text
    desk = await signed_in(house, await limited(house, "platform", merchants=["m-own"]))
    queue = await desk.open("/console")
    assert {seen["number"], report.json()["number"]} >= set(numbers(queue)) > set()
    page = await desk.open(f"/console/cases/{report.json()['case_id']}")
    assert (page.status, "b-nameless" in page.answer.text) == (200, False)
    assert "b-nameless" not in queue.answer.text
    for path in (f"/console/cases/{other['case_id']}", f"/console/cases/{uuid4()}", "/console/cases/x"):
        assert (await desk.open(path)).status == 404
    assert "There is no case" in (await desk.open(f"/console/search?number={other['number']}")).text
    assert (await desk.open("/console/scheduler")).status == 403, "which is about everybody's cases"
    assert ("Clock" in queue.links, "Queue" in queue.links) == (False, True), "no link leads to a refusal"
    assert "b-nameless" in (await (await signed_in(house, "dev-ops")).open(page.answer.request.url.path)).answer.text


async def test_an_admin_sees_the_clock_and_no_case(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    admin = await signed_in(house, "dev-admin")
    for path in (f"/console/cases/{case['case_id']}", f"/console/search?number={case['number']}"):
        page = await admin.open(path)
        assert (page.status, case["number"] in page.text.replace(path, "")) == (403, False)
    page = await admin.open("/console")
    assert (page.answer.request.url.path, "/console/search" in page.forms) == ("/console/scheduler", False)


async def test_the_clock_in_one_look(house: House, browser: Browser) -> None:
    held = await house.caller("ops").post(
        "/v1/scheduler/holds", json={"marketplace": "taobao", "reason": "<b>演练</b>", "for": "PT1H"}
    )
    assert held.status_code == 201, held.text
    seen = (await house.caller("ops").get("/v1/scheduler")).json()
    page = await browser.open("/console/scheduler")
    assert (page.status, page.faults) == (200, [])
    assert "<b>演练</b>" in page.text
    assert seen["calendar"]["last_day"] in page.text
    assert "No scheduler has published one yet." in page.text
    superuser = await asyncpg.connect(house.database.superuser)
    try:
        for whole_at, told in (("now()", "before this instant is unprocessed"), ("NULL", "the watermark stands still")):
            row = f"watermark = now() - interval '3 s', published_at = now(), whole_at = {whole_at}"
            await superuser.execute(f"UPDATE clock_state SET {row}")  # noqa: S608 - of our own words
            page = await browser.open("/console/scheduler")
            assert (told in page.text, "Behind by 3." in page.text, page.faults) == (True, True, [])
        assert "Paused" not in page.text
        await superuser.execute("UPDATE clock_state SET paused = 'the <b>clock</b> jumped'")
        assert "Paused: the <b>clock</b> jumped" in (await browser.open("/console/scheduler")).text
    finally:
        none = "watermark = NULL, published_at = NULL, whole_at = NULL, paused = NULL"
        await superuser.execute(f"UPDATE clock_state SET {none}")  # noqa: S608 - the same
        await superuser.close()


async def test_what_is_overdue_says_so_and_leads_to_its_case_whoever_may_see_that(
    house: House, storefront: AsyncClient, browser: Browser
) -> None:
    admin = await signed_in(house, "dev-admin")
    clock = (await house.caller("admin").post("/v1/test-clocks", json={"at": "2026-03-02T02:00:00Z"})).json()["id"]
    case = await filed(storefront, succeeded_at=Instant.parse("2026-03-01T02:00:00Z"), test_clock=clock)
    path = f"/console/cases/{case['case_id']}"
    assert "overdue, not recorded yet" not in (await browser.open(path)).text
    moved = await house.caller("admin").post(f"/v1/test-clocks/{clock}/advance", json={"by": "PT73H"})
    assert moved.status_code in (200, 202), moved.text
    assert "overdue, not recorded yet" in (await browser.open(path)).text
    live = await filed(storefront)
    superuser = await asyncpg.connect(house.database.superuser)
    try:
        late = "UPDATE deadlines SET due_at = clock_timestamp() - interval '1 hour' WHERE case_id = $1"
        await superuser.execute(late, live["case_id"])
        path = f"/console/cases/{live['case_id']}"
        for who, leads in ((browser, True), (admin, False)):
            page = await who.open("/console/scheduler")
            assert (live["case_id"] in page.text, path in page.links.values()) == (True, leads)
    finally:
        await superuser.execute("DELETE FROM deadlines WHERE case_id = $1", live["case_id"])
        await superuser.close()


async def test_the_language_is_chosen_and_kept(house: House) -> None:
    browser = await signed_in(house, "dev-ops", "fr, zh-CN;q=0.4, en;q=0.7, xx;q=a")
    page = await browser.open("/console?status=under_review")
    assert "Queue" in page.text, "of ours, the one the browser wants most"
    page = await browser.open(page.links["中文"])
    assert "待办队列" in page.text
    assert str(page.answer.request.url).endswith("/console?status=under_review")
    assert "待办队列" in (await browser.open("/console")).text
    for language in ("", "en;q=0, fr"):
        assert "Caselog 控制台" in (await Browser(house, language=language).open("/console/sign-in")).text


async def test_every_page_is_written_for_everybody_and_lets_nothing_in(
    house: House, storefront: AsyncClient, browser: Browser
) -> None:
    case = await filed(storefront)
    one = f"/console/cases/{case['case_id']}"
    paths = ("/console", "/console/scheduler", one, f"{one}?version=1", "/console/search?number=0")
    amiss = ("/console?status=x", f"/console/cases/{uuid4()}")
    for who, path in [(browser, one) for one in (*paths, *amiss)] + [(Browser(house), "/console/sign-in")]:
        page = await who.open(path)
        tags = [tag for tag, _ in page.tags]
        assert (page.faults, len(page.ids())) == ([], len(set(page.ids()))), path
        assert (tags.count("h1"), tags.count("main"), tags.count("header")) == (1, 1, 1)
        assert page.tags[0][1].get("lang") == "en"
        labels = {said["for"] for tag, said in page.tags if tag == "label"}
        for tag, said in page.tags:
            if tag in ("input", "select", "textarea") and said.get("type") != "hidden":
                assert said["id"] in labels, (path, said)
            assert tag != "script"
            assert "style" not in said
            assert not any(name.startswith("on") for name in said)
        headers = page.answer.headers
        policy = dict(one.split(" ", 1) for one in headers["content-security-policy"].split("; "))
        assert (policy["default-src"], policy["form-action"], policy["frame-ancestors"]) == (
            "'none'",
            "'self'",
            "'none'",
        )
        assert (policy["base-uri"], "script-src" in policy) == ("'none'", False)
        assert len(headers.get_list("content-security-policy")) == 1
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert (headers["x-frame-options"], headers["cross-origin-opener-policy"]) == ("DENY", "same-origin")
        assert headers["referrer-policy"] == "same-origin", "no-referrer would send our own forms with Origin: null"


@pytest.mark.parametrize(
    ("form", "said", "shown"),
    [
        ("due", Instant.parse("2026-03-04T16:00:00Z"), "2026-03-04 24:00"),
        ("due", Instant.parse("2026-03-04T16:01:00Z"), "2026-03-05 00:01"),
        ("written", ERASED, "（已删除）"),
        ("written", WITHHELD, "（不公开）"),
        ("written", "", "—"),
    ],
)
def test_a_due_time_and_what_is_not_there_are_told_as_the_timeline_tells_them(
    form: str, said: object, shown: str
) -> None:
    template = pages._environment().from_string(f"{{{{ said | {form} }}}}")
    assert template.render(lang="zh", said=said) == shown


async def test_a_page_fetches_nothing_but_what_is_ours(house: House, browser: Browser) -> None:
    page = await browser.open("/console")
    fetched = {said["href"] for tag, said in page.tags if tag == "link"} | {
        said["src"] for _, said in page.tags if "src" in said
    }
    assert fetched == {"/console/style.css", "/console/icon.svg"}
    for path, kind in (("/console/style.css", "text/css; charset=utf-8"), ("/console/icon.svg", "image/svg+xml")):
        answer = await browser.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert not any(one in answer.text for one in ("url(", "@import", "<script", "href"))


async def test_while_the_database_is_away_a_page_says_so(house: House, settings: Settings, browser: Browser) -> None:
    nowhere = settings.model_copy(update={"database_url": "postgresql://x@127.0.0.1:1/x"})
    away = house.database.__class__("away", *(["postgresql://x@127.0.0.1:1/x"] * 4))
    async with open_house(nowhere, away) as opened:
        there = Browser(opened)
        there.client.cookies = browser.client.cookies
        page = await there.open("/console")
        assert (page.status, page.answer.headers["retry-after"]) == (503, "2")
        assert (page.faults, page.answer.headers["content-type"]) == ([], "text/html; charset=utf-8")
        assert (await there.sign_in("dev-ops")).status == 503
        assert (await there.open("/console/sign-in")).status == 200


async def test_a_page_counts_by_its_address_and_not_by_the_case(
    house: House, storefront: AsyncClient, browser: Browser
) -> None:
    case = await filed(storefront)
    await browser.open(f"/console/cases/{case['case_id']}")
    told = (await house.caller(None).get("/metrics")).text
    assert 'route="/console/cases/{case_id}"' in told
    assert case["case_id"] not in told


PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


async def test_whoever_judges_evidence_opens_its_file_from_the_page(
    house: House, storefront: AsyncClient, browser: Browser
) -> None:
    case = await filed(storefront)
    files = {"file": ("picture.png", PICTURE, "image/png")}
    hers = (await storefront.post(f"/v1/cases/{case['case_id']}/evidence", files=files)).json()["evidence"]
    await post(storefront, case, happened("evidence_submitted", BUYER, evidence=[hers]))
    page = await browser.open(f"/console/cases/{case['case_id']}")
    assert "https://files.example/" in page.text, "what lies elsewhere is named, and is no link of ours"
    link = page.links[f"Download the file {hers['sha256'][:8]}"]
    file = await browser.client.get(link)
    assert (file.status_code, file.content, file.headers["content-type"]) == (200, PICTURE, "image/png")
    assert file.headers["content-disposition"] == f'attachment; filename="{hers["sha256"]}.png"'
    assert "sandbox" in file.headers["content-security-policy"]
    assert (await browser.client.get(f"{link[:-1]}!")).status_code == 404
    stranger = await signed_in(house, await limited(house, "ops", ["m-other"]))
    assert (await stranger.client.get(link)).status_code == 404
    assert (await house.caller(None).get(link)).status_code == 303


async def test_from_a_case_one_comes_back_to_the_queue_as_it_was_filtered(
    house: House, storefront: AsyncClient, browser: Browser
) -> None:
    case = await filed(storefront, respondent={"role": "merchant", "id": "m-back"})
    path = f"/console/cases/{case['case_id']}"
    assert (await browser.open(path)).links["Queue"] == "/console"
    filtered = await browser.open("/console?status=&merchant_id=m-back&type=not_received")
    assert case["number"] in filtered.links
    back = "/console?type=not_received&merchant_id=m-back"
    assert (await browser.open(path)).links["Queue"] == back
    noted = await browser.fill_in(await browser.open(path), f"{path}/note", text="看过了。")
    assert (noted.status, noted.links["Queue"]) == (200, back)
    assert (await browser.open(back)).links["Caselog console"] == "/console"
    await browser.open("/console")
    assert (await browser.open(path)).links["Queue"] == "/console"


async def test_whose_cases_one_looked_for_is_not_for_who_signs_in_next(house: House) -> None:
    browser = Browser(house)
    page = await browser.sign_in("dev-ops")
    await browser.open("/console?merchant_id=m-mine")
    await browser.fill_in(page, "/console/sign-out")
    assert browser.cookie("caselog-queue") is None
    await browser.sign_in("dev-ops")
    await browser.open("/console?merchant_id=m-mine")
    await browser.sign_in("dev-platform", "/console/scheduler")  # where a session has run out
    assert (await browser.open("/console/scheduler")).links["Queue"] == "/console"
    bound = Browser(house, "https://caselog.example")
    await bound.send("/console/sign-in", {"key": "dev-ops"})
    said = (await bound.client.get("/console?merchant_id=m-mine")).headers["set-cookie"]
    assert said.startswith("caselog-queue=")
    assert "Secure" in said


@pytest.mark.parametrize("planted", ["https://evil.example/", "<script>", "next=//evil.example"])
async def test_what_somebody_plants_as_the_last_queue_leads_nowhere_else(browser: Browser, planted: str) -> None:
    browser.client.cookies.set("caselog-queue", planted, path="/console")
    assert (await browser.open("/console/scheduler")).links["Queue"] == "/console"
