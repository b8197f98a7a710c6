"""CloudEvents on their way in: each is understood as the plain POST that says the same, or refused with every fault."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from httpx import AsyncClient, Response

from case_api.ingestion.cloudevents import BATCHED, STRUCTURED, key_for
from case_api.requests import bodies
from case_events.core.commands import POSTED, File
from case_events.ledger.callers import keys
from tests.api.house import (
    AGREE,
    BUYER,
    MERCHANT,
    OFFER,
    REFUND,
    REFUSE,
    SETTLE,
    House,
    complaint,
    filed,
    happened,
    post,
)
from tests.api.listening import number, sequencer

EVENTS = "/v1/events"
SOURCE = "/shops/7"
_names = itertools.count(1)


def event(name: str, data: Any = None, **attributes: Any) -> dict[str, Any]:
    """A CloudEvent with an id of its own; an attribute that is None is left out."""
    said = {"specversion": "1.0", "id": f"e-{next(_names)}", "source": SOURCE, "type": f"caselog.{name}.v1"}
    said |= {"data": data} if data is not None else {}
    return {name: value for name, value in (said | attributes).items() if value is not None}


def about(case: dict[str, Any], body: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """What a plain POST says of ``case``, as a CloudEvent."""
    actor = {"actor": body["actor"]} if "actor" in body else {}
    time = {"time": body["occurred_at"]} if "occurred_at" in body else {}
    return event(body["type"], {**actor, **body["data"]}, subject=case["case_id"], **time, **attributes)


def compact(said: Any) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()


async def structured(client: AsyncClient, said: Any, **query: str) -> Response:
    headers = {"Content-Type": STRUCTURED}
    return await client.post(EVENTS, content=compact(said), headers=headers, params=query)


async def binary(client: AsyncClient, said: dict[str, Any], **headers: str) -> Response:
    attributes = {f"ce-{name}": quote(str(value), safe="/:") for name, value in said.items() if name != "data"}
    body = compact(said["data"]) if "data" in said else b""
    return await client.post(EVENTS, content=body, headers={"Content-Type": "application/json"} | attributes | headers)


def pointers(answer: Response) -> set[str]:
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    return {fault["pointer"] for fault in answer.json()["errors"]}


@pytest.mark.parametrize("mode", [structured, binary])
async def test_a_cloud_event_does_and_answers_what_the_plain_post_does(storefront: AsyncClient, mode: Any) -> None:
    filing = await mode(storefront, event("filed", complaint(), time="2026-01-05T08:00:00Z"))
    assert filing.status_code == 201, filing.text
    case = filing.json()
    assert (filing.headers["location"], filing.headers["etag"]) == (f"/v1/cases/{case['case_id']}", '"1"')
    offered = await mode(storefront, about(case, OFFER, time="2026-01-06T08:00:00Z"))
    assert [one["type"] for one in offered.json()["events"]] == ["merchant_replied"]
    assert offered.json()["events"][0]["occurred_at"] == "2026-01-06T08:00:00.000000Z"
    assert (await mode(storefront, about(case, SETTLE))).json()["code"] == "precondition_required"
    settled = await mode(storefront, about(case, SETTLE, ifmatch=2))
    assert (settled.status_code, settled.json()["case"]["outcome"]) == (201, "settled")
    history = (await storefront.get(f"/v1/cases/{case['case_id']}/events")).json()["items"]
    assert history[0]["occurred_at"] == "2026-01-05T08:00:00.000000Z"
    assert [one["version"] for one in history] == [1, 2, 3]


async def test_no_event_has_data_that_an_actor_could_be_taken_for() -> None:
    """``actor`` stands beside an event's own data, and ``time`` in for a complaint's ``occurred_at``."""
    assert not [name for name, kind in POSTED.items() if {"actor", "occurred_at"} & set(kind.__struct_fields__)]
    assert "occurred_at" in File.__struct_fields__


async def test_sent_again_in_whatever_mode_it_is_the_same_event(storefront: AsyncClient, house: House) -> None:
    said = about(await filed(storefront), AGREE)
    first = await structured(storefront, said)
    before = await house.count()
    again = [await structured(storefront, said), await binary(storefront, said)]
    assert [one.headers["idempotency-replayed"] for one in again] == ["true"] * 2
    assert [one.json() for one in again] == [first.json()] * 2
    other = await structured(storefront, {**said, "data": {"actor": MERCHANT, "decision": "refuse", "reason": "不"}})
    assert other.json()["code"] == "id_reused"
    assert await house.count() == before
    elsewhere = await structured(storefront, {**said, "source": "/shops/8"})
    assert elsewhere.json()["code"] == "not_allowed_now", "another source's event, though of the same id"


async def test_its_key_is_the_one_a_plain_post_may_use(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    said = about(case, AGREE)
    assert (await structured(storefront, said)).status_code == 201
    path, headers = f"/v1/cases/{case['case_id']}/events", {"Content-Type": "application/json"}
    headers["Idempotency-Key"] = f"{SOURCE} {said['id']}"
    body = {"type": "merchant_replied", "actor": MERCHANT, "data": {"decision": "agree"}}
    plain = await storefront.post(path, content=compact(body), headers=headers)
    assert (plain.status_code, plain.headers["idempotency-replayed"]) == (201, "true")


def test_a_key_is_source_and_id_and_where_that_is_none_their_digest() -> None:
    assert key_for("/shops/7", "e 1") == "/shops/7 e 1"
    assert key_for("/shops/7", "é").startswith("sha256:")
    long = key_for("/shops/" + "7" * 300, "e-1")
    assert (len(long), long) == (71, key_for("/shops/" + "7" * 300, "e-1"))
    assert len({key_for("/a", "b"), key_for("/a/b", "c"), key_for("/" + "a" * 300, "b"), key_for("/é", "b")}) == 4


WRONG: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": (
        {"id": None, "source": None, "specversion": None, "type": None, "data": None},
        {"/id", "/source", "/specversion", "/type"},
    ),
    "another version": ({"specversion": "0.3"}, {"/specversion"}),
    "a type of somebody else's": ({"type": "com.example.replied"}, {"/type"}),
    "a form there is none of": ({"type": "caselog.merchant_replied.v2"}, {"/type"}),
    "an event nobody knows": ({"type": "caselog.sang.v1"}, {"/type"}),
    "no case": ({"subject": None}, {"/subject"}),
    "an empty id": ({"id": ""}, {"/id"}),
    "an id with a control character": ({"id": "a\tb"}, {"/id"}),
    "a source with a space": ({"source": "/shops 7"}, {"/source"}),
    "a number for an id": ({"id": 7}, {"/id"}),
    "a name with capitals": ({"myExtension": "x"}, {"/myExtension"}),
    "a name that is ours in JSON": ({"if_match": 2}, {"/if_match"}),
    "a structure for an attribute": ({"extension": {"a": 1}}, {"/extension"}),
    "no version": ({"ifmatch": "*"}, {"/ifmatch"}),
    "a time without a zone": ({"time": "2026-01-05T08:00:00"}, {"/time"}),
    "data of another kind": ({"datacontenttype": "text/xml"}, {"/datacontenttype"}),
    "data in base 64": ({"data": None, "data_base64": "e30="}, {"/data_base64", "/data/decision", "/data/actor"}),
    "data that is a list": ({"data": []}, {"/data"}),
    "no actor": ({"data": {"decision": "agree"}}, {"/data/actor"}),
    "half an actor": ({"data": {"decision": "agree", "actor": {"role": "buyer"}}}, {"/data/actor/id"}),
    "faults in attributes and in data": (
        {"specversion": "2", "ifmatch": True, "data": {"decision": "dance", "actor": MERCHANT, "x": 1}},
        {"/specversion", "/ifmatch", "/data/decision", "/data/x"},
    ),
    "a NUL in data": ({"data": {"decision": "agree", "reason": "\0", "actor": MERCHANT}}, {"/data/reason"}),
}


@pytest.mark.parametrize(("changes", "wanted"), WRONG.values(), ids=WRONG.keys())
async def test_whatever_is_wrong_is_named(
    storefront: AsyncClient, house: House, changes: dict[str, Any], wanted: set[str]
) -> None:
    case = await filed(storefront)
    said = {name: value for name, value in (about(case, AGREE) | changes).items() if value is not None}
    before = await house.count()
    assert pointers(await structured(storefront, said)) == wanted
    assert await house.count() == before


async def test_a_filing_is_of_no_case_and_happened_once(storefront: AsyncClient, house: House) -> None:
    before = await house.count()
    body = {**complaint(demand="the moon"), "occurred_at": "2026-01-05T08:00:00Z"}
    said = event("filed", body, subject="T1", time="2026-01-05T08:00:00Z")
    assert pointers(await structured(storefront, said)) == {"/subject", "/data/occurred_at", "/data/demand"}
    assert await house.count() == before


async def test_an_event_of_our_own_feed_is_never_taken_for_something_new(
    storefront: AsyncClient, platform: AsyncClient, house: House
) -> None:
    case = await filed(storefront)
    await post(storefront, case, AGREE)
    async with sequencer(house.database) as numbering:
        await number(numbering)
    items = [
        one for one in (await platform.get(f"{EVENTS}?limit=1000")).json()["items"] if one["subject"] == case["case_id"]
    ]
    assert len(items) == 3
    before = await house.count()
    for item in items:
        whole = await structured(storefront, item)
        assert "/prevhash" in pointers(whole)
        ours = ("prevhash", "hash", "position", "sequence", "sequencetype", "policy", "correlationid", "causationid")
        bare = {name: value for name, value in item.items() if name not in ours}
        assert "/data/event_id" in pointers(await structured(storefront, bare))
    assert await house.count() == before


async def test_what_middleware_adds_is_let_through(storefront: AsyncClient) -> None:
    added = {"traceparent": "00-0", "partitionkey": "7", "sequence": "1", "dataschema": "https://a.example/s", "x": 5}
    said = about(await filed(storefront), AGREE, datacontenttype="application/json; charset=utf-8", subject2=None)
    assert (await structured(storefront, {**said, **added, "gone": None})).status_code == 201


HEADERS: dict[str, tuple[str | bytes, bool]] = {
    "percent-encoded": ("%E8%AE%A2%E5%8D%95%201", True),
    "lower-case and needless": ("%e8%ae%a2%61", True),
    "a quoted string": ('"e \\"1\\""', True),
    "an overlong form of a space": ("%C0%A0", False),
    "a lone percent sign": ("100%", False),
    "raw UTF-8": ("订单".encode(), False),
    "a control character": ("%00", False),
}


@pytest.mark.parametrize(("value", "good"), HEADERS.values(), ids=HEADERS.keys())
async def test_headers_are_read_as_the_binding_says(storefront: AsyncClient, value: Any, good: bool) -> None:
    said = about(await filed(storefront), AGREE)
    answer = await binary(storefront, said, **{"ce-id": value})
    if good:
        assert answer.status_code == 201, answer.text
    else:
        assert pointers(answer) == {"/id"}


async def test_an_attribute_comes_once_and_under_a_name_that_is_one(storefront: AsyncClient) -> None:
    said = about(await filed(storefront), AGREE)
    headers = [(f"ce-{name}", str(value)) for name, value in said.items() if name != "data"]
    headers += [("ce-id", "another"), ("ce-if_match", "1"), ("Content-Type", "application/json")]
    answer = await storefront.post(EVENTS, content=json.dumps(said["data"]).encode(), headers=headers)
    assert pointers(answer) == {"/id", "/if_match"}


@pytest.mark.parametrize(
    ("content", "label", "status"),
    [
        (b"{", STRUCTURED, 400),
        (b"\xff", STRUCTURED, 400),
        (b"[" * 100_000, STRUCTURED, 400),
        (b'{"data":' + b'{"a":' * 100 + b"1" + b"}" * 101, STRUCTURED, 422),
        (b'{"x":%d}' % 10**20, STRUCTURED, 400),
        (b"[]", STRUCTURED, 422),
        (b"7", STRUCTURED, 422),
        (b"", STRUCTURED, 400),
        (b"{}", "application/json", 422),
        (b"[]", BATCHED, 415),
        (b"{}", "application/cloudevents+avro", 415),
        (b"{}", f"{STRUCTURED}; charset=gbk", 415),
        (b" " * bodies.BODY_MAX + b"{}", STRUCTURED, 413),
    ],
)
async def test_what_is_no_cloud_event_is_refused(
    storefront: AsyncClient, house: House, content: bytes, label: str, status: int
) -> None:
    before = await house.count()
    answer = await storefront.post(EVENTS, content=content, headers={"Content-Type": label})
    assert answer.status_code == status, answer.text
    assert await house.count() == before


async def test_deep_data_is_refused(storefront: AsyncClient, house: House) -> None:
    said = about(await filed(storefront), AGREE)
    before = await house.count()
    text = json.dumps({**said, "data": "DEEP"}).replace('"DEEP"', '{"decision":' + "[" * 100 + "]" * 100 + "}")
    answer = await storefront.post(EVENTS, content=text.encode(), headers={"Content-Type": STRUCTURED})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert await house.count() == before


async def test_its_key_and_its_version_are_said_once(storefront: AsyncClient) -> None:
    said = about(await filed(storefront), AGREE, ifmatch=1)
    keyed = await binary(storefront, said, **{"Idempotency-Key": "mine"})
    assert (keyed.status_code, keyed.json()["code"]) == (400, "malformed")
    differs = await binary(storefront, said, **{"If-Match": '"2"'})
    assert (differs.status_code, differs.json()["code"]) == (400, "malformed")
    assert (await binary(storefront, said, **{"If-Match": '"1"'})).status_code == 201
    stale = await binary(storefront, about({"case_id": said["subject"]}, AGREE), **{"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["current_version"]) == (412, 3)


async def test_each_needs_the_rights_that_the_plain_post_needs(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    for role, said, status in (
        ("storefront", about(case, REFUND, ifmatch=1), 403),
        ("storefront", about(case, happened("merchant_response_timed_out", BUYER)), 403),
        ("storefront", about(case, {**AGREE, "actor": {"role": "merchant", "id": "m-2"}}), 403),
        ("storefront", about({"case_id": "00000000-0000-4000-8000-000000000000"}, AGREE), 404),
        ("storefront", about({"case_id": "mine"}, AGREE), 404),
        ("ops", event("filed", complaint()), 403),
        ("ops", about(case, happened("noted", text="已电话核实。")), 201),
        ("auditor", about(case, AGREE), 403),
        ("admin", about(case, AGREE), 403),
        (None, about(case, AGREE), 401),
    ):
        answer = await structured(house.caller(role), said)
        assert answer.status_code == status, (role, answer.text)


async def test_a_key_limited_to_a_merchant_finds_no_others_cases(house: House, storefront: AsyncClient) -> None:
    theirs = await filed(storefront, respondent={"role": "merchant", "id": "m-2"})
    connection = await asyncpg.connect(house.database.app)
    _, secret = await keys.create(connection, client="m", name="m", role="storefront", merchants=["m-1"])
    await connection.close()
    for said in (about(theirs, AGREE), about(theirs, AGREE, specversion="2")):
        assert (await structured(house.with_key(secret), said)).status_code == 404


async def test_a_dry_run_says_what_would_be_and_records_nothing(storefront: AsyncClient, house: House) -> None:
    case = await filed(storefront)
    before = await house.count()
    dry = await structured(storefront, about(case, AGREE), dry_run="true")
    assert (dry.status_code, dry.json()["case"]["outcome"]) == (200, "settled")
    assert (await structured(storefront, event("filed", complaint()), dry_run="true")).status_code == 200
    assert await house.count() == before


async def test_a_batch_of_them_has_a_result_for_each(storefront: AsyncClient, house: House) -> None:
    case = await filed(storefront)
    items: list[Any] = [
        about(case, REFUSE),
        about(case, AGREE, specversion="2"),
        event("filed", complaint()),
        [],
        about(case, happened("merchant_response_timed_out", BUYER)),
    ]
    results: list[Any] = []
    for _ in range(2):
        answer = await storefront.post(EVENTS + ":batch", content=compact(items), headers={"Content-Type": BATCHED})
        assert (answer.status_code, answer.headers["content-type"]) == (207, "application/json")
        results = answer.json()
        assert [one["status"] for one in results] == [201, 422, 201, 422, 403]
        assert [one["id"] for one in results] == [items[0]["id"], items[1]["id"], items[2]["id"], None, items[4]["id"]]
        assert {fault["pointer"] for fault in results[1]["body"]["errors"]} == {"/specversion"}
    assert results[0]["replayed"]
    alone = await structured(storefront, items[2])
    assert alone.headers["idempotency-replayed"] == "true"
    assert alone.json() == results[2]["body"]
