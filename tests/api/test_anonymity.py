"""Who is reported never learns by whom (domain F8): not from any answer, whichever way it is asked."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import asyncpg
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute
from httpx import AsyncClient, Response

from case_events.ledger.callers import keys
from case_events.ledger.connection import teach
from tests.api.house import House, happened, post
from tests.api.listening import listener, number, sequencer

MARK = "zeuge-4711"
"""In everything that could say who reported; each place has its own number after it."""
REPORTED = {"role": "merchant", "id": "m-reported"}
MESSAGE = "请尽快下架。"
STREAM = "/v1/events/stream"
_places = itertools.count(1)


def mark() -> str:
    return f"{MARK}-{next(_places)}"


class Report(NamedTuple):
    """An anonymous report, who filed it, what the platform's own see of it, and who is reported."""

    case: dict[str, Any]
    secret: dict[str, Any]
    complainant: dict[str, str]
    sha256: str
    marks: set[str]
    merchant: AsyncClient
    platform: AsyncClient


def proof(number: int, **more: str) -> dict[str, str]:
    return {"kind": "photo", "uri": f"https://files.example/{mark()}", "sha256": f"{number:064x}", **more}


def written(complainant: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "counterfeit_report",
        "reason": "counterfeit",
        "marketplace": "tmall",
        "demand": "takedown",
        "complainant": complainant,
        "respondent": REPORTED,
        "complainant_entity": {"name": mark(), "place": mark(), "registration": mark()},
        "description": f"我是{mark()}，在店里工作。",
        "external_ref": mark(),
        "facts": {
            "listing": {"listing_id": "L-1", "title": "手表", "url": f"https://shop.example/?from={mark()}"},
            "rights": {"kind": "trademark", "registration": mark()},
            "document": {"type": "waybill", "number": mark()},
        },
        "evidence": [proof(71, region=mark()), proof(72, visibility="platform")],
    }


@pytest_asyncio.fixture(scope="module")
async def connection(house: House) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(house.database.app)
    await teach(opened)
    yield opened
    await opened.close()


async def key(house: House, connection: asyncpg.Connection, client: str, **limits: Any) -> AsyncClient:
    _, secret = await keys.create(connection, client=client, name=client, role="storefront", **limits)
    return house.with_key(secret)


@pytest_asyncio.fixture(scope="module")
async def report(house: House, connection: asyncpg.Connection) -> Report:
    """A report that went through everything a report goes through, with a mark in every private place."""
    complainant = {"role": "buyer", "id": mark()}
    reporter = await key(house, connection, mark())
    platform, ops = house.caller("platform"), house.caller("ops")
    answer = await reporter.post("/v1/cases", json=written(complainant))
    assert answer.status_code == 201, answer.text
    case = answer.json()
    assert case["anonymous"]
    path = f"/v1/cases/{case['case_id']}"
    upload = {"file": (mark(), b"a picture", "image/png")}
    kept = await reporter.post(f"{path}/evidence", files=upload, data={"kind": "photo"})
    assert kept.status_code == 201, kept.text
    steps: list[tuple[AsyncClient, dict[str, Any]]] = [
        (reporter, happened("evidence_submitted", complainant, evidence=[kept.json()["evidence"], proof(73)])),
        (reporter, happened("expedited", complainant, reason=mark())),
        (reporter, happened("messaged", complainant, text=MESSAGE)),
        (ops, happened("noted", text=mark())),
        (
            ops,
            happened("noted", text="见附件。", outside={"authority": "police", "reference": mark(), "result": mark()}),
        ),
        (platform, happened("ruled", outcome="rejected", rule="violation_not_found", reasons="未发现违规。")),
        (reporter, happened("appealed", complainant, reason=mark(), evidence=[proof(74)])),
        (platform, happened("ruled", outcome="rejected", rule="violation_not_found", reasons="仍未发现违规。")),
        (reporter, happened("rated", complainant, score=2, comment=mark())),
    ]
    note = ""
    for client, body in steps:
        version = (await platform.get(path)).headers["etag"]
        answer = await post(client, case, body, **({"if_match": version} if body["type"] == "ruled" else {}))
        assert answer.status_code == 201, (body["type"], answer.text)
        note = answer.json()["events"][0]["event_id"] if body["type"] == "noted" and not note else note
    corrected = happened("corrected", event=note, fields={"text": mark()}, reason=mark())
    assert (await post(platform, case, corrected)).status_code == 201
    async with sequencer(house.database) as numbering:
        await number(numbering)
    marks = {f"{MARK}-{place}" for place in range(1, next(_places))}
    merchant = await key(house, connection, "the-reported", merchants=["m-reported"])
    secret = (await platform.get(path)).json()
    return Report(case, secret, complainant, kept.json()["evidence"]["sha256"], marks, merchant, platform)


def silent(answer: Response) -> bool:
    """No byte of it, body or header, has the mark."""
    return MARK.encode() not in answer.content and MARK not in str(answer.headers.raw)


async def test_the_platform_sees_every_place_that_is_marked(report: Report) -> None:
    path = f"/v1/cases/{report.case['case_id']}"
    told = [(await report.platform.get(f"{path}{more}")).text for more in ("", "/events", "/timeline")]
    unseen = {one for one in report.marks if not any(one in text for text in told)}
    # The file's own name is kept nowhere at all.
    assert len(unseen) == 1


def addresses(house: House, report: Report) -> list[str]:
    """Every address one can GET about the report."""
    values = {
        "case_id": report.case["case_id"],
        "sha256": report.sha256,
        "policy": "tmall@2026.6",
        "clock_id": report.case["case_id"],
        "code": "not_found",
        "hold_id": report.case["case_id"],
        "outage_id": report.case["case_id"],
        "year": 2026,
        "key": "dev-ops",
        "size": 1,
        "endpoint_id": report.case["case_id"],
    }
    routes = [route for route in house.app.routes if isinstance(route, APIRoute) and "GET" in (route.methods or ())]
    # A stream does not end: it has a test of its own.
    return [route.path.format(**values) for route in routes if route.path != STREAM]


async def test_no_address_tells_the_reported_merchant_who_it_was(house: House, report: Report) -> None:
    asked = addresses(house, report)
    assert len(asked) >= 15
    seen = 0
    for address in asked:
        answer = await report.merchant.get(address)
        assert answer.status_code < 500
        assert silent(answer), address
        seen += report.case["case_id"] in answer.text
    assert seen >= 4


@pytest.mark.parametrize(
    "more",
    [
        *("?explain=true", "?version=1", "?version=5", "?at=2999-01-01T00:00:00Z", "?nonsense=1"),
        *("/dossier?format=html", "/dossier?format=json", "/events", "/timeline"),
        *(f"/evidence/{number:064x}" for number in (71, 72, 73, 74)),
    ],
)
async def test_nor_any_way_of_asking(report: Report, more: str) -> None:
    answer = await report.merchant.get(f"/v1/cases/{report.case['case_id']}{more}")
    assert answer.status_code in (200, 404, 422)
    assert silent(answer)


async def test_the_reporters_file_is_not_there_for_the_merchant(report: Report) -> None:
    path = f"/v1/cases/{report.case['case_id']}/evidence/{report.sha256}"
    assert (await report.platform.get(path)).content == b"a picture"
    refused = await report.merchant.get(path)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


async def test_nor_is_it_once_the_merchant_names_its_digest(house: House, connection: asyncpg.Connection) -> None:
    complainant = {"role": "buyer", "id": mark()}
    reporter = await key(house, connection, mark())
    case = (await reporter.post("/v1/cases", json=written(complainant))).json()
    path = f"/v1/cases/{case['case_id']}"
    files = {"file": ("x", b"a picture of the reporter", "image/png")}
    reference = (await reporter.post(f"{path}/evidence", files=files)).json()["evidence"]
    brought = await post(reporter, case, happened("evidence_submitted", complainant, evidence=[reference]))
    assert brought.status_code == 201, brought.text
    merchant = await key(house, connection, "the-curious", merchants=["m-reported"])
    shown = next(one for one in (await merchant.get(path)).json()["evidence"] if one["sha256"] == reference["sha256"])
    own = {"kind": "photo", "uri": "https://elsewhere.example/1", "sha256": shown["sha256"]}
    named = await post(merchant, case, happened("evidence_submitted", REPORTED, evidence=[own]))
    assert named.status_code == 201, named.text
    assert (await merchant.get(f"{path}/evidence/{own['sha256']}")).status_code == 404
    assert (await reporter.get(f"{path}/evidence/{own['sha256']}")).content == b"a picture of the reporter"


async def test_it_sees_that_there_is_evidence_and_of_what_kind(report: Report) -> None:
    case = (await report.merchant.get(f"/v1/cases/{report.case['case_id']}")).json()
    assert [(one["kind"], one["uri"]) for one in case["evidence"]] == [("photo", None)] * 4
    assert f"{72:064x}" not in str(case)
    assert case["complainant"] == {"role": "buyer", "id": "anonymous"}
    assert (case["description"], case["external_ref"], case["complainant_entity"]) == (None, None, None)
    assert case["facts"]["listing"]["listing_id"] == "L-1"
    assert (case["facts"]["listing"]["url"], case["marks"], case["outside"]) == (None, None, [])


async def test_a_message_reaches_it_without_its_writer(report: Report) -> None:
    events = (await report.merchant.get(f"/v1/cases/{report.case['case_id']}/events")).json()["items"]
    message = next(one for one in events if one["type"] == "messaged")
    assert (message["data"]["text"], message["who"]) == (MESSAGE, "complainant")
    assert (message["agent"], message["client"]) == (None, "anonymous")
    assert "noted" not in {one["type"] for one in events}
    assert "corrected" not in {one["type"] for one in events}


async def test_nor_does_the_feed_however_it_is_read(house: House, report: Report) -> None:
    pages = await report.merchant.get("/v1/events?limit=1000")
    told = [one["data"]["type"] for one in pages.json()["items"]]
    assert silent(pages)
    assert ("filed" in told, "messaged" in told, "noted" in told, "corrected" in told) == (True, True, False, False)
    secret = report.merchant.headers["authorization"].removeprefix("Bearer ")
    async with listener(house.app, key=secret) as listening:
        await listening.heard(pages.json()["items"][-1]["position"])
    assert [one.item for one in listening.sent] == pages.json()["items"]
    assert MARK in str((await report.platform.get("/v1/events?limit=1000")).json())


@pytest.mark.parametrize("filter_of", ["buyer_id", "merchant_id", "order_id", "number", "assignee"])
async def test_asking_for_a_hidden_id_finds_nothing(report: Report, filter_of: str) -> None:
    for path in ("/v1/cases", "/v1/deadlines", "/v1/stats"):
        answer = await report.merchant.get(path, params={filter_of: report.complainant["id"]})
        assert silent(answer)
        assert report.case["case_id"] not in answer.text


async def test_asking_for_a_merchant_who_reported_it_finds_and_counts_nothing(
    house: House, connection: asyncpg.Connection
) -> None:
    rival = {"role": "merchant", "id": "m-rival"}
    reporter = await key(house, connection, "the-rival", merchants=["m-rival"])
    answer = await reporter.post("/v1/cases", json=written(rival))
    assert answer.status_code == 201, answer.text
    reported = await key(house, connection, "the-reported", merchants=["m-reported"])
    own = {"merchant_id": "m-rival"}
    for path in ("/v1/cases", "/v1/export/cases", "/v1/cases?sort=queue&department=platform_supervision"):
        assert answer.json()["case_id"] not in (await reported.get(path, params=own)).text
    assert (await reported.get("/v1/stats", params=own)).json()["cases"] == 0
    assert (await reporter.get("/v1/stats", params=own)).json()["cases"] == 1


async def test_the_platform_finds_it_by_that_id(report: Report) -> None:
    found = await report.platform.get("/v1/cases", params={"buyer_id": report.complainant["id"]})
    assert [one["case_id"] for one in found.json()["items"]] == [report.case["case_id"]]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (happened("messaged", REPORTED, text="在核查。"), {}, 409),
        (happened("appealed", REPORTED, reason="不服。", evidence=[]), {}, 409),
        (happened("ruling_accepted", REPORTED), {"if_match": '"3"'}, 412),
        (happened("ruling_accepted", REPORTED, nonsense=1), {}, 422),
        (happened("ruling_accepted", {"role": "buyer", "id": "anonymous"}), {}, 403),
        (happened("noted", REPORTED, text="?"), {}, 403),
    ],
)
async def test_no_refusal_tells_it(report: Report, body: dict[str, Any], headers: dict[str, str], status: int) -> None:
    answer = await post(report.merchant, report.case, body, **headers)
    assert answer.status_code == status, answer.text
    assert silent(answer)


async def test_what_it_does_itself_is_answered_without_them(house: House, connection: asyncpg.Connection) -> None:
    complainant = {"role": "buyer", "id": mark()}
    reporter = await key(house, connection, mark())
    case = (await reporter.post("/v1/cases", json=written(complainant))).json()
    merchant = await key(house, connection, "the-reported", merchants=["m-reported"])
    brought = happened("evidence_submitted", REPORTED, evidence=[proof(81) | {"uri": "https://files.example/81"}])
    noted = await post(house.caller("ops"), case, happened("noted", text=mark()))
    assert noted.status_code == 201
    for query in ("?dry_run=true", ""):
        answer = await merchant.post(f"/v1/cases/{case['case_id']}/events{query}", json=brought)
        assert answer.status_code in (200, 201), answer.text
        assert silent(answer)
        # The desk's note is not shown, and counts all the same: this is the version that If-Match wants.
        assert answer.json()["case"]["version"] == noted.json()["case"]["version"] + 1


async def test_the_desks_notes_to_itself_are_not_for_a_storefront_either(
    house: House, report: Report, storefront: AsyncClient
) -> None:
    path = f"/v1/cases/{report.case['case_id']}"
    events = (await storefront.get(f"{path}/events")).json()["items"]
    assert "noted" not in {one["type"] for one in events}
    case = await storefront.get(path)
    assert (case.json()["outside"], case.json()["marks"]) == ([], None)
    assert case.headers["etag"] == (await house.caller("ops").get(path)).headers["etag"]
    assert report.secret["outside"][0]["authority"] == "police"


async def test_nor_is_a_storefront_told_of_them_by_what_it_does_itself(
    house: House, connection: asyncpg.Connection
) -> None:
    complainant = {"role": "buyer", "id": "b-noted"}
    reporter = await key(house, connection, "the-reporter")
    case = (await reporter.post("/v1/cases", json=written(complainant))).json()
    outside = {"authority": "police", "reference": "P-1", "result": "立案。"}
    noted = await post(house.caller("ops"), case, happened("noted", text="见附件。", outside=outside))
    assert noted.json()["case"]["outside"] != []
    brought = happened("evidence_submitted", complainant, evidence=[proof(82)])
    for query in ("?dry_run=true", ""):
        told = (await reporter.post(f"/v1/cases/{case['case_id']}/events{query}", json=brought)).json()["case"]
        assert (told["outside"], told["version"]) == ([], noted.json()["case"]["version"] + 1)
