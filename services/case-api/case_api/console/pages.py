"""How a page is made: its template, its language, its headers; everything anybody wrote is escaped."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from case_api.console.paths import CONSOLE, LANGUAGE_COOKIE, QUEUE_COOKIE, inside
from case_api.console.words import LABELS, LANGUAGES, Language
from case_api.requests.headers import header
from case_events.core import words
from case_events.core.values import CHINA, Instant, Text
from case_events.core.vocabulary import ROLES, called, role

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: a browser would then send our own forms with Origin: null, and be refused.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HTML = "text/html; charset=utf-8"
ASSET_S = 300
ACCEPTED_MAX = 20
"""Languages of an Accept-Language that are looked at."""


def page(
    request: Request,
    name: str,
    status: int = HTTPStatus.OK,
    *,
    visitor: object = None,
    headers: dict[str, str] | None = None,
    **said: Any,
) -> Response:
    """The template ``name`` with what is ``said``; ``visitor``: who is signed in, None for nobody."""
    language = language_of(request)
    if (refused := said.get("problem")) is not None:
        request.scope["problem"] = refused.code
    ways = {"here": here(request), "queue": queue_of(request)}
    body = _environment().get_template(f"{name}.html").render(lang=language, visitor=visitor, **ways, **said)
    return Response(body, status, {**HEADERS, **(headers or {})}, HTML)


def go_to(path: str) -> Response:
    """Look at ``path`` (one of ours) now; what was sent is not sent again when the page is loaded anew."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, HEADERS)


def asset(name: str, media_type: str) -> Response:
    """What a page fetches beside itself."""
    text = _environment().get_template(name).render()
    headers = {**HEADERS, "Cache-Control": f"public, max-age={ASSET_S}"}
    return Response(text, headers=headers, media_type=media_type)


def here(request: Request) -> str:
    """The page that is asked for, to come back to, or whose form was sent; the console itself where there is none."""
    path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
    if request.method not in ("GET", "HEAD"):
        return inside(path.rpartition("/")[0])
    return inside(f"{path}?{query}" if query else path)


def queue_of(request: Request) -> str:
    """The queue as it was filtered when it was looked at last: who has worked on a case goes on with the next."""
    if request.scope["path"] == CONSOLE:
        return here(request)
    return inside(f"{CONSOLE}?{request.cookies.get(QUEUE_COOKIE, '')}".rstrip("?"))


def language_of(request: Request) -> Language:
    """What was chosen, else the first of ours that the browser prefers, else Chinese."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    for one in (chosen or "", *_accepted(header(request, b"accept-language"))):
        for ours in LANGUAGES:
            if one.partition("-")[0].lower() == ours:
                return ours
    return "zh"


def _accepted(said: str) -> list[str]:
    """The languages of an Accept-Language (RFC 9110, 12.5.4), the most wanted first."""
    ranked = []
    for one in said.split(",")[:ACCEPTED_MAX]:
        name, _, weight = one.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if quality > 0:
            ranked.append((-quality, name.strip()))
    return [name for _, name in sorted(ranked, key=lambda pair: pair[0])]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("case_api", "templates/console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["label"] = _label
    environment.filters |= {
        "in_words": _in_words,
        "written": _written,
        "instant": _instant,
        "due": _due,
        "local": _local,
        "due_exactly": _due_exactly,
        "money": words.money,
        "seconds": "{:.3f}".format,
        "called": words_of,
        "called_role": _role,
    }
    return environment


def words_of(word: str) -> Text:
    """What a word of the domain is called."""
    return words.STATUSES.get(word) or words.OUTCOMES.get(word) or called(word)


@pass_context
def _label(context: Context, name: str, **parts: object) -> str:
    """A label of ours; ``parts`` fill it in."""
    return _in_words(context, LABELS[name]).format(**parts)


@pass_context
def _in_words(context: Context, text: Any) -> str:
    """One of two languages, of a Text or of anything that has ``zh`` and ``en``."""
    return str(text.zh if context["lang"] == "zh" else text.en)


@pass_context
def _role(context: Context, word: str) -> str:
    return _in_words(context, role(word, "complainant")) if word in ROLES else word


@pass_context
def _written(context: Context, text: Any) -> str:
    """What a person wrote, or that it is gone or kept back."""
    if text in (None, msgspec.UNSET, ""):
        return "—"
    return _in_words(context, words.absent(str(text)) or Text(zh=str(text), en=str(text)))


def _instant(at: Instant) -> str:
    """China time, to the second."""
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S} UTC+8"


def _local(at: Instant | None) -> str:
    """China time as a field for a day and a time holds it; a field that was left empty is empty."""
    return "" if at is None else f"{at.astimezone(CHINA):%Y-%m-%dT%H:%M:%S}"


@pass_context
def _due(context: Context, at: Instant) -> str:
    """A due time as the timeline says it: midnight is the 24:00 of the day it ends."""
    return _in_words(context, words.clock_time(at))


def _due_exactly(at: Instant) -> str:
    """A due time to the second, on the day that the timeline says."""
    said = words.clock_time(at).zh
    return f"{said}:00 UTC+8" if said.endswith("24:00") else _instant(at)
