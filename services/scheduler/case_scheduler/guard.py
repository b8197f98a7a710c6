"""The guard: a webhook's connection goes to an address that was looked at, and to no other.

Whoever names a receiver also answers for its name in the DNS. So a name is resolved once for each connection, all it
resolves to must be allowed, and the connection goes to the very addresses that were looked at; TLS keeps the name. A
receiver that redirects has not taken the event, and no proxy is asked: neither would have been looked at.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address

import httpcore

from case_events.ledger.webhooks.targets import Address, may_be_reached

ADDRESSES_MAX = 4
"""Of the addresses of one name so many are tried, one after the other, in the time there is."""


class Blocked(Exception):
    """The name resolves to an address that nothing is sent to."""


class Unresolved(httpcore.ConnectError):
    """The name has no address, or nobody could say which."""


class Guard(httpcore.AsyncNetworkBackend):
    """Connects as the backend of httpcore does, and only to what may be reached."""

    def __init__(self, *, sandbox: bool) -> None:
        """``sandbox``: this very machine may be reached, as it may be outside production."""
        self._sandbox = sandbox
        self._backend = httpcore.AnyIOBackend()
        self._asking: dict[tuple[str, int], asyncio.Task[list[str]]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own word
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises Blocked; ConnectError, ConnectTimeout when nobody is there."""
        try:
            async with asyncio.timeout(timeout):
                return await self._connected(await self._looked_at(host, port), port, local_address, socket_options)
        except TimeoutError as late:
            raise httpcore.ConnectTimeout("no connection in time") from late

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)

    async def _looked_at(self, host: str, port: int) -> list[Address]:
        """Everything the name resolves to. Raises Blocked if any of it is not to be reached."""
        try:
            addresses = [ip_address(address) for address in await self._resolved(host, port)]
        except (OSError, UnicodeError) as unknown:
            raise Unresolved(host) from unknown
        if not all(may_be_reached(address, sandbox=self._sandbox) for address in addresses):
            raise Blocked(host)
        return addresses

    async def _resolved(self, host: str, port: int) -> list[str]:
        """What the name resolves to; whoever asks meanwhile is told the same.

        A thread that asks cannot be called off, and there are few: of a name whose servers never answer it is one.
        """
        if (asking := self._asking.get((host, port))) is None:
            asking = self._asking[host, port] = asyncio.create_task(_asked(host, port), name=f"resolve {host}")
            asking.add_done_callback(lambda done: self._told(host, port, done))
        return await asyncio.shield(asking)

    def _told(self, host: str, port: int, done: asyncio.Task[list[str]]) -> None:
        del self._asking[host, port]
        if not done.cancelled():
            done.exception()  # whoever asked may have gone

    async def _connected(
        self,
        addresses: list[Address],
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        failed: httpcore.ConnectError | None = None
        for address in addresses[:ADDRESSES_MAX]:
            try:
                return await self._backend.connect_tcp(
                    str(address), port, local_address=local_address, socket_options=socket_options
                )
            except httpcore.ConnectError as fault:
                failed = fault
        raise failed or Unresolved("nothing")


async def _asked(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]
