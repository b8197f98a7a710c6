"""``POST /v1/simulations``: recorded cases under another policy, page by page, for auditors, and nothing is written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from httpx import AsyncClient

from case_api.routes import simulations
from case_api.streams.rooms import Room
from case_api.views.simulations import POLICY_TEXT_MAX
from case_events.core.values import Instant
from case_events.ledger.callers import keys
from case_events.ledger.connection import teach
from tests.api.house import AGREE, REFUSE, House, filed, post
from tests.api.test_test_clocks import made, path
from tests.examples import NOON, taobao_text
from tests.ledger.desk import contents

PATH = "/v1/simulations"
KEPT = "taobao@2026.1"


def changed(*changes: tuple[str, str]) -> str:
    """The landed policy of Taobao as another version, with its first type changed."""
    text = taobao_text().replace('version = "2026.1"', 'version = "2026.1-draft"', 1)
    for written, instead in changes:
        assert written in text
        text = text.replace(written, instead, 1)
    return text


HASTY = changed(
    ("open_period = { hours = 48 }", "open_period = { hours = 1 }"),
    ("final_period = { hours = 24 }", "final_period = { hours = 1 }"),
    ('on_timeout = "escalate"', 'on_timeout = "concede"'),
    ('on_stall = "unlock"', 'on_stall = "escalate"'),
)


MANY_TYPES = taobao_text() + "".join(f"[types.t{number}]\n" for number in range(2_000))


@pytest.fixture(scope="module")
def auditor(house: House) -> AsyncClient:
    return house.caller("auditor")


@pytest_asyncio.fixture
async def superuser(house: House) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(house.database.superuser)
    await teach(connection)
    yield connection
    await connection.close()


async def simulated(auditor: AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await auditor.post(PATH, json=said)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def refused_in_time(storefront: AsyncClient, admin: AsyncClient) -> dict[str, Any]:
    """A case whose merchant refused after a day."""
    clock = await made(admin)
    case = await filed(storefront, succeeded_at=Instant.of(NOON - timedelta(days=1)), test_clock=clock["id"])
    await admin.post(path(clock, "/advance"), json={"by": "P1D"})
    assert (await post(storefront, case, REFUSE)).status_code == 201
    return case


async def test_a_case_and_what_it_would_be(
    storefront: AsyncClient, admin: AsyncClient, auditor: AsyncClient, superuser: asyncpg.Connection
) -> None:
    case = await refused_in_time(storefront, admin)
    before = await contents(superuser)
    page = await simulated(auditor, policy_text=HASTY, case_ids=[case["case_id"]])
    after = await contents(superuser)
    assert after | {"rate_limits": ()} == before | {"rate_limits": ()}  # what this key has sent is counted
    (item,) = page["items"]
    assert (page["policy"]["name"], page["policy"]["version"], page["next"]) == ("taobao", "2026.1-draft", None)
    due = Instant.of(NOON + timedelta(hours=2)).rfc3339()
    claimed = case["amount"]
    assert item == {
        "case_id": case["case_id"],
        "number": case["number"],
        "policy": case["policy"],
        "differs": True,
        "differences": ["refused", "outcome", "status", "amount", "timeouts", "due_times"],
        "recorded": {
            "stage": "claim",
            "status": "under_review",
            "outcome": None,
            "awarded": {"amount": 0, "currency": "CNY"},
            "timeouts": [],
        },
        "simulated": {
            "stage": "inquiry",
            "status": "waiting_for_remedy",
            "outcome": "conceded",
            "awarded": claimed,
            "timeouts": [{"kind": "response", "party": "respondent", "times": 1, "first_due_at": due}],
        },
        "due_times": item["due_times"],
        "refused": [
            {
                "version": 2,
                "type": "merchant_replied",
                "code": "deadline_passed",
                "rule": "taobao@2026.1-draft#not_received.reply",
                "pointers": [],
            }
        ],
    }
    assert {one["kind"]: one["simulated"] for one in item["due_times"]}["response"] == due
    assert page["totals"] == {
        "cases": 1,
        "differing": 1,
        "differences": [{"difference": word, "cases": 1} for word in item["differences"]],
        "outcomes": [{"recorded": None, "simulated": "conceded", "cases": 1}],
        "amounts": [{"currency": "CNY", "recorded": 0, "simulated": claimed["amount"], "change": claimed["amount"]}],
    }


async def test_under_the_policy_they_were_filed_under_no_case_differs(
    storefront: AsyncClient, admin: AsyncClient, auditor: AsyncClient
) -> None:
    await refused_in_time(storefront, admin)
    page = await simulated(auditor, policy=KEPT, limit=200)
    assert page["items"]
    assert [one["differences"] for one in page["items"]] == [[] for _ in page["items"]]
    assert page["totals"]["differing"] == 0


async def test_all_cases_come_page_by_page(storefront: AsyncClient, auditor: AsyncClient) -> None:
    merchant = {"role": "merchant", "id": "m-pages"}
    cases = [(await filed(storefront, respondent=merchant))["case_id"] for _ in range(5)]
    asked: dict[str, Any] = {"policy": KEPT, "merchant_id": "m-pages", "limit": 2}
    pages = [await simulated(auditor, **asked)]
    for _ in range(2):
        pages.append(await simulated(auditor, **asked, cursor=pages[-1]["next"]))
    assert [one["case_id"] for page in pages for one in page["items"]] == cases[::-1]
    assert pages[-1]["next"] is None


async def test_a_cursor_is_good_for_its_own_simulation_alone(storefront: AsyncClient, auditor: AsyncClient) -> None:
    for _ in range(2):
        await filed(storefront, respondent={"role": "merchant", "id": "m-cursor"})
    asked = {"policy": KEPT, "merchant_id": "m-cursor", "limit": 1}
    cursor = (await simulated(auditor, **asked))["next"]
    for changes in ({"merchant_id": "m-1"}, {"policy": "taobao@2026.6"}, {"cursor": f"{cursor}A"}):
        answer = await auditor.post(PATH, json={**asked, "cursor": cursor, **changes})
        assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, ["/cursor"])


@pytest.mark.parametrize(
    ("said", "pointers"),
    [
        ({}, ["/policy", "/policy_text"]),
        ({"policy": KEPT, "policy_text": HASTY}, ["/policy", "/policy_text"]),
        ({"policy": "taobao@1999.1"}, ["/policy"]),
        ({"policy": "taobao"}, ["/policy"]),
        ({"policy_text": "not TOML ["}, ["/policy_text"]),
        ({"policy_text": "a = " + "[" * 5_000}, ["/policy_text"]),
        ({"policy_text": "a = " + "1" * 5_000}, ["/policy_text"]),
        ({"policy_text": "a" + ".a" * 3_000 + " = 1"}, ["/policy_text"]),
        ({"policy_text": "a = 0x" + "f" * 5_000}, ["/policy_text"]),
        ({"policy_text": MANY_TYPES}, ["/policy_text/types"]),
        ({"policy_text": changed(('currency = "CNY"', 'currency = "yuan"'))}, ["/policy_text/currency"]),
        ({"policy_text": "x" * (POLICY_TEXT_MAX + 1)}, ["/policy_text"]),
        ({"policy": KEPT, "limit": 0}, ["/limit"]),
        ({"policy": KEPT, "limit": 201}, ["/limit"]),
        ({"policy": KEPT, "status": "shrugging"}, ["/status"]),
        ({"policy": KEPT, "case_ids": []}, ["/case_ids"]),
        ({"policy": KEPT, "case_ids": ["00000000-0000-4000-8000-000000000000"], "type": "quality"}, ["/case_ids"]),
        ({"policy": KEPT, "marketplace": "taobao"}, ["/marketplace"]),
    ],
)
async def test_everything_wrong_with_it_is_named(
    auditor: AsyncClient, said: dict[str, Any], pointers: list[str]
) -> None:
    answer = await auditor.post(PATH, json=said)
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json()["errors"]] == pointers


async def test_the_text_of_a_policy_is_never_kept(auditor: AsyncClient) -> None:
    await simulated(auditor, policy_text=HASTY)
    kept = [f"{one['name']}@{one['version']}" for one in (await auditor.get("/v1/policies")).json()["items"]]
    assert "taobao@2026.1-draft" not in kept


async def test_a_key_that_is_limited_sees_its_own(
    house: House, storefront: AsyncClient, superuser: asyncpg.Connection
) -> None:
    own = await filed(storefront, respondent={"role": "merchant", "id": "m-own"})
    other = await filed(storefront, respondent={"role": "merchant", "id": "m-other"})
    _, secret = await keys.create(superuser, client="audit", name="one", role="auditor", merchants=["m-own"])
    limited = house.with_key(secret)
    for said in ({}, {"case_ids": [own["case_id"], other["case_id"]]}, {"merchant_id": "m-own"}):
        found = await simulated(limited, policy=KEPT, **said)
        assert [one["case_id"] for one in found["items"]] == [own["case_id"]]
    assert (await simulated(limited, policy=KEPT, merchant_id="m-other"))["items"] == []


async def test_whoever_is_limited_to_merchants_asks_nothing_by_a_policy_of_their_own(
    house: House, superuser: asyncpg.Connection
) -> None:
    """It could be written so that its outcome tells what of a case is not for them."""
    _, secret = await keys.create(superuser, client="audit", name="two", role="auditor", merchants=["m-own"])
    answer = await house.with_key(secret).post(PATH, json={"policy_text": HASTY})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_it_is_for_auditors(house: House) -> None:
    for role in ("storefront", "platform", "ops", "admin"):
        assert (await house.caller(role).post(PATH, json={"policy": KEPT})).status_code == 403


async def test_there_is_room_for_some_at_once(
    house: House, auditor: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.app.state, "simulations", Room("simulations", simulations.SIMULATIONS_MAX, 0))
    answer = await auditor.post(PATH, json={"policy": KEPT})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")


async def test_a_settlement_is_one_by_any_period(storefront: AsyncClient, auditor: AsyncClient) -> None:
    case = await filed(storefront)
    await post(storefront, case, AGREE)
    (item,) = (await simulated(auditor, policy_text=HASTY, case_ids=[case["case_id"]]))["items"]
    assert item["differences"] == ["due_times"]
    assert item["recorded"] == item["simulated"]
