"""A side of a closed case is erased through the door: its words, its name and its files are gone for everybody."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response

from case_api.documents.operations import OPERATIONS
from case_api.evidence.store import EvidenceFile
from case_api.settings import Settings
from tests.api.house import BUYER, MERCHANT, House, filed, happened, post

HERS, HIS, NOBODYS = b"\x89PNG\r\n\x1a\n hers", b"\x89PNG\r\n\x1a\n his", b"\x89PNG\r\n\x1a\n named by nobody"
WAIT_S = 10
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


@contextmanager
def store_away(settings: Settings) -> Iterator[None]:
    folder = settings.data_dir / "evidence"
    folder.rename(aside := folder.with_name("aside"))
    folder.write_bytes(b"a file where the store was")
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


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


async def test_once_both_sides_are_erased_nothing_more_is_written_and_a_dry_run_says_so(house: House) -> None:
    case, _ = await closed(house.caller("storefront"))
    platform = house.caller("platform")
    for side in ("complainant", "respondent"):
        both = {"type": "subject_erased", "data": {"subject": side, "basis": "retention_expired"}}
        assert (await post(platform, case, both)).status_code == 201
    note = {"type": "noted", "data": {"text": "来电询问。"}}
    answers = [
        await platform.post(f"/v1/cases/{case['case_id']}/events{query}", json=note) for query in ("?dry_run=true", "")
    ]
    assert [(one.status_code, one.json()["detail"]) for one in answers] == [
        (409, "Both sides are erased: nothing more is written about them.")
    ] * 2


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
    with store_away(settings):
        answer = await erased(desk, case, "comes-back")
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable"), answer.text
        assert answer.json()["code"] in OPERATIONS["post_event"].refusals, "the documents say so"
    assert there(settings, case) == {HERS, HIS, NOBODYS}
    again = await erased(desk, case, "comes-back")
    assert (again.status_code, again.json()["case"]["complainant"]["id"]) == (201, "erased")
    assert there(settings, case) == {HIS}


async def test_asked_again_without_a_key_it_is_refused_and_the_files_are_gone_all_the_same(
    house: House, settings: Settings
) -> None:
    desk = house.caller("platform")
    case, _ = await closed(house.caller("storefront"))
    with store_away(settings):
        answer = await desk.post(f"/v1/cases/{case['case_id']}/events", json=ERASE)
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable"), answer.text
        again = await desk.post(f"/v1/cases/{case['case_id']}/events", json=ERASE)
        assert (again.status_code, again.json()["code"]) == (503, "store_unavailable"), "it still has to come back"
    assert there(settings, case) == {HERS, HIS, NOBODYS}
    again = await desk.post(f"/v1/cases/{case['case_id']}/events", json=ERASE)
    assert (again.status_code, again.json()["detail"]) == (409, "The complainant is erased already.")
    assert there(settings, case) == {HIS}


async def test_a_file_that_comes_once_a_side_is_erased_is_not_put_away(house: House, settings: Settings) -> None:
    storefront = house.caller("storefront")
    case, _ = await closed(storefront)
    assert (await erased(house.caller("platform"), case, "erase-before-a-file")).status_code == 201
    files = {"file": ("picture.png", HERS, "image/png")}
    answer = await storefront.post(f"/v1/cases/{case['case_id']}/evidence", files=files)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_allowed_now"), answer.text
    assert there(settings, case) == {HIS}


async def test_a_file_that_was_on_its_way_while_a_side_was_erased_does_not_stay(
    house: House, settings: Settings
) -> None:
    storefront, begun, gone = house.caller("storefront"), asyncio.Event(), asyncio.Event()
    case, _ = await closed(storefront)

    async def slowly() -> AsyncIterator[bytes]:
        yield b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
        yield b"Content-Type: image/png\r\n\r\n" + HERS
        begun.set()
        await gone.wait()
        yield b" and more\r\n--cut--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=cut"}
    path = f"/v1/cases/{case['case_id']}/evidence"
    upload = asyncio.create_task(storefront.post(path, content=slowly(), headers=headers))
    await asyncio.wait_for(begun.wait(), WAIT_S)
    assert (await erased(house.caller("platform"), case, "erase-beside-a-file")).status_code == 201
    gone.set()
    answer = await upload
    assert (answer.status_code, answer.json()["code"]) == (409, "not_allowed_now"), answer.text
    assert there(settings, case) == {HIS}


async def test_what_a_kill_left_of_an_upload_goes_too(house: House, settings: Settings) -> None:
    case, (hers, *_) = await closed(house.caller("storefront"))
    place = settings.data_dir / "evidence" / case["case_id"] / hers.rpartition("/")[2] / "image"
    (place / "png#1").write_bytes(HERS[:-1])
    assert (await erased(house.caller("platform"), case, "erase-after-a-kill")).status_code == 201
    assert there(settings, case) == {HIS}


async def test_who_clears_at_the_same_time_is_not_told_that_the_store_is_away(house: House, settings: Settings) -> None:
    case, _ = await closed(house.caller("storefront"))
    store, case_id = house.app.state.evidence, UUID(case["case_id"])
    for _ in range(20):
        for content in (HERS, HIS, NOBODYS):
            file = EvidenceFile(sha256=hashlib.sha256(content).hexdigest(), size=len(content), media_type="image/png")
            await store.keep(case_id, file, io.BytesIO(content))
        await asyncio.gather(*(store.clear(case_id, ()) for _ in range(8)))
        assert there(settings, case) == set()
