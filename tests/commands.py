"""Commands as an operator types them, each in a process of its own; forked from one that has read all modules once.

Starting Python and reading the modules takes most of a second of each command, and there are a hundred of them. What
is shared is only that: a command has its own arguments, environment, output and end. That ``caselog`` starts from
nothing is for tests/up, the README and the commands of tests/cli that are run as they are.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import random
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

REQUEST_BYTES_MAX = 1_000_000
BACKLOG = 64
_starting = threading.Lock()


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def typed(*words: str, environment: Mapping[str, str], within_s: float) -> Ended:
    """``caselog`` with these words, to its end. Raises TimeoutError when it does not end in time."""
    with tempfile.TemporaryDirectory(prefix="caselog-typed-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        said = {"words": words, "environment": dict(environment), "out": str(out), "err": str(err)}
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(within_s)
            asking.connect(_terminal())
            asking.sendall(json.dumps(said).encode())
            asking.shutdown(socket.SHUT_WR)
            code = asking.recv(16)
        assert code, f"the command was killed: {err.read_text(errors='replace')}"
        return Ended(int(code), out.read_text(), err.read_text())


def _terminal() -> str:
    """Where the process listens that has read everything; asked by several threads at once, one is started."""
    with _starting:
        return _started()


@cache
def _started() -> str:
    folder = tempfile.mkdtemp(prefix="caselog-terminal-")
    address = str(Path(folder, "socket"))
    command = (sys.executable, "-m", "tests.commands", address)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n", "the modules cannot be read"
    return address


def _serve(address: str) -> None:
    for module in pkgutil.iter_modules(importlib.import_module("case_api.cli").__path__, "case_api.cli."):
        importlib.import_module(module.name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(BACKLOG)
        os.write(1, b"ready\n")
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:  # closed when who started us ended
            asked, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _live(asked)
            asked.close()
            _bury()


def _bury() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _live(asked: socket.socket) -> None:
    """One command in the forked process: it tells its exit code and never returns."""
    code = 1
    try:
        said = json.loads(b"".join(iter(lambda: asked.recv(REQUEST_BYTES_MAX), b"")))
        os.environ.clear()
        os.environ.update(said["environment"])
        for number, name in ((1, "out"), (2, "err")):
            file = os.open(said[name], os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(file, number)
            os.close(file)
        sys.argv = ["caselog", *said["words"]]
        time.tzset()
        random.seed()
        _as_main()
        code = _run()
    except BaseException:  # noqa: BLE001 - as Python itself would end
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        asked.sendall(str(code).encode())
        os._exit(0)


def _as_main() -> None:
    """What asks for the main module finds none of a file, as where the interpreter was told what to run."""
    main = sys.modules["__main__"]
    main.__package__, main.__spec__ = "", None
    vars(main).pop("__file__", None)


def _run() -> int:
    from case_api.cli import main  # noqa: PLC0415 - read before the fork, by the process that waits

    try:
        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    _serve(sys.argv[1])
