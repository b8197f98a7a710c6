"""Published days at the door: a year is loaded once its notice is out, and readiness says when it is late."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from httpx import AsyncClient, Response

from case_api.settings import Settings
from case_api.upkeep import days
from case_events.core.values import Instant
from case_events.ledger.callers import keys
from case_events.ledger.clock.calendars import COVERED_DAYS_MIN, refresh
from case_events.policies.working_days import published
from tests.api.house import REFUSE, House, filed, happened, open_house, post
from tests.conftest import Database
from tests.ledger.desk import now
from tests.notices import notice

YEARS = {
    "year": 2027,
    "source": "国办发明电〔2026〕9号",
    "rest": ["2027-01-01", ["2027-02-05", "2027-02-11"], ["2027-05-01", "2027-05-05"], ["2027-10-01", "2027-10-07"]],
    "work": ["2027-01-30", "2027-02-14"],
}


async def load(client: AsyncClient, body: dict[str, Any], **query: str) -> Response:
    return await client.post("/v1/calendars", json=body, params=query)


async def test_a_year_is_foreseen_loaded_shown_and_known_so_from_then_on(house: House, admin: AsyncClient) -> None:
    before = (await admin.get("/v1/calendars")).json()
    assert (before["known_until"], before["editions"]) == ("2026-12-31", [])
    guessed = (await admin.get("/v1/calendars/2027")).json()
    assert (guessed["published"], guessed["source"]) == (False, "the law alone")
    foreseen = await load(admin, {"notice": notice(2027)}, dry_run="true")
    assert (foreseen.status_code, foreseen.json()["edition"]) == (200, None)
    assert foreseen.json()["foreseen"]["whole"]
    assert "2027-02-11" in foreseen.json()["new_rest"]
    assert (await admin.get("/v1/calendars")).json() == before | {"days_left": before["days_left"]}
    loaded = await load(admin, {"notice": notice(2027)})
    assert (loaded.status_code, loaded.headers["location"]) == (201, "/v1/calendars/2027")
    edition = loaded.json()["edition"]
    assert (edition["edition"], edition["source"]) == (
        1,
        "国务院办公厅关于2027年部分节假日安排的通知(国办发明电〔2026〕7号)",
    )
    again = await load(admin, {"notice": notice(2027)})
    assert (again.status_code, again.json()["edition"], again.json()["new_rest"]) == (200, None, [])
    after = (await admin.get("/v1/calendars")).json()
    assert (after["known_until"], after["editions"]) == ("2027-12-31", [edition])
    assert after["days_left"] == before["days_left"] + 365
    assert after["status"] == ("covered" if after["days_left"] >= COVERED_DAYS_MIN else "short")
    shown = (await house.caller("storefront").get("/v1/calendars/2027")).json()
    assert (shown["published"], shown["source"], shown["editions"]) == (True, edition["source"], [edition])
    assert shown["work"] == edition["work"] == loaded.json()["new_work"]
    assert shown["rest"] == edition["rest"]
    in_days = await load(admin, YEARS)
    assert in_days.status_code == 201
    assert in_days.json()["edition"]["edition"] == 2
    assert "2027-05-08" not in in_days.json()["edition"]["work"]


async def test_a_process_goes_by_what_another_one_loaded(
    house: House, prepared: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "REFRESH_S", 0.05)
    async with open_house(settings, prepared) as other:
        ledger = other.app.state.door.ledger
        assert ledger.calendar == await refresh(house.app.state.door.ledger), "what was loaded is seen at the start"
        year = ledger.calendar.known_until.year + 1
        rest = [f"{year}-01-01", [f"{year}-05-01", f"{year}-05-02"], [f"{year}-10-01", f"{year}-10-03"]]
        new = {"year": year, "source": "x", "rest": rest, "work": []}
        assert (await load(house.caller("admin"), new)).status_code == 201
        for _ in range(100):
            if ledger.calendar.known_until.year == year:
                break
            await asyncio.sleep(0.05)
        assert ledger.calendar.known_until.year == year


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"work": ["2027-01-29"]}, {"/work/0": "2027-01-29 is no weekend: it is worked anyway"}),
        ({"rest": ["2027-01-01"], "work": []}, {"/rest": "2027-10-01 is a holiday by law and not among the days off"}),
        ({"rest": ["2027-02-30"]}, {"/rest/0": "date"}),
        ({"rest": "2027-01-01"}, {"/rest": ""}),
        ({"year": None, "rest": None}, {"/year": "missing", "/rest": "missing"}),
        ({"year": 2040}, {"/rest/0": "2027-01-01 is not in 2040, nor in the December before"}),
        ({"notice": notice(2027)}, {"/year": "the notice says it", "/work": "the notice says it"}),
        ({"source": ""}, {"/source": ""}),
        ({"works": []}, {"/works": "no such field"}),
    ],
)
async def test_every_fault_of_a_year_is_named(
    admin: AsyncClient, changes: dict[str, Any], faults: dict[str, str]
) -> None:
    answer = await load(admin, {name: said for name, said in (YEARS | changes).items() if said is not None})
    assert answer.status_code == 422
    found = {one["pointer"]: one["detail"] for one in answer.json()["errors"]}
    for pointer, detail in faults.items():
        assert detail in found.get(pointer, "nothing"), found


async def test_a_slip_in_a_notice_is_named_with_its_line(admin: AsyncClient) -> None:
    answer = await load(admin, {"notice": notice(2027, ("5月8日(周六)", "5月8日(周日)"))})
    assert [(one["pointer"], one["detail"]) for one in answer.json()["errors"]] == [
        ("/notice", "line 11: 2027-05-08 is no 周日")
    ]


async def test_a_year_after_a_gap_is_refused(admin: AsyncClient) -> None:
    answer = await load(
        admin, {"year": 2040, "source": "x", "rest": [["2040-10-01", "2040-10-05"], "2040-05-01"], "work": []}
    )
    assert answer.status_code == 422, "1 January 2040 is a Sunday"
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/year"
    assert "would leave a gap" in fault["detail"]


@pytest.mark.parametrize("year", ["1999", "2300", "x", "20270", "٢٠٢٧"])
async def test_nothing_is_known_of_some_years(admin: AsyncClient, year: str) -> None:
    assert (await admin.get(f"/v1/calendars/{year}")).status_code == 404


async def test_who_may_load_days_and_who_may_see_them(house: House, prepared: Database) -> None:
    async with house.app.state.door.ledger.connection() as connection:
        _, secret = await keys.create(connection, client="t", name="limited", role="ops", marketplaces=["taobao"])
    limited = house.with_key(secret)
    for client, may in ((house.caller("ops"), 200), (limited, 403), (house.caller("storefront"), 403)):
        assert (await client.get("/v1/calendars")).status_code == may
        assert (await load(client, YEARS, dry_run="true")).status_code == may
        assert (await client.get("/v1/calendars/2026")).status_code == 200, "whoever counts on them may read them"
    for role in ("platform", "auditor"):
        assert (await house.caller(role).get("/v1/calendars")).status_code == 200
        assert (await load(house.caller(role), YEARS)).status_code == 403
    assert (await house.caller(None).get("/v1/calendars/2026")).status_code == 401


async def test_readiness_warns_while_few_days_are_left_and_misses_them_when_a_live_deadline_waits(
    house: House, storefront: AsyncClient
) -> None:
    ledger = house.app.state.door.ledger
    await refresh(ledger)
    known = ledger.calendar.known_until
    ready = (await house.caller(None).get("/readyz")).json()
    few = (known - now().date()).days < COVERED_DAYS_MIN
    assert (ready["warnings"], ready["calendar_until"]) == (["calendar"] if few else [], known.isoformat())
    case, clocked = await filed(storefront), await filed(storefront)
    superuser = await asyncpg.connect(house.database.superuser)
    try:
        for case_id, clock in ((case["case_id"], None), (clocked["case_id"], case["case_id"])):
            await superuser.execute(
                "UPDATE deadlines SET provisional = true, test_clock = $2 WHERE case_id = $1", case_id, clock
            )

        async def missed(due_at: Instant, last: Instant) -> bool:
            """Are they, with a live deadline at ``due_at`` and a clocked one now, and days until ``last``?"""
            await superuser.execute("UPDATE deadlines SET due_at = $1 WHERE test_clock IS NULL", due_at)
            day = last.date()
            ledger.calendar = type(published())(
                known_from=published().known_from, known_until=day, rest=frozenset(), work=frozenset()
            )
            answer = await house.caller(None).get("/readyz")
            assert answer.status_code == 200, "a shut door would load no calendar"
            return "calendar" in answer.json()["missing"]

        yesterday = Instant.of(now() - timedelta(days=1))
        assert not await missed(Instant.of(now() + timedelta(days=8)), yesterday), "there is a week left"
        assert await missed(Instant.of(now() + timedelta(days=6)), yesterday)
        assert await missed(Instant.of(now() - timedelta(hours=1)), Instant.of(now() - timedelta(days=3)))
        in_ten_days = Instant.of(now() + timedelta(days=10))
        assert not await missed(Instant.of(now() + timedelta(days=6)), in_ten_days), "it only waits to be confirmed"
        await superuser.execute("UPDATE deadlines SET test_clock = gen_random_uuid()")
        assert not await missed(now(), yesterday), "no deadline of a test clock stops anybody"
    finally:
        await superuser.close()
        await refresh(ledger)


async def test_a_case_says_how_each_of_its_deadlines_was_counted(
    house: House, storefront: AsyncClient, platform: AsyncClient, admin: AsyncClient
) -> None:
    opened = "2026-02-11T02:00:00Z"
    clock = (await admin.post("/v1/test-clocks", json={"at": opened})).json()["id"]
    case = await filed(storefront, test_clock=clock, succeeded_at=Instant.parse("2026-02-10T02:00:00Z"))
    path = f"/v1/cases/{case['case_id']}/deadlines"
    (response, talks) = (await storefront.get(path)).json()["items"]
    assert (response["kind"], response["counting"]["lasts"], response["counting"]["working_days"]) == (
        "response",
        "P3D",
        None,
    )
    assert talks["counting"]["counted_from"] == response["counting"]["counted_from"] == "2026-02-11T02:00:00.000000Z"
    await post(storefront, case, REFUSE)
    answer = await storefront.get(path)
    (ruling,) = answer.json()["items"]
    assert answer.headers["etag"] == '"3"'
    assert ruling["counting"]["en"].startswith("The end of the 2nd of the working days after 2026-02-11, China time.")
    assert ruling["due_at"] == "2026-02-13T16:00:00.000000Z"
    body = happened(
        "deadline_extended", kind="ruling", party="platform", due_at="2026-02-28T16:00:00Z", reason="再查。"
    )
    assert (await post(platform, case, body)).status_code == 201
    (moved,) = (await storefront.get(path)).json()["items"]
    assert moved["counting"] is None
    assert [one["type"] for one in moved["moves"]] == ["intervention_requested", "deadline_extended"]
    assert (await storefront.get(f"/v1/cases/{clock}/deadlines")).status_code == 404
    async with house.app.state.door.ledger.connection() as connection:
        _, secret = await keys.create(connection, client="t", name="other", role="storefront", merchants=["m-2"])
    assert (await house.with_key(secret).get(path)).status_code == 404, "another merchant's"
