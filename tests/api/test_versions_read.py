"""If-Match: who judges what was read says which version that was, and hears what happened since."""

import pytest
from httpx import AsyncClient

from tests.api.house import AGREE, OFFER, REFUSE, REJECT, SETTLE, House, complaint, filed, post


async def test_a_ruling_needs_the_version_it_judged(
    storefront: AsyncClient, platform: AsyncClient, house: House
) -> None:
    case = await filed(storefront)
    await post(storefront, case, REFUSE)
    before = await house.count()
    answer = await post(platform, case, REJECT)
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")
    assert await house.count() == before


async def test_so_does_accepting_an_offer(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    offered = await post(storefront, case, OFFER)
    assert (await post(storefront, case, SETTLE)).status_code == 428
    settled = await post(storefront, case, SETTLE, if_match=offered.headers["etag"])
    assert settled.status_code == 201
    assert settled.json()["case"]["owed"] == {"amount": 5000, "currency": "CNY"}


async def test_a_stale_reader_hears_what_it_missed(storefront: AsyncClient, platform: AsyncClient) -> None:
    case = await filed(storefront)
    refused = await post(storefront, case, REFUSE)
    answer = await post(platform, case, REJECT, if_match='"1"')
    body = answer.json()
    assert (answer.status_code, body["code"], body["current_version"]) == (412, "stale", 3)
    assert answer.headers["etag"] == refused.headers["etag"] == '"3"'
    assert [(one["version"], one["type"]) for one in body["missed"]] == [
        (2, "merchant_replied"),
        (3, "intervention_requested"),
    ]


async def test_it_is_honoured_on_any_event(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    assert (await post(storefront, case, AGREE, if_match='"7"')).status_code == 412
    assert (await post(storefront, case, AGREE, if_match='"1"')).status_code == 201


async def test_a_filing_has_no_version_to_match(storefront: AsyncClient) -> None:
    answer = await storefront.post("/v1/cases", json=complaint(), headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["current_version"]) == (412, 0)


@pytest.mark.parametrize("tag", ["*", 'W/"1"', "1", '"one"', '"1", "2"', '"01"', '"' + "9" * 16 + '"', ""])
async def test_what_is_no_version_of_ours_is_malformed(storefront: AsyncClient, tag: str) -> None:
    case = await filed(storefront)
    answer = await post(storefront, case, AGREE, if_match=tag)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_a_dry_run_answers_the_same_and_records_nothing_not_even_the_key(
    storefront: AsyncClient, house: House
) -> None:
    case = await filed(storefront)
    before = await house.count()
    path = f"/v1/cases/{case['case_id']}/events"
    headers = {"Idempotency-Key": "try"}
    tried = await storefront.post(path, params={"dry_run": "true"}, json=AGREE, headers=headers)
    assert tried.status_code == 200
    assert [one["type"] for one in tried.json()["events"]] == ["merchant_replied", "settled"]
    assert tried.json()["case"]["status"] == "waiting_for_remedy"
    assert await house.count() == before
    other = await storefront.post(path, json=REFUSE, headers=headers)
    assert other.status_code == 201
    assert "idempotency-replayed" not in other.headers


async def test_a_dry_run_is_refused_as_the_step_would_be(storefront: AsyncClient, platform: AsyncClient) -> None:
    case = await filed(storefront)
    answer = await platform.post(
        f"/v1/cases/{case['case_id']}/events?dry_run=true", json=REJECT, headers={"If-Match": '"1"'}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "not_allowed_now")
    assert answer.json()["rule"].startswith("taobao@")
    allowed = {one["type"] for one in answer.json()["allowed_events"]}
    assert allowed == {one["type"] for one in case["allowed_events"]}
