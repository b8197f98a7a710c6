"""The embedded Postgres: started in the data folder, on loopback, with passwords, and stopped with us."""

import asyncio
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import asyncpg

from case_api.cli import orphans
from case_api.cli.offspring import dies_with_parent
from case_api.cli.premises import CannotStart, Premises, settle
from case_api.cli.printing import told
from case_api.cli.secrets import write_once

SUPERUSER = "postgres"
OWNER, APP, SCHEDULER = LOGINS = ("caselog_owner", "caselog_app", "caselog_scheduler")
DATABASE = "caselog"
HOST = "127.0.0.1"
START_S = 60.0  # until it says that it is starting; what it recovers then takes as long as it takes
TELL_S = 5.0
STOP_S = 15.0  # for a fast shutdown, and then once more for an immediate one
INITDB_S = 120
POLL_S = 0.02
PORT_ATTEMPTS = 3
LOG_BYTES = 8_000_000
LOG_TAIL = 12

# Durability is not here: fsync, synchronous_commit and full_page_writes stay as Postgres ships them, on.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",  # every query here is short
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A refused statement carries what somebody wrote about somebody; its caller reports it without.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Server:
    """A Postgres that accepts connections."""

    premises: Premises
    port: int
    passwords: Mapping[str, str]
    process: subprocess.Popen[bytes]
    lock_fd: int

    def url(self, role: str, database: str = DATABASE) -> str:
        """Where this login finds this database."""
        return f"postgresql://{role}:{self.passwords[role]}@{HOST}:{self.port}/{database}"

    async def stop(self) -> None:
        """Fast: sessions are cut, what was committed is flushed; the folder is free afterwards."""
        try:
            await _end(self.process)
        finally:
            os.close(self.lock_fd)


async def start(data_dir: Path, *, bin_dir: Path | None = None) -> Server:
    """Start on this folder, making the cluster, the logins and the database when they are missing."""
    premises = settle(data_dir, bin_dir)
    lock_fd = _lock(premises.home)
    try:
        orphans.clear(premises.pgdata)
        passwords = _passwords(premises)
        if not premises.pgdata.exists():
            _make_cluster(premises, passwords[SUPERUSER])
        _check_major_version(premises)
        process, port = await _launch(premises, None)
        try:
            server = Server(premises, port, passwords, process, lock_fd)
            await _furnish(server)
        except BaseException:
            await _end(process)
            raise
    except PermissionError as fault:
        os.close(lock_fd)
        raise CannotStart(f"{fault.filename} belongs to another user; CASELOG_DATA_DIR names another place") from fault
    except BaseException:
        os.close(lock_fd)
        raise
    return server


async def start_again(server: Server) -> Server:
    """Start a server that died, where it was: same folder, same port, same lock."""
    orphans.clear(server.premises.pgdata)
    process, port = await _launch(server.premises, server.port)
    return replace(server, process=process, port=port)


def _lock(home: Path) -> int:
    """Hold the folder itself: such a lock ends with its holder, and leaves no file behind."""
    try:
        lock_fd = os.open(home, os.O_RDONLY)
    except PermissionError:
        raise CannotStart(f"{home} belongs to another user; CASELOG_DATA_DIR names another place") from None
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock_fd)
        raise CannotStart(f"{home} is in use by another caselog; stop that one, or set CASELOG_DATA_DIR") from None
    return lock_fd


def _passwords(premises: Premises) -> dict[str, str]:
    """Made once, and complete before the cluster is: a cluster without its passwords would be lost."""
    path = premises.passwords
    if path.exists():
        known: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return known
    if premises.pgdata.exists():
        raise CannotStart(f"{path} is missing, and the database beside it opens to nobody else; put it back")
    made = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, *LOGINS)}
    write_once(path, json.dumps(made, indent=2))
    return made


def _make_cluster(premises: Premises, password: str) -> None:
    draft = premises.home / "data.draft"  # renamed when complete, so that a cluster is never half made
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    handle, password_file = tempfile.mkstemp()
    try:
        os.write(handle, password.encode())
        os.close(handle)
        if premises.uid is not None and premises.gid is not None:
            os.chown(draft, premises.uid, premises.gid)
            os.chown(password_file, premises.uid, premises.gid)
        command: list[str | Path] = [
            premises.bin_dir / "initdb",
            "-D",
            draft,
            "-U",
            SUPERUSER,
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        command += ["-A", "scram-sha-256", f"--pwfile={password_file}"]
        done = subprocess.run(  # noqa: S603 - our own binaries
            command, **_identity(premises), capture_output=True, text=True, check=False, timeout=INITDB_S
        )
    finally:
        Path(password_file).unlink()
    if done.returncode != 0:
        raise CannotStart(f"initdb failed: {(done.stderr or done.stdout).strip()}")
    draft.rename(premises.pgdata)


def _identity(premises: Premises) -> dict[str, Any]:
    """As whom a server's process runs; no path of ours is in its way, nor any of our groups in its hands."""
    common = {"cwd": "/", "stdin": subprocess.DEVNULL, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}}
    if premises.uid is None:
        return common
    return common | {"user": premises.uid, "group": premises.gid, "extra_groups": []}


def _check_major_version(premises: Premises) -> None:
    made_by = (premises.pgdata / "PG_VERSION").read_text(encoding="utf-8").strip()
    said = subprocess.run(  # noqa: S603 - our own binaries
        [premises.bin_dir / "postgres", "--version"], **_identity(premises), capture_output=True, text=True, check=True
    ).stdout
    if said.split()[2].split(".")[0] != made_by:
        raise CannotStart(
            f"{premises.pgdata} was made by Postgres {made_by}, but {premises.bin_dir} is {said.strip()}; "
            "set CASELOG_DATA_DIR to another folder, or move the data over with pg_dump"
        )


async def _launch(premises: Premises, port: int | None) -> tuple[subprocess.Popen[bytes], int]:
    """A port that was free may be taken a moment later; where we chose it, we choose again."""
    for attempt in range(PORT_ATTEMPTS):
        chosen = port or _free_port()
        process = _spawn(premises, chosen)
        try:
            await _until_ready(process, premises)
        except CannotStart:
            if port is not None or attempt == PORT_ATTEMPTS - 1:
                raise
        except BaseException:
            await _end(process)
            raise
        else:
            return process, chosen
    raise AssertionError("the last attempt returns or raises")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _spawn(premises: Premises, port: int) -> subprocess.Popen[bytes]:
    if premises.log.exists() and premises.log.stat().st_size > LOG_BYTES:
        premises.log.replace(premises.log.with_suffix(".log.1"))
    command: list[str | Path] = [premises.bin_dir / "postgres", "-D", premises.pgdata, "-p", str(port)]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    with premises.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own binaries
            command,
            **_identity(premises),
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=dies_with_parent(signal.SIGINT),  # noqa: PLW1509 - no threads hold locks it needs
        )


async def _until_ready(process: subprocess.Popen[bytes], premises: Premises) -> None:
    """Postgres writes into its lock file when it accepts connections; pg_ctl looks there too.

    One that recovers after a crash is waited for, however long: ended, it would begin again from the start.
    """
    began = time.monotonic()
    deadline, tell_at = began + START_S, began + TELL_S
    while (now := time.monotonic()) < deadline:
        if process.poll() is not None:
            raise CannotStart(f"Postgres did not start; the end of {premises.log}:\n{_tail(premises.log)}")
        status = _status(process, premises)
        if status == "ready":
            return
        if status == "starting":
            deadline = now + START_S
            if now >= tell_at:
                tell_at = now + TELL_S
                told(f"Postgres recovers what it had written, for {now - began:.0f} s so far; see {premises.log}")
        await asyncio.sleep(POLL_S)
    await _end(process)
    raise CannotStart(f"Postgres was not ready after {START_S:.0f} s; see {premises.log}")


def _status(process: subprocess.Popen[bytes], premises: Premises) -> str | None:
    """What this very process says of itself: starting, ready, stopping; None while it says nothing."""
    lines = _lines(premises.pgdata / "postmaster.pid")
    return lines[7].strip() if len(lines) > 7 and lines[0] == str(process.pid) else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL:])


async def _furnish(server: Server) -> None:
    """The logins of deploy/roles.sql with their passwords, and the database; said anew at every start."""
    roles = resources.files("case_api.cli").joinpath("roles.sql").read_text(encoding="utf-8")
    connection = await asyncpg.connect(server.url(SUPERUSER, "postgres"), timeout=START_S)
    try:
        await connection.execute(roles)
        for role in LOGINS:
            # token_urlsafe has no quotes, and ALTER ROLE takes no parameters.
            await connection.execute(f"ALTER ROLE {role} PASSWORD '{server.passwords[role]}'")
        if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    finally:
        await connection.close()


async def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        deadline = time.monotonic() + STOP_S
        while process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(POLL_S)
