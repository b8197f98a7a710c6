"""A Postgres that recovers after a crash is waited for; one that says nothing, or ends, is not."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from case_api.cli import postgres
from case_api.cli.premises import CannotStart, Premises

SAYS = r"""
say() { printf '%s\n%s\n0\n1\n\n127.0.0.1\n0\n%s\n' "$$" "$1" "$2" > "$1/postmaster.pid"; }
"""
"""As the server itself does, in the eighth line of its lock file."""


@pytest.fixture
def premises(tmp_path: Path) -> Premises:
    (tmp_path / "data").mkdir()
    (tmp_path / "postgres.log").write_text("redo in progress, elapsed time: 70.00 s\n")
    return Premises(tmp_path, tmp_path, None, None)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "START_S", 0.5)
    monkeypatch.setattr(postgres, "TELL_S", 0.3)


@contextmanager
def serving(premises: Premises, script: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does what a server does with its lock file, and nothing else."""
    process = subprocess.Popen(("sh", "-c", SAYS + script, "sh", premises.pgdata))
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


async def test_one_that_recovers_is_waited_for_and_whoever_waits_is_told(
    premises: Premises, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(premises, 'say "$1" starting; sleep 1.5; say "$1" "ready   "; exec sleep 30') as process:
        await postgres._until_ready(process, premises)
        assert process.poll() is None
    lines = capfd.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 5, "every now and then"
    assert all(line.startswith("caselog: Postgres recovers") and "postgres.log" in line for line in lines)


async def test_one_that_says_nothing_is_ended_and_so_is_one_that_is_another(premises: Premises) -> None:
    (premises.pgdata / "postmaster.pid").write_text(f"1\n{premises.pgdata}\n0\n1\n\n127.0.0.1\n0\nstarting\n")
    with serving(premises, "exec sleep 30") as process:
        with pytest.raises(CannotStart, match="not ready after"):
            await postgres._until_ready(process, premises)
        assert process.poll() is not None


async def test_one_that_ends_while_it_recovers_did_not_start(
    premises: Premises, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(premises, 'say "$1" starting; sleep 0.1; exit 1') as process:
        with pytest.raises(CannotStart, match="redo in progress"):
            await postgres._until_ready(process, premises)
        assert process.returncode == 1
    assert capfd.readouterr().err == ""
