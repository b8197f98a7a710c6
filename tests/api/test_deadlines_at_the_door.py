"""The boundary is now <= due_at, whoever writes the timeout; here no scheduler runs and the API must."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from case_events.core.values import Instant
from tests.api.house import AGREE, REFUNDED, REFUSE, House, complaint, filed, happened, post
from tests.examples import NOON

TICK = timedelta(microseconds=1)


async def clocked(admin: AsyncClient, storefront: AsyncClient) -> tuple[dict[str, Any], str]:
    """A complaint filed under a test clock that stands at a Monday noon, and the clock's path."""
    made = await admin.post("/v1/test-clocks", json={"at": NOON.rfc3339()})
    assert made.status_code == 201, made.text
    succeeded = Instant.of(NOON - timedelta(days=3))
    case = await filed(storefront, succeeded_at=succeeded, test_clock=made.json()["id"])
    return case, made.headers["location"]


async def advance(admin: AsyncClient, clock: str, to: Instant) -> None:
    answer = await admin.post(f"{clock}/advance", json={"to": to.rfc3339()})
    assert answer.status_code == 200, answer.text


def due(case: dict[str, Any], kind: str) -> Instant:
    (clock,) = (clock for clock in case["deadlines"] if clock["kind"] == kind)
    return Instant.parse(clock["due_at"])


async def test_the_clock_of_the_case_is_the_test_clock(admin: AsyncClient, storefront: AsyncClient) -> None:
    case, _ = await clocked(admin, storefront)
    assert case["filed_at"] == NOON.rfc3339()
    assert due(case, "response") == NOON + timedelta(hours=72)


async def test_a_reply_at_the_very_instant_is_in_time(admin: AsyncClient, storefront: AsyncClient) -> None:
    case, clock = await clocked(admin, storefront)
    await advance(admin, clock, due(case, "response"))
    answer = await post(storefront, case, AGREE)
    assert answer.status_code == 201, answer.text
    assert answer.json()["events"][0]["effective_at"] == due(case, "response").rfc3339()


async def test_a_microsecond_later_it_is_refused_and_the_timeout_is_recorded(
    admin: AsyncClient, storefront: AsyncClient, house: House
) -> None:
    case, clock = await clocked(admin, storefront)
    await advance(admin, clock, Instant.of(due(case, "response") + TICK))
    before = await house.count()
    answer = await post(storefront, case, AGREE)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (409, "deadline_passed")
    assert body["due_at"] == due(case, "response").rfc3339()
    assert body["rule"].startswith("taobao@2026.1#not_received.")
    assert {one["type"] for one in body["allowed_events"]} >= {"ruled", "evidence_submitted"}
    assert await house.count() == before + 2
    events = (await storefront.get(f"/v1/cases/{case['case_id']}/events")).json()["items"]
    assert [one["type"] for one in events] == ["filed", "merchant_response_timed_out", "intervention_requested"]
    assert events[1]["data"]["late_s"] == 0
    assert events[1]["who"] == "scheduler"


async def test_reading_shows_the_timeout_that_will_be_recorded_first(
    admin: AsyncClient, storefront: AsyncClient, house: House
) -> None:
    case, clock = await clocked(admin, storefront)
    await advance(admin, clock, Instant.of(due(case, "response") + timedelta(hours=1)))
    before = await house.count()
    path = f"/v1/cases/{case['case_id']}"
    read = await storefront.get(path)
    assert (read.json()["status"], read.json()["version"], read.headers["etag"]) == ("under_review", 3, '"3"')
    shown = (await storefront.get(f"{path}/events")).json()["items"]
    assert [one["recorded_at"] is None for one in shown] == [False, True, True]
    assert ["hash" in one for one in shown] == [True, False, False]
    told = (await storefront.get(f"{path}/timeline")).json()
    assert [entry["type"] for entry in told["entries"]] == [one["type"] for one in shown]
    assert await house.count() == before

    assert (await post(storefront, case, REFUSE, if_match=read.headers["etag"])).json()["code"] == "deadline_passed"
    recorded = (await storefront.get(f"{path}/events")).json()["items"]
    assert [one["event_id"] for one in recorded] == [one["event_id"] for one in shown]
    assert await house.count() == before + 2


async def test_a_stale_reader_hears_of_the_timeouts_too(admin: AsyncClient, storefront: AsyncClient) -> None:
    case, clock = await clocked(admin, storefront)
    await advance(admin, clock, Instant.of(due(case, "response") + TICK))
    answer = await post(storefront, case, happened("withdrawn", case["complainant"]), if_match='"1"')
    assert answer.status_code == 412
    assert [one["type"] for one in answer.json()["missed"]] == [
        "merchant_response_timed_out",
        "intervention_requested",
    ]


async def test_a_case_is_read_as_it_was(admin: AsyncClient, storefront: AsyncClient) -> None:
    case, clock = await clocked(admin, storefront)
    path = f"/v1/cases/{case['case_id']}"
    await advance(admin, clock, Instant.of(NOON + timedelta(hours=1)))
    agreed = (await post(storefront, case, AGREE)).json()["case"]
    await advance(admin, clock, Instant.of(NOON + timedelta(hours=2)))
    paid = (await post(storefront, case, REFUNDED)).json()["case"]

    async def at(moment: Instant) -> Any:
        return (await storefront.get(path, params={"at": moment.rfc3339()})).json()

    assert (await storefront.get(path, params={"version": 1})).json() == case
    assert (await storefront.get(path, params={"version": 3})).json() == agreed
    assert (await storefront.get(path, params={"version": 3})).headers["etag"] == '"3"'
    assert await at(NOON) == case
    assert await at(Instant.of(NOON + timedelta(minutes=119))) == agreed
    assert await at(Instant.of(NOON + timedelta(hours=2))) == paid
    assert (await storefront.get(path, params={"version": 6})).status_code == 404
    assert (await at(Instant.of(NOON - TICK)))["code"] == "not_found"


async def test_a_not_yet_names_the_instant(admin: AsyncClient, storefront: AsyncClient) -> None:
    case, _ = await clocked(admin, storefront)
    call = happened("intervention_requested", case["complainant"], reason="商家不处理。")
    answer = await post(storefront, case, call)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_yet")
    assert answer.json()["opens_at"] == due(case, "response").rfc3339()


async def test_a_filing_after_its_window_names_when_it_closed(admin: AsyncClient, storefront: AsyncClient) -> None:
    made = (await admin.post("/v1/test-clocks", json={"at": NOON.rfc3339()})).json()["id"]
    late = complaint(succeeded_at=Instant.of(NOON - timedelta(days=15) - TICK), test_clock=made)
    answer = await storefront.post("/v1/cases", json=late)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_eligible")
    assert answer.json()["closed_at"] == Instant.of(NOON - TICK).rfc3339()


async def test_a_test_clock_goes_forward_by_instant_or_duration(admin: AsyncClient) -> None:
    made = await admin.post("/v1/test-clocks", json={"at": "2026-03-02T12:00:00+08:00"})
    assert made.json()["at"] == NOON.rfc3339()
    path = made.headers["location"]
    moved = await admin.post(f"{path}/advance", json={"by": "PT72H"})
    assert moved.json()["at"] == Instant.of(NOON + timedelta(hours=72)).rfc3339()
    assert moved.json()["status"] == "ready"
    assert (await admin.get(path)).json() == moved.json()


async def test_it_says_that_it_is_advancing_until_everything_fired(admin: AsyncClient, storefront: AsyncClient) -> None:
    case, clock = await clocked(admin, storefront)
    await advance(admin, clock, Instant.of(due(case, "response") + TICK))
    assert (await admin.get(clock)).json()["status"] == "advancing"
    await post(storefront, case, AGREE)
    assert (await admin.get(clock)).json()["status"] == "ready"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"to": "2026-01-01T00:00:00Z"}, {"/to"}),
        ({"by": "-PT1H"}, {"/by"}),
        ({"by": "P400D"}, {"/by"}),
        ({"by": "72 hours"}, {"/by"}),
        ({"by": "P1M"}, {"/by"}),
        ({"by": 3600}, {"/by"}),
        ({"to": "2026-03-03T00:00:00"}, {"/to"}),
        ({}, {"/to", "/by"}),
        ({"to": "2026-03-03T00:00:00Z", "by": "PT1H"}, {"/to", "/by"}),
        ({"until": "2026-03-03T00:00:00Z"}, {"/until"}),
    ],
)
async def test_where_a_test_clock_cannot_go(admin: AsyncClient, body: dict[str, Any], pointers: set[str]) -> None:
    made = await admin.post("/v1/test-clocks", json={"at": NOON.rfc3339()})
    answer = await admin.post(f"{made.headers['location']}/advance", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    assert {fault["pointer"] for fault in answer.json()["errors"]} == pointers
    assert (await admin.get(made.headers["location"])).json()["at"] == NOON.rfc3339()


async def test_there_are_no_other_test_clocks(admin: AsyncClient) -> None:
    for path in ("/v1/test-clocks/00000000-0000-4000-8000-000000000000", "/v1/test-clocks/mine"):
        assert (await admin.get(path)).json()["code"] == "not_found"
        assert (await admin.post(f"{path}/advance", json={"by": "PT1H"})).json()["code"] == "not_found"
