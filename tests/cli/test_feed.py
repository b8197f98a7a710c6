"""`caselog feed` as an operator types it, beside a whole running Caselog."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from importlib import import_module

import httpx
import pytest

from case_api.cli import wire
from case_api.cli.outcomes import Denied, Silence
from tests.api.house import complaint
from tests.cli.desk import COMMAND, Desk
from tests.serving import Serving

feeding = import_module("case_api.cli.feed")
"""The module; the name in its package is the command's."""
SOON_S = 30.0


@pytest.fixture(scope="module")
def desk(caselog: Serving) -> Desk:
    return Desk(caselog)


def filed(caselog: Serving) -> str:
    headers = {"Authorization": "Bearer dev-storefront"}
    body = complaint()
    body["order"]["order_id"] = f"feed-{os.urandom(6).hex()}"
    answer = httpx.post(f"{caselog.url}/v1/cases", json=body, headers=headers, timeout=30)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_id"])


def test_what_comes_is_printed_as_it_comes(caselog: Serving) -> None:
    environment = {**os.environ, "CASELOG_URL": caselog.url, "CASELOG_KEY": "dev-ops"}
    typed = (*COMMAND, "feed", "--after", "now", "--follow", "--json", "--types", "filed")
    with subprocess.Popen(typed, env=environment, stdout=subprocess.PIPE, text=True) as following:
        giving_up = threading.Timer(2 * SOON_S, following.kill)
        giving_up.start()
        assert following.stdout is not None
        first = list[str]()
        reading = threading.Thread(target=lambda: first.append(following.stdout.readline()), daemon=True)  # type: ignore[union-attr]
        reading.start()
        cases = set[str]()
        while reading.is_alive() and len(cases) < 30:
            cases.add(filed(caselog))
            reading.join(1)
        following.kill()
        giving_up.cancel()
    assert json.loads(first[0])["subject"] in cases


def test_it_is_printed_for_people_and_for_machines(caselog: Serving, desk: Desk) -> None:
    case_id = filed(caselog)
    headers = {"Authorization": "Bearer dev-ops"}
    with httpx.stream("GET", f"{caselog.url}/v1/events/stream", headers=headers, timeout=SOON_S) as answer:
        for line in answer.iter_lines():
            if case_id in line:
                break
    told = desk.types("feed", "--json", "--types", "filed")
    assert told.code == 0, told.err
    items = [json.loads(line) for line in told.out.splitlines()]
    (ours,) = (one for one in items if one["subject"] == case_id)
    shown = desk.types("feed", "--after", str(ours["position"] - 1))
    assert f"{ours['position']}  " in shown.out.splitlines()[0]
    assert f"{case_id} v1  filed by complainant" in shown.out.splitlines()[0]


def test_what_cannot_be_asked_is_said(desk: Desk) -> None:
    assert desk.types("feed", "--after", "then").code == 2
    unknown = desk.types("feed", "--types", "vanished")
    assert unknown.code == 1
    assert "vanished" in unknown.err


def test_a_stream_that_is_cut_off_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece of an event that was cut off is forgotten, and a position counts without an event, too."""
    asked: list[tuple[str | None, str | None]] = []
    answers: list[tuple[list[bytes], Exception | None]] = [
        (
            [
                b'id: 6\ndata: {"position": 6, "hash": "6"}\n\nid: 7\nda',
                b'ta: {"position": 7, "hash": "7"}\n\nid: 8\nda',
            ],
            Silence("cut off"),
        ),
        ([b'id: 8\ndata: {"position": 8, "hash": "8"}\n\nid: 20\n\n'], None),
        ([], Denied({"code": "rate_limited"}, 429)),
        ([b'id: 21\ndata: {"position": 21, "hash": "21"}\n\n'], Denied({"code": "forbidden"}, 403)),
    ]

    def stream(_: str, **params: str | None) -> Iterator[bytes]:
        asked.append((params["after"], params["seen"]))
        pieces, fault = answers[len(asked) - 1]
        yield from pieces
        if fault is not None:
            raise fault

    monkeypatch.setattr(wire, "stream", stream)
    monkeypatch.setattr(feeding, "AGAIN_S", 0.0)
    coming = feeding._coming("5", None, "4.4")
    assert [next(coming)["position"] for _ in range(4)] == [6, 7, 8, 21]
    with pytest.raises(Denied):
        next(coming)
    assert asked == [("5", "4.4"), ("7", "7.7"), ("20", "8.8"), ("20", "8.8")]
    monkeypatch.setattr(feeding, "SILENT_S_MAX", -1.0)
    asked.clear()
    with pytest.raises(Silence):
        list(feeding._coming("5", None, "4.4"))
