"""Names: what a receiver's name resolves to, asked in threads of our own, of which nobody's names can take many.

A look-up cannot be called off, and a name whose servers never answer takes its thread for as long as the resolver
tries. The event loop has few threads for look-ups, and Postgres is looked up in those: none of ours comes there.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from threading import Thread

from case_scheduler.webhooks.slots import Holder, Slots

PER_CLIENT_MAX = 4
"""Look-ups under way that one client asked for; it waits for one of them to end before it asks for more."""
SHARED_MAX, CLIENTS_MAX = 32, 64
"""Look-ups under way beside the first of each client, which waits for no other one's, and of how many clients."""
LOOK_UP_S = 5.0
"""How long whoever asks waits for the answer, and for a thread that asks."""

Answer = asyncio.Future[list[str]]


class Names:
    """One process has one."""

    def __init__(self) -> None:
        self._slots = Slots(holders=CLIENTS_MAX, each=PER_CLIENT_MAX, of_client=PER_CLIENT_MAX, shared=SHARED_MAX)
        self._asked: dict[str, Answer] = {}

    async def addresses(self, name: str, client: str) -> list[str]:
        """Everything it resolves to now; whoever asks for the same name meanwhile is told the same.

        Raises TimeoutError after ``LOOK_UP_S``, OSError when it has no address, or nobody could say which.
        """
        async with asyncio.timeout(LOOK_UP_S):
            return await asyncio.shield(self._asked.get(name) or await self._begun(name, client))

    async def _begun(self, name: str, client: str) -> Answer:
        """What is known by name is under way: nobody waits behind the names of another client."""
        holder = client, ""
        await self._slots.take(holder)
        if (begun := self._asked.get(name)) is not None:
            self._slots.give_back(holder)
            return begun
        answer = self._asked[name] = asyncio.get_running_loop().create_future()
        # Given back when it has ended, not when those who asked have gone.
        answer.add_done_callback(lambda _: self._ended(name, holder))
        try:
            # A pool's threads are waited for at the process's end, however the pool was shut; these are not.
            Thread(target=_look_up, args=(name, answer), name=f"resolve {name}", daemon=True).start()
        except RuntimeError:
            answer.set_exception(OSError("no thread to ask in"))
        return answer

    def _ended(self, name: str, holder: Holder) -> None:
        answer = self._asked.pop(name)
        if not answer.cancelled():
            answer.exception()  # whoever asked may have gone
        self._slots.give_back(holder)


def _look_up(name: str, answer: Answer) -> None:
    """In a thread."""
    addresses, fault = list[str](), OSError("nothing was found")
    try:
        addresses = [str(place[0]) for *_, place in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    except OSError as unknown:
        fault = unknown
    except ValueError:
        fault = OSError("no name of the DNS")
    finally:
        with suppress(RuntimeError):  # the loop is closed: the process is ending
            answer.get_loop().call_soon_threadsafe(_tell, answer, addresses, fault)


def _tell(answer: Answer, addresses: list[str], fault: OSError) -> None:
    if answer.done():
        return
    if addresses:
        answer.set_result(addresses)
    else:
        answer.set_exception(fault)
