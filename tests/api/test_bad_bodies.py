"""Whatever a client sends is answered with a problem that names every fault, and nothing is recorded."""

import asyncio
from typing import Any

import msgspec
import pytest
from httpx import AsyncClient
from starlette.requests import Request

from case_api.refusals.problems import Refused
from case_api.requests import bodies
from case_events.shape import FAULTS_MAX
from tests.api.house import AGREE, JSON, House, complaint, filed


def changed(path: str, value: Any) -> dict[str, Any]:
    """A complaint with one thing changed; ``path`` is a pointer, and ``...`` takes the thing away."""
    body = complaint()
    *way, last = path.strip("/").split("/")
    inner: Any = body
    for step in way:
        inner = inner[int(step)] if isinstance(inner, list | tuple) else inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return body


def in_place_of(text: str) -> bytes:
    """A complaint whose amount is written as ``text``."""
    raw = msgspec.json.encode(changed("/amount/amount", "HERE"))
    return raw.replace(b'"HERE"', text.encode())


LINES = {"Content-Type": "application/x-ndjson"}
DEEP = "[" * 10_000 + "]" * 10_000
MALFORMED = {
    "nothing": b"",
    "half": b'{"type": ',
    "two": b"{} {}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"type": "\xff"}',
    "UTF-16": '{"type": "x"}'.encode("utf-16"),
    "lone surrogate": in_place_of('"\\ud800"'),
    "raw control character": b'{"type": "a\x00b"}',
    "NaN": in_place_of("NaN"),
    "Infinity": in_place_of("-Infinity"),
    "1e400": in_place_of("1e400"),
    "10^400": in_place_of("1" + "0" * 400),
    "10^5000": in_place_of("1" + "0" * 5000),
    "2^53": in_place_of(str(2**53)),
    "-2^53": in_place_of(str(-(2**53))),
    "depth 10,000": in_place_of(DEEP),
    "depth 10,000 alone": DEEP.encode(),
    "depth 100 under an unknown name": b'{"x": ' + b"[" * 100 + b"]" * 100 + b"}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_cannot_be_read_is_malformed(storefront: AsyncClient, house: House, body: bytes) -> None:
    case = await filed(storefront)
    before = await house.count()
    posted = b'{"type":"merchant_replied","actor":{"role":"merchant","id":"m-1"},"data":' + body + b"}"
    for path, sent in (("/v1/cases", body), (f"/v1/cases/{case['case_id']}/events", posted)):
        answer = await storefront.post(path, content=sent, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert await house.count() == before


WRONG = {
    "a field is missing": ("/demand", ..., {"/demand"}),
    "a field inside is missing": ("/order/goods/0/sku", ..., {"/order/goods/0/sku"}),
    "a field nobody knows": ("/colour", "red", {"/colour"}),
    "a field nobody knows, inside": ("/order/goods/0/colour", "red", {"/order/goods/0/colour"}),
    "a word of the wrong form": ("/type", "Not Received", {"/type"}),
    "a word with a newline after it": ("/demand", "refund\n", {"/demand"}),
    "a digest with a newline after it": ("/evidence/0/sha256", "0" * 64 + "\n", {"/evidence/0/sha256"}),
    "a currency with a newline after it": ("/order/paid/currency", "CNY\n", {"/order/paid/currency"}),
    "money that is text": ("/amount/amount", "12900", {"/amount/amount"}),
    "money that is a fraction": ("/amount/amount", 12.5, {"/amount/amount"}),
    "money that is a round fraction": ("/amount/amount", 12.0, {"/amount/amount"}),
    "money that is negative": ("/amount/amount", -1, {"/amount/amount"}),
    "money that is true": ("/amount/amount", True, {"/amount/amount"}),
    "an instant without a zone": ("/occurred_at", "2026-01-01T00:00:00", {"/occurred_at"}),
    "an instant before the calendar": ("/occurred_at", "0001-01-01T00:00:00+08:00", {"/occurred_at"}),
    "an instant after the calendar": ("/order/succeeded_at", "9999-12-31T23:59:59-08:00", {"/order/succeeded_at"}),
    "an instant with a leap second": ("/occurred_at", "2016-12-31T23:59:60Z", {"/occurred_at"}),
    "an instant that is a number": ("/occurred_at", 1767225600, {"/occurred_at"}),
    "an instant far ahead": ("/occurred_at", "2999-01-01T00:00:00Z", {"/occurred_at"}),
    "a test clock that is no id": ("/test_clock", "mine", {"/test_clock"}),
    "a test clock nobody made": ("/test_clock", "00000000-0000-4000-8000-000000000000", {"/test_clock"}),
    "a marketplace without a policy": ("/marketplace", "nowhere", {"/marketplace"}),
    "no goods": ("/order/goods", [], {"/order/goods"}),
    "a description of 4,001 characters": ("/description", "字" * 4001, {"/description"}),
    "a digest that is none": ("/evidence/0/sha256", "abc", {"/evidence/0/sha256"}),
    "a NUL in a text": ("/description", "a\0b", {"/description"}),
    "a NUL in a name": ("/a\0b", "x", {"/a\0b"}),
    "a list where a party stands": ("/complainant", [], {"/complainant"}),
}


@pytest.mark.parametrize(("path", "value", "pointers"), WRONG.values(), ids=WRONG.keys())
async def test_what_is_wrong_is_named(
    storefront: AsyncClient, house: House, path: str, value: Any, pointers: set[str]
) -> None:
    before = await house.count()
    answer = await storefront.post("/v1/cases", json=changed(path, value))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    assert {fault["pointer"] for fault in answer.json()["errors"]} == pointers
    assert await house.count() == before


async def test_every_fault_is_named_at_once(storefront: AsyncClient) -> None:
    body = changed("/amount/amount", "much")
    del body["demand"]
    body["order"]["goods"][0]["quantity"] = 0
    body["order"]["succeeded_at"] = "yesterday"
    body["description"] = "a\0b"
    body["colour"] = "red"
    answer = await storefront.post("/v1/cases", json=body)
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        "/amount/amount",
        "/demand",
        "/order/goods/0/quantity",
        "/order/succeeded_at",
        "/description",
        "/colour",
    }
    assert answer.json()["detail"] == "6 faults in what was sent."


WRONG_POSTINGS = {
    "an event nobody knows": ({"type": "sang", "actor": {"role": "buyer", "id": "b-1"}}, {"/type"}),
    "an event that is filed elsewhere": ({"type": "filed", "actor": {"role": "buyer", "id": "b-1"}}, {"/type"}),
    "no type": ({"actor": {"role": "buyer", "id": "b-1"}}, {"/type"}),
    "no actor": ({"type": "withdrawn"}, {"/actor"}),
    "an actor that is null": ({"type": "withdrawn", "actor": None}, {"/actor"}),
    "half an actor": ({"type": "withdrawn", "actor": {"role": "buyer"}}, {"/actor/id"}),
    "data that is a list": ({**AGREE, "data": []}, {"/data"}),
    "a decision nobody knows": ({**AGREE, "data": {"decision": "dance"}}, {"/data/decision"}),
    "no decision": ({**AGREE, "data": {}}, {"/data/decision"}),
    "an unknown field in data": ({**AGREE, "data": {"decision": "agree", "x": 1}}, {"/data/x"}),
    "faults inside and outside": (
        {**AGREE, "data": {"decision": "dance", "reason": ""}, "occurred_at": "noon", "y": 1},
        {"/data/decision", "/data/reason", "/occurred_at", "/y"},
    ),
    "a NUL in data": ({**AGREE, "data": {"decision": "agree", "reason": "\0"}}, {"/data/reason"}),
    "a body that is a list": ([], {""}),
    "a refusal without a reason": ({**AGREE, "data": {"decision": "refuse"}}, {"/data/reason"}),
}


@pytest.mark.parametrize(("body", "pointers"), WRONG_POSTINGS.values(), ids=WRONG_POSTINGS.keys())
async def test_what_is_wrong_with_a_posting_is_named(
    storefront: AsyncClient, house: House, body: Any, pointers: set[str]
) -> None:
    case = await filed(storefront)
    before = await house.count()
    answer = await storefront.post(f"/v1/cases/{case['case_id']}/events", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    assert {fault["pointer"] for fault in answer.json()["errors"]} >= pointers
    if pointers != {""} and "/type" not in pointers:
        assert {fault["pointer"] for fault in answer.json()["errors"]} == pointers
    assert await house.count() == before


async def test_a_backslash_before_u0000_is_no_nul(storefront: AsyncClient) -> None:
    case = await filed(storefront, description="a\\u0000b")
    assert case["description"] == "a\\u0000b"


async def test_a_body_of_a_hundred_thousand_unknown_names_gets_a_short_answer(storefront: AsyncClient) -> None:
    body = {f"x{number}": 0 for number in range(60_000)}
    answer = await storefront.post("/v1/cases", json=body)
    assert answer.json()["code"] == "invalid"
    assert len(answer.json()["errors"]) == FAULTS_MAX
    assert len(answer.content) < 20_000


async def test_very_many_faults_under_a_very_long_name_get_a_short_answer(storefront: AsyncClient) -> None:
    body = {"a" * 400_000: ["\0"] * 50_000, **{f"\0{number}": 0 for number in range(10_000)}}
    answer = await storefront.post("/v1/cases", json=body)
    assert (answer.status_code, len(answer.json()["errors"])) == (422, FAULTS_MAX)
    assert len(answer.content) < 60_000


async def test_of_a_list_that_is_far_too_long_only_the_beginning_is_looked_at(storefront: AsyncClient) -> None:
    body = changed("/order/goods", [{}] * 100_000)
    answer = await storefront.post("/v1/cases", json=body)
    assert answer.status_code == 422
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert "/order/goods/0/sku" in pointers
    assert len(answer.content) < 60_000


async def test_a_query_of_unknown_names_gets_a_short_answer(storefront: AsyncClient) -> None:
    answer = await storefront.get("/v1/cases", params={f"x{number}": "1" for number in range(5_000)})
    assert (answer.status_code, len(answer.json()["errors"])) == (422, FAULTS_MAX)


async def test_a_batch_of_far_too_many_is_not_taken_apart(storefront: AsyncClient) -> None:
    for body, headers in ((b"[" + b"0," * 7_000_000 + b"0]", JSON), (b"0\n" * 7_000_000, LINES)):
        answer = await storefront.post("/v1/events:batch", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert "1 to 1000 items; these are more" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_a_body_above_the_limit_is_too_large(storefront: AsyncClient, house: House, declared: bool) -> None:
    before, body = await house.count(), b" " * bodies.BODY_MAX + b"{}"

    async def chunks() -> Any:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    answer = await storefront.post("/v1/cases", content=body if declared else chunks(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert str(bodies.BODY_MAX) in answer.json()["detail"]
    assert await house.count() == before


LABELS = {
    "none": {},
    "a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "another charset": {"Content-Type": "application/json; charset=gbk"},
    "almost": {"Content-Type": "application/jsonp"},
    "compressed": {"Content-Type": "application/json", "Content-Encoding": "gzip"},
}


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS.keys())
async def test_another_media_type_is_not_read(storefront: AsyncClient, label: dict[str, str]) -> None:
    answer = await storefront.post("/v1/cases", content=msgspec.json.encode(complaint()), headers=label)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "label", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
async def test_json_may_say_that_it_is_utf_8(storefront: AsyncClient, label: str) -> None:
    content = msgspec.json.encode(complaint())
    answer = await storefront.post("/v1/cases", content=content, headers={"Content-Type": label})
    assert answer.status_code == 201


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_WAIT_S", 0.05)
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    with pytest.raises(Refused) as refused:
        await bodies.read(Request(scope, receive=asyncio.Event().wait))  # type: ignore[arg-type]
    assert refused.value.problem.code == "request_timeout"


async def test_every_fault_of_a_ruling_is_named_down_to_each_penalty(storefront: AsyncClient, house: House) -> None:
    case = await filed(storefront)
    penalties = [{"kind": 5, "points": 99}, "BAD WORD", {"kind": "points", "extra": 1}, 7]
    liable = [{"party": "nobody", "share": 10_001}]
    data = {"outcome": "refund", "rule": "x", "penalties": penalties, "liable": liable}
    body = {"type": "ruled", "data": data}
    answer = await house.caller("platform").post(f"/v1/cases/{case['case_id']}/events", json=body)
    assert answer.status_code == 422, answer.text
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        "/data/reasons",
        "/data/penalties/0/kind",
        "/data/penalties/0/points",
        "/data/penalties/1",
        "/data/penalties/2/extra",
        "/data/penalties/3",
        "/data/liable/0/party",
        "/data/liable/0/share",
    }


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (-1, "-1 is less than the minimum of 0"),
        (10**15, "1000000000000000 is greater than the maximum of 999999999999999"),
        (True, "one of integer, string"),
        ("later", "'later' is not one of ['now']"),
    ],
)
async def test_of_what_may_be_a_number_or_a_word_the_kind_that_was_sent_is_judged(
    storefront: AsyncClient, after: object, told: str
) -> None:
    answer = await storefront.post("/v1/webhooks", json={"url": "https://shop.example/hooks", "after": after})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/after", "detail": told}]
