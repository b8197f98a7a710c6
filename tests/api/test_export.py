"""Cases taken away: all that a list has, as their taker may see them, in lines or in a table without formulas."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from typing import Any

import asyncpg
import pytest
from httpx import AsyncClient, Response

from case_api.callers import auth
from case_api.streams import exporting
from case_api.streams.rooms import Room
from case_api.streams.tables import COLUMNS
from case_api.views.lists import CaseItem
from case_events.ledger.callers import changing, keys
from case_events.ledger.lists import export as exports
from tests.api.calling import WITHIN_S, caller_of
from tests.api.house import AGREE, BUYER, House, complaint, filed, post

EXPORT = "/v1/export/cases"


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PAGE", 3)


async def several(storefront: AsyncClient, merchant: str, count: int = 8) -> list[dict[str, Any]]:
    """Cases of a merchant of their own, the oldest first."""
    return [await filed(storefront, respondent={"role": "merchant", "id": merchant}) for _ in range(count)]


def lines_of(answer: Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def table_of(answer: Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_an_export_has_what_the_list_has(storefront: AsyncClient, small_pages: None) -> None:
    cases = await several(storefront, "m-list")
    await post(storefront, cases[3], {**AGREE, "actor": {"role": "merchant", "id": "m-list"}})
    listed: list[Any] = []
    for asked in ({"merchant_id": "m-list"}, {"merchant_id": "m-list", "status": "waiting_for_merchant"}):
        listed = (await storefront.get("/v1/cases", params={**asked, "limit": "200"})).json()["items"]
        assert lines_of(await storefront.get(EXPORT, params=asked)) == listed
    assert len(listed) == 7
    everything = lines_of(await storefront.get(EXPORT))
    assert len({one["case_id"] for one in everything}) == len(everything) >= 8


async def test_a_broad_question_is_walked_to_its_end_in_bounded_pages(
    storefront: AsyncClient, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from case_events.ledger.lists import lists  # noqa: PLC0415 - only here

    monkeypatch.setattr(lists, "LOOKED_AT_MAX", 4)
    cases = await several(storefront, "m-broad", 2) + await several(storefront, "m-others", 9)
    asked = {"status": "waiting_for_merchant", "type": "not_received"}
    found = [one["case_id"] for one in lines_of(await storefront.get(EXPORT, params=asked))]
    assert {one["case_id"] for one in cases} <= set(found)
    assert len(set(found)) == len(found)


async def test_whole_cases_are_as_they_are_read_alone(storefront: AsyncClient, small_pages: None) -> None:
    cases = await several(storefront, "m-whole", 4)
    exported = lines_of(await storefront.get(EXPORT, params={"merchant_id": "m-whole", "full": "true"}))
    alone = [(await storefront.get(f"/v1/cases/{one['case_id']}")).json() for one in reversed(cases)]
    assert exported == alone


async def test_a_table_has_its_columns_in_order_and_says_the_same(storefront: AsyncClient, small_pages: None) -> None:
    await several(storefront, "m-table", 5)
    answer = await storefront.get(EXPORT, params={"format": "csv", "merchant_id": "m-table"})
    assert answer.text.splitlines()[0] == ",".join(f'"{name}"' for name in COLUMNS)
    assert answer.text.endswith("\r\n")
    table, lines = table_of(answer), lines_of(await storefront.get(EXPORT, params={"merchant_id": "m-table"}))
    assert [row["case_id"] for row in table] == [one["case_id"] for one in lines]
    for row, one in zip(table, lines, strict=True):
        parties = {
            f"{side}_{part}": one[side][part] for side in ("complainant", "respondent") for part in ("role", "id")
        }
        flat = {name: said for name, said in {**one, **one["amount"], **parties}.items() if name in COLUMNS}
        assert row == {name: "" if said is None else str(said) for name, said in flat.items()}


def test_a_table_leaves_nothing_of_an_item_out() -> None:
    parts = {"complainant": {"complainant_role", "complainant_id"}, "respondent": {"respondent_role", "respondent_id"}}
    parts["amount"] = {"amount", "currency"}
    wanted = set().union(*(parts.get(name, {name}) for name in CaseItem.__struct_fields__))
    assert wanted == set(COLUMNS)
    assert len(COLUMNS) == len(wanted)


async def test_no_cell_is_a_formula_and_what_was_written_can_be_had_back(storefront: AsyncClient) -> None:
    written = [
        '=HYPERLINK("http://x","y")',
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "＝1",
        "'=1",
        'a,b\n"c"',
        "x;=cmd",
        "x\t=cmd",
        " =1",
        "a=1",
    ]
    for said in written:
        await filed(storefront, external_ref=said, respondent={"role": "merchant", "id": "m-formula"})
    answer = await storefront.get(EXPORT, params={"format": "csv", "merchant_id": "m-formula"})
    cells = [row["external_ref"] for row in reversed(table_of(answer))]
    assert not [
        cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    ]
    assert [cell.removeprefix("'") for cell in cells] == written
    assert cells[-2:] == written[-2:], "what is no formula stays as it is"
    assert not re.search(r"[;\t]=", re.sub(r'"(?:[^"]|"")*"', "", answer.text)), "nor is one where ; parts the cells"


async def test_an_export_goes_on_after_the_last_case_that_arrived(storefront: AsyncClient, small_pages: None) -> None:
    await several(storefront, "m-again")
    whole = lines_of(await storefront.get(EXPORT, params={"merchant_id": "m-again"}))
    for cut in (0, 3, 7):
        asked = {"merchant_id": "m-again", "after": whole[cut]["case_id"]}
        assert lines_of(await storefront.get(EXPORT, params=asked)) == whole[cut + 1 :]
        assert len(table_of(await storefront.get(EXPORT, params={**asked, "format": "csv"}))) == 7 - cut
    moved = {"after": whole[0]["case_id"], "due_before": "2999-01-01T00:00:00Z"}
    for wrong in ({"after": "00000000-0000-4000-8000-000000000000"}, moved):
        answer = await storefront.get(EXPORT, params=wrong)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "?after")


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"format": "xlsx"}, "?format"),
        ({"full": "yes"}, "?full"),
        ({"full": "true", "format": "csv"}, "?full"),
        ({"sort": "queue"}, "?sort"),
        ({"cursor": "x"}, "?cursor"),
        ({"status": "lost"}, "?status"),
        ({"after": "mine"}, "?after"),
    ],
)
async def test_what_is_asked_wrongly_is_refused(storefront: AsyncClient, asked: dict[str, str], pointer: str) -> None:
    answer = await storefront.get(EXPORT, params=asked)
    assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [pointer])


async def test_a_limited_key_takes_away_what_it_sees(house: House, storefront: AsyncClient) -> None:
    named, nameless = complaint(), complaint(anonymous=True)
    for body in (named, nameless):
        body["respondent"] = {"role": "merchant", "id": "m-own"}
        body["external_ref"] = "their own"
        answer = await storefront.post("/v1/cases", json=body)
        assert answer.status_code == 201, answer.text
    theirs = await filed(storefront)
    connection = await asyncpg.connect(house.database.app)
    _, secret = await keys.create(connection, client="own", name="own", role="storefront", merchants=["m-own"])
    await connection.close()
    own = house.with_key(secret)
    lines = lines_of(await own.get(EXPORT))
    assert [one["respondent"]["id"] for one in lines] == ["m-own"] * 2
    assert [one["complainant"]["id"] for one in lines] == ["anonymous", BUYER["id"]]
    assert [one["external_ref"] for one in lines] == [None, "their own"]
    whole = lines_of(await own.get(EXPORT, params={"full": "true"}))
    assert [one["complainant"]["id"] for one in whole] == ["anonymous", BUYER["id"]]
    table = table_of(await own.get(EXPORT, params={"format": "csv"}))
    assert [row["complainant_id"] for row in table] == ["anonymous", BUYER["id"]]
    for case_id in (theirs["case_id"], "00000000-0000-4000-8000-000000000000"):
        answer = await own.get(EXPORT, params={"after": case_id})
        assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (422, "there is no such case")


async def test_it_is_for_readers_and_it_is_noted_who_took_what(house: House, storefront: AsyncClient) -> None:
    asked = {"buyer_id": "b-secret", "status": "closed"}
    for role, status in (("admin", 403), (None, 401)):
        assert (await house.caller(role).get(EXPORT, params=asked)).status_code == status
    answer = await house.caller("auditor").get(EXPORT, params=asked)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="cases-')
    assert answer.headers["cache-control"] == "no-store"
    ended, began = (await house.caller("ops").get("/v1/scheduler/journal?limit=2")).json()["items"]
    assert (began["what"], ended["what"]) == ("export_began", "export_ended")
    assert began["who"] == ended["who"] == "dev/dev-auditor"
    trace = answer.headers["trace-id"]
    wanted = {"trace_id": trace, "form": "ndjson", "full": False, "filters": ["status", "buyer_id"]}
    assert began["data"] == wanted, "the filters' names: what they say may be a person's"
    assert ended["data"] == {"trace_id": trace, "cases": 0, "whole": True}


async def test_exports_under_way_are_few_and_one_that_is_over_makes_room(house: House, storefront: AsyncClient) -> None:
    room: Room = house.app.state.exports
    for full in (["dev", "dev"], [f"client-{number}" for number in range(exporting.EXPORTS_MAX)]):
        for client in full:
            room.enter(client)
        refused = await storefront.get(EXPORT)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert refused.headers["retry-after"]
        for client in full:
            room.leave(client)
    for _ in range(exporting.EXPORTS_PER_CLIENT_MAX):
        room.enter("slow")
    assert (await storefront.get(EXPORT)).status_code == 200, "one client's do not keep out another's"
    for _ in range(exporting.EXPORTS_PER_CLIENT_MAX):
        room.leave("slow")
    for asked in ({"after": "00000000-0000-4000-8000-000000000000"}, {}, {"format": "csv"}, {}):
        assert (await storefront.get(EXPORT, params=asked)).status_code in (200, 422)
        assert room.taken == 0


async def test_an_export_waits_for_a_database_that_comes_back_and_is_broken_off_if_it_does_not(
    house: House, storefront: AsyncClient, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await several(storefront, "m-away", 5)
    monkeypatch.setattr(exporting, "AWAY_S", 0.01)
    page, failures = exports.Export.page, [0, 2]

    async def shaken(self: exports.Export) -> Any:
        failures[0] += 1
        if 1 < failures[0] <= 1 + failures[1]:
            raise ConnectionRefusedError
        return await page(self)

    monkeypatch.setattr(exports.Export, "page", shaken)
    asked = {"merchant_id": "m-away"}
    assert len(lines_of(await storefront.get(EXPORT, params=asked))) == 5
    failures[:] = [0, 10_000]
    monkeypatch.setattr(exporting, "AWAY_MAX_S", 0.05)
    async with caller_of(house.app, "GET", EXPORT, {}, "merchant_id=m-away") as caller:
        caller.end()
        await asyncio.wait_for(asyncio.gather(caller.call, return_exceptions=True), WITHIN_S)
    assert (caller.status, len(caller.results), caller.ended) == (200, 3, False)
    ended = (await house.caller("ops").get("/v1/scheduler/journal?limit=1")).json()["items"][0]
    assert (ended["data"]["cases"], ended["data"]["whole"]) == (3, False)


async def test_who_hangs_up_ends_their_export(
    house: House, storefront: AsyncClient, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await several(storefront, "m-gone", 4)
    read = list[exports.Export]()
    page = exports.Export.page

    async def counted(self: exports.Export) -> Any:
        read.append(self)
        return await page(self)

    monkeypatch.setattr(exports.Export, "page", counted)
    async with caller_of(house.app, "GET", EXPORT, {}, "merchant_id=m-gone") as caller:
        caller.end()
        caller.takes.clear()
        async with asyncio.timeout(WITHIN_S):
            while not read:
                await asyncio.sleep(0.01)
        caller.hang_up()
        await asyncio.wait_for(asyncio.gather(caller.call, return_exceptions=True), WITHIN_S)
    assert len(read) == 1
    assert house.app.state.exports.taken == 0


async def test_a_key_that_was_revoked_gets_no_further_piece(
    house: House, storefront: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await several(storefront, "m-revoked", 3)
    monkeypatch.setattr("case_api.routes.export.AT_ONCE", 1)
    monkeypatch.setattr(exporting, "CHECK_S", 0)
    monkeypatch.setattr(auth, "KNOWN_FOR_S", 0)
    async with house.app.state.door.ledger.connection() as connection:
        reader, secret = await keys.create(connection, client="r", name="r", role="auditor")
    headers = {"authorization": f"Bearer {secret}"}
    async with caller_of(house.app, "GET", EXPORT, headers, "merchant_id=m-revoked") as caller:
        caller.end()
        caller.takes.clear()
        while not house.app.state.exports.taken:
            await asyncio.sleep(0.01)
        async with house.app.state.door.ledger.connection() as connection:
            await changing.revoke(connection, reader.key_id)
        caller.takes.set()
        await asyncio.wait_for(asyncio.gather(caller.call, return_exceptions=True), WITHIN_S)
    assert len(caller.results) < 3, "all three were on the page that was read"
    assert not caller.ended


async def test_who_takes_an_export_a_piece_at_a_time_does_not_hold_its_place_for_ever(
    house: House, storefront: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await several(storefront, "m-slow", 2)
    monkeypatch.setattr(exporting, "EXPORT_S", 0.3)
    async with caller_of(house.app, "GET", EXPORT, {}, "merchant_id=m-slow") as caller:
        caller.end()
        caller.takes.clear()
        await asyncio.wait_for(asyncio.gather(caller.call, return_exceptions=True), WITHIN_S)
        caller.takes.set()
    assert not caller.ended
    assert house.app.state.exports.taken == 0
