"""`caselog policies simulate`: recorded cases under another policy, through the ledger and without any key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from case_events.policies import shipped
from tests.api.house import complaint
from tests.cli.desk import Desk
from tests.serving import Serving

STRICT = (
    ('version = "', 'version = "strict.'),
    ('reasons = ["not_received", "logistics_lost", ', 'reasons = ["logistics_lost", '),
)
"""Nobody complains any more that something just did not come."""


@pytest.fixture(scope="module")
def desk(caselog: Serving) -> Desk:
    return Desk(caselog)


@pytest.fixture(scope="module")
def case(caselog: Serving) -> dict[str, Any]:
    with_it = {"Authorization": "Bearer dev-storefront"}
    answer = httpx.post(f"{caselog.url}/v1/cases", json=complaint(), headers=with_it, timeout=30)
    assert answer.status_code == 201, answer.text
    filed: dict[str, Any] = answer.json()
    return filed


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    text = next(one for one in shipped() if 'marketplace = "taobao"' in one)
    for written, instead in STRICT:
        assert written in text
        text = text.replace(written, instead, 1)
    file = tmp_path / "strict.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_differs_is_summed_up_and_reported_case_by_case(
    desk: Desk, case: dict[str, Any], strict: Path, tmp_path: Path
) -> None:
    report = tmp_path / "differing.ndjson"
    asked = ("policies", "simulate", str(strict), "--case", case["case_id"])
    told = desk.types(*asked, "--report", str(report), "--json")
    assert told.code == 0, told.err
    said = told.json()
    assert said["policy"]["version"].startswith("strict.")
    assert (said["totals"]["cases"], said["totals"]["differing"]) == (1, 1)
    (line,) = [json.loads(one) for one in report.read_text(encoding="utf-8").splitlines()]
    assert (line["case_id"], line["simulated"], line["differences"]) == (case["case_id"], None, ["filing"])
    shown = desk.types(*asked)
    assert shown.code == 0
    for words in (
        "1 cases of taobao: 1 would go otherwise, 0 differ in due times alone",
        case["number"],
        "waiting_for_merchant",
        "not filed",
        "filed (invalid)",
    ):
        assert words in shown.out


def test_under_a_policy_that_is_kept_nothing_differs(desk: Desk, case: dict[str, Any]) -> None:
    told = desk.types("policies", "simulate", "taobao@2026.6", "--type", case["type"], "--json")
    assert told.code == 0, told.err
    assert told.json()["totals"]["cases"] >= 1
    assert told.json()["totals"]["differing"] == 0


def test_a_policy_with_faults_or_that_is_not_kept_is_refused(desk: Desk, strict: Path) -> None:
    strict.write_text(strict.read_text(encoding="utf-8").replace('currency = "CNY"', 'currency = "yuan"'), "utf-8")
    told = desk.types("policies", "simulate", str(strict))
    assert (told.code, "currency" in told.err) == (1, True)
    for unknown, code in (("taobao@1999.1", 1), ("nothing.toml", 2)):
        assert desk.types("policies", "simulate", unknown).code == code


def test_what_cannot_be_understood_is_said_so(desk: Desk, case: dict[str, Any]) -> None:
    asked = ("policies", "simulate", "taobao@2026.6")
    assert desk.types(*asked, "--case", case["case_id"], "--type", "quality").code == 2
    assert desk.types(*asked, "--filed-from", "yesterday").code == 2
    assert desk.types(*asked, "--report", "/nowhere/at/all").code == 2


def test_where_there_is_no_such_case_that_is_said(desk: Desk) -> None:
    told = desk.types("policies", "simulate", "taobao@2026.6", "--filed-before", "2001-01-01T00:00:00Z")
    assert (told.code, "no such case" in told.err) == (1, True)
