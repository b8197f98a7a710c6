"""Where the console stands: by which name it is reached, and what of a browser is to be believed because of it."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from case_api.refusals.problems import Refused
from case_api.requests.headers import header
from case_events.core.values import Problem

SESSION, FLOW = "caselog", "caselog-sign-in"
"""The cookies: of who is signed in, and of a sign-in by OpenID that has begun."""
LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")


class Premises(NamedTuple):
    """What the settings say of the console. ``client_id``: who it is to the OpenID provider; None: to none."""

    development: bool
    client_id: str | None
    client_secret: SecretStr | None


def premises_of(request: Request) -> Premises:
    premises: Premises = request.app.state.premises
    return premises


def plain(request: Request) -> bool:
    """Is this plain http on loopback in development, where a browser may refuse a cookie that is bound to TLS?"""
    name = header(request, b"host").rpartition(":")
    host = name[0] if name[1] and name[2].isdigit() else header(request, b"host")
    return premises_of(request).development and host in LOOPBACK


def origin(request: Request) -> str:
    """The console's own origin. Outside development it is behind TLS, whoever ended that before us."""
    return f"{'http' if plain(request) else 'https'}://{header(request, b'host')}"


def give(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    """Put a cookie on ``answer``; 0 ``seconds`` take it away.

    With the prefix __Host- no other host, and nobody on the way, can have set it (RFC 6265bis, 4.1.3.2).
    """
    bound = not plain(request)
    answer.set_cookie(
        _name(name, bound=bound), value, max_age=seconds, path="/", secure=bound, httponly=True, samesite="lax"
    )


def brought(request: Request, name: str) -> str:
    """What a cookie of ours says; empty without one."""
    return request.cookies.get(_name(name, bound=not plain(request)), "")


def _name(name: str, *, bound: bool) -> str:
    return f"__Host-{name}" if bound else name


def check_opened(request: Request) -> None:
    """Refuse what a script fetches (403): pages are opened, and forms sent, by people, and ours have no scripts.

    Other pages of this origin do: /docs has its scripts from somebody else, and a fetch of theirs brings our cookie.
    """
    if header(request, b"sec-fetch-dest") not in ("", "document"):
        raise Refused(
            Problem(code="forbidden", detail="A page of this console is opened by a browser, not by a script.")
        )


def check_own(request: Request) -> None:
    """Refuse a form that another site's page sent, or a script (403): by what the browser says, and by Origin.

    One of the two is there in every browser since 2020. Behind a proxy the scheme we are reached by is not known here,
    so of an origin its host and port must be ours.
    """
    check_opened(request)
    site, came_from = header(request, b"sec-fetch-site"), header(request, b"origin")
    host = header(request, b"host")
    own = came_from in (f"https://{host}", f"http://{host}")
    if not (site or came_from) or (site and site != "same-origin") or (came_from and not own):
        raise Refused(Problem(code="forbidden", detail="This form was not sent from a page of this console."))
