"""A side of a closed case is erased through the door: its words, its name and its files are gone for everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient, Response

from case_api.settings import Settings
from tests.api.house import BUYER, MERCHANT, House, filed, happened, post

HERS, HIS, NOBODYS = b"\x89PNG\r\n\x1a\n hers", b"\x89PNG\r\n\x1a\n his", b"\x89PNG\r\n\x1a\n named by nobody"
ERASE = {"type": "subject_erased", "data": {"subject": "complainant", "basis": "retention_expired"}}


@pytest.fixture(scope="session")
def settings(master_key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a folder of their own."""
    return Settings(master_key_file=master_key_file, data_dir=tmp_path_factory.mktemp("data"))


async def brought(storefront: AsyncClient, case: dict[str, Any], actor: dict[str, str], content: bytes) -> str:
    """The place of a file that this party brought as evidence."""
    files = {"file": ("picture.png", content, "image/png")}
    kept = (await storefront.post(f"/v1/cases/{case['case_id']}/evidence", files=files)).json()["evidence"]
    if content != NOBODYS:
        answer = await post(storefront, case, happened("evidence_submitted", actor, evidence=[kept]))
        assert answer.status_code == 201, answer.text
    return str(kept["uri"])


async def closed(storefront: AsyncClient) -> tuple[dict[str, Any], list[str]]:
    """A case that is over, and where the files of both sides are, and one that nobody named."""
    case = await filed(storefront)
    whose = ((BUYER, HERS), (MERCHANT, HIS), (BUYER, NOBODYS))
    places = [await brought(storefront, case, actor, content) for actor, content in whose]
    assert (await post(storefront, case, happened("withdrawn", BUYER))).status_code == 201
    return case, places


def there(settings: Settings, case: dict[str, Any]) -> set[bytes]:
    folder = settings.data_dir / "evidence" / case["case_id"]
    return {path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def erased(client: AsyncClient, case: dict[str, Any], key: str, query: str = "") -> Response:
    return await client.post(f"/v1/cases/{case['case_id']}/events{query}", json=ERASE, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("role", ["platform", "ops"])
async def test_what_named_a_side_is_gone_from_every_answer_and_its_files_from_the_store(
    house: House, settings: Settings, role: str
) -> None:
    storefront, desk = house.caller("storefront"), house.caller(role)
    case, (hers, his, _) = await closed(storefront)
    assert there(settings, case) == {HERS, HIS, NOBODYS}
    answer = await erased(desk, case, f"erase-{role}")
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert [one["type"] for one in said["events"]] == ["subject_erased"]
    assert (said["case"]["complainant"]["id"], said["case"]["description"]) == ("erased", "erased")
    assert said["case"]["respondent"] == case["respondent"]
    assert {one["by"]: one["uri"] == "erased" for one in said["case"]["evidence"]} == {
        "complainant": True,
        "respondent": False,
    }
    assert there(settings, case) == {HIS}
    assert (await storefront.get(hers)).status_code == 404
    assert (await storefront.get(his)).content == HIS
    again = await erased(desk, case, f"erase-{role}")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == said
    for place in ("", "/events", "/timeline"):
        read = await desk.get(f"/v1/cases/{case['case_id']}{place}")
        assert case["description"] not in read.text


async def test_a_file_goes_with_who_brought_it_though_the_other_side_named_it_too(
    house: House, settings: Settings
) -> None:
    storefront = house.caller("storefront")
    case = await filed(storefront)
    hers = await brought(storefront, case, BUYER, HERS)
    assert await brought(storefront, case, MERCHANT, HERS) == hers
    assert (await post(storefront, case, happened("withdrawn", BUYER))).status_code == 201
    assert (await storefront.get(hers)).content == HERS
    answer = await erased(house.caller("ops"), case, "erase-named-twice")
    assert answer.status_code == 201, answer.text
    assert (await storefront.get(hers)).status_code == 404
    assert there(settings, case) == set()


async def test_a_dry_run_erases_nothing(house: House, settings: Settings) -> None:
    case, _ = await closed(house.caller("storefront"))
    answer = await erased(house.caller("platform"), case, "rehearsed", "?dry_run=true")
    assert answer.status_code == 200, answer.text
    assert there(settings, case) == {HERS, HIS, NOBODYS}
    read = (await house.caller("platform").get(f"/v1/cases/{case['case_id']}")).json()
    assert (read["complainant"], read["description"]) == (case["complainant"], case["description"])


async def test_in_a_batch_with_minimal_answers_the_files_are_gone_too(house: House, settings: Settings) -> None:
    case, _ = await closed(house.caller("storefront"))
    item = {**ERASE, "case_id": case["case_id"], "id": "erase-in-a-batch"}
    answer = await house.caller("platform").post("/v1/events:batch", json=[item], headers={"Prefer": "return=minimal"})
    assert (answer.status_code, [one["status"] for one in answer.json()]) == (207, [201]), answer.text
    assert there(settings, case) == {HIS}


async def test_where_the_store_is_away_the_caller_comes_back_with_the_same_key(
    house: House, settings: Settings
) -> None:
    storefront, desk = house.caller("storefront"), house.caller("platform")
    case, _ = await closed(storefront)
    folder = settings.data_dir / "evidence"
    folder.rename(aside := folder.with_name("aside"))
    folder.write_bytes(b"a file where the store was")
    try:
        answer = await erased(desk, case, "comes-back")
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable"), answer.text
    finally:
        folder.unlink()
        aside.rename(folder)
    assert there(settings, case) == {HERS, HIS, NOBODYS}
    again = await erased(desk, case, "comes-back")
    assert (again.status_code, again.json()["case"]["complainant"]["id"]) == (201, "erased")
    assert there(settings, case) == {HIS}
