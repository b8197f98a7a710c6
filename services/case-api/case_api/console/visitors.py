"""Who is signed in: the cookie that says so, the session behind it, and the token that only its own pages hold.

The cookie opens the console and nothing else: no route of the API reads it.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from case_api.callers.auth import RIGHTS, Right, check_may_post, is_limited, viewer_of
from case_api.console import premises
from case_api.door import door_of
from case_api.refusals.problems import Refused
from case_events.core.values import Instant, Problem, Value
from case_events.core.viewer import Viewer
from case_events.ledger.callers import sessions
from case_events.ledger.callers.changing import DEVELOPMENT
from case_events.ledger.callers.keys import Caller

SECRET_BYTES = 32
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


class Visitor(Value, frozen=True, kw_only=True):
    """Somebody who is signed in. ``token``: what every form of theirs carries."""

    caller: Caller
    until: Instant
    token: str

    @property
    def viewer(self) -> Viewer:
        """What of the cases there is for them: what the API would show to the same key."""
        return viewer_of(self.caller)

    @property
    def sees_all(self) -> bool:
        """May they see what is about everybody's cases?"""
        return not is_limited(self.caller)

    def may(self, right: Right) -> bool:
        return self.caller.role in RIGHTS[right]

    def may_post(self, name: str) -> bool:
        """May they post this event, by the API's own rules?"""
        try:
            check_may_post(self.caller, name)
        except Refused:
            return False
        return self.may("post")


async def visitor_of(request: Request) -> Visitor | None:
    """Who sent ``request``, if they are signed in and still may use the console. Refused: 429, as their key is."""
    secret, door = _said(request), door_of(request)
    session = await sessions.find(door.ledger, secret) if secret else None
    if session is None or session.caller.role not in RIGHTS["console"]:
        return None
    if not door.sandbox and session.caller.key_id in DEVELOPMENT:
        return None
    await door.let_in(request, session.caller)
    return Visitor(caller=session.caller, until=session.until, token=_token(secret))


async def sign_in(request: Request, caller: Caller, key: str | None) -> Callable[[Response], None]:
    """Begin a session of ``caller``, ending the one this browser had; what puts its cookie on an answer.

    The secret is always a new one: whatever cookie a browser was given before becomes nobody's session. ``key``: the
    key's secret, with which the session ends; None where OpenID said who it is.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    async with door_of(request).ledger.connection() as connection, connection.transaction():
        if before := _said(request):
            await sessions.end(connection, before)
        await sessions.begin(connection, caller, secret, key=key)
    return lambda answer: premises.give(request, answer, premises.SESSION, secret, sessions.LASTS_S)


async def sign_out(request: Request) -> None:
    """End the session of this browser."""
    async with door_of(request).ledger.connection() as connection:
        await sessions.end(connection, _said(request))


def check_token(visitor: Visitor, said: str) -> None:
    """Refuse a form that no page of this very session showed (403)."""
    if not hmac.compare_digest(said.encode(), visitor.token.encode()):
        detail = "This form is not of your session: load the page again, and send it from there."
        raise Refused(Problem(code="forbidden", detail=detail))


def _said(request: Request) -> str:
    """The secret the browser brings; empty where it is none of ours."""
    said = premises.brought(request, premises.SESSION)
    return said if _SECRET.fullmatch(said) else ""


def _token(secret: str) -> str:
    """Whoever knows the token cannot work out the secret."""
    return urlsafe_b64encode(hmac.digest(secret.encode(), b"caselog console form", "sha256")).decode().rstrip("=")
