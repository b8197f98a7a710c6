"""Sending: one signed request to a receiver, and what it came to; of the answer only the status is looked at.

The form is Standard Webhooks 1.0.0: ``webhook-id``, ``webhook-timestamp`` and one ``v1`` signature for each secret
that is valid, over exactly the bytes that are sent. Only 2xx is success; nothing is followed and no proxy is asked.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import httpcore
from standardwebhooks import Webhook

from case_events import tracing
from case_events.core.values import Instant, Value
from case_scheduler.webhooks.guard import ASKED_BY, Blocked, Guard, Unresolved
from case_scheduler.webhooks.slots import Slots

CONNECT_S, WHOLE_S = 5.0, 15.0
"""How long a connection may take, and all of it until the answer's status is there."""
BODY_BYTES, BODY_S = 16_384, 1.0
"""Of the answer's body so much is read, so long, and thrown away, so that the connection can be used again."""
PER_RECEIVER_MAX = 8
"""Requests under way of one client to one host, whatever its ports and however many endpoints there are at it."""
PER_CLIENT_MAX, SHARED_MAX = 32, 256
"""Requests under way of one client, and of all, beside the first to each receiver, which waits for no other one's."""
RECEIVERS_MAX = 512
"""Receivers that have a request under way in one process: 10,000 that all hang are probed so many at a time."""
KEPT_S, KEPT_MAX = 4.0, 64
"""How long, and how many, connections are kept that nobody uses; most servers close theirs after five seconds."""
RETRY_AFTER_S_MAX = 86_400.0

CONTENT_TYPE = b"application/cloudevents+json"
USER_AGENT = f"Caselog/{version('caselog')}".encode()
TIMEOUTS = {"timeout": {"connect": CONNECT_S, "read": WHOLE_S, "write": WHOLE_S, "pool": WHOLE_S}}
DEFAULT_PORTS = {"http": 80, "https": 443}
ASKS_FOR_QUIET = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

Outcome = Literal["delivered", "refused", "redirected", "gone", "timed_out", "unreachable", "blocked"]
"""As ``attempts.OUTCOMES`` tells them."""
BY_CLASS: dict[int, Outcome] = {2: "delivered", 3: "redirected"}
FAULTS = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError)


class Answer(Value, frozen=True, kw_only=True):
    """What one request came to. ``status``: None where there was none; ``detail``: what kind of trouble, in our words.

    ``retry_after_s``: so long the receiver wants to wait, a day at most; ``quiet``: and be sent nothing else either.
    """

    at: Instant
    took_ms: int
    outcome: Outcome
    status: int | None = None
    detail: str | None = None
    retry_after_s: float | None = None
    quiet: bool = False

    @property
    def delivered(self) -> bool:
        return self.outcome == "delivered"


class Sender:
    """One process has one: its connections, and who may be sent how much at once."""

    def __init__(self, *, loopback: bool, trusted: ssl.SSLContext | None = None) -> None:
        """``loopback``: this very machine may be sent to; ``trusted``: whose certificates are believed (None: all the
        public believes)."""
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trusted,
            max_connections=RECEIVERS_MAX + SHARED_MAX,
            max_keepalive_connections=KEPT_MAX,
            keepalive_expiry=KEPT_S,
            network_backend=Guard(loopback=loopback),
        )
        self._slots = Slots(holders=RECEIVERS_MAX, each=PER_RECEIVER_MAX, of_client=PER_CLIENT_MAX, shared=SHARED_MAX)

    async def close(self) -> None:
        await self._pool.aclose()

    def turn(self, client: str, url: str) -> AbstractAsyncContextManager[None]:
        """Wait until the client may send to the URL. To each of its hosts it may send one thing whatever others do.

        While a receiver's circuit is open it is sent one thing at a time. So one that hangs soon holds nothing that
        others could have, and one that does not is sent to however many hang.
        """
        return self._slots.turn((client, (urlsplit(url).hostname or "").rstrip(".")))

    async def post(self, client: str, url: str, message: UUID, body: bytes, secrets: Sequence[str]) -> Answer:
        """Send the body once, signed; how it went is the answer, and nothing of it is raised. It takes a ``turn``."""
        at, began = Instant.of(datetime.now(UTC)), time.monotonic()
        outcome: Outcome
        ASKED_BY.set(client)
        try:
            status, retry_after = await self._exchanged(url, headers(message, at, body, secrets), body)
        except Blocked:
            outcome, told = "blocked", "its name leads to an address nothing is sent to"
        except (TimeoutError, httpcore.TimeoutException) as late:
            outcome, told = "timed_out", _late(late)
        except FAULTS as fault:
            outcome, told = "unreachable", _fault(fault)
        else:
            tracing.note(**{"http.response.status_code": status})
            return answered(at, _since(began), status, retry_after)
        return Answer(at=at, took_ms=_since(began), outcome=outcome, detail=told)

    async def _exchanged(self, url: str, said: list[tuple[bytes, bytes]], body: bytes) -> tuple[int, str | None]:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(WHOLE_S):
                place, host = place_of(url)
                told = [(b"host", host), *said]
                sending = self._pool.stream("POST", place, headers=told, content=body, extensions=TIMEOUTS)
                response = await stack.enter_async_context(sending)
            retry_after = {name.lower(): value for name, value in response.headers}.get(b"retry-after")
            await _thrown_away(response)
        return response.status, retry_after.decode("latin-1") if retry_after else None


def place_of(url: str) -> tuple[httpcore.URL, bytes]:
    """Where the request goes, with all that the URL says behind its host, and the Host that it names (RFC 9110, section
    7.2). httpcore's own reading leaves out what follows a ``;``, and the brackets of an IPv6 address."""
    parts = urlsplit(url)
    host, said = (parts.hostname or "").encode(), url.partition("//")[2].removeprefix(parts.netloc).encode()
    target = said if said.startswith(b"/") else b"/" + said
    place = httpcore.URL(scheme=parts.scheme.encode(), host=host, port=parts.port, target=target)
    named = b"[%b]" % host if b":" in host else host
    return place, named if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else b"%b:%d" % (named, parts.port)


def headers(message: UUID, at: datetime, body: bytes, secrets: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """What goes before the body (Standard Webhooks, "Webhook Headers"); ``at``: the attempt's time."""
    told, moment = str(message), datetime.fromtimestamp(at.timestamp(), UTC)
    text = body.decode()
    signatures = " ".join(Webhook(secret).sign(told, moment, text) for secret in secrets)
    return [
        (b"content-type", CONTENT_TYPE),
        (b"user-agent", USER_AGENT),
        (b"webhook-id", told.encode()),
        (b"webhook-timestamp", str(int(moment.timestamp())).encode()),
        (b"webhook-signature", signatures.encode()),
        *((name.encode(), value.encode()) for name, value in tracing.outgoing().items()),
    ]


def answered(at: Instant, took_ms: int, status: int, retry_after: str | None) -> Answer:
    """What a status comes to."""
    outcome: Outcome = BY_CLASS.get(status // 100, "refused") if status != HTTPStatus.GONE else "gone"
    wait_s = None if outcome == "delivered" else seconds_of(retry_after, at)
    return Answer(
        at=at,
        took_ms=took_ms,
        outcome=outcome,
        status=status,
        retry_after_s=wait_s,
        quiet=wait_s is not None and status in ASKS_FOR_QUIET,
    )


def seconds_of(retry_after: str | None, now: datetime) -> float | None:
    """How long a Retry-After asks to wait (RFC 9110, section 10.2.3); None where it says nothing that can be read."""
    if retry_after is None:
        return None
    said = retry_after.strip()
    try:
        seconds = float(said) if said.isascii() and said.isdigit() else _until(parsedate_to_datetime(said), now)
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_S_MAX)


def _until(then: datetime, now: datetime) -> float:
    return ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds()


async def _thrown_away(response: httpcore.Response) -> None:
    """Read what little may follow, so that the connection can be used again; its status has been said."""
    read = 0
    with suppress(TimeoutError, httpcore.TimeoutException, *FAULTS):
        async with asyncio.timeout(BODY_S):
            async for part in response.aiter_stream():
                read += len(part)
                if read > BODY_BYTES:
                    return


def _late(late: Exception) -> str:
    return "no connection in time" if isinstance(late, httpcore.ConnectTimeout) else "no answer in time"


def _fault(fault: Exception) -> str:
    """What kind it is; never what the other side said."""
    if isinstance(fault, Unresolved):
        return "its name does not resolve"
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its certificate is not valid"
        if isinstance(cause, ssl.SSLError):
            return "no TLS connection"
        cause = cause.__cause__ or cause.__context__
    if isinstance(fault, httpcore.ConnectError):
        return "no connection"
    return "what it answered is not HTTP" if isinstance(fault, httpcore.ProtocolError) else "the connection broke"


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
