"""`caselog export` as somebody types it: whole or not at all said so, and taken up where it was cut off."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest

from case_api.cli import wire
from case_api.cli.outcomes import Denied, Silence
from tests.api.house import complaint
from tests.cli.desk import Desk
from tests.serving import Serving

exporting = import_module("case_api.cli.export")
"""The module; the name in its package is the command's."""
CUT = None
"""Stands in an answer where the line breaks."""


@pytest.fixture(scope="module")
def desk(caselog: Serving) -> Desk:
    return Desk(caselog)


def test_everything_is_written_in_either_form_and_goes_on_where_it_is_told_to(
    caselog: Serving, desk: Desk, tmp_path: Path
) -> None:
    merchant = f"m-{os.urandom(6).hex()}"
    for place in range(3):
        body = complaint(respondent={"role": "merchant", "id": merchant}, external_ref='=1,"2"\n3')
        body["order"]["order_id"] = f"{merchant}-{place}"
        headers = {"Authorization": "Bearer dev-storefront"}
        assert httpx.post(f"{caselog.url}/v1/cases", json=body, headers=headers, timeout=30).status_code == 201
    told = desk.types("export", "--merchant-id", merchant)
    assert (told.code, told.err) == (0, "caselog: 3 cases\n")
    items = [json.loads(line) for line in told.out.splitlines()]
    file = tmp_path / "cases.csv"
    assert desk.types("export", "--merchant-id", merchant, "--format", "csv", "-o", str(file)).code == 0
    table = list(csv.DictReader(io.StringIO(file.read_text(), newline="")))
    assert [row["case_id"] for row in table] == [one["case_id"] for one in items]
    rest = desk.types("export", "--merchant-id", merchant, "--format", "csv", "--after", items[1]["case_id"])
    assert rest.out.startswith(f'"{items[2]["case_id"]}",'), "without its first line, to be written behind the others"
    assert desk.types("export", "--full", "--format", "csv").code == 1
    assert desk.types("export", "--status", "lost").code == 1
    assert desk.types("export", "-o", str(tmp_path)).code == 2
    assert desk.types("export", key="admin").code == 1


def answers(monkeypatch: pytest.MonkeyPatch, *said: list[Any]) -> list[dict[str, str | None]]:
    """The service answers so, one answer after the other; what it was asked."""
    asked: list[dict[str, str | None]] = []
    left = list(said)

    def stream(_: str, **params: str | None) -> Iterator[bytes]:
        asked.append(params)
        for piece in left.pop(0):
            if piece is CUT:
                raise Silence("cut off")
            if isinstance(piece, Denied):
                raise piece
            yield piece

    monkeypatch.setattr(wire, "stream", stream)
    monkeypatch.setattr(exporting, "AGAIN_S", 0.0)
    return asked


def test_cut_off_it_goes_on_by_itself_after_the_last_whole_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    busy = Denied({"code": "too_many_requests"}, 429)
    head, rows = b'"case_id","x"\r\n', [b'"a","1\r\n2"\r\n', b'"b","2"\r\n', b'"c","3"\r\n']
    first = head + rows[0] + rows[1]
    asked = answers(monkeypatch, [CUT], [first[:15], first[15:], b'c,"3', CUT], [busy], [head, rows[2]])
    exporting.export(form="csv", output=tmp_path / "x", full=False)
    assert (tmp_path / "x").read_bytes() == head + b"".join(rows)
    assert [one["after"] for one in asked] == [None, None, "b", "b"]


@pytest.mark.parametrize(
    ("filters", "said"),
    [({}, "cut off after 1 cases; to go on: --after a"), ({"due_before": "x"}, "1 cases; it has to begin anew")],
)
def test_given_up_it_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, filters: Any, said: str
) -> None:
    monkeypatch.setattr(exporting, "SILENT_S_MAX", -1.0)
    answers(monkeypatch, [b'{"case_id":"a"}\n{"case', CUT])
    with pytest.raises(Silence):
        exporting.export(form="ndjson", output=tmp_path / "x", full=False, **filters)
    assert said in capsys.readouterr().err
    assert (tmp_path / "x").read_bytes() == b'{"case_id":"a"}\n'


def test_what_goes_on_after_a_case_is_written_behind_what_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file, after = tmp_path / "x", UUID(int=7)
    file.write_bytes(b"what was there\n")
    asked = answers(monkeypatch, [b'{"case_id":"b"}\n'])
    exporting.export(form="ndjson", output=file, full=False, after=after)
    assert (file.read_bytes(), asked[0]["after"]) == (b'what was there\n{"case_id":"b"}\n', str(after))


def test_who_was_heard_of_a_moment_ago_is_tried_again_however_long_it_has_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = [0.0]

    def slow(case_id: str) -> Iterator[bytes]:
        now[0] += 0.9 * exporting.SILENT_S_MAX
        yield b'{"case_id":"%s"}\n' % case_id.encode()
        raise Silence("cut off")

    left = [slow("a"), slow("b"), iter([b'{"case_id":"c"}\n'])]
    monkeypatch.setattr(wire, "stream", lambda *_, **__: left.pop(0))
    monkeypatch.setattr(exporting, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=lambda _: None))
    exporting.export(form="ndjson", output=tmp_path / "x", full=False)
    assert len((tmp_path / "x").read_bytes().splitlines()) == 3
