"""`caselog policies check FILE`: offline, with every fault of the file in one answer, by table and key."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from case_events.core.policy import LADDER
from case_events.policies import shipped
from tests.cli.desk import RUN_S
from tests.commands import Ended, typed
from tests.core.small_policy import small

FAULTY = small(
    ("currency", "yuan"),
    ("procedures.claim.reply.on_timeout", "shrug"),
    ("types.slow.entry", {"never": "police"}),
    ("types.broken.placeholders", ["patience"]),
)


def checked(file: Path, *options: str) -> Ended:
    """The command where there is no database, no key and no Caselog anywhere."""
    alone = {name: said for name, said in os.environ.items() if not name.startswith("CASELOG_")}
    settings = {"CASELOG_DATA_DIR": str(file.parent / "nowhere"), "CASELOG_URL": "http://127.0.0.1:9", "COLUMNS": "200"}
    done = typed("policies", "check", str(file), *options, environment={**alone, **settings}, within_s=RUN_S)
    assert not (file.parent / "nowhere").exists()
    return done


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.toml"


def test_a_sound_policy_is_said_to_be_sound(file: Path) -> None:
    file.write_text(shipped()[1], encoding="utf-8")
    told = checked(file)
    assert told.code == 0
    assert f"{file}: tmall@2026.6 is sound" in told.out
    assert checked(file, "--json").json()["faults"] == []


def test_every_fault_is_told_at_once_with_file_table_and_key(file: Path) -> None:
    file.write_text(FAULTY, encoding="utf-8")
    told = checked(file)
    assert (told.code, told.out) == (1, "")
    first, *rest = told.err.splitlines()
    assert first == f"caselog: {file}: 5 faults"
    assert sorted(rest) == [
        f"{file}: [procedures.claim.reply] on_timeout: 'shrug' is not one of ['concede', 'escalate', 'unlock']",
        f"{file}: [types.broken] placeholders[0]: patience is no figure of this type",
        f"{file}: [types.slow.entry] never: no department; one of {', '.join(LADDER)}",
        f"{file}: [types.slow.entry] never: no reason of this type",
        f"{file}: currency: 'yuan' does not match '^[A-Z]{{3}}$'",
    ]


def test_a_machine_is_told_the_same_as_json(file: Path) -> None:
    file.write_text(FAULTY, encoding="utf-8")
    told = checked(file, "--json")
    assert told.code == 1
    said = json.loads(told.out)
    assert said["file"] == str(file)
    places = {(one["table"], one["key"], one["pointer"]) for one in said["faults"]}
    assert places == {
        ("", "currency", "/currency"),
        ("procedures.claim.reply", "on_timeout", "/procedures/claim/reply/on_timeout"),
        ("types.slow.entry", "never", "/types/slow/entry/never"),
        ("types.broken", "placeholders[0]", "/types/broken/placeholders/0"),
    }


def test_what_is_not_toml_is_said_with_its_line(file: Path) -> None:
    file.write_text('name = "market"\nversion = \n', encoding="utf-8")
    told = checked(file)
    assert told.code == 1
    assert f"{file}: not TOML: Invalid value (at line 2, column 11)" in told.err


def test_a_file_that_cannot_be_read_is_a_misuse(file: Path) -> None:
    assert checked(file).code == 2
