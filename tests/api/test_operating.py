"""What operators do at the door: holds, outages and what they made late, the journal; and who may."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from httpx import AsyncClient

from case_events.core.values import Instant
from case_events.ledger.callers import keys
from case_events.ledger.clock import holds
from tests.api.house import House, filed
from tests.api.test_openapi import faults
from tests.spec import hours

HOLDS, OUTAGES, JOURNAL = "/v1/scheduler/holds", "/v1/scheduler/outages", "/v1/scheduler/journal"
FOR_AN_HOUR = {"reason": "商家系统故障。", "marketplace": "taobao", "for": "PT1H"}


@pytest.fixture(scope="module")
def ops(house: House) -> AsyncClient:
    return house.caller("ops")


def ago(**spans: float) -> str:
    return Instant.of(datetime.now(UTC) - timedelta(**spans)).rfc3339()


async def entries(ops: AsyncClient, limit: int = 1) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await ops.get(JOURNAL, params={"limit": limit})).json()["items"]
    return items


async def test_a_hold_is_placed_shown_and_released_with_who_and_why(ops: AsyncClient) -> None:
    made = await ops.post(HOLDS, json={**FOR_AN_HOUR, "merchant_id": "m-9", "kind": "response"})
    assert made.status_code == 201, made.text
    hold = made.json()["hold"]
    assert "Who wins stays the same" in made.json()["means"]["en"]
    assert (hold["marketplace"], hold["merchant_id"], hold["kind"]) == ("taobao", "m-9", "response")
    assert (hold["status"], hold["placed_by"], hold["reason"]) == ("in_force", "dev/dev-ops", "商家系统故障。")
    assert (await ops.get(made.headers["location"])).json() == made.json()
    assert hold in (await ops.get(HOLDS)).json()["items"]
    assert hold in (await ops.get("/v1/scheduler", params={"forecast": "false"})).json()["holds"]
    path = f"{HOLDS}/{hold['id']}/release"
    unsaid = await ops.post(path, json={})
    assert (unsaid.status_code, unsaid.json()["errors"][0]["pointer"]) == (422, "/reason")
    over = await ops.post(path, json={"reason": "已恢复。"})
    assert (over.status_code, over.json()["hold"]["status"]) == (200, "released")
    assert (await ops.post(path, json={"reason": "又一次。"})).json() == over.json()
    assert hold["id"] not in [one["id"] for one in (await ops.get(HOLDS)).json()["items"]]
    assert over.json()["hold"] in (await ops.get(HOLDS, params={"ended": "true"})).json()["items"]
    released, placed = await entries(ops, 2)
    assert (released["what"], released["who"], released["data"]["reason"]) == (
        "hold_released",
        "dev/dev-ops",
        "已恢复。",
    )
    assert (placed["what"], placed["data"]["hold"]) == ("hold_placed", hold["id"])


@pytest.mark.parametrize(
    ("said", "pointers"),
    [
        ({"marketplace": None}, {"/all"}),
        ({"all": True}, {"/all"}),
        ({"reason": "  "}, {"/reason"}),
        ({"marketplace": "taobuo"}, {"/marketplace"}),
        ({"kind": "responses"}, {"/kind"}),
        ({"for": None}, {"/until", "/for"}),
        ({"until": "2026-12-01T00:00:00Z"}, {"/until", "/for"}),
        ({"for": "-PT1H"}, {"/for"}),
        ({"for": "P32D"}, {"/for"}),
        ({"for": None, "until": "2026-01-01T00:00:00Z"}, {"/until"}),
        ({"kind": "x", "marketplace": "y", "for": None}, {"/kind", "/marketplace", "/until", "/for"}),
        ({"merchant": "m-1"}, {"/merchant"}),
    ],
)
async def test_everything_wrong_with_a_hold_is_named_at_once(
    ops: AsyncClient, said: dict[str, Any], pointers: set[str]
) -> None:
    body = {name: value for name, value in {**FOR_AN_HOUR, **said}.items() if value is not None}
    answer = await ops.post(HOLDS, json=body)
    assert answer.status_code == 422, answer.text
    assert {one["pointer"] for one in answer.json()["errors"]} == pointers
    assert await held_because(ops, body["reason"]) == []


async def held_because(ops: AsyncClient, reason: str) -> list[str]:
    items = (await ops.get(HOLDS)).json()["items"]
    return [one["id"] for one in items if one["reason"] == reason]


async def test_who_places_one_hold_too_many_is_told_so(ops: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "HOLDS_MAX", 0)
    answer = await ops.post(HOLDS, json=FOR_AN_HOUR)
    assert answer.status_code == 422
    assert "release one first" in answer.json()["errors"][0]["detail"]


async def test_everything_can_be_held_when_it_is_said_so(ops: AsyncClient) -> None:
    made = await ops.post(HOLDS, json={"reason": "演习。", "all": True, "for": "PT1M"})
    assert made.status_code == 201, made.text
    assert {made.json()["hold"][name] for name in ("marketplace", "merchant_id", "kind")} == {None}
    await ops.post(f"{made.headers['location']}/release", json={"reason": "完。"})


async def test_a_hold_and_an_outage_sent_twice_with_one_key_are_one(ops: AsyncClient) -> None:
    outage = {"began_at": ago(hours=3), "ended_at": ago(hours=2), "reason": "机房断电。"}
    for path, body in ((HOLDS, FOR_AN_HOUR), (OUTAGES, outage)):
        key = {"Idempotency-Key": "the same"}
        first, again = [await ops.post(path, json=body, headers=key) for _ in range(2)]
        assert (first.status_code, again.status_code) == (201, 201), again.text
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert (again.json(), again.headers["location"]) == (first.json(), first.headers["location"])
        other = await ops.post(path, json={**body, "reason": "别的。"}, headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "id_reused")
    (hold,) = await held_because(ops, FOR_AN_HOUR["reason"])
    await ops.post(f"{HOLDS}/{hold}/release", json={"reason": "完。"})


async def test_a_hold_sent_again_when_it_is_over_is_answered_as_it_was_the_first_time(ops: AsyncClient) -> None:
    body = {"reason": "演习。", "marketplace": "taobao", "until": ago(seconds=-1)}
    key = {"Idempotency-Key": "a second"}
    first = await ops.post(HOLDS, json=body, headers=key)
    assert first.status_code == 201, first.text
    await asyncio.sleep(1)
    again = await ops.post(HOLDS, json=body, headers=key)
    assert (again.status_code, again.headers.get("idempotency-replayed")) == (201, "true"), again.text
    assert again.json()["hold"] == {**first.json()["hold"], "status": "ended"}
    other = await ops.post(HOLDS, json={**body, "until": ago(seconds=1)}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")
    unknown = await ops.post(HOLDS, json=body)
    assert [one["pointer"] for one in unknown.json()["errors"]] == ["/until"]


@pytest.mark.parametrize(
    ("began", "ended", "detail"),
    [
        (2, 2, "after began_at"),
        (2, 3, "after began_at"),
        (24 * 40, 1, "at most 31 days"),
        (1, -1, "when it is over"),
    ],
)
async def test_an_outage_is_over_and_no_longer_than_a_month(
    ops: AsyncClient, began: float, ended: float, detail: str
) -> None:
    at = datetime.now(UTC)
    body = {name: Instant.of(at - hours(back)).rfc3339() for name, back in (("began_at", began), ("ended_at", ended))}
    answer = await ops.post(OUTAGES, json={**body, "reason": "停电。"})
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"]) == (422, "/ended_at")
    assert detail in fault["detail"]


async def test_an_outage_is_reported_with_the_timeouts_it_made_late(house: House, ops: AsyncClient) -> None:
    """Told by the database alone: what ran out ran out long ago, and is written by whoever asks first."""
    storefront = house.caller("storefront")
    cases = [await filed(storefront, succeeded_at=Instant.of(datetime.now(UTC) - timedelta(days=1))) for _ in range(3)]
    superuser = await asyncpg.connect(house.database.superuser)
    try:
        await late(superuser, [one["case_id"] for one in cases])
    finally:
        await superuser.close()
    made = await ops.post(OUTAGES, json={"began_at": ago(hours=5), "ended_at": ago(hours=3), "reason": "断电。"})
    assert made.status_code == 201, made.text
    report = made.json()["aftermath"]
    assert (report["timeouts"], report["ended_in_it"], report["complete"]) == (3, 2, True)
    assert report["windows"] == {"respondent": 2}
    (kind,) = report["by_kind"]
    assert (kind["kind"], kind["marketplace"], kind["timeouts"]) == ("response", "taobao", 3)
    assert 3600 < kind["late_s_p50"] <= kind["late_s_max"] < 3600 * 8
    assert (await ops.get(made.headers["location"])).json() == made.json()
    pages, after = [], {"limit": "2"}
    for _ in range(3):
        page = (await ops.get(f"{made.headers['location']}/timeouts", params=after)).json()
        pages.append(page["items"])
        if page["next"] is None:
            break
        after = {"limit": "2", "cursor": page["next"]}
    assert [len(items) for items in pages] == [2, 1]
    told = [one for items in pages for one in items]
    assert [one["due_at"] for one in told] == sorted(one["due_at"] for one in told)
    assert {one["case_id"] for one in told} == {one["case_id"] for one in cases}
    assert [one["can_be_undone"] for one in told] == [True, True, False]
    assert {(one["type"], one["kind"], one["party"]) for one in told} == {
        ("merchant_response_timed_out", "response", "respondent")
    }


LATE = """
INSERT INTO events (case_id, version, event_id, type, schema, occurred_at, effective_at, recorded_at, who, client,
    correlation, payload, payload_hash, hash)
SELECT $1, $2, gen_random_uuid(), $3, 1, $4, $5, $5, $6, 'caselog', $1, convert_to($7, 'UTF8'), sha256(''), sha256('')
"""
SAID = '{"kind":"response","party":"respondent"}'


async def late(superuser: asyncpg.Connection, case_ids: list[str]) -> None:
    """Five hours to three hours ago: one timeout waited from before, two were due in it; one case was ruled since."""
    began, ended = (datetime.now(UTC) - hours(back) for back in (5, 3))
    for case_id, due in zip(case_ids, (began - hours(2), began + hours(0.5), began + hours(1)), strict=True):
        written = ended + timedelta(minutes=1)
        await superuser.execute(LATE, case_id, 2, "merchant_response_timed_out", due, written, "scheduler", SAID)
        await superuser.execute(LATE, case_id, 3, "intervention_requested", due, written, "scheduler", "{}")
    await superuser.execute(LATE, case_ids[-1], 4, "ruled", ended, ended, "platform", "{}")


async def test_the_journal_is_read_page_by_page_the_latest_first(ops: AsyncClient) -> None:
    for number in range(3):
        made = await ops.post(HOLDS, json={**FOR_AN_HOUR, "reason": f"第{number}次。"})
        await ops.post(f"{made.headers['location']}/release", json={"reason": "完。"})
    every = await entries(ops, 200)
    numbers = [one["number"] for one in every]
    assert numbers == sorted(numbers, reverse=True)
    read: list[dict[str, Any]] = []
    asked = {"limit": "4"}
    for _ in range(len(every)):
        page = (await ops.get(JOURNAL, params=asked)).json()
        read += page["items"]
        if page["next"] is None:
            break
        asked = {"limit": "4", "cursor": page["next"]}
    assert read == every
    for wrong in ("nonsense", await cursor_of_outages(ops)):
        assert (await ops.get(JOURNAL, params={"cursor": wrong})).status_code == 422


async def cursor_of_outages(ops: AsyncClient) -> str:
    """Of another list, which is read to its end with it."""
    for back in (9, 8):
        await ops.post(OUTAGES, json={"began_at": ago(hours=back), "ended_at": ago(hours=back - 1), "reason": "停电。"})
    page = (await ops.get(OUTAGES, params={"limit": 1})).json()
    assert len(page["items"]) == 1
    rest = (await ops.get(OUTAGES, params={"limit": 200, "cursor": page["next"]})).json()
    assert page["items"][0] not in rest["items"]
    assert rest["next"] is None
    return str(page["next"])


async def test_a_key_limited_to_some_cases_neither_sees_nor_steers_everybody_s(house: House) -> None:
    limits: tuple[dict[str, Any], ...] = ({"marketplaces": ("taobao",)}, {"merchants": ("m-1",)})
    for limit in limits:
        async with house.app.state.door.ledger.connection() as connection:
            _, secret = await keys.create(connection, client="c", name="n", role="ops", **limit)
        limited = house.with_key(secret)
        nothing = "00000000-0000-4000-8000-000000000000"
        asked = [limited.get(path) for path in (HOLDS, OUTAGES, JOURNAL, f"{OUTAGES}/{nothing}", f"{HOLDS}/{nothing}")]
        asked += [limited.post(path, json=FOR_AN_HOUR) for path in (HOLDS, OUTAGES, f"{HOLDS}/{nothing}/release")]
        for answer in await asyncio.gather(*asked):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_what_is_not_there_is_not_found(ops: AsyncClient) -> None:
    nothing = "00000000-0000-4000-8000-000000000000"
    for path in (f"{HOLDS}/{nothing}", f"{OUTAGES}/{nothing}", f"{OUTAGES}/{nothing}/timeouts", f"{OUTAGES}/mine"):
        assert (await ops.get(path)).status_code == 404
    assert (await ops.post(f"{HOLDS}/{nothing}/release", json={"reason": "x"})).status_code == 404


async def test_what_is_answered_fits_the_document(house: House, ops: AsyncClient) -> None:
    document = house.app.openapi()
    await ops.post(HOLDS, json=FOR_AN_HOUR)
    made = await ops.post(OUTAGES, json={"began_at": ago(hours=6), "ended_at": ago(hours=1), "reason": "停电。"})
    location = made.headers["location"]
    for name, path in {
        "HoldPage": HOLDS,
        "OutagePage": OUTAGES,
        "OutageReport": location,
        "LateTimeoutPage": f"{location}/timeouts",
        "JournalPage": JOURNAL,
    }.items():
        answer = await ops.get(path)
        assert answer.status_code == 200, answer.text
        assert not faults(document, name, answer.json()), name
    assert not faults(document, "NewHold", FOR_AN_HOUR)
    assert faults(document, "NewHold", {**FOR_AN_HOUR, "reason": ""})
