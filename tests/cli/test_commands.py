"""The command line as an operator types it, against a whole running Caselog."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest

from tests.api.house import complaint
from tests.cli.desk import Desk
from tests.serving import Serving, free_port

OPENED = "2026-03-02T02:00:00Z"
REPLY_DUE = "2026-03-05 02:00:00 UTC"


@pytest.fixture(scope="module")
def desk(caselog: Serving) -> Desk:
    return Desk(caselog)


@pytest.fixture(scope="module")
def clock(desk: Desk) -> str:
    """A test clock, made by the command."""
    made = desk.types("clock", "create", "--at", OPENED, "--json", key="admin")
    assert made.code == 0, made.err
    assert made.json()["status"] == "ready"
    return str(made.json()["id"])


@pytest.fixture
def case(caselog: Serving, clock: str) -> str:
    """A complaint filed under that clock."""
    body = complaint(test_clock=clock)
    body["order"] = {
        **body["order"],
        "order_id": f"cli-{os.urandom(6).hex()}",
        "created_at": "2026-02-20T04:00:00Z",
        "paid_at": "2026-02-20T04:10:00Z",
        "succeeded_at": "2026-02-28T04:00:00Z",
    }
    headers = {"Authorization": "Bearer dev-storefront"}
    filed = httpx.post(f"{caselog.url}/v1/cases", json=body, headers=headers, timeout=30)
    assert filed.status_code == 201, filed.text
    return str(filed.json()["case_id"])


def test_a_clock_is_listed_asked_frozen_and_deleted_from_the_terminal(desk: Desk) -> None:
    made = desk.types("clock", "create", "--at", OPENED, "--name", "nightly", "--json", key="admin").json()
    clock = str(made["id"])
    assert made["name"] == "nightly"
    listed = desk.types("clock", "list", key="admin")
    assert (clock in listed.out, "nightly" in listed.out) == (True, True), listed.err
    assert clock in [one["id"] for one in desk.types("clock", "list", "--limit", "200", "--json", key="admin").json()]
    due = desk.types("clock", "due", clock, "--before", "2026-03-09T02:00:00Z", "--json", key="admin")
    assert due.json() == []
    assert f"{clock}  frozen" in desk.types("clock", "freeze", clock, key="admin").out
    refused = desk.types("clock", "advance", clock, "--by", "PT1H", key="admin")
    assert (refused.code, "clock_frozen" in refused.err) == (1, True)
    assert f"{clock}  ready" in desk.types("clock", "unfreeze", clock, key="admin").out
    for _ in range(2):
        assert f"{clock}  deleted" in desk.types("clock", "delete", clock, key="admin").out
    assert desk.types("clock", "show", clock, key="admin").code == 1


def test_a_case_is_shown_with_who_is_next_and_until_when(desk: Desk, case: str) -> None:
    told = desk.types("case", "show", case)
    assert told.code == 0, told.err
    assert "waiting_for_merchant" in told.out
    assert f"until {REPLY_DUE}" in told.out
    assert desk.types("case", "show", case, "--json").json()["case_id"] == case


def test_an_instant_is_told_in_local_time_and_utc(desk: Desk, case: str) -> None:
    told = desk.types("case", "show", case, settings={"TZ": "Asia/Shanghai"})
    assert f"until 2026-03-05 10:00:00 CST ({REPLY_DUE})" in told.out


def test_the_timeline_is_told_in_either_language(desk: Desk, case: str) -> None:
    chinese, english = (desk.types("case", "timeline", case, "--lang", lang) for lang in ("zh", "en"))
    assert (chinese.code, english.code) == (0, 0)
    assert "下一步" in chinese.out
    assert "商家" in chinese.out
    assert "Next: " in english.out
    assert "merchant" in english.out


def test_the_dossier_is_written_to_a_file_as_it_is_sent(desk: Desk, case: str, tmp_path: Path) -> None:
    file = tmp_path / "dossier.html"
    written = desk.types("case", "dossier", case, "--format", "html", "-o", str(file))
    assert written.code == 0, written.err
    assert str(file) in written.out
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert desk.types("case", "dossier", case, "--format", "json").json()["case_id"] == case
    nowhere = desk.types("case", "dossier", case, "-o", str(tmp_path / "no" / "folder"))
    assert (nowhere.code, nowhere.out) == (2, "")
    unknown = desk.types("case", "dossier", "00000000-0000-4000-8000-000000000000", "-o", str(file))
    assert (unknown.code, unknown.out) == (1, "")
    assert "not_found" in unknown.err


def test_the_desk_notes_assigns_and_links_from_the_terminal(desk: Desk, case: str) -> None:
    for name, data in (
        ("noted", {"text": "已电话核实。"}),
        ("assigned", {"department": "customer_service", "agent": "a-7"}),
        ("linked", {"group": "00000000-0000-4000-8000-000000000009", "by": "merchant"}),
    ):
        posted = desk.types("post", case, name, "--data", json.dumps(data))
        assert posted.code == 0, (name, posted.err)
        assert f"{name} by platform" in posted.out
    assert desk.types("case", "show", case, "--json").json()["assignee"] == "a-7"


def test_the_raw_history_is_listed(desk: Desk, case: str) -> None:
    assert [one["type"] for one in desk.types("case", "events", case, "--json").json()["items"]] == ["filed"]


def test_a_step_is_rehearsed_then_posted_once_however_often_it_is_sent(desk: Desk, case: str) -> None:
    step = ("post", case, "merchant_replied", "--as", "merchant:m-1", "--data", '{"decision": "agree"}')
    rehearsed = desk.types(*step, "--dry-run", key="storefront")
    assert "Nothing was recorded" in rehearsed.out, rehearsed.err
    first = desk.types(*step, "--key", "cli-agreed", "--json", key="storefront")
    assert [one["type"] for one in first.json()["events"]] == ["merchant_replied", "settled"]
    again = desk.types(*step, "--key", "cli-agreed", key="storefront")
    assert again.code == 0, again.err
    assert "recorded before" in again.out
    assert desk.types("case", "show", case, "--json").json()["version"] == 3


def test_a_refusal_is_told_in_words_with_its_rule_and_exits_1(desk: Desk, case: str) -> None:
    step = ("post", case, "intervention_requested", "--as", "buyer:b-1", "--data", '{"reason": "商家不理我"}')
    refused = desk.types(*step, key="storefront")
    assert refused.code == 1
    assert refused.out == ""
    assert "not_yet" in refused.err
    assert "rule: taobao@" in refused.err
    assert "possible from: 2026-03-05 02:00:00 UTC" in refused.err
    machine = desk.types(*step, "--json", key="storefront")
    assert machine.code == 1
    assert machine.json()["code"] == "not_yet"


def test_what_was_read_can_be_named_and_a_stale_reading_is_refused(desk: Desk, case: str) -> None:
    step = ("post", case, "merchant_replied", "--as", "merchant:m-1", "--data", '{"decision": "agree"}')
    stale = desk.types(*step, "--if-match", "7", key="storefront")
    assert stale.code == 1
    assert "(stale)" in stale.err


def test_what_cannot_be_understood_exits_2(desk: Desk, case: str) -> None:
    for words in (
        ("post", case, "merchant_replied", "--data", "{"),
        ("post", case, "merchant_replied", "--as", "merchant"),
        ("case", "show", "not-a-uuid"),
        ("keys", "create", "--role", "king", "--client", "a", "--name", "b"),
        ("policies", "load"),
        ("clock", "advance", case),
        ("no-such-command",),
    ):
        ended = desk.types(*words)
        assert (ended.code, ended.out) == (2, ""), (words, ended)
        assert ended.err


def test_where_nothing_answers_it_exits_3_and_says_where(desk: Desk, case: str) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    ended = desk.types("case", "show", case, settings={"CASELOG_URL": nowhere})
    assert ended.code == 3
    assert nowhere in ended.err
    step = ("post", case, "merchant_replied", "--as", "merchant:m-1", "--data", '{"decision": "agree"}')
    lost = desk.types(*step, key="storefront", settings={"CASELOG_URL": nowhere})
    assert lost.code == 3
    assert "--key " in lost.err, "a post whose answer was lost can be sent again safely"


def test_a_clock_is_advanced_until_everything_due_has_fired(desk: Desk, caselog: Serving) -> None:
    made = desk.types("clock", "create", "--at", OPENED, "--json", key="admin").json()["id"]
    moved = desk.types("clock", "advance", made, "--by", "PT73H", key="admin")
    assert moved.code == 0, moved.err
    assert "ready" in moved.out
    assert "2026-03-05 03:00:00 UTC" in desk.types("clock", "show", made).out
    back = desk.types("clock", "advance", made, "--to", OPENED, key="admin")
    assert back.code == 1
    assert "/to: " in back.err


def test_the_queue_names_what_is_due_next(desk: Desk, case: str) -> None:
    said = desk.types("queue", "--json", "--due-before", "2026-03-06T00:00:00Z", "--limit", "200")
    assert said.code == 0, said.err
    due = [one["due_at"] for one in said.json()["items"]]
    assert due == sorted(due)
    assert case in {one["case_id"] for one in said.json()["items"]}
    told = desk.types("queue", "--due-before", "2026-03-06T00:00:00Z", "--limit", "200")
    assert case in told.out, told.err


def test_what_a_party_wrote_steers_no_terminal_and_looks_like_no_entry(desk: Desk, caselog: Serving, case: str) -> None:
    wrote = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\n3. 2026-03-02 02:00:00 UTC\n   The platform closed the case."
    buyer = {"role": "buyer", "id": "b-1"}
    happened = {"type": "messaged", "actor": buyer, "data": {"text": wrote}}
    headers = {"Authorization": "Bearer dev-storefront"}
    posted = httpx.post(f"{caselog.url}/v1/cases/{case}/events", json=happened, headers=headers, timeout=30)
    assert posted.status_code == 201, posted.text
    told = desk.types("case", "timeline", case).out
    assert not {sign for sign in told if not sign.isprintable()} - {"\n"}
    assert ("\\x1b]0;owned\\x07" in told, "\n3. " in told) == (True, False)
    told_to_machines = desk.types("case", "events", case, "--json")
    assert not {sign for sign in told_to_machines.out if not sign.isprintable()} - {"\n"}
    assert told_to_machines.json()["items"][-1]["data"]["text"] == wrote, "the very words"
