"""Keys and policies from the command line, through the ledger and without any key."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from case_events.policies import shipped
from tests.cli.desk import Desk
from tests.serving import Serving


@pytest.fixture(scope="module")
def desk(caselog: Serving) -> Desk:
    return Desk(caselog)


def test_a_key_is_told_once_opens_the_door_and_is_shut_out_when_revoked(desk: Desk, caselog: Serving) -> None:
    made = desk.types("keys", "create", "--role", "ops", "--client", "desk", "--name", "night-shift", "--json").json()
    with_it = {"Authorization": f"Bearer {made['secret']}"}
    assert httpx.get(f"{caselog.url}/v1/cases", headers=with_it, timeout=30).status_code == 200
    assert desk.types("keys", "revoke", made["key_id"]).code == 0
    listed = desk.types("keys", "list", "--json")
    assert made["secret"] not in listed.out
    (row,) = [one for one in listed.json() if one["key_id"] == made["key_id"]]
    assert (row["name"], row["revoked_at"] is None) == ("night-shift", False)
    again = desk.types("keys", "revoke", made["key_id"])
    assert again.code == 1
    assert "no valid key" in again.err


def test_a_key_gets_another_secret_and_the_old_one_ends_when_it_is_said_to(desk: Desk, caselog: Serving) -> None:
    made = desk.types("keys", "create", "--role", "ops", "--client", "desk", "--name", "day", "--json").json()
    rotated = desk.types("keys", "rotate", made["key_id"], "--overlap", "PT1H", "--json").json()
    for secret in (made["secret"], rotated["secret"]):
        with_it = {"Authorization": f"Bearer {secret}"}
        assert httpx.get(f"{caselog.url}/v1/cases", headers=with_it, timeout=30).status_code == 200
    shown = desk.types("keys", "show", made["key_id"], "--json")
    assert shown.json()["old_until"] == rotated["old_until"] is not None
    assert rotated["secret"] not in shown.out
    again = desk.types("keys", "rotate", made["key_id"])
    assert again.code == 1
    assert "PT0S" in again.err
    at_once = desk.types("keys", "rotate", made["key_id"], "--overlap", "PT0S")
    assert at_once.code == 0
    assert "works no longer" in at_once.out
    assert "old secret: —" in desk.types("keys", "show", made["key_id"]).out
    for wrong in ("a day", "P8D", "-PT1H"):
        assert desk.types("keys", "rotate", made["key_id"], f"--overlap={wrong}").code == 2
    assert [desk.types("keys", what, "nobody").code for what in ("show", "rotate", "revoke")] == [1, 1, 1]


def test_a_key_can_be_limited_to_merchants_marketplaces_and_a_rate(desk: Desk) -> None:
    limited = ("keys", "create", "--role", "ops", "--client", "desk", "--name", "two", "--merchant", "m-1")
    assert desk.types(*limited, "--merchant", "m-2").code == 0
    assert "merchants: m-1, m-2" in desk.types("keys", "list").out
    made = desk.types(*limited[:-2], "--marketplace", "tmall", "--per-minute", "7", "--json").json()
    shown = desk.types("keys", "show", made["key_id"], "--json").json()
    assert (shown["marketplaces"], shown["merchants"], shown["per_minute"]) == (["tmall"], None, 7)


def test_there_is_no_second_first_key(desk: Desk) -> None:
    refused = desk.types("keys", "bootstrap")
    assert refused.code == 1
    assert "already" in refused.err


def test_the_shipped_policies_are_kept_and_shown(desk: Desk) -> None:
    (first, *_) = desk.types("policies", "list", "--json").json()
    shown = desk.types("policies", "show", f"{first['name']}@{first['version']}", "--json").json()
    assert shown["digest"] == first["digest"]
    assert "not_received" in shown["policy"]["types"]
    assert desk.types("policies", "show", "nobody@1").code == 1


def test_every_fault_of_a_policy_is_named_and_it_is_not_kept(desk: Desk, tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.toml"
    text = shipped()[0].replace('marketplace = "', 'market = "', 1).replace("effective_from", "effective_form", 1)
    faulty.write_text(text, encoding="utf-8")
    checked = desk.types("policies", "check", str(faulty), "--json")
    assert checked.code == 1
    for fault in ("marketplace", "effective_from"):
        assert fault in checked.err
    assert len(checked.json()["faults"]) >= 2
    assert desk.types("policies", "load", str(faulty)).code == 1


def test_loading_a_policy_twice_changes_nothing_and_changing_a_version_is_refused(desk: Desk, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    # In force for nobody, so that no other test's case is judged by it.
    text = (
        shipped()[0].replace('version = "', 'version = "cli.', 1).replace('marketplace = "', 'marketplace = "cli_', 1)
    )
    policy.write_text(text, encoding="utf-8")
    first, again = (desk.types("policies", "load", str(policy), "--json") for _ in range(2))
    assert (first.code, again.code) == (0, 0), first.err
    assert first.out == again.out
    policy.write_text(text.replace('marketplace = "cli_', 'marketplace = "cli_other_', 1), encoding="utf-8")
    changed = desk.types("policies", "load", str(policy))
    assert changed.code == 1
    assert "version of its own" in changed.err
