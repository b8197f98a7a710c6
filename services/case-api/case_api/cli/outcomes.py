"""How a command can end, as a shell sees it: the exit codes, and what is raised to end with one of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

DONE = 0
REFUSED = 1
"""The rules, the door or this machine said no, or the audit found something."""
USAGE = 2
"""What was typed, or what the environment says, cannot be understood."""
SILENT = 3
"""Nothing answers, or it says: not now; the same command may be tried again."""
STOPPED = 130
"""Ctrl-C: as a shell has it, 128 and the number of the signal."""

BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

EPILOG = "Exit codes: 0 done, 1 refused or found wrong, 2 not understood, 3 nothing answers (try again)."
MEANINGS = {
    DONE: "done",
    REFUSED: "refused (the rule and the instants that matter are on stderr), cannot start, or an audit found something",
    USAGE: "what was typed, or what the environment says, cannot be understood",
    SILENT: "nothing answers, or not now (busy, database away): try the same again; a `post` says with which `--key`",
    STOPPED: "stopped with Ctrl-C",
}
"""Every exit code there is, in words."""


class Silence(Exception):
    """The API or the database does not answer; the message says which, and where it was looked for."""


class Misused(Exception):
    """What was typed or set cannot be understood; the message says what."""


class Denied(Exception):
    """The API refused, with this problem (RFC 9457)."""

    def __init__(self, problem: dict[str, Any], status: int) -> None:
        super().__init__(str(problem.get("code")))
        self.problem = problem
        self.status = status

    @property
    def busy(self) -> bool:
        """Does it say: the same again, in a moment?"""
        return self.status in BUSY
