"""How a command can end, as a shell sees it: the exit codes, and what is raised to end with one of them."""

from __future__ import annotations

from typing import Any

DONE = 0
REFUSED = 1
"""The rules, the door or this machine said no, or the audit found something."""
USAGE = 2
"""What was typed, or what the environment says, cannot be understood."""
SILENT = 3
"""Nothing answers, or it says that its database is away: the same command may be tried again."""

EPILOG = "Exit codes: 0 done, 1 refused or found wrong, 2 not understood, 3 nothing answers (try again)."


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
