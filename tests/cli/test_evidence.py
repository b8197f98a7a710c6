"""`caselog evidence`: a file that is not what was brought is found, and one that nobody named is collected."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.house import complaint
from tests.cli.desk import Desk
from tests.serving import Serving

DAY_S = 86_400
BUYER = {"role": "buyer", "id": "b-1"}


@pytest.fixture(scope="module")
def desk(caselog: Serving) -> Desk:
    return Desk(caselog)


class Storefront:
    """Uploads files under a case of its own, and looks where they lie."""

    def __init__(self, http: httpx.Client, folder: Path) -> None:
        self._http = http
        body = complaint()
        body["order"] = {**body["order"], "order_id": f"cli-{os.urandom(6).hex()}"}
        filed = self._http.post("/v1/cases", json=body, headers={"Idempotency-Key": str(uuid4())})
        assert filed.status_code == 201, filed.text
        self.case_id: str = filed.json()["case_id"]
        self._folder = folder

    def upload(self, content: bytes, media_type: str = "image/png") -> dict[str, Any]:
        files = {"file": ("picture", content, media_type)}
        answer = self._http.post(f"/v1/cases/{self.case_id}/evidence", files=files)
        assert answer.status_code == 201, answer.text
        reference: dict[str, Any] = answer.json()["evidence"]
        return reference

    def brings(self, *evidence: dict[str, Any]) -> None:
        body = {"type": "evidence_submitted", "actor": BUYER, "data": {"evidence": evidence}}
        path, headers = f"/v1/cases/{self.case_id}/events", {"Idempotency-Key": str(uuid4())}
        answer = self._http.post(path, json=body, headers=headers)
        assert answer.status_code == 201, answer.text

    def at(self, content: bytes) -> Path:
        return self._folder / self.case_id / hashlib.sha256(content).hexdigest() / "image" / "png"


@pytest.fixture
def storefront(caselog: Serving) -> Iterator[Storefront]:
    headers = {"Authorization": "Bearer dev-storefront"}
    with httpx.Client(base_url=caselog.url, headers=headers, timeout=30) as http:
        yield Storefront(http, caselog.data / "evidence")


def test_every_file_is_read_and_what_lies_elsewhere_is_counted(desk: Desk, storefront: Storefront) -> None:
    """The complaint itself has a photo that lies elsewhere."""
    small, large = os.urandom(1_000), os.urandom(3_000_000)
    elsewhere = {"kind": "photo", "uri": "https://shop.example/1.png", "sha256": "0" * 64}
    storefront.brings(storefront.upload(small), elsewhere)
    storefront.brings(storefront.upload(large))
    verified = desk.types("evidence", "verify", "--case", storefront.case_id, "--json")
    assert verified.code == 0, verified.err
    nothing = {"findings": [], "more": 0}
    assert verified.json() == {"cases": 1, "files": 2, "bytes": 3_001_000, "elsewhere": 2, **nothing}
    assert desk.types("evidence", "verify").code == 0


def test_a_changed_and_a_lost_file_are_found_where_they_were_brought(
    desk: Desk, storefront: Storefront, tmp_path: Path
) -> None:
    contents = {name: os.urandom(400_000) for name in ("kept", "changed", "lost")}
    for content in contents.values():
        storefront.brings(storefront.upload(content))
    storefront.at(contents["changed"]).write_bytes(contents["changed"][:-1])
    storefront.at(contents["lost"]).unlink()
    report = tmp_path / "report.json"
    verified = desk.types("evidence", "verify", "--case", storefront.case_id, "--jobs", "1", "--report", str(report))
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    assert verified.code == 1
    assert verified.out.splitlines() == [
        f"case {storefront.case_id} version 3: the file is not the one that was brought: {digests['changed']}",
        f"case {storefront.case_id} version 4: the file is not in the store: {digests['lost']}",
        "3 files (0.4 MiB) of 1 cases verified, 1 more lie elsewhere: 2 findings",
    ]
    assert digests["changed"] in report.read_text()
    storefront.at(contents["changed"]).write_bytes(contents["changed"])
    storefront.upload(contents["lost"])
    assert desk.types("evidence", "verify", "--case", storefront.case_id).code == 0


def test_a_case_that_is_not_there_is_said(desk: Desk) -> None:
    nobody = str(uuid4())
    verified = desk.types("evidence", "verify", "--case", nobody)
    assert (verified.code, verified.out.splitlines()[0]) == (1, f"case {nobody}: there is no such case")


def test_a_selection_that_chooses_nothing_is_no_proof(desk: Desk) -> None:
    verified = desk.types("evidence", "verify", "--merchant", "m-mistyped")
    assert (verified.code, "nothing was verified" in verified.err) == (1, True), verified


def test_a_store_that_is_away_is_silence(desk: Desk, storefront: Storefront, tmp_path: Path) -> None:
    storefront.brings(storefront.upload(b"\x89PNG" + os.urandom(9)))
    (tmp_path / "evidence").write_bytes(b"no folder")
    verified = desk.types("evidence", "verify", settings={"CASELOG_EVIDENCE_URL": f"file://{tmp_path}/evidence"})
    assert (verified.code, verified.out) == (3, "")
    assert "The evidence store is away" in verified.err


def test_what_nobody_named_is_collected_once_it_is_old(desk: Desk, storefront: Storefront) -> None:
    named, fresh, old = os.urandom(100), os.urandom(200), os.urandom(300)
    storefront.brings(storefront.upload(named))
    for content in (fresh, old):
        storefront.upload(content)
    half = storefront.at(old).with_name("png#1")
    half.write_bytes(b"half")
    stranger = storefront.at(old).parents[3] / str(uuid4()) / hashlib.sha256(old).hexdigest() / "image" / "png"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(old)
    long_ago = time.time() - 31 * DAY_S
    for path in (storefront.at(named), storefront.at(old), half, stranger):
        os.utime(path, (long_ago, long_ago))
    again = os.urandom(400)
    storefront.upload(again)
    os.utime(storefront.at(again), (long_ago, long_ago))
    storefront.upload(again)  # acknowledged once more: it is as young as that
    would = desk.types("evidence", "collect", "--dry-run", "--json").json()
    expected = {"looked_at": 4, "files": 2, "bytes": 304, "halves": 1, "unknown": 1}
    assert would == {**expected, "dry_run": True}
    assert storefront.at(old).exists()
    done = desk.types("evidence", "collect")
    assert (done.code, done.out.splitlines()) == (
        0,
        [
            "2 of 4 old files (0.0 MiB) deleted, 1 of them halves of uploads that never ended",
            "1 lie under what is no readable case here, and stay",
        ],
    )
    assert [path.exists() for path in (storefront.at(named), storefront.at(fresh), storefront.at(old), half)] == [
        True,
        True,
        False,
        False,
    ]
    assert stranger.exists()
    assert storefront.at(again).read_bytes() == again
    assert desk.types("evidence", "verify", "--case", storefront.case_id).code == 0
