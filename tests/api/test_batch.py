"""Many at once over HTTP: each item is judged and answered as if it had come by itself."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import time
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from httpx import AsyncClient, Response

from case_events.ledger.callers import keys
from tests.api.house import (
    AGREE,
    BUYER,
    OFFER,
    REFUND,
    REFUNDED,
    REFUSE,
    SETTLE,
    House,
    complaint,
    filed,
    happened,
    post,
)

BATCH = "/v1/events:batch"
NDJSON = {"Content-Type": "application/x-ndjson"}
_keys = itertools.count(1)


def key() -> str:
    return f"batch {next(_keys)}"


def about(case: dict[str, Any], body: dict[str, Any], **said: Any) -> dict[str, Any]:
    """A step of ``case`` as an item with a key of its own."""
    return {"id": key(), "case_id": case["case_id"], **body, **said}


async def sent(client: AsyncClient, items: list[Any], **query: str) -> list[dict[str, Any]]:
    answer = await client.post(BATCH, json=items, params=query)
    assert answer.status_code == 207, answer.text
    results: list[dict[str, Any]] = answer.json()
    assert len(results) == len(items)
    return results


def without_ids(value: Any) -> Any:
    """``value`` without what no two cases share: ids, numbers, instants and hashes."""
    own = {"case_id", "number", "order_id", "event_id", "correlation", "causation", "trace_id", "instance"}
    if isinstance(value, dict):
        return {name: without_ids(said) for name, said in value.items() if name not in own and not name.endswith("_at")}
    return [without_ids(one) for one in value] if isinstance(value, list) else value


LIFE = [AGREE, REFUNDED]
HAGGLED = [REFUSE, OFFER, happened("messaged", BUYER, text="好的。"), {**SETTLE, "if_match": 99}, AGREE]


async def singly(client: AsyncClient, life: list[dict[str, Any]]) -> tuple[list[Response], dict[str, Any]]:
    case = await filed(client)
    answers = []
    for step in life:
        headers = {"if_match": f'"{step["if_match"]}"'} if "if_match" in step else {}
        body = {name: said for name, said in step.items() if name != "if_match"}
        answers.append(await post(client, case, body, **headers))
    return answers, (await client.get(f"/v1/cases/{case['case_id']}")).json()


@pytest.mark.parametrize("life", [LIFE, HAGGLED], ids=["settled and paid", "haggled over"])
async def test_a_batch_does_and_answers_what_the_same_steps_do_one_by_one(
    storefront: AsyncClient, life: list[dict[str, Any]]
) -> None:
    alone, stands = await singly(storefront, life)
    case = await filed(storefront)
    together = await sent(storefront, [about(case, step) for step in life])
    assert [one["status"] for one in together] == [one.status_code for one in alone]
    assert [without_ids(one["body"]) for one in together] == [without_ids(one.json()) for one in alone]
    assert [one.get("etag") for one in together] == [one.headers.get("etag") for one in alone]
    now = (await storefront.get(f"/v1/cases/{case['case_id']}")).json()
    assert without_ids(now) == without_ids(stands)
    history = (await storefront.get(f"/v1/cases/{case['case_id']}/events")).json()["items"]
    assert [one["version"] for one in history] == list(range(1, now["version"] + 1))


async def test_a_filing_is_answered_with_its_case_and_a_step_with_its_events(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    filing, step = await sent(storefront, [{"id": key(), **complaint()}, about(case, AGREE)])
    assert filing["status"] == step["status"] == 201
    assert filing["body"]["status"] == "waiting_for_merchant"
    assert filing["location"] == f"/v1/cases/{filing['body']['case_id']}"
    assert (filing["etag"], step["etag"]) == ('"1"', '"3"')
    assert [one["type"] for one in step["body"]["events"]] == ["merchant_replied", "settled"]


async def test_one_bad_item_among_a_hundred_spoils_no_other(storefront: AsyncClient, house: House) -> None:
    items: list[dict[str, Any]] = [{"id": key(), **complaint()} for _ in range(99)]
    items.insert(41, {"id": key(), **complaint(demand="the moon")})
    before = await house.count("streams")
    results = await sent(storefront, items)
    assert [place for place, one in enumerate(results) if one["status"] != 201] == [41]
    assert results[41]["status"] == 422
    assert results[41]["body"]["code"] == "invalid"
    assert await house.count("streams") == before + 99


async def test_items_of_a_case_are_judged_in_their_order_however_they_are_mixed(storefront: AsyncClient) -> None:
    cases = [await filed(storefront) for _ in range(3)]
    items = [about(case, step) for step in (OFFER, AGREE, REFUNDED, REFUSE) for case in cases]
    results = await sent(storefront, items)
    assert [one["status"] for one in results] == [201] * 9 + [409] * 3
    for case in cases:
        assert (await storefront.get(f"/v1/cases/{case['case_id']}")).json()["status"] == "closed"


async def test_a_case_filed_in_the_batch_goes_on_to_its_end_and_frees_its_order(storefront: AsyncClient) -> None:
    filing = {"id": key(), **complaint()}
    (dry,) = await sent(storefront, [filing], dry_run="true")
    case = dry["body"]  # with a key a dry run says which case it would be
    again = {**filing, "id": key(), "description": "又来了。"}
    results = await sent(storefront, [filing, about(case, AGREE), about(case, REFUNDED), again])
    assert [one["status"] for one in results] == [201] * 4
    assert results[2]["body"]["case"]["status"] == "closed"
    third = await sent(storefront, [{**again, "id": key()}])
    assert third[0]["body"]["location"] == results[3]["location"]


async def test_the_same_complaint_twice_in_a_batch_opens_one_case(storefront: AsyncClient) -> None:
    same = complaint()
    neighbours = [{"id": key(), **complaint()} for _ in range(5)]
    results = await sent(storefront, [{"id": key(), **same}, *neighbours, {"id": key(), **same}])
    assert [one["status"] for one in results] == [201] * 6 + [409]
    assert results[-1]["body"]["location"] == results[0]["location"]


async def test_a_retry_of_a_batch_gets_the_same_answers_and_records_nothing(
    storefront: AsyncClient, house: House
) -> None:
    cases = [await filed(storefront) for _ in range(4)]
    items = [about(case, step) for case in cases for step in LIFE] + [{"id": key(), **complaint()} for _ in range(4)]
    first = await sent(storefront, items)
    events = await house.count()
    second = await sent(storefront, items)
    assert [one.pop("replayed", False) for one in second] == [True] * len(items)
    assert second == first
    assert await house.count() == events
    other = await sent(storefront, [{**items[0], "data": {"decision": "refuse", "reason": "不"}}])
    assert other[0]["body"]["code"] == "id_reused"


async def test_a_key_used_alone_is_known_in_a_batch_and_the_other_way_round(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    compact = json.dumps(AGREE, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": key()}
    alone = await storefront.post(f"/v1/cases/{case['case_id']}/events", content=compact, headers=headers)
    assert alone.status_code == 201
    item = {**json.loads(compact), "case_id": case["case_id"], "id": headers["Idempotency-Key"]}
    (result,) = await sent(storefront, [item])
    assert result["replayed"] is True
    assert result["body"] == alone.json()


async def test_a_ruling_in_a_batch_needs_the_version_it_judged(platform: AsyncClient, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    await post(storefront, case, REFUSE)
    without, stale, right = await sent(
        platform, [about(case, REFUND), about(case, REFUND, if_match=1), about(case, REFUND, if_match='"3"')]
    )
    assert (without["status"], stale["status"], right["status"]) == (428, 412, 201), right
    assert stale["body"]["current_version"] == 3


async def test_each_item_needs_the_rights_that_it_would_need_alone(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    ruling, posing, timeout, nowhere, nothing = await sent(
        storefront,
        [
            about(case, REFUND, if_match=1),
            about(case, happened("noted", {"role": "platform", "id": "p"}, text="x")),
            about(case, happened("merchant_response_timed_out")),
            about({"case_id": str(uuid4())}, AGREE),
            about({"case_id": 7}, AGREE),
        ],
    )
    assert [one["status"] for one in (ruling, posing, timeout)] == [403] * 3
    assert [one["status"] for one in (nowhere, nothing)] == [404] * 2
    (filing,) = await sent(house.caller("ops"), [complaint()])
    assert filing["status"] == 403
    assert (await house.caller("auditor").post(BATCH, json=[about(case, AGREE)])).status_code == 403
    assert (await house.caller(None).post(BATCH, json=[about(case, AGREE)])).status_code == 401


async def test_lines_are_answered_by_lines_and_a_malformed_one_is_only_its_own(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    lines = [json.dumps(about(case, OFFER)), "{", "", "[]", json.dumps(about(case, AGREE))]
    answer = await storefront.post(BATCH, content="\r\n".join(lines).encode(), headers=NDJSON)
    assert answer.status_code == 207
    assert answer.headers["content-type"] == NDJSON["Content-Type"]
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["status"] for one in results] == [201, 400, 422, 201]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {}, 400),
        (b"[{]", {}, 400),
        (b"\xff", {}, 400),
        (b"[]", {}, 422),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", {}, 422),
        (b"{}\n" * 1001, NDJSON, 422),
        (b"[" + b" " * 16_000_000 + b"]", {}, 413),
        (b"[]", {"Content-Type": "text/plain"}, 415),
    ],
    ids=["no list", "malformed", "not UTF-8", "none", "too many", "too many lines", "too large", "not JSON"],
)
async def test_what_is_no_batch_is_refused_whole(
    storefront: AsyncClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await storefront.post(BATCH, content=body, headers={"Content-Type": "application/json"} | headers)
    assert answer.status_code == status, answer.text


UNREADABLE = [{"id": 7}, {"id": ""}, {"id": "é"}, {"id": "x" * 256}, {"if_match": "*"}, {"if_match": True}]


@pytest.mark.parametrize("own", [*UNREADABLE, {"if_match": -1}], ids=repr)
async def test_a_key_or_a_version_that_cannot_be_read_is_that_items_fault(
    storefront: AsyncClient, own: dict[str, Any]
) -> None:
    case = await filed(storefront)
    bad, good = await sent(storefront, [about(case, AGREE) | own, about(case, OFFER)])
    assert (bad["status"], good["status"]) == (400, 201)
    assert bad["body"]["code"] == "malformed"


async def test_a_dry_run_says_what_would_be_and_records_nothing(storefront: AsyncClient, house: House) -> None:
    case = await filed(storefront)
    before = await house.count()
    results = await sent(storefront, [about(case, AGREE), about(case, REFUNDED), complaint()], dry_run="true")
    assert [one["status"] for one in results] == [200] * 3
    assert results[1]["body"]["case"]["status"] == "closed"
    assert await house.count() == before


async def test_who_prefers_a_minimal_answer_is_told_what_became_of_each_and_why_not(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    items = [about(case, AGREE), about(case, AGREE)]
    answer = await storefront.post(BATCH, json=items, headers={"Prefer": "return=minimal"})
    assert answer.headers["preference-applied"] == "return=minimal"
    done, refused = answer.json()
    assert done == {"status": 201, "id": items[0]["id"], "location": f"/v1/cases/{case['case_id']}", "etag": '"3"'}
    assert refused["body"]["code"] == "not_allowed_now"


async def test_a_key_limited_to_a_merchant_is_told_of_its_own_cases_only(house: House, storefront: AsyncClient) -> None:
    ours, theirs = await filed(storefront), await filed(storefront, respondent={"role": "merchant", "id": "m-2"})
    connection = await asyncpg.connect(house.database.app)
    _, secret = await keys.create(connection, client="m", name="m", role="storefront", merchants=["m-1"])
    await connection.close()
    mine, other = await sent(house.with_key(secret), [about(ours, AGREE), about(theirs, AGREE)])
    assert (mine["status"], other["status"]) == (201, 404)


async def test_a_long_life_in_one_batch_is_written_in_order(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    items = [about(case, happened("messaged", BUYER, text=f"第{number}条")) for number in range(250)]
    results = await sent(storefront, items)
    assert [one["etag"] for one in results] == [f'"{number + 2}"' for number in range(250)]
    assert UUID(results[-1]["body"]["case"]["case_id"]) == UUID(case["case_id"])


async def test_however_much_is_wrong_with_its_items_others_have_their_turn_meanwhile(storefront: AsyncClient) -> None:
    wrong = complaint()
    wrong["order"]["goods"] = [{"sku": 1}] * 100
    sending = asyncio.create_task(storefront.post(BATCH, json=[wrong] * 40))
    began = turn = time.thread_time()  # what others of the machine do meanwhile is no turn of ours
    longest = 0.0
    gc.disable()  # what other tests of this process left in memory is looked through in no turn of these
    try:
        while not sending.done():
            await asyncio.sleep(0)
            longest, turn = max(longest, time.thread_time() - turn), time.thread_time()
    finally:
        gc.enable()
    assert {result["status"] for result in (await sending).json()} == {422}
    assert longest < (turn - began) / 4, "one item is not a quarter of forty"
