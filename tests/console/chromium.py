"""Debian's chromium, steered over a pipe by its DevTools protocol: a real browser, and no library for it."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from case_api.cli.offspring import dies_with_parent

WAIT_S = 30.0
TABS_MAX = 40
ABOVE = 10
"""Descriptors from here on: 3 and 4 are what chromium reads and writes."""
SAID = (
    "--headless=new",
    "--no-sandbox",  # it is run by root, and visits nobody but us
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-pipe",
)


class Tab:
    """One tab, used by keyboard. ``complaints``: what the browser had to say about a page, as of its policy."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes, self._number = reads, writes, 0
        self._left = b""
        self._session: str | None = None
        self._loaded = 0
        self.complaints: list[str] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime"):
            self._ask(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Go to ``url``, until it is there."""
        before = self._loaded
        self._ask("Page.navigate", url=url)
        self._wait(before)

    def says(self, expression: str) -> Any:
        """What an expression comes to in the page; ours, not a script of the page's."""
        return self._ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def without_scripts(self) -> None:
        """From now on no page can run any."""
        self._ask("Emulation.setScriptExecutionDisabled", value=True)

    def shows(self, medium: str, pixels: int) -> None:
        """From now on pages are shown on this medium, so many pixels across."""
        self._ask("Emulation.setEmulatedMedia", media=medium)
        self._ask("Emulation.setDeviceMetricsOverride", width=pixels, height=900, deviceScaleFactor=1, mobile=False)

    def tab_to(self, where: str) -> None:
        """Press Tab until the element with this id, or with this text, has the focus."""
        for _ in range(TABS_MAX):
            self._press("Tab", 9)
            if where in self.says("[document.activeElement.id, document.activeElement.textContent.trim()]"):
                return
        raise AssertionError(f"nobody comes to {where} by keyboard")

    def write(self, text: str) -> None:
        self._ask("Input.insertText", text=text)

    def press_enter(self) -> None:
        """On a button, a link or in a field of one line: what it leads to is waited for."""
        before = self._loaded
        self._press("Enter", 13, text="\r")
        self._wait(before)

    def submit(self, expression: str) -> None:
        """Send a form as a page's own script would."""
        before = self._loaded
        self.says(expression)
        self._wait(before)

    def _press(self, key: str, code: int, **more: str) -> None:
        said = {"key": key, "code": key, "windowsVirtualKeyCode": code, **more}
        self._ask("Input.dispatchKeyEvent", type="keyDown", **said)
        self._ask("Input.dispatchKeyEvent", type="keyUp", **said)

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            asked["sessionId"] = self._session
        os.write(self._writes, json.dumps(asked).encode() + b"\0")
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            told = self._read(until)
            if told.get("id") == self._number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result
        raise AssertionError(f"{method} was not answered")

    def _wait(self, before: int) -> None:
        until = time.monotonic() + WAIT_S
        while self._loaded == before:
            self._read(until)

    def _read(self, until: float) -> dict[str, Any]:
        """The next thing it says; what it says by itself is noted on the way."""
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._reads], [], [], max(0.0, until - time.monotonic()))
            assert ready, "the browser says nothing"
            more = os.read(self._reads, 65_536)
            assert more, "the browser is gone"
            self._left += more
        one, _, self._left = self._left.partition(b"\0")
        told: dict[str, Any] = json.loads(one)
        if told.get("method") == "Page.loadEventFired":
            self._loaded += 1
        if told.get("method") == "Log.entryAdded":
            self.complaints.append(told["params"]["entry"]["text"])
        return told


@contextmanager
def tab() -> Iterator[Tab]:
    """A browser with one tab. It is there wherever the whole of the tests is run (.ci/run installs it)."""
    binary = shutil.which("chromium")
    assert binary is not None, "apt-get install chromium"
    with tempfile.TemporaryDirectory(prefix="caselog-chromium-", ignore_cleanup_errors=True) as folder:
        ours, theirs = _above(os.pipe()), _above(os.pipe())
        browser = subprocess.Popen(
            (
                "bash",
                "-c",
                f'exec "$@" 3<&{theirs[0]} 4>&{ours[1]}',
                "bash",
                binary,
                *SAID,
                f"--user-data-dir={folder}",
            ),
            pass_fds=(theirs[0], ours[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder},
            preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - so that a killed test run leaves none
        )
        os.close(theirs[0])
        os.close(ours[1])
        try:
            yield Tab(ours[0], theirs[1])
        finally:
            browser.terminate()
            browser.wait(WAIT_S)
            os.close(ours[0])
            os.close(theirs[1])


def _above(pair: tuple[int, int]) -> tuple[int, int]:
    moved = tuple(fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, ABOVE) for one in pair)
    for one in pair:
        os.close(one)
    return moved[0], moved[1]
