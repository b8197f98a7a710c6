"""A storefront's day: one HTTP call per happening, and the answer says what follows."""

from httpx import AsyncClient

from tests.api.house import AGREE, APPEAL, REFUND, REFUNDED, REFUSE, REJECT, complaint, filed, post


async def test_filing_answers_the_case_its_place_and_its_version(storefront: AsyncClient) -> None:
    body = complaint(external_ref="ours-7")
    answer = await storefront.post("/v1/cases", json=body)
    case = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/cases/{case['case_id']}"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert (case["stage"], case["status"], case["outcome"]) == ("inquiry", "waiting_for_merchant", None)
    assert case["complainant"] == body["complainant"]
    assert case["amount"] == {"amount": 12900, "currency": "CNY"}
    assert case["external_ref"] == "ours-7"
    assert case["required_action_by"] == ["respondent"]
    assert {clock["kind"] for clock in case["deadlines"]} == {"response", "negotiation"}
    assert {one["type"] for one in case["allowed_events"]} >= {"merchant_replied", "claim_amended", "withdrawn"}


async def test_the_case_has_every_field_of_the_contract(storefront: AsyncClient) -> None:
    promised = (
        "case_id number version stage status outcome type reason marketplace policy order complainant respondent "
        "demand amount offer rulings department assignee priority evidence missing_evidence deadlines "
        "required_action_by allowed_events external_ref filed_at updated_at closed_at description remedy owed "
        "test_clock anonymous "
        # since the second version of the rules: added, nothing taken away
        "subtype kind channel facts complainant_entity respondent_entity late marks previous group instance "
        "accepted_by takedown advances recoveries freight_by shipment interventions forged_by outside rating"
    )
    case = await filed(storefront)
    assert set(case) == set(promised.split())
    assert set(case["policy"]) == {"name", "version", "digest"}
    assert set(case["deadlines"][0]) >= {"kind", "party", "due_at", "set_by", "provisional"}


async def test_a_merchant_who_agrees_settles_and_who_then_pays_closes(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    agreed = await post(storefront, case, AGREE)
    assert agreed.status_code == 201
    assert agreed.headers["etag"] == '"3"'
    assert [one["type"] for one in agreed.json()["events"]] == ["merchant_replied", "settled"]
    assert agreed.json()["case"]["status"] == "waiting_for_remedy"
    assert agreed.json()["case"]["owed"] == {"amount": 12900, "currency": "CNY"}

    paid = await post(storefront, case, REFUNDED)
    assert [one["type"] for one in paid.json()["events"]] == ["remedied", "closed"]
    after = (await storefront.get(f"/v1/cases/{case['case_id']}")).json()
    assert (after["status"], after["outcome"], after["closed_at"] is not None) == ("closed", "settled", True)
    assert after == paid.json()["case"]


async def test_a_refusal_is_ruled_on_appealed_and_ruled_on_for_good(
    storefront: AsyncClient, platform: AsyncClient
) -> None:
    case = await filed(storefront)
    refused = await post(storefront, case, REFUSE)
    assert refused.json()["case"]["status"] == "under_review"
    ruled = await post(platform, case, REJECT, if_match=refused.headers["etag"])
    assert ruled.status_code == 201, ruled.text
    assert ruled.json()["case"]["status"] == "appealable"
    appealed = await post(storefront, case, APPEAL)
    assert appealed.json()["case"]["status"] == "appeal_under_review"
    final = await post(platform, case, REFUND, if_match=appealed.headers["etag"])
    assert final.json()["case"]["outcome"] == "upheld"
    assert [ruling["final"] for ruling in final.json()["case"]["rulings"]] == [False, True]


async def test_the_history_is_read_back_with_its_hashes(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    agreed = await post(storefront, case, AGREE)
    answer = await storefront.get(f"/v1/cases/{case['case_id']}/events")
    items = answer.json()["items"]
    assert [one["type"] for one in items] == ["filed", "merchant_replied", "settled"]
    assert [one["version"] for one in items] == [1, 2, 3]
    for one in items:
        assert len(one.pop("hash")) == 64
        assert len(one.pop("payload_hash")) == 64
    assert items[1:] == agreed.json()["events"]
    assert items[1]["who"] == "respondent"
    assert items[2]["causation"] == items[1]["event_id"]
    assert items[1]["correlation"] == items[2]["correlation"] == items[1]["event_id"]


async def test_a_platform_posts_as_itself_with_or_without_an_actor(
    storefront: AsyncClient, platform: AsyncClient
) -> None:
    for actor, agent in (({"role": "platform", "id": "agent-9"}, "agent-9"), (None, "dev-platform")):
        case = await filed(storefront)
        refused = await post(storefront, case, REFUSE)
        body = {**REJECT, **({"actor": actor} if actor else {})}
        ruled = await post(platform, case, body, if_match=refused.headers["etag"])
        assert ruled.json()["events"][0]["agent"] == agent
        assert ruled.json()["events"][0]["who"] == "platform"


async def test_a_platform_may_open_a_case_itself(platform: AsyncClient) -> None:
    case = await filed(platform)
    items = (await platform.get(f"/v1/cases/{case['case_id']}/events")).json()["items"]
    assert (items[0]["who"], items[0]["agent"]) == ("platform", "dev-platform")
