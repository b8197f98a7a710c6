"""A retry can never do a thing twice: keys on filings and steps, one after the other and at the same time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from httpx import AsyncClient

from case_api.settings import Settings
from tests.api.house import AGREE, JSON, REFUSE, House, complaint, filed, open_house, post
from tests.conftest import Database


@pytest_asyncio.fixture(scope="module")
async def other_house(prepared: Database, settings: Settings) -> AsyncIterator[House]:
    """A second process, as far as the database can tell."""
    async with open_house(settings, prepared) as opened:
        yield opened


async def test_a_filing_sent_again_gets_the_original_answer(storefront: AsyncClient, house: House) -> None:
    body, key = complaint(), {"Idempotency-Key": f"file-{uuid4()}"}
    first = await storefront.post("/v1/cases", json=body, headers=key)
    before = await house.count()
    again = await storefront.post("/v1/cases", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert await house.count() == before


async def test_a_step_sent_again_gets_the_answer_as_of_that_version(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    first = await post(storefront, case, REFUSE, idempotency_key="reply-1")
    evidence = {"type": "withdrawn", "actor": case["complainant"], "data": {}}
    assert (await post(storefront, case, evidence)).status_code == 201
    again = await post(storefront, case, REFUSE, idempotency_key='"reply-1"')
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_key_with_another_body_is_refused(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    assert (await post(storefront, case, REFUSE, idempotency_key="k")).status_code == 201
    other = await post(storefront, case, AGREE, idempotency_key="k")
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")


async def test_one_key_means_another_thing_in_another_case(storefront: AsyncClient) -> None:
    for _ in range(2):
        case = await filed(storefront)
        answer = await post(storefront, case, REFUSE, idempotency_key="same")
        assert answer.status_code == 201
        assert "idempotency-replayed" not in answer.headers


async def test_a_retry_succeeds_although_the_version_it_judged_is_old(
    storefront: AsyncClient, platform: AsyncClient
) -> None:
    case = await filed(storefront)
    refused = await post(storefront, case, REFUSE)
    ruling = {
        "type": "ruled",
        "data": {"outcome": "rejected", "rule": "delivery_proved", "reasons": "签收。"},
    }
    first = await post(platform, case, ruling, idempotency_key="r", if_match=refused.headers["etag"])
    again = await post(platform, case, ruling, idempotency_key="r", if_match=refused.headers["etag"])
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("key", ["", '""', "x" * 256, '"open', "a\tb", "é", '"a";b=1'])
async def test_a_key_that_cannot_be_one_is_refused(storefront: AsyncClient, house: House, key: str) -> None:
    before = await house.count()
    headers = {**JSON, "Idempotency-Key": key.encode("utf-8")}
    answer = await storefront.post("/v1/cases", json=complaint(), headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert await house.count() == before


async def test_two_keys_are_one_too_many(storefront: AsyncClient) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await storefront.post("/v1/cases", json=complaint(), headers=headers)
    assert answer.json()["code"] == "malformed"


async def test_the_same_filing_at_once_through_two_processes_is_one_case(
    storefront: AsyncClient, house: House, other_house: House
) -> None:
    clients = (storefront, other_house.caller("storefront"))
    for _ in range(5):
        before, body, key = await house.count("cases"), complaint(), {"Idempotency-Key": str(uuid4())}
        answers = await asyncio.gather(
            *(client.post("/v1/cases", json=body, headers=key) for client in clients for _ in range(4))
        )
        assert [answer.status_code for answer in answers] == [201] * 8
        assert len({answer.content for answer in answers}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
        assert await house.count("cases") == before + 1


async def test_the_same_step_at_once_through_two_processes_is_one_event(
    storefront: AsyncClient, house: House, other_house: House
) -> None:
    clients = (storefront, other_house.caller("storefront"))
    for _ in range(5):
        case = await filed(storefront)
        before = await house.count()
        answers = await asyncio.gather(
            *(post(client, case, AGREE, idempotency_key="agree") for client in clients for _ in range(4))
        )
        assert [answer.status_code for answer in answers] == [201] * 8
        assert len({answer.content for answer in answers}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
        assert await house.count() == before + 2


async def test_one_complaint_filed_at_once_without_keys_is_opened_once(
    storefront: AsyncClient, other_house: House
) -> None:
    body = complaint()
    clients = (storefront, other_house.caller("storefront")) * 4
    answers = await asyncio.gather(*(client.post("/v1/cases", json=body) for client in clients))
    made: list[Any] = [answer for answer in answers if answer.status_code == 201]
    others = [answer for answer in answers if answer.status_code != 201]
    assert len(made) == 1
    assert {answer.json()["code"] for answer in others} == {"already_open"}
    assert {answer.headers["location"] for answer in others} == {made[0].headers["location"]}
