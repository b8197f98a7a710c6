"""`caselog scheduler` as an operator types it, against a whole running Caselog."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from case_events.core.values import Instant
from tests.cli.desk import Desk
from tests.serving import Serving

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def desk(caselog: Serving) -> Desk:
    return Desk(caselog)


def ago(hours: float) -> str:
    return Instant.of(datetime.now(UTC) - timedelta(hours=hours)).rfc3339()


def test_a_hold_is_placed_seen_and_released_and_the_journal_says_who_and_why(desk: Desk) -> None:
    scope = ("--marketplace", "taobao", "--merchant", "m-of-the-cli", "--kind", "appeal")
    made = desk.types("scheduler", "hold", *scope, "--for", "PT10M", "--reason", "商家系统故障。")
    assert made.code == 0, made.err
    assert "taobao m-of-the-cli appeal until" in made.out
    assert "Who wins stays the same" in made.out
    (hold,) = [
        one
        for one in desk.types("scheduler", "holds", "--json").json()["items"]
        if one["merchant_id"] == "m-of-the-cli"
    ]
    assert hold["id"] in desk.types("scheduler", "holds").out
    status = desk.types("scheduler", "status")
    assert status.code == 0, status.err
    assert "商家系统故障。 (dev/dev-ops)" in status.out
    over = desk.types("scheduler", "release", hold["id"], "--reason", "已恢复。")
    assert (over.code, "released" in over.out) == (0, True), over.err
    assert hold["id"] not in desk.types("scheduler", "holds").out
    assert hold["id"] in desk.types("scheduler", "holds", "--all").out
    entries = desk.types("scheduler", "journal", "--limit", "200", "--json").json()["items"]
    told = [one for one in entries if one["data"].get("hold") == hold["id"]]
    assert [(one["what"], one["who"]) for one in told] == [
        ("hold_released", "dev/dev-ops"),
        ("hold_placed", "dev/dev-ops"),
    ]
    assert "hold_placed" in desk.types("scheduler", "journal").out


def test_an_outage_is_put_on_record_and_reported(desk: Desk) -> None:
    made = desk.types("scheduler", "outage", "--from", ago(900), "--to", ago(899), "--reason", "机房断电。", "--json")
    assert made.code == 0, made.err
    outage = made.json()["outage"]["id"]
    assert outage in desk.types("scheduler", "outages").out
    report = desk.types("scheduler", "outages", outage)
    assert "0 timeouts written late, 0 of them due in it; 0 not written yet" in report.out
    assert desk.types("scheduler", "outages", outage, "--cases").out == ""
    listed = desk.types("scheduler", "outages", "--json").json()["items"]
    assert outage in [one["id"] for one in listed]


@pytest.mark.parametrize(
    ("said", "code", "why"),
    [
        (("hold", "--all", "--reason", "x"), 2, "one of --until and --for"),
        (("hold", "--all", "--for", "PT1H"), 2, "--reason"),
        (("hold", "--for", "PT1H", "--reason", "x"), 1, "say all: true to hold everything there is"),
        (("outages", "--cases"), 2, "--cases is of one outage"),
        (("outages", NOBODY), 1, "There is no such outage on record"),
        (("release", NOBODY, "--reason", "x"), 1, "There is no such hold"),
        (("outage", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z", "--reason", "x"), 1, "began_at"),
    ],
)
def test_what_cannot_be_done_is_said(desk: Desk, said: tuple[str, ...], code: int, why: str) -> None:
    told = desk.types("scheduler", *said)
    assert (told.code, why in told.err) == (code, True), told.err


def test_who_may_only_read_places_nothing(desk: Desk) -> None:
    told = desk.types("scheduler", "hold", "--all", "--for", "PT1H", "--reason", "x", key="auditor")
    assert told.code == 1
    assert "forbidden" in told.err
    assert desk.types("scheduler", "holds", key="auditor").code == 0
