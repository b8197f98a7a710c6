"""One mutant before its judges: a process of its own, in which one module of the core is not what was written."""

from __future__ import annotations

import ast
import contextlib
import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Literal

import chinese_calendar  # noqa: F401 (here and below: imported once, before any mutant is tried)
import holidays  # noqa: F401
import hypothesis  # noqa: F401
import jsonschema  # noqa: F401
import msgspec.json  # noqa: F401
import pytest

Outcome = Literal["killed", "survived", "timed out", "not reached"]
LIMIT_S = 60.0
"""The longest a mutant is looked at; one that runs on for ever is as good as noticed."""
PYTEST = ("-x", "-q", "--noconftest", "-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:schemathesis")


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed tree for the one module, and leaves all others as they stand."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return (
            importlib.util.spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None
        )

    def create_module(self, _spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)  # noqa: S102 (what a loader does)


class _Chosen:
    """Only these tests, in this order."""

    def __init__(self, chosen: Sequence[str]) -> None:
        self.place = {nodeid: at for at, nodeid in enumerate(chosen)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((one for one in items if one.nodeid in self.place), key=lambda one: self.place[one.nodeid])


def judged(copy: Path, module: Path, tree: ast.Module, tests: Sequence[str]) -> Outcome:
    """What these tests of the copied project say to the change."""
    if not tests:
        return "not reached"
    child = os.fork()
    if child == 0:
        os._exit(_alone(copy, module, tree, tests))
    ends = time.monotonic() + LIMIT_S
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timed out"


def _alone(copy: Path, module: Path, tree: ast.Module, tests: Sequence[str]) -> int:
    """In the child: nothing of the project was imported before."""
    with Path(os.devnull).open("w", encoding="utf-8") as silent:
        os.dup2(silent.fileno(), 1)
        os.dup2(silent.fileno(), 2)
    at_home(copy)
    sys.meta_path.insert(0, _Changed(f"case_events.core.{module.stem}", module, tree))
    files = list(dict.fromkeys(nodeid.partition("::")[0] for nodeid in tests))
    with contextlib.suppress(BaseException):
        return int(pytest.main([*PYTEST, "-c", str(copy / "mutants.ini"), *files], plugins=[_Chosen(tests)]))
    return 1


def at_home(copy: Path) -> None:
    """The copied project is what is imported, whatever was imported of another."""
    os.chdir(copy)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "case_events")]:
        del sys.modules[name]
    sys.path[:0] = [str(copy), str(copy / "libs/events")]
