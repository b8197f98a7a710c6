"""Which lines of the core each test runs, and how long it takes: a plugin of pytest, and the list it leaves."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

Lines = dict[str, set[int]]
CALLS_MAX = 30
"""After so many calls in one test a function's lines are known; generated tests call it without end."""


class Reach:
    """Writes, for every test that passes, its seconds and the lines it ran."""

    def __init__(self, core: Path, written: Path) -> None:
        self.core, self.written = str(core), written
        self.tests: dict[str, dict[str, Any]] = {}
        self.running: Lines = {}
        self.passed = False
        self.ours: dict[CodeType, str | None] = {}
        self.calls: Counter[CodeType] = Counter()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, None, None]:
        self.running, self.passed, started = {}, False, time.perf_counter()
        self.calls.clear()
        sys.settrace(self.called)
        yield
        sys.settrace(None)
        if self.passed:
            lines = {name: sorted(run) for name, run in self.running.items()}
            self.tests[item.nodeid] = {"seconds": time.perf_counter() - started, "lines": lines}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.passed = report.passed

    def pytest_sessionfinish(self) -> None:
        self.written.write_text(json.dumps(self.tests), encoding="utf-8")

    def called(self, frame: FrameType, _event: str, _argument: object) -> Any:
        code = frame.f_code
        if code not in self.ours:
            path = Path(code.co_filename)
            self.ours[code] = path.stem if code.co_filename.startswith(self.core) else None
        name = self.ours[code]
        self.calls[code] += 1
        if name is None or self.calls[code] > CALLS_MAX:
            return None
        lines = self.running.setdefault(name, set())
        lines.add(frame.f_lineno)

        def ran(inner: FrameType, _event: str, _argument: object) -> Any:
            lines.add(inner.f_lineno)
            return ran

        return ran
