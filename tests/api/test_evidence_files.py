"""Evidence files: put away whole under their case, and given to whoever may see the evidence that names them."""

import asyncio
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from httpx import AsyncClient, RemoteProtocolError, Response

from case_api.evidence import store as evidence
from case_api.requests import bodies
from case_api.requests.uploads import IN_MEMORY_MAX
from case_api.settings import EVIDENCE_TYPES, Settings
from case_events.ledger.callers import keys
from case_events.ledger.connection import teach
from tests.api.house import BUYER, MERCHANT, House, filed, happened, open_house, post
from tests.conftest import Database
from tests.serving import Serving

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
DIGEST = hashlib.sha256(PICTURE).hexdigest()
BYTES_MAX = 3_000_000


@pytest.fixture(scope="session")
def settings(master_key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a folder of their own, and a limit that is soon reached."""
    return Settings(
        master_key_file=master_key_file, data_dir=tmp_path_factory.mktemp("data"), evidence_bytes_max=BYTES_MAX
    )


@pytest.fixture
def folder(settings: Settings) -> Path:
    return settings.data_dir / "evidence"


async def upload(
    client: AsyncClient, case: dict[str, Any], content: bytes = PICTURE, media_type: str = "image/png", **fields: str
) -> Response:
    files = {"file": ("picture.png", content, media_type)}
    return await client.post(f"/v1/cases/{case['case_id']}/evidence", files=files, data=fields)


async def named(client: AsyncClient, case: dict[str, Any], reference: dict[str, Any]) -> Response:
    """Bring the file as evidence, as the buyer."""
    return await post(client, case, happened("evidence_submitted", BUYER, evidence=[reference]))


async def test_an_uploaded_file_is_named_by_evidence_and_read_by_all_who_may(house: House) -> None:
    storefront = house.caller("storefront")
    case = await filed(storefront)
    answer = await upload(storefront, case)
    assert answer.status_code == 201, answer.text
    uri = f"/v1/cases/{case['case_id']}/evidence/{DIGEST}"
    nothing = {"region": None, "shows_at": None, "moved_at": None}
    evidence = {"kind": "photo", "uri": uri, "sha256": DIGEST, "visibility": "both", **nothing}
    assert answer.json() == {"evidence": evidence, "size": len(PICTURE), "media_type": "image/png"}
    assert answer.headers["location"] == uri
    assert (await named(storefront, case, evidence)).status_code == 201
    for role in ("storefront", "platform", "ops", "auditor"):
        read = await house.caller(role).get(uri)
        assert (read.status_code, read.content) == (200, PICTURE)
        assert read.headers["content-type"] == "image/png"
        assert read.headers["content-length"] == str(len(PICTURE))
        assert read.headers["content-disposition"].startswith("attachment")
        assert read.headers["x-content-type-options"] == "nosniff"
        assert read.headers["cache-control"] == "no-store"
        assert read.headers["etag"] == f'"{DIGEST}"'


async def test_a_file_that_no_evidence_names_is_not_found(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    uri = (await upload(storefront, case)).json()["evidence"]["uri"]
    assert (await storefront.get(uri)).status_code == 404
    for wrong in ("0" * 64, DIGEST.upper(), "x", "..%2f..%2fmaster.key", "%00"):
        answer = await storefront.get(f"/v1/cases/{case['case_id']}/evidence/{wrong}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_digest_opens_nothing_in_another_case(storefront: AsyncClient) -> None:
    theirs, ours = await filed(storefront), await filed(storefront)
    reference = (await upload(storefront, theirs, PICTURE + b"theirs")).json()["evidence"]
    assert (await named(storefront, theirs, reference)).status_code == 201
    assert (await named(storefront, ours, reference)).status_code == 201, "who guesses a digest may name it"
    answer = await storefront.get(f"/v1/cases/{ours['case_id']}/evidence/{reference['sha256']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_same_file_twice_is_the_same_object(storefront: AsyncClient, folder: Path) -> None:
    case = await filed(storefront)
    first = (await upload(storefront, case)).json()
    again = (await upload(storefront, case, media_type="image/jpeg", kind="packaging", visibility="platform")).json()
    other = {**first["evidence"], "kind": "packaging", "visibility": "platform"}
    assert again == {**first, "evidence": other}, "its type is the one it first came with"
    kept = [path for path in (folder / case["case_id"]).rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [PICTURE]
    assert folder.stat().st_mode & 0o077 == 0, "nobody else looks into it"


async def test_two_uploads_at_once_are_one_file(storefront: AsyncClient, folder: Path) -> None:
    case = await filed(storefront)
    big = os.urandom(BYTES_MAX)
    answers = await asyncio.gather(*(upload(storefront, case, big) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    kept = [path for path in (folder / case["case_id"]).rglob("*") if path.is_file()]
    assert [path.read_bytes() == big for path in kept] == [True]
    assert (await named(storefront, case, answers[0].json()["evidence"])).status_code == 201
    assert (await storefront.get(answers[0].json()["evidence"]["uri"])).content == big


async def test_a_file_larger_than_the_limit_is_refused(storefront: AsyncClient, folder: Path) -> None:
    case = await filed(storefront)
    assert (await upload(storefront, case, bytes(BYTES_MAX))).status_code == 201
    before = sorted(folder.rglob("*"))
    for size in (BYTES_MAX + 1, BYTES_MAX + 50_000):
        answer = await upload(storefront, case, bytes(size))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert str(BYTES_MAX) in answer.json()["detail"]
    assert sorted(folder.rglob("*")) == before


async def test_a_body_that_never_ends_is_refused_at_the_limit(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="junk"\r\n\r\n'
        while sent < 10 * BYTES_MAX:
            sent += 100_000
            yield bytes(100_000)

    answer = await storefront.post(
        f"/v1/cases/{case['case_id']}/evidence",
        content=endless(),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert sent < 2 * BYTES_MAX


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/octet-stream", "", "image/../png"])
async def test_a_type_that_is_not_listed_is_refused(storefront: AsyncClient, media_type: str) -> None:
    answer = await upload(storefront, await filed(storefront), media_type=media_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "image/png" in answer.json()["detail"]


FORMS = {
    "nothing in it": ({}, {"/file"}),
    "an empty file": ({"file": b""}, {"/file"}),
    "a field nobody knows": ({"file": PICTURE, "colo/ur": b"red"}, {"/colo~1ur"}),
    "a kind of the wrong form": ({"file": PICTURE, "kind": b"Photo!"}, {"/kind"}),
    "a kind with a newline": ({"file": PICTURE, "kind": b"photo\n"}, {"/kind"}),
    "a kind that is too long": ({"file": PICTURE, "kind": b"x" * 65}, {"/kind"}),
    "a kind that is not UTF-8": ({"file": PICTURE, "kind": b"\xff"}, {"/kind"}),
    "nobody's visibility": ({"file": PICTURE, "visibility": b"merchant"}, {"/visibility"}),
    "everything at once": ({"kind": b"", "visibility": b"", "x": b""}, {"/file", "/kind", "/visibility", "/x"}),
}


def form(fields: list[tuple[str, bytes]], media_type: str = "image/png") -> bytes:
    parts = []
    for name, value in fields:
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n'
        head += f"Content-Type: {media_type}\r\n" if name == "file" else ""
        parts.append(head.encode() + b"\r\n" + value + b"\r\n")
    return b"".join(parts) + b"--b--\r\n"


async def sent(client: AsyncClient, case: dict[str, Any], body: bytes, label: str = "") -> Response:
    headers = {"Content-Type": label or "multipart/form-data; boundary=b"}
    return await client.post(f"/v1/cases/{case['case_id']}/evidence", content=body, headers=headers)


@pytest.mark.parametrize(("fields", "pointers"), FORMS.values(), ids=FORMS.keys())
async def test_what_is_wrong_with_a_form_is_named(
    storefront: AsyncClient, fields: dict[str, bytes], pointers: set[str]
) -> None:
    answer = await sent(storefront, await filed(storefront), form(list(fields.items())))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    assert {fault["pointer"] for fault in answer.json()["errors"]} == pointers


async def test_one_request_brings_one_file(storefront: AsyncClient) -> None:
    answer = await sent(storefront, await filed(storefront), form([("file", b"one"), ("file", b"two")]))
    assert [fault["detail"] for fault in answer.json()["errors"]] == ["said more than once"]


async def test_a_form_of_very_many_parts_is_not_read_to_its_end(storefront: AsyncClient) -> None:
    answer = await sent(storefront, await filed(storefront), form([("x", b"")] * 50_000))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.json()["detail"] == "A form has at most 100 parts."


async def test_a_document_needs_its_kind(storefront: AsyncClient) -> None:
    case = await filed(storefront)
    answer = await upload(storefront, case, b"%PDF-1.7", "application/pdf")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/kind"]
    answer = await upload(storefront, case, b"%PDF-1.7", "application/pdf", kind="invoice")
    assert (answer.status_code, answer.json()["evidence"]["kind"]) == (201, "invoice")


HALVES = [b"", b"--b", b"--b--", form([("file", PICTURE)])[:-5], b"--c\r\n", b"\0" * 100, b"--b\r\nno header\r\n\r\n"]


@pytest.mark.parametrize(
    "body", [*HALVES, b"--b\r\nX: " + b"y" * 9000 + b"\r\n\r\n--b--\r\n", b"--b\r\n\r\nx\r\n--b--"]
)
async def test_what_is_no_form_is_malformed(storefront: AsyncClient, body: bytes) -> None:
    answer = await sent(storefront, await filed(storefront), body)
    assert (answer.status_code, answer.json()["code"]) in ((400, "malformed"), (422, "invalid")), answer.text


@pytest.mark.parametrize("label", ["application/json", "multipart/form-data", "multipart/mixed; boundary=b", "x"])
async def test_only_a_form_is_read(storefront: AsyncClient, label: str) -> None:
    answer = await sent(storefront, await filed(storefront), form([("file", PICTURE)]), label)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_only_who_posts_events_may_upload(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    for role in ("storefront", "platform", "ops", "auditor", "admin"):
        status = (await upload(house.caller(role), case)).status_code
        assert status == (201 if role in ("storefront", "platform") else 403), role
    assert (await upload(house.caller(None), case)).status_code == 401
    assert (await house.caller("admin").get(f"/v1/cases/{case['case_id']}/evidence/{DIGEST}")).status_code == 403


async def test_a_case_that_is_not_there_takes_no_file(storefront: AsyncClient, folder: Path) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    assert (await upload(storefront, {"case_id": nobody})).status_code == 404
    assert not (folder / nobody).exists()


async def test_a_body_that_does_not_come_is_given_up(storefront: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await filed(storefront)
    monkeypatch.setattr(bodies, "BODY_WAIT_S", 0.2)

    async def slow() -> Any:
        yield b"--b\r\n"
        await asyncio.Event().wait()

    answer = await storefront.post(
        f"/v1/cases/{case['case_id']}/evidence",
        content=slow(),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")


async def test_a_store_that_is_away_is_a_problem_to_come_back_for(
    settings: Settings, prepared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, and nobody listens
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setattr(evidence, "TRIES_S", 1)
        away = settings.model_copy(update={"evidence_url": "s3://bucket/evidence", "data_dir": tmp_path / "none"})
        async with open_house(away, prepared) as house:
            storefront = house.caller("storefront")
            answer = await upload(storefront, await filed(storefront))
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert answer.headers["retry-after"]
    assert not (tmp_path / "none").exists()


async def test_where_there_is_no_room_for_a_file_on_its_way_the_database_is_not_said_to_be_away(
    storefront: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await filed(storefront)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    answer = await upload(storefront, case, PICTURE + bytes(IN_MEMORY_MAX))
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert answer.json()["detail"].startswith("There is no room here")


async def brought(storefront: AsyncClient, content: bytes) -> dict[str, Any]:
    """The reference of a file that is named by evidence."""
    case = await filed(storefront)
    reference: dict[str, Any] = (await upload(storefront, case, content)).json()["evidence"]
    assert (await named(storefront, case, reference)).status_code == 201
    return reference


def at(folder: Path, reference: dict[str, Any]) -> Path:
    """Where the file lies in the folder."""
    *_, case_id, _, sha256 = str(reference["uri"]).split("/")
    return folder / case_id / sha256 / "image" / "png"


async def test_a_file_that_somebody_altered_is_not_given(storefront: AsyncClient, folder: Path) -> None:
    reference = await brought(storefront, PICTURE)
    at(folder, reference).write_bytes(PICTURE[:-1] + b"?")
    answer = await storefront.get(reference["uri"])
    assert (answer.status_code, answer.json()["code"]) == (500, "file_altered")


async def test_a_large_file_that_somebody_altered_is_never_given_whole(caselog: Serving) -> None:
    headers = {"Authorization": "Bearer dev-storefront"}
    async with AsyncClient(base_url=caselog.url, headers=headers) as storefront:
        reference = await brought(storefront, PICTURE * 100)
        assert (await storefront.get(reference["uri"])).content == PICTURE * 100
        file = at(caselog.data / "evidence", reference)
        file.write_bytes(b"?" + PICTURE[1:] + PICTURE * 99)
        with pytest.raises(RemoteProtocolError, match="without sending complete message body"):
            await storefront.get(reference["uri"])
        file.write_bytes(PICTURE * 100)  # others verify what lies here
        assert (await storefront.get(reference["uri"])).content == PICTURE * 100
        assert (await storefront.get("/v1/policies")).status_code == 200


def test_a_store_that_forgets_is_not_opened() -> None:
    for url in ("memory:///", "http://files.example/", "nonsense", "s3:"):
        with pytest.raises(SystemExit, match="CASELOG_EVIDENCE_URL"):
            evidence.open_store(url, Path("unused"), bytes_max=1, media_types=("image/png",))


def test_types_that_are_none_are_refused_at_the_start() -> None:
    assert "image/png" in Settings(evidence_types=EVIDENCE_TYPES).evidence_media_types
    for said in ("", "image", "image/png,,", "image/*", "../../etc"):
        with pytest.raises(ValueError, match="media types"):
            Settings(evidence_types=said)


KEEPING = """
import asyncio, hashlib, io, os, sys, uuid
from pathlib import Path
from case_api.evidence.store import EvidenceFile, open_store

async def keep() -> None:
    store = open_store(None, Path(sys.argv[1]), bytes_max=1, media_types=())
    most = os.urandom(10_000_000)
    hashed = hashlib.sha256(most)
    while True:  # another file each time, made quickly: nearly always one is being kept
        rest, digest = os.urandom(8), hashed.copy()
        digest.update(rest)
        content, sha256 = most + rest, digest.hexdigest()
        file = EvidenceFile(sha256=sha256, size=len(content), media_type="video/mp4")
        await store.keep(uuid.UUID(int=1), file, io.BytesIO(content))
        print(sha256, flush=True)

asyncio.run(keep())
"""


def test_a_kill_in_the_middle_leaves_no_half_file_to_be_seen(tmp_path: Path) -> None:
    halves: list[Path] = []
    for attempt in range(20):
        with subprocess.Popen((sys.executable, "-c", KEEPING, str(tmp_path)), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            acknowledged = [process.stdout.readline().decode().strip()]
            time.sleep(0.01 * (attempt + 1))
            process.kill()
            acknowledged += process.stdout.read().decode().split()
        halves = [path for path in tmp_path.rglob("*#*") if path.is_file()]
        kept = asyncio.run(_kept(tmp_path))
        assert set(acknowledged) <= set(kept)
        for sha256, content in kept.items():
            assert hashlib.sha256(content).hexdigest() == sha256
        if halves:
            break
    assert halves, "no kill came in the middle of a file"


async def _kept(folder: Path) -> dict[str, bytes]:
    """Every file that the store shows of the one case."""
    store, case_id = evidence.open_store(None, folder, bytes_max=1, media_types=()), UUID(int=1)
    found = {}
    for sha256 in (path.name for path in (folder / str(case_id)).iterdir()):
        file = await store.find(case_id, sha256)
        if file is not None:
            found[sha256] = b"".join([chunk async for chunk in await store.content(case_id, file)])
            assert file.size == len(found[sha256])
    return found


async def test_by_default_every_worker_reads_what_another_one_kept(caselog: Serving) -> None:
    headers = {"Authorization": "Bearer dev-storefront"}
    for _ in range(5):
        async with AsyncClient(base_url=caselog.url, headers=headers) as storefront:
            case = await filed(storefront)
            reference = (await upload(storefront, case)).json()["evidence"]
            assert (await named(storefront, case, reference)).status_code == 201
        async with AsyncClient(base_url=caselog.url, headers=headers) as another:
            assert (await another.get(reference["uri"])).content == PICTURE
    assert (caselog.data / "evidence").is_dir()


async def the_shop(house: House, prepared: Database) -> AsyncClient:
    """A key that is shown merchant m-1's cases, as that merchant."""
    connection = await asyncpg.connect(prepared.app)
    await teach(connection)
    _, secret = await keys.create(connection, client="shop", name="shop", role="storefront", merchants=["m-1"])
    await connection.close()
    return house.with_key(secret)


async def test_nor_is_it_told_of_it_by_a_ruling_that_is_put_right_or_by_a_note_it_missed(
    house: House, prepared: Database
) -> None:
    storefront, platform, shop = house.caller("storefront"), house.caller("platform"), await the_shop(house, prepared)
    case = await filed(storefront)
    path = f"/v1/cases/{case['case_id']}"
    hidden = (await upload(storefront, case, PICTURE + b"hidden", visibility="platform")).json()["evidence"]
    assert (await named(storefront, case, hidden)).status_code == 201
    refused = await post(storefront, case, happened("merchant_replied", MERCHANT, decision="refuse", reason="不。"))
    assert refused.status_code == 201, refused.text
    ruling = happened(
        "ruled", outcome="rejected", rule="delivery_proved", reasons="写错。", evidence=[hidden["sha256"]]
    )
    ruled = await post(platform, case, ruling, if_match=(await platform.get(path)).headers["etag"])
    assert ruled.status_code == 201, ruled.text
    wrong = ruled.json()["events"][0]["event_id"]
    right = happened("corrected", event=wrong, fields={"reasons": "改正。"}, reason="写错。")
    assert (await post(platform, case, right)).status_code == 201
    assert (await post(platform, case, happened("noted", text="内部。", internal=True))).status_code == 201
    for more in ("", "/events", "/timeline", "/dossier"):
        assert hidden["sha256"] in (await platform.get(path + more)).text or more == "/timeline"
        assert hidden["sha256"] not in (await shop.get(path + more)).text
    message = happened("messaged", MERCHANT, text="在吗？")
    stale = await shop.post(f"{path}/events", json=message, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    told = [one["type"] for one in stale.json()["missed"]]
    assert "corrected" in told
    assert "noted" not in told


async def test_a_merchants_key_is_not_given_what_only_the_platform_may_see(house: House, prepared: Database) -> None:
    storefront, shop = house.caller("storefront"), await the_shop(house, prepared)
    case = await filed(storefront)
    for visibility, status in (("platform", 404), ("both", 200)):
        stored = (await upload(storefront, case, PICTURE + visibility.encode(), visibility=visibility)).json()
        assert (await named(storefront, case, stored["evidence"])).status_code == 201
        assert (await shop.get(stored["evidence"]["uri"])).status_code == status
        assert (await house.caller("ops").get(stored["evidence"]["uri"])).status_code == 200
