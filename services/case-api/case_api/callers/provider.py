"""The OpenID provider, read and remembered: where it is asked for tokens, and the keys it signs them with."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import msgspec
import structlog

from case_events.core.values import Value

KEY_TYPES: dict[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Every algorithm a token may be signed with, and the key it takes (RFC 7518, RFC 8037): none is symmetric."""
WELL_KNOWN = "/.well-known/openid-configuration"
WAIT_S = 5
"""How long the provider may take for both documents together."""
BYTES_MAX = 256 * 1024
KEYS_MAX = 100
AGE_MAX_S = 600
"""After so long its keys are read again, so that one it took back is not believed much longer."""
STALE_MAX_S = 3600
"""So long the keys that are known go on being believed while it does not answer."""
PAUSE_S = 30
"""At most so often it is asked: a token that names a key nobody has costs it nothing."""
FIRST_PAUSE_S = 5
"""The same while nothing of it is known."""
FAULTS = (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, ValueError, TimeoutError, OSError, RecursionError)
"""What reading it can end with when it does not answer, or not as a provider does."""

log = structlog.get_logger("case_api.provider")


class Away(Exception):
    """The provider does not answer, or not as a provider, and what is known of it is not enough."""


class Metadata(Value, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """What of its discovery document is used here (OpenID Connect Discovery 1.0 §3)."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class Provider:
    """One issuer. ``sandbox``: it may be http on this machine. ``clock``: seconds that only go forward."""

    def __init__(self, issuer: str, *, sandbox: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._sandbox = sandbox
        self._clock = clock
        self._metadata: Metadata | None = None
        self._keys: dict[tuple[str | None, str], jwt.PyJWK] = {}
        self._read_at = -float("inf")
        self._tried_at = -float("inf")
        self._away = False
        self._asking: asyncio.Task[None] | None = None

    async def metadata(self) -> Metadata:
        """Where it is asked. Raises Away."""
        await self._current()
        assert self._metadata is not None, "what is current was read"
        return self._metadata

    async def key(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The key of this id for this algorithm; without an id, the only one for it; None: it has none. Raises Away."""
        await self._current()
        found = self._known(kid, algorithm)
        if found is None and self._may_ask():
            await asyncio.shield(self._ask())
            found = self._known(kid, algorithm)
        if found is None and self._away:
            raise Away  # it may be a new key of its: nobody can say now
        return found

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def _known(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        fitting = [key for (_, takes), key in self._keys.items() if takes == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    async def _current(self) -> None:
        age = self._clock() - self._read_at
        if age > AGE_MAX_S and self._may_ask():
            asking = self._ask()
            # Whoever was away a moment ago may hang: what is known serves until it is back, and nobody waits.
            if not self._away or age > STALE_MAX_S:
                await asyncio.shield(asking)
        if self._clock() - self._read_at > STALE_MAX_S:
            raise Away

    def _may_ask(self) -> bool:
        pause = PAUSE_S if self._metadata else FIRST_PAUSE_S
        return self._asking is not None or self._clock() - self._tried_at >= pause

    def _ask(self) -> asyncio.Task[None]:
        """Begin to read both documents; whoever wants them meanwhile waits for the same answer."""
        if self._asking is None:
            self._tried_at = self._clock()
            self._asking = asyncio.create_task(self._read(), name="OpenID provider")
            self._asking.add_done_callback(self._asked)
        return self._asking

    def _asked(self, _: asyncio.Task[None]) -> None:
        self._asking = None

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(WAIT_S), self._client() as client:
                metadata = msgspec.json.decode(
                    await _fetched(client, self._issuer.rstrip("/") + WELL_KNOWN), type=Metadata
                )
                self._check(metadata)
                found = msgspec.json.decode(await _fetched(client, metadata.jwks_uri), type=_KeySet)
            keys = _usable(found.keys[:KEYS_MAX])
            if not keys:
                raise ValueError("no key signs: that is a fault of its, and no reason to believe no token")
        except FAULTS as fault:
            self._away = True
            log.warning("provider_not_read", fault=type(fault).__name__, known=bool(self._keys))
            return
        self._metadata, self._keys = metadata, keys
        self._read_at, self._away = self._clock(), False

    def _client(self) -> httpx.AsyncClient:
        # What lies on this machine is never asked through a proxy.
        return httpx.AsyncClient(timeout=WAIT_S, follow_redirects=False, trust_env=not _is_loopback(self._issuer))

    def _check(self, metadata: Metadata) -> None:
        """Raises ValueError for a document of somebody else, or one that leads to where no secret may go."""
        if metadata.issuer != self._issuer:
            raise ValueError("the discovery document is another issuer's")
        for address in (metadata.jwks_uri, metadata.authorization_endpoint, metadata.token_endpoint):
            fault = address_fault(address, sandbox=self._sandbox) if address else None
            if fault:
                raise ValueError(fault)


def address_fault(address: str, *, sandbox: bool) -> str | None:
    """Why this is no address of a provider: https only; http to this machine where ``sandbox``."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return "is not an address"
    if not host or parts.username or parts.password or parts.fragment or not address.isprintable() or " " in address:
        return "is not an address like https://login.example.com"
    if parts.scheme == "https" or (parts.scheme == "http" and sandbox and _is_loopback(address)):
        return None
    return "is not https" + (", nor http to this machine" if sandbox else "")


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _fetched(client: httpx.AsyncClient, address: str) -> bytes:
    """The document at this address. Raises ValueError for anything but a plain answer of a sane size."""
    said = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with client.stream("GET", address, headers=said) as answer:
        if answer.status_code != httpx.codes.OK or answer.headers.get("content-encoding", "identity") != "identity":
            raise ValueError(f"answered {answer.status_code}, or packed")
        body = b""
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > BYTES_MAX:
                raise ValueError("the document is too large")
        return body


def _usable(keys: list[dict[str, Any]]) -> dict[tuple[str | None, str], jwt.PyJWK]:
    """Each key by its id and every algorithm it is for; what is for anything but signing is left out (RFC 7517 §4)."""
    found: dict[tuple[str | None, str], jwt.PyJWK] = {}
    for key in keys:
        operations = key.get("key_ops")
        signs = key.get("use", "sig") == "sig" and (not isinstance(operations, list) or "verify" in operations)
        kid = key.get("kid")
        if not signs or "d" in key or not isinstance(kid, str | None):
            continue
        for algorithm, (kty, crv) in KEY_TYPES.items():
            fits = key.get("kty") == kty and (crv is None or key.get("crv") == crv)
            if fits and key.get("alg", algorithm) == algorithm:
                try:
                    found.setdefault((kid, algorithm), jwt.PyJWK(key, algorithm))
                except (jwt.PyJWTError, ValueError, TypeError):
                    log.warning("provider_key_not_read", kty=kty)
                    break
    return found
