"""The installation: what is done again when, and that the locks name packages and nothing else."""

import re
import shutil
import sys
from pathlib import Path

import pytest

import bootstrap

ROOT = Path(__file__).parents[2]
DECIDING = ("requirements.lock", "requirements-dev.lock", "pyproject.toml", "setup.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the files that decide what is installed."""
    for name in DECIDING:
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_nothing_installed_is_not_current(tree: Path) -> None:
    assert not bootstrap.is_current(tree / "stamp", tree, dev=False)


def test_an_installation_for_tests_serves_for_running_and_not_the_other_way_round(tree: Path) -> None:
    stamp = tree / "stamp"
    stamp.write_text(bootstrap.fingerprint(tree, dev=True))
    assert bootstrap.is_current(stamp, tree, dev=True)
    assert bootstrap.is_current(stamp, tree, dev=False)
    stamp.write_text(bootstrap.fingerprint(tree, dev=False))
    assert bootstrap.is_current(stamp, tree, dev=False)
    assert not bootstrap.is_current(stamp, tree, dev=True)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("requirements-dev.lock", "\n# changed\n"),
        ("setup.py", "\n# changed\n"),
        ("pyproject.toml", "\n[dependency-groups.other]\n"),
    ],
)
def test_a_change_to_what_decides_installs_again(tree: Path, name: str, change: str) -> None:
    (tree / "stamp").write_text(bootstrap.fingerprint(tree, dev=True))
    (tree / name).write_text((tree / name).read_text() + change)
    assert not bootstrap.is_current(tree / "stamp", tree, dev=True)


def test_a_change_to_how_a_tool_is_set_installs_nothing(tree: Path) -> None:
    (tree / "stamp").write_text(bootstrap.fingerprint(tree, dev=True))
    (tree / "pyproject.toml").write_text((tree / "pyproject.toml").read_text() + "\n[tool.another]\nx = 1\n")
    assert bootstrap.is_current(tree / "stamp", tree, dev=True)


def test_a_moved_tree_installs_again(tree: Path) -> None:
    (tree / "stamp").write_text(bootstrap.fingerprint(tree, dev=True))
    moved = tree.with_name("moved")
    tree.rename(moved)
    assert not bootstrap.is_current(moved / "stamp", moved, dev=True)


def test_the_second_time_nothing_is_installed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = []

    def install(*, dev: bool) -> None:
        installed.append(dev)
        (tree / "stamp").write_text(bootstrap.fingerprint(tree, dev=dev))

    monkeypatch.setattr(bootstrap, "install", install)
    monkeypatch.setattr(bootstrap, "ROOT", tree)
    monkeypatch.setattr(bootstrap, "STAMP", tree / "stamp")
    for said in ([], [], ["--dev"], ["--dev"], []):
        monkeypatch.setattr(sys, "argv", ["bootstrap.py", *said])
        assert bootstrap.main() == 0
    assert installed == [False, True]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-bench.lock"])
def test_a_lock_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|^-|file:|@ ", text, re.MULTILINE)
    packages = re.split(r"\n(?=\S)", text.strip())
    assert all(re.match(r"[a-z0-9.-]+==\S+", block) for block in packages)
    assert all("--hash=sha256:" in block for block in packages)


def test_what_tests_and_benchmarks_run_is_what_runs() -> None:
    running, testing, measured = (
        set(re.findall(r"^([a-z0-9.-]+==[^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")
    )
    assert running < testing
    assert running < measured
