"""The guard: a webhook's connection goes to an address that was looked at, and to no other.

Whoever names a receiver also answers for its name in the DNS. So a name is resolved once for each connection, all it
resolves to must be allowed, and the connection goes to the very addresses that were looked at; TLS keeps the name. A
receiver that redirects has not taken the event, and no proxy is asked: neither would have been looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextvars import ContextVar
from ipaddress import ip_address

import httpcore

from case_events.ledger.webhooks.targets import Address, may_be_reached
from case_scheduler.webhooks.names import Names

ADDRESSES_MAX = 4
"""Of the addresses of one name so many are tried, one after the other, in the time there is."""
ASKED_BY: ContextVar[str] = ContextVar("asked_by", default="")
"""For which client this task connects: a connection pool hands on no such thing."""


class Blocked(Exception):
    """The name resolves to an address that nothing is sent to."""


class Unresolved(httpcore.ConnectError):
    """The name has no address, or nobody could say which."""


class Guard(httpcore.AsyncNetworkBackend):
    """Connects as the backend of httpcore does, and only to what may be reached."""

    def __init__(self, *, loopback: bool) -> None:
        """``loopback``: this very machine may be reached, as it may be in development."""
        self._loopback, self._names = loopback, Names()
        self._backend = httpcore.AnyIOBackend()

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
                return await self._connected(await self._looked_at(host), port, local_address, socket_options)
        except TimeoutError as late:
            raise httpcore.ConnectTimeout("no connection in time") from late

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)

    async def _looked_at(self, host: str) -> list[Address]:
        """Everything the name resolves to. Raises Blocked if any of it is not to be reached."""
        try:
            addresses = [ip_address(address) for address in await self._resolved(host)]
        except TimeoutError:
            raise
        except OSError as unknown:
            raise Unresolved(host) from unknown
        if not all(may_be_reached(address, loopback=self._loopback) for address in addresses):
            raise Blocked(host)
        return addresses

    async def _resolved(self, host: str) -> list[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            return await self._names.addresses(host, ASKED_BY.get())

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
