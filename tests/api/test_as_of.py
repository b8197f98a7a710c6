"""A case as it was and as it was answered, asked at the door: with at, with known_at, with both."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from case_events.core.values import Instant
from tests.api.house import OFFER, REFUSE, House, filed, post

VIEWS = ("", "/events", "/timeline")


@pytest.fixture
async def case(storefront: AsyncClient) -> dict[str, Any]:
    """A case of four events."""
    made = await filed(storefront)
    assert (await post(storefront, made, OFFER)).status_code == 201
    assert (await post(storefront, made, REFUSE)).status_code == 201
    return made


async def ask(client: AsyncClient, case: dict[str, Any], view: str, **as_of: str) -> Any:
    answer = await client.get(f"/v1/cases/{case['case_id']}{view}", params=as_of)
    assert answer.status_code == 200, answer.text
    return answer


async def test_every_view_is_as_of_the_same_version_whichever_way_it_is_asked_for(
    storefront: AsyncClient, case: dict[str, Any]
) -> None:
    history = (await ask(storefront, case, "/events")).json()["items"]
    assert [one["version"] for one in history] == [1, 2, 3, 4]
    for one in history[:2]:
        instant = one["recorded_at"]
        for view in VIEWS:
            answers = [
                await ask(storefront, case, view, **as_of)
                for as_of in (
                    {"version": str(one["version"])},
                    {"at": instant},
                    {"known_at": instant},
                    {"at": instant, "known_at": instant},
                    {"at": "2999-01-01T00:00:00Z", "known_at": instant},
                    {"at": instant, "known_at": "2999-01-01T00:00:00Z"},
                )
            ]
            assert [answer.headers["etag"] for answer in answers] == [f'"{one["version"]}"'] * len(answers)
            assert all(answer.json() == answers[0].json() for answer in answers)
    assert (await ask(storefront, case, "/events", version="2")).json()["items"] == history[:2]
    assert len((await ask(storefront, case, "/timeline", version="2")).json()["entries"]) == 2


@pytest.mark.parametrize("view", VIEWS)
async def test_before_it_was_filed_there_was_no_such_case(
    storefront: AsyncClient, case: dict[str, Any], view: str
) -> None:
    before = Instant.of(Instant.parse(case["filed_at"]) - timedelta(microseconds=1)).rfc3339()
    for name in ("at", "known_at"):
        answer = await storefront.get(f"/v1/cases/{case['case_id']}{view}", params={name: before})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("view", VIEWS)
async def test_a_version_is_asked_for_alone(storefront: AsyncClient, case: dict[str, Any], view: str) -> None:
    said = {"version": "1", "at": case["filed_at"], "known_at": case["filed_at"]}
    answer = await storefront.get(f"/v1/cases/{case['case_id']}{view}", params=said)
    assert answer.status_code == 422
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"?at", "?known_at"}


async def test_the_document_says_so(house: House) -> None:
    paths = (await house.caller(None).get("/openapi.json")).json()["paths"]
    for view in VIEWS:
        parameters = paths["/v1/cases/{case_id}" + view]["get"]["parameters"]
        assert [one["name"] for one in parameters][:3] == ["version", "at", "known_at"]
