"""Who is calling and what that role may do (api.md, "Who calls"): the roles table, and the keys seen lately."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Literal

from starlette.requests import Request

from case_api.callers.limiter import LookUps
from case_api.callers.tokens import Tokens, is_token
from case_api.refusals.problems import Refused
from case_api.requests.headers import header
from case_events.core.commands import BY
from case_events.core.events import EVENTS
from case_events.core.timeouts import DeadlineApproaching, TimedOut
from case_events.core.values import Party, Problem
from case_events.core.viewer import Viewer
from case_events.ledger.callers.keys import Caller, caller_of, development_keys
from case_events.ledger.database import Ledger
from case_events.ledger.webhooks.endpoints import Shelf

KNOWN_FOR_S = 5
"""How long a key is believed without asking again: a revoked one works no longer than this."""
KNOWN_MAX = 1_000
SECRET_MAX = 8_000
"""Characters; a key has 46, a token of a provider some thousand."""

Right = Literal[
    "file",
    "post",
    "upload",
    "read",
    "read_rules",
    "audit",
    "set_clocks",
    "read_clocks",
    "read_schedule",
    "operate",
    "webhooks",
    "oversee_webhooks",
    "read_webhooks",
    "keys",
    "console",
]
READERS = ("storefront", "platform", "ops", "auditor")
RIGHTS: dict[Right, tuple[str, ...]] = {
    "file": ("storefront", "platform"),
    "post": ("storefront", "platform", "ops"),
    "upload": ("storefront", "platform"),
    "read": READERS,
    "read_rules": (*READERS, "admin"),
    "audit": ("auditor",),
    "set_clocks": ("admin",),
    "read_clocks": (*READERS, "admin"),
    "read_schedule": ("platform", "ops", "auditor", "admin"),
    "operate": ("ops", "admin"),
    "webhooks": ("storefront", "platform"),
    "oversee_webhooks": ("storefront", "platform", "ops", "admin"),
    "read_webhooks": (*READERS, "admin"),
    "keys": ("admin",),
    # Signing in; each page then asks for the right that the API asks for the same.
    "console": ("platform", "ops", "auditor", "admin"),
}
"""Which roles have which right."""

SIDES: dict[str, tuple[str, ...]] = {"storefront": ("complainant", "respondent"), "platform": ("platform",)}
"""Whose events a role may post."""
OF_OPS = ("noted", "assigned", "linked", "subject_erased")
"""What ops may post of the platform's events."""
DESK = ("platform", "ops", "auditor")
"""The platform's own people: they see the desk's notes to itself, and the marks on a complainant."""


OVERSEERS = ("ops", "auditor", "admin")
"""Who sees every client's webhook endpoints; everybody else sees their own client's."""


class Callers:
    """The callers behind the keys seen in the last seconds; only digests of keys are kept.

    ``sandbox``: development keys open the door. In production they do not, even where a database still has them.
    ``tokens``: what an OpenID provider signed opens it, too. ``used``: the keys that were, for whoever notes that.
    """

    def __init__(self, ledger: Ledger, *, sandbox: bool, tokens: Tokens | None = None) -> None:
        self._ledger = ledger
        self._tokens = tokens
        self._shut = frozenset() if sandbox else frozenset(caller.key_id for caller, _ in development_keys())
        self.used: set[str] = set()
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self._look_ups = LookUps()
        self._asking: dict[bytes, asyncio.Task[Caller | None]] = {}

    async def of(self, secret: str) -> Caller | None:
        """Who has this key or token; None if nobody has. Refused where a token is, with why, and a key that was not
        seen here while too many such wait."""
        if self._tokens is not None and is_token(secret):
            return await self._tokens.caller_of(secret)
        digest, now = hashlib.sha256(secret.encode()).digest(), time.monotonic()
        until, caller = self._known.get(digest, (0.0, None))
        if caller is not None and now < until:
            self.used.add(caller.key_id)
            return caller
        asking = self._asking.get(digest)
        if asking is None:
            # Whoever comes with it meanwhile shares the answer; nobody who hangs up takes it from the others.
            asking = self._asking[digest] = asyncio.create_task(self._find(secret, digest, now + KNOWN_FOR_S))
            asking.add_done_callback(lambda _: self._asking.pop(digest))
        return await asyncio.shield(asking)

    async def _find(self, secret: str, digest: bytes, until: float) -> Caller | None:
        if digest in self._known:
            caller = await caller_of(self._ledger, secret)
        else:
            async with self._look_ups.turn():
                caller = await caller_of(self._ledger, secret)
        if caller is None or caller.key_id in self._shut:
            self._known.pop(digest, None)
            return None
        self.used.add(caller.key_id)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[digest] = (until, caller)
        return caller


async def caller_with(request: Request, callers: Callers, right: Right) -> Caller:
    """Who sent ``request``, noted in its scope. Refused: 401 without a known key, 403 without the right."""
    scheme, _, secret = header(request, b"authorization").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise Refused(Problem(code="unauthenticated", detail="Send Authorization: Bearer <key>."))
    known = len(secret) <= SECRET_MAX and secret.isascii() and secret.isprintable()
    caller = await callers.of(secret) if known else None
    if caller is None:
        raise Refused(Problem(code="unauthenticated", detail="This key is not known, or it was revoked."))
    request.scope["caller"] = caller
    if caller.role not in RIGHTS[right]:
        raise Refused(Problem(code="forbidden", detail=f"A key with the role {caller.role} may not do this."))
    return caller


async def opens_still(request: Request, callers: Callers, right: Right, caller: Caller) -> bool:
    """Does the key of ``request`` still open for ``caller`` what it opened? Asked by answers that take their time."""
    try:
        return await caller_with(request, callers, right) == caller
    except Refused:
        return False


def check_may_post(caller: Caller, name: str) -> None:
    """Refuse an event that is not this role's to post; an unknown name is for the body's own check to refuse."""
    if is_timeout(name):
        detail = f"{name} is recorded by the clocks alone; nobody can post it."
        raise Refused(Problem(code="forbidden", detail=detail))
    if name in BY and not set(BY[name]) & set(SIDES.get(caller.role, ())) and not _of_ops(caller, name):
        detail = f"{name} is for the {' or '.join(BY[name])}; a key with the role {caller.role} may not post it."
        raise Refused(Problem(code="forbidden", detail=detail))


def _of_ops(caller: Caller, name: str) -> bool:
    return caller.role == "ops" and name in OF_OPS


def speaks_for_the_platform(caller: Caller) -> bool:
    """Whether this key posts as the platform, so that no actor needs to be named."""
    return caller.role != "storefront"


def viewer_of(caller: Caller) -> Viewer:
    """What of the cases there is for this caller."""
    return Viewer(marketplaces=caller.marketplaces, merchants=caller.merchants, desk=caller.role in DESK)


def shelf_of(caller: Caller) -> Shelf:
    """Which webhook endpoints there are for this caller: none that is told of more than the caller may see."""
    oversees = caller.role in OVERSEERS
    limits = Viewer(marketplaces=caller.marketplaces, merchants=caller.merchants, desk=oversees or caller.role in DESK)
    return Shelf(client=None if oversees else caller.client, viewer=limits)


def check_may_speak(caller: Caller, actor: Party) -> None:
    """Refuse a party that a key limited to merchants does not speak for: another merchant, and any buyer."""
    if caller.merchants is not None and actor.role != "platform" and not viewer_of(caller).is_party(actor):
        detail = f"This key speaks for its own merchants, not for this {actor.role}."
        raise Refused(Problem(code="forbidden", detail=detail))


def is_limited(caller: Caller) -> bool:
    """Does this key see some marketplaces or merchants only?"""
    return caller.marketplaces is not None or caller.merchants is not None


def check_sees_all(caller: Caller) -> None:
    """Refuse a key that is limited to marketplaces or merchants: the answer would be about everybody's cases."""
    if is_limited(caller):
        detail = "This is about all cases; a key that is limited to some marketplaces or merchants does not see it."
        raise Refused(Problem(code="forbidden", detail=detail))


def is_timeout(name: str) -> bool:
    """Is this an event that only a clock records?"""
    kind = EVENTS.get(name)
    return name.endswith("_timed_out") or (kind is not None and issubclass(kind, TimedOut | DeadlineApproaching))


def acting(caller: Caller, actor: Party | None) -> tuple[Party, str | None]:
    """Who acts, and through which agent: a storefront speaks for the parties, other keys for the platform."""
    if speaks_for_the_platform(caller):
        if actor is not None and actor.role != "platform":
            detail = f"A key with the role {caller.role} posts as the platform, not as the {actor.role}."
            raise Refused(Problem(code="forbidden", detail=detail))
        agent = actor.id if actor else caller.name
        return Party(role="platform", id=agent), agent
    assert actor is not None, "the body's check asks for the actor"
    if actor.role == "platform":
        raise Refused(Problem(code="forbidden", detail="A storefront posts as a party, not as the platform."))
    check_may_speak(caller, actor)
    return actor, None
