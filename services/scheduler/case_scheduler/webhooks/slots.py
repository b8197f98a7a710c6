"""Slots: who may do something now. The first that somebody does at a time waits for nobody else; the rest is shared.

So whoever hangs holds up themselves, however many they are: what others need to go on at all is never theirs to hold.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

Holder = tuple[str, str]
"""A client, and what of the client's: where it is sent to."""


class Slots:
    """Each holder has a slot of its own, ``holders`` at once have; what one has beside it is taken from what is shared.

    ``each``: slots of one holder; ``of_client``: shared ones that one client's holders have; ``shared``: all there are.
    Who waits for a shared one has it in turn with other holders, not behind all that one of them wants.
    """

    def __init__(self, *, holders: int, each: int, of_client: int, shared: int) -> None:
        self._holders, self._each, self._of_client, self._shared = holders, each, of_client, shared
        self._had = Counter[Holder]()
        self._shared_had = Counter[str]()
        self._waiting: dict[Holder, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, holder: Holder) -> AsyncIterator[None]:
        """A slot, until the block ends."""
        await self.take(holder)
        try:
            yield
        finally:
            self.give_back(holder)

    async def take(self, holder: Holder) -> None:
        """Wait until the holder may have one more, and have it until it is given back."""
        if holder not in self._waiting and self._may(holder):
            self._count(holder, 1)
            return
        given = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, deque()).append(given)
        try:
            await given
        except asyncio.CancelledError:
            if given.cancelled():
                self._out_of_line(holder, given)
            else:  # it was given in the same moment
                self._count(holder, -1)
            self._pass_on()
            raise

    def give_back(self, holder: Holder) -> None:
        """A slot that was taken is free."""
        self._count(holder, -1)
        self._pass_on()

    def _may(self, holder: Holder) -> bool:
        had = self._had[holder]
        if not had:
            return len(self._had) < self._holders
        own = self._shared_had[holder[0]]
        return had < self._each and own < self._of_client and self._shared_had.total() < self._shared

    def _count(self, holder: Holder, more: int) -> None:
        """``more``: 1, or -1. The last that a holder gives back is its own."""
        client, before = holder[0], self._had.pop(holder, 0)
        if after := before + more:
            self._had[holder] = after
        if before and after:
            self._shared_had[client] += more
            if not self._shared_had[client]:
                del self._shared_had[client]

    def _pass_on(self) -> None:
        """To those who wait, as long as there is one who may."""
        while (first := self._first()) is not None:
            holder, given = first
            self._out_of_line(holder, given)
            self._count(holder, 1)
            given.set_result(None)

    def _first(self) -> tuple[Holder, asyncio.Future[None]] | None:
        for holder, line in self._waiting.items():
            if self._may(holder):
                for given in line:
                    if not given.cancelled():
                        return holder, given
        return None

    def _out_of_line(self, holder: Holder, given: asyncio.Future[None]) -> None:
        """The others of this holder wait on, behind other holders."""
        line = self._waiting.pop(holder)
        line.remove(given)
        if line:
            self._waiting[holder] = line
