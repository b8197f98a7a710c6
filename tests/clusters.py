"""A Postgres cluster made once a run and copied wherever one is wanted: initdb and migrations take seconds each time.

Who tests how a cluster is made makes one. Every other cluster of a run is a copy, passwords and master key included.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import asyncpg

from case_api.cli import postgres
from case_api.cli.migrate import bring_to_head
from case_api.cli.premises import is_reachable
from case_api.cli.secrets import master_key_file

TEMPLATE = "caselog_template"
"""The database in it from which a test's own is made: every migration done, and nothing in it."""
PLACE = "CASELOG_TEST_PLACE"
"""Names the folder of this run, so that all processes of it share one cluster; conftest makes it and removes it."""
MAKE_S = 120
NO_FLUSH = "fsync = off\n"


def furnish(data_dir: Path, *, durable: bool = False) -> None:
    """Put a cluster with every migration done into a data folder that does not exist yet.

    ``durable`` is for who looks at what Postgres promises about crashes. Elsewhere its server waits for no disk: only
    a machine that loses its power could tell the difference, a server that is killed and started again could not.
    Without a place for this run nothing happens: ``caselog up`` makes a cluster by itself.
    """
    place = os.environ.get(PLACE)
    if place is None or not is_reachable(data_dir.parent):
        return
    made = _made(Path(place))
    assert not data_dir.exists(), f"{data_dir} has something in it"
    # cp keeps whose the files are, which copytree does not: run by root, the cluster belongs to somebody else.
    subprocess.run(("cp", "-a", made, data_dir), check=True, timeout=MAKE_S)
    if not durable:
        with (data_dir / "postgres" / "data" / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
            settings.write(NO_FLUSH)


def _made(place: Path) -> Path:
    """The cluster of this run; who comes first makes it, the others wait for it."""
    made = place / "cluster"
    with (place / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            draft = place / "draft"
            shutil.rmtree(draft, ignore_errors=True)
            # In a process of its own: who asks may have an event loop that runs.
            subprocess.run((sys.executable, "-m", "tests.clusters", draft), check=True, timeout=MAKE_S)
            draft.rename(made)
    return made


async def _make(data_dir: Path) -> None:
    data_dir.mkdir()
    data_dir.chmod(0o711)  # as `caselog up` would make it
    master_key_file(data_dir)
    server = await postgres.start(data_dir)
    await asyncio.to_thread(bring_to_head, server.url(postgres.OWNER))
    admin = await asyncpg.connect(server.url(postgres.SUPERUSER, "postgres"))
    await admin.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE {postgres.DATABASE} OWNER {postgres.OWNER}")
    await admin.close()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_make(Path(sys.argv[1])))
