"""A key limited to a merchant: its own cases, its own words, and nothing it may not see, whichever way it asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from httpx import AsyncClient

from case_events.ledger.callers import changing, keys
from case_events.ledger.connection import teach
from tests.api.house import AGREE, BUYER, MERCHANT, REFUSE, House, complaint, filed, happened, post

OTHER = {"role": "merchant", "id": "m-2"}
SECRET_PROOF = {"kind": "video", "uri": "https://files.example/9", "sha256": f"{9:064x}", "visibility": "platform"}
OPEN_PROOF = {"kind": "photo", "uri": "https://files.example/8", "sha256": f"{8:064x}"}


@pytest_asyncio.fixture
async def connection(house: House) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(house.database.app)
    await teach(opened)
    yield opened
    await opened.close()


async def key(house: House, connection: asyncpg.Connection, **limits: Any) -> AsyncClient:
    said: dict[str, Any] = {"client": "shop", "name": "shop", "role": "storefront", **limits}
    _, secret = await keys.create(connection, **said)
    return house.with_key(secret)


@pytest_asyncio.fixture
async def merchant(house: House, connection: asyncpg.Connection) -> AsyncClient:
    """Merchant m-1's own key."""
    return await key(house, connection, merchants=["m-1"])


async def ids(client: AsyncClient, path: str, **params: Any) -> set[str]:
    answer = await client.get(path, params={"limit": 200, **params})
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    return {item["case_id"] for item in answer.json()["items"]}


async def test_other_merchants_cases_are_not_there(storefront: AsyncClient, merchant: AsyncClient) -> None:
    own, other = await filed(storefront), await filed(storefront, respondent=OTHER)
    for path in ("", "/events", "/timeline", "?version=1"):
        assert (await merchant.get(f"/v1/cases/{own['case_id']}{path}")).status_code == 200
        assert (await merchant.get(f"/v1/cases/{other['case_id']}{path}")).status_code == 404
    for answer in (
        await post(merchant, other, {**AGREE, "actor": OTHER}),
        await post(merchant, other, AGREE),
        await merchant.get(f"/v1/cases/{other['case_id']}/evidence/{1:064x}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await storefront.get(f"/v1/cases/{other['case_id']}")).json()["version"] == 1


@pytest.mark.parametrize("path", ["/v1/cases", "/v1/deadlines"])
async def test_lists_hold_its_own_only(storefront: AsyncClient, merchant: AsyncClient, path: str) -> None:
    own, other = await filed(storefront), await filed(storefront, respondent=OTHER)
    found = await ids(merchant, path)
    assert own["case_id"] in found
    assert other["case_id"] not in found
    assert {own["case_id"], other["case_id"]} <= await ids(storefront, path)


@pytest.mark.parametrize("name", ["merchant_id", "buyer_id", "order_id", "number", "type", "status", "due_before"])
async def test_no_filter_leads_around_it(storefront: AsyncClient, merchant: AsyncClient, name: str) -> None:
    other = await filed(storefront, respondent=OTHER)
    value = {
        "merchant_id": "m-2",
        "buyer_id": other["complainant"]["id"],
        "order_id": other["order"]["order_id"],
        "due_before": "2999-01-01T00:00:00Z",
    }.get(name) or other[name]
    assert other["case_id"] in await ids(storefront, "/v1/cases", **{name: value})
    assert other["case_id"] not in await ids(merchant, "/v1/cases", **{name: value})


async def test_its_statistics_are_its_own(storefront: AsyncClient, merchant: AsyncClient) -> None:
    await filed(storefront, respondent=OTHER)
    own = (await storefront.get("/v1/stats", params={"merchant_id": "m-1"})).json()
    assert (await merchant.get("/v1/stats")).json() == own
    assert (await merchant.get("/v1/stats", params={"merchant_id": "m-2"})).json()["cases"] == 0


async def test_it_posts_as_its_merchant_never_as_the_buyer(storefront: AsyncClient, merchant: AsyncClient) -> None:
    case = await filed(storefront)
    as_buyer = await post(merchant, case, happened("withdrawn", BUYER))
    assert (as_buyer.status_code, as_buyer.json()["code"]) == (403, "forbidden")
    as_other = await post(merchant, case, {**AGREE, "actor": OTHER})
    assert (as_other.status_code, as_other.json()["code"]) == (403, "forbidden")
    filing = await merchant.post("/v1/cases", json=complaint())
    assert (filing.status_code, filing.json()["code"]) == (403, "forbidden")
    agreed = await post(merchant, case, {**AGREE, "actor": MERCHANT})
    assert (agreed.status_code, [one["type"] for one in agreed.json()["events"]]) == (
        201,
        ["merchant_replied", "settled"],
    )


async def test_who_complains_anonymously_is_nowhere(
    house: House, connection: asyncpg.Connection, storefront: AsyncClient, merchant: AsyncClient
) -> None:
    hidden = {"role": "buyer", "id": "whistle-77"}
    case = await filed(storefront, complainant=hidden, anonymous=True)
    path = f"/v1/cases/{case['case_id']}"
    evidence = happened("evidence_submitted", MERCHANT, evidence=[OPEN_PROOF])
    answers = [
        *[await merchant.get(f"{path}{more}") for more in ("", "/events", "/timeline", "?version=1")],
        await merchant.get("/v1/cases"),
        await merchant.get("/v1/deadlines"),
        await post(merchant, case, evidence),
        await merchant.post(f"{path}/events?dry_run=true", json=AGREE),
    ]
    for answer in answers:
        assert answer.status_code in (200, 201), answer.text
        assert case["case_id"] in answer.text or answer.request.url.path.endswith(("/events", "/timeline"))
        assert "whistle-77" not in answer.text
    assert case["case_id"] not in await ids(merchant, "/v1/cases", buyer_id="whistle-77")
    assert case["case_id"] in await ids(storefront, "/v1/cases", buyer_id="whistle-77")
    assert "whistle-77" in (await storefront.get(path)).text
    both = await key(house, connection, merchants=["m-1"], role="ops")
    assert "whistle-77" not in (await both.get(path)).text


async def test_evidence_for_the_platform_only_is_seen_by_it_and_by_who_brought_it(
    storefront: AsyncClient, platform: AsyncClient, merchant: AsyncClient
) -> None:
    case = await filed(storefront, evidence=[SECRET_PROOF, OPEN_PROOF])
    path = f"/v1/cases/{case['case_id']}"
    mine = {**SECRET_PROOF, "uri": "https://files.example/7", "sha256": f"{7:064x}"}
    step = await post(merchant, case, happened("evidence_submitted", MERCHANT, evidence=[mine]))
    for text in (step.text, (await merchant.get(path)).text, (await merchant.get(f"{path}/events")).text):
        assert SECRET_PROOF["sha256"] not in text
        assert mine["sha256"] in text
    assert OPEN_PROOF["sha256"] in (await merchant.get(path)).text
    whole = (await platform.get(path)).json()
    assert [one["sha256"] for one in whole["evidence"]] == [f"{n:064x}" for n in (9, 8, 7)]


async def test_what_was_brought_for_the_platform_only_is_waited_for_by_nobody_any_more(
    storefront: AsyncClient, platform: AsyncClient, merchant: AsyncClient
) -> None:
    case = await filed(storefront)
    path = f"/v1/cases/{case['case_id']}"
    await post(storefront, case, REFUSE)
    asked = {"from": "complainant", "kinds": ["video"], "within": "PT24H"}
    await post(platform, case, {"type": "evidence_requested", "data": asked})
    assert (await merchant.get(path)).json()["status"] == "evidence_requested"
    assert (await post(storefront, case, happened("evidence_submitted", BUYER, evidence=[SECRET_PROOF]))).is_success
    whole = (await platform.get(path)).json()
    said = await post(merchant, case, happened("messaged", MERCHANT, text="请尽快处理。"))
    for shown in ((await merchant.get(path)).json(), said.json()["case"]):
        for name in ("status", "deadlines", "required_action_by", "missing_evidence"):
            assert shown[name] == whole[name], name
    assert whole["status"] == "under_review"


async def test_a_key_limited_to_another_marketplace_sees_nothing_here(
    house: House, connection: asyncpg.Connection, storefront: AsyncClient
) -> None:
    case = await filed(storefront)
    elsewhere = await key(house, connection, marketplaces=["tmall"])
    here = await key(house, connection, marketplaces=["taobao"])
    path = f"/v1/cases/{case['case_id']}"
    assert [(await one.get(path)).status_code for one in (here, elsewhere)] == [200, 404]
    for listed in ("/v1/cases", "/v1/deadlines"):
        assert case["case_id"] in await ids(here, listed)
        assert await ids(elsewhere, listed) == set()
    assert (await elsewhere.get("/v1/stats")).json()["cases"] == 0
    assert (await elsewhere.post("/v1/cases", json=complaint())).status_code == 403


async def test_a_key_s_secret_is_told_once_and_a_revoked_one_opens_nothing(
    house: House, connection: asyncpg.Connection
) -> None:
    caller, secret = await keys.create(connection, client="c", name="n", role="ops", merchants=["a", "b"])
    assert secret.startswith(keys.PREFIX)
    assert len(secret) > 40
    (row,) = [one for one in await keys.listed(connection) if one.key_id == caller.key_id]
    assert (row.client, row.name, row.role, row.merchants, row.marketplaces) == ("c", "n", "ops", ("a", "b"), None)
    stored = str(await connection.fetchrow("SELECT * FROM api_keys WHERE key_id = $1", caller.key_id))
    assert secret not in stored
    assert await changing.revoke(connection, caller.key_id)
    assert not await changing.revoke(connection, caller.key_id)
    assert (await house.with_key(secret).get("/v1/cases")).status_code == 401
    wrongs: tuple[dict[str, Any], ...] = ({"role": "king"}, {"merchants": []}, {"merchants": ["a\0"]}, {"name": ""})
    for wrong in wrongs:
        said: dict[str, Any] = {"client": "c", "name": "n", "role": "ops", **wrong}
        with pytest.raises(ValueError, match=r"role|limited|characters"):
            await keys.create(connection, **said)


async def test_the_first_admin_key_is_made_only_where_there_is_none(connection: asyncpg.Connection) -> None:
    assert await keys.bootstrap(connection, client="ops", name="first") is None
    for one in await keys.listed(connection):
        if one.role == "admin":
            await changing.revoke(connection, one.key_id)
    made = await keys.bootstrap(connection, client="ops", name="first")
    assert made is not None
    assert (made[0].role, made[0].merchants) == ("admin", None)
    assert await keys.bootstrap(connection, client="ops", name="first") is None
