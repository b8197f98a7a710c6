"""The systemd units: read as systemd reads them, and judged by systemd itself where it is installed."""

from __future__ import annotations

import configparser
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.test_containers import COMMANDS, DEPLOY, PROJECT, SETTINGS

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
NAMES = [unit.name for unit in UNITS]
EXPOSURE_MAX = 20
"""Of 100, by `systemd-analyze security`; a unit that says nothing has 96."""
VERIFY_S = 60
with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")


class Unit(configparser.RawConfigParser):
    """A unit file: keys keep their case, and one said again adds to the first."""

    def __init__(self, file: Path) -> None:
        super().__init__(strict=False, dict_type=dict, comment_prefixes=("#",), delimiters=("=",))
        self.optionxform = str  # type: ignore[assignment, method-assign]  # as configparser's own page does it
        self.lines: dict[str, list[str]] = {}
        text = file.read_text(encoding="utf-8")
        self.read_string(text)
        for line in text.splitlines():
            key, equals, value = line.partition("=")
            if equals and not key.startswith("#"):
                self.lines.setdefault(key, []).append(value)


def test_there_is_a_unit_for_each_part() -> None:
    assert NAMES == ["caselog-api@.service", "caselog-migrate.service", "caselog-scheduler.service"]


@pytest.mark.parametrize("file", UNITS, ids=NAMES)
def test_a_unit_starts_what_there_is_with_settings_that_exist(file: Path) -> None:
    unit = Unit(file)
    assert set(unit.sections()) == {"Unit", "Service", "Install"}
    for said in unit.lines["ExecStart"]:
        program, *words = said.split()
        if program.endswith("/python"):
            assert importlib.util.find_spec(f"{words[1]}.__main__") is not None
        else:
            assert program.rpartition("/")[2] in PROJECT["scripts"]
            assert words[0] in COMMANDS
    said_to_be = dict(pair for said in unit.lines["Environment"] for pair in re.findall(r"(CASELOG_\w+)=(\S*)", said))
    assert said_to_be.keys() <= SETTINGS
    assert said_to_be["CASELOG_ENV"] == "production", "in development a webhook may go to this very machine"
    assert "Requires" not in unit.lines, (
        "who migrates for a release would stop and start what requires it (man systemd.unit)"
    )
    for wanted in (*unit.lines["Wants"], *unit.lines["After"]):
        assert all(name in NAMES for name in wanted.split() if name.startswith("caselog")), wanted


@with_systemd
@pytest.mark.parametrize("file", UNITS, ids=NAMES)
def test_systemd_finds_no_fault_in_a_unit(file: Path, tmp_path: Path) -> None:
    for one in UNITS:
        # Whatever program is installed under that name here: systemd looks whether it is there.
        text = re.sub(r"/opt/caselog/bin/\w+", sys.executable, one.read_text(encoding="utf-8"))
        (tmp_path / one.name.replace("@.", "@8080.")).write_text(text, encoding="utf-8")
    unit = tmp_path / file.name.replace("@.", "@8080.")
    done = subprocess.run(
        ("systemd-analyze", "verify", "--man=no", unit), capture_output=True, text=True, timeout=VERIFY_S, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "caselog" in line]
    assert not ours, done.stderr


@with_systemd
@pytest.mark.parametrize("file", UNITS, ids=NAMES)
def test_a_unit_leaves_little_open(file: Path, tmp_path: Path) -> None:
    unit = tmp_path / file.name.replace("@.", "@8080.")
    shutil.copy(file, unit)
    command = ("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit)
    done = subprocess.run(command, capture_output=True, text=True, timeout=VERIFY_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
