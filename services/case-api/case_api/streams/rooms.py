"""Room for answers that take their time: so many at once, and fewer of one client, so that nobody has it all."""

from __future__ import annotations

from collections import Counter

from case_api.refusals.problems import Refused
from case_events.core.values import Problem


class Room:
    """How many of ``what`` are under way in this process: ``most`` at once, and ``of_one`` client's."""

    def __init__(self, what: str, most: int, of_one: int) -> None:
        self._what = what
        self._most = most
        self._of_one = of_one
        self._clients = Counter[str]()

    @property
    def taken(self) -> int:
        """So many are under way."""
        return self._clients.total()

    def enter(self, client: str) -> None:
        """One more of this client; whoever enters leaves, once. Refused: 429 where there is no room."""
        if self.taken >= self._most:
            raise _full(f"{self._most} {self._what} are under way here.")
        if self._clients[client] >= self._of_one:
            raise _full(f"{self._of_one} {self._what} of yours are under way here.")
        self._clients[client] += 1

    def leave(self, client: str) -> None:
        """One of this client's is over."""
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]


def _full(detail: str) -> Refused:
    return Refused(Problem(code="too_many_requests", detail=detail))
