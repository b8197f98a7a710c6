"""How long the client keeps asking: bounded tries, growing pauses with jitter, and one limit for all of it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from msgspec import Struct
from msgspec.structs import replace

AGAIN = (429, 503)
"""The only statuses after which the same thing is asked again."""
ANSWER_LEAST_S = 0.1
"""A last try that begins just inside the limit still gets this long."""
LISTENER_TRIES = 1_000
"""More than fit into any limit of time that makes sense."""


class Patience(Struct, frozen=True, kw_only=True):
    """When to give up.

    ``tries``: how often one thing is asked, the first included. ``total_s``: no try begins later than this after the
    first, and no single wait on the network outlasts it. ``answer_s``: how long one such wait may be.
    ``first_pause_s``, ``longest_pause_s``: the pause doubles from the one to the other, where the service names none.
    """

    tries: int = 6
    total_s: float = 30.0
    answer_s: float = 10.0
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ValueError("at least one try")

    def of_a_listener(self) -> Patience:
        """The same for who listens: tries are not counted, so that a service that restarts is waited for."""
        return replace(self, tries=LISTENER_TRIES)


def pause_s(patience: Patience, tried: int, asked_for_s: float | None, chance: float) -> float:
    """How long to wait after ``tried`` tries; ``chance`` (0 to 1) spreads those who failed together.

    What the service asked for is never cut short; the spread comes on top of it.
    """
    grown = min(patience.longest_pause_s, patience.first_pause_s * 2.0 ** min(tried - 1, 30))
    if asked_for_s is not None:
        return max(0.0, asked_for_s) + chance * patience.first_pause_s
    return grown * (0.5 + chance / 2)


def retry_after_s(answer: httpx.Response) -> float | None:
    """The seconds that ``Retry-After`` asks for, written as a number or as a date; None where it says nothing."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, TypeError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return (until - datetime.now(UTC)).total_seconds()


class Trying:
    """One thing being asked, maybe more than once; ``now`` is always a monotonic clock's reading."""

    def __init__(self, patience: Patience, now: float) -> None:
        self._patience = patience
        self._ends = now + patience.total_s
        self._tried = 0

    def timeout_s(self, now: float) -> float:
        """Begins a try, and says how long each of its waits on the network may last."""
        self._tried += 1
        return max(ANSWER_LEAST_S, min(self._patience.answer_s, self._ends - now))

    def pause_s(self, answer: httpx.Response | None, now: float, chance: float) -> float | None:
        """How long to wait before the next try; None: take the answer, or (without one) give up."""
        if answer is not None and answer.status_code not in AGAIN:
            return None
        asked_for = None if answer is None else retry_after_s(answer)
        wait = pause_s(self._patience, self._tried, asked_for, chance)
        return wait if self._tried < self._patience.tries and now + wait < self._ends else None

    def after(
        self, answer: httpx.Response | None, lost: httpx.TransportError | None, *, heard: bool, now: float
    ) -> Trying:
        """How it is tried on once a long answer has ended or broken: anew where somebody was there until now.

        So it is where anything was ``heard``, or nothing for so long that it was given up: however long either took,
        and whoever was slow. What ends at once and empty is one more try.
        """
        was_there = answer is not None and answer.is_success and (heard or isinstance(lost, httpx.ReadTimeout))
        return Trying(self._patience, now) if was_there else self
