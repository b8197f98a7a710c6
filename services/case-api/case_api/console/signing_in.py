"""Signing in with a key, and out again; and the language the pages are in."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import Response

from case_api.callers.auth import RIGHTS
from case_api.console import forms, pages, paths, premises, visitors
from case_api.console.visitors import Visitor
from case_api.console.words import LANGUAGES
from case_api.door import door_of
from case_events.ledger.callers.keys import Caller

KEY_MAX = 200
LANGUAGE_S = 365 * 86_400

log = structlog.get_logger("case_api.console")


async def ask(request: Request) -> Response:
    """The page that asks for a key."""
    return _page(request, paths.inside(request.query_params.get("next")))


async def again(request: Request) -> Response:
    """Ask who is not signed in, or no longer, to do so; what they sent meanwhile is not recorded, and stands there."""
    here = pages.here(request)
    form = await forms.written(request) if here.startswith(paths.CASES) else {}
    if not form:
        return pages.go_to(paths.sign_in(here))
    return _page(request, here, "session_over", HTTPStatus.FORBIDDEN, written=form.get(forms.TEXT, ""))


async def with_key(request: Request) -> Response:
    """Sign in with the key that was pasted."""
    form = await forms.read(request, None)
    then = paths.inside(form.get("next"))
    secret = form.get("key", "").strip()
    caller = await _caller_with(request, secret)
    if caller is None:
        log.warning("sign_in_failed", by="key")
        return _page(request, then, "not_known", HTTPStatus.FORBIDDEN)
    return await admitted(request, caller, secret, then)


async def admitted(request: Request, caller: Caller, key: str | None, then: str) -> Response:
    """Begin the session of somebody who is known, if their role is one of the console's, and show where they wanted."""
    if caller.role not in RIGHTS["console"]:
        return _page(request, then, "not_for_role", HTTPStatus.FORBIDDEN, role=caller.role)
    await door_of(request).let_in(request, caller)
    put_cookie = await visitors.sign_in(request, caller, key)
    log.info("signed_in", by="openid" if key is None else "key", key_id=caller.key_id, role=caller.role)
    answer = _anew(request, then)
    put_cookie(answer)
    return answer


async def leave(request: Request, visitor: Visitor) -> Response:
    """Sign out."""
    await forms.read(request, visitor)
    await visitors.sign_out(request)
    log.info("signed_out", key_id=visitor.caller.key_id)
    answer = _anew(request, f"{paths.SIGN_IN}?said=signed_out")
    premises.give(request, answer, premises.SESSION, "", 0)
    return answer


async def choose_language(request: Request) -> Response:
    """Have the pages in another language from now on."""
    language = request.query_params.get("to")
    answer = pages.go_to(paths.inside(request.query_params.get("next")))
    if language in LANGUAGES:
        answer.set_cookie(
            paths.LANGUAGE_COOKIE, language, max_age=LANGUAGE_S, path=paths.CONSOLE, httponly=True, samesite="lax"
        )
    return answer


def refused_sign_in(request: Request, reason: str, status: int) -> Response:
    """The page that asks for a key, with why the other way did not lead in."""
    return _page(request, paths.CONSOLE, reason, status)


def _anew(request: Request, path: str) -> Response:
    """Go on without what somebody before looked for: who it was about is not for the next one at this browser."""
    answer = pages.go_to(path)
    if paths.QUEUE_COOKIE in request.cookies:
        answer.delete_cookie(paths.QUEUE_COOKIE, path=paths.CONSOLE)
    return answer


async def _caller_with(request: Request, secret: str) -> Caller | None:
    """The caller behind a key; a token of OpenID is none: who has one signs in by OpenID."""
    if not secret or len(secret) > KEY_MAX or "." in secret or not (secret.isascii() and secret.isprintable()):
        return None
    return await door_of(request).callers.of(secret)


def _page(
    request: Request,
    then: str,
    reason: str | None = None,
    status: int = HTTPStatus.OK,
    role: str = "",
    written: str = "",
) -> Response:
    said = "signed_out" if request.query_params.get("said") == "signed_out" and reason is None else None
    openid = premises.premises_of(request).client_id is not None
    return pages.page(
        request, "sign_in", status, then=then, reason=reason, said=said, role=role, openid=openid, written=written
    )
