"""What an earlier start left behind: a server that outlived its parent, and its lock file."""

import os
import signal
import time
from pathlib import Path

from case_api.cli.premises import CannotStart

STOP_S = 20.0  # for a fast shutdown, and then once more for an immediate one
POLL_S = 0.02


def clear(pgdata: Path) -> None:
    """Stop any server that still works on this cluster; afterwards its lock file is stale and goes.

    The caller holds the lock on the cluster's home, so whoever works on it has no parent that wants it. The pid in the
    lock file alone proves nothing: after a crash of the machine it may be anybody's, and is left alone.
    """
    lock_file = pgdata / "postmaster.pid"
    for number in (signal.SIGINT, signal.SIGQUIT):
        if not living(pgdata):
            break
        _signal_postmaster(lock_file, pgdata, number)
        _wait_until_gone(pgdata)
    left = living(pgdata)
    if left:
        raise CannotStart(f"another Postgres works on {pgdata} and does not stop: process {', '.join(map(str, left))}")
    if Path("/proc/self").exists():  # elsewhere nothing was proved above, and Postgres judges its lock file itself
        lock_file.unlink(missing_ok=True)


def living(pgdata: Path) -> list[int]:
    """The processes that are Postgres and stand in this cluster: the postmaster and its children."""
    wanted = pgdata.resolve()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == wanted and (entry / "comm").read_text().strip() == "postgres":
                found.append(int(entry.name))
        except OSError:  # it ended while we looked, or is not ours to look at and so not ours at all
            continue
    return found


def _signal_postmaster(lock_file: Path, pgdata: Path, number: signal.Signals) -> None:
    """Ask the postmaster; where only its children are left they notice by themselves that it is gone."""
    try:
        pid = int(lock_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if pid in living(pgdata):
        os.kill(pid, number)


def _wait_until_gone(pgdata: Path) -> None:
    deadline = time.monotonic() + STOP_S
    while living(pgdata) and time.monotonic() < deadline:
        time.sleep(POLL_S)
