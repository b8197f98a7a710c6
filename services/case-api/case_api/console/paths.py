"""Where in the console things are, and what keeps its visitors inside: no address from outside is ever followed."""

from __future__ import annotations

import re
from urllib.parse import quote

CONSOLE = "/console"
SIGN_IN, SIGN_OUT = f"{CONSOLE}/sign-in", f"{CONSOLE}/sign-out"
OPENID, SIGNED_IN = f"{CONSOLE}/openid", f"{CONSOLE}/signed-in"
SCHEDULER, SEARCH = f"{CONSOLE}/scheduler", f"{CONSOLE}/search"
CASES, LANGUAGE = f"{CONSOLE}/cases", f"{CONSOLE}/language"
STYLE, ICON = f"{CONSOLE}/style.css", f"{CONSOLE}/icon.svg"
ELSEWHERE = f"{CONSOLE}/{{rest:path}}"
LANGUAGE_COOKIE, QUEUE_COOKIE = "caselog-language", "caselog-queue"
NEXT_MAX = 500
_OURS = re.compile(r"/console(?:/(?:scheduler|search|cases/[0-9a-fA-F-]{36}))?(?:\?[A-Za-z0-9_.~%=&+:-]*)?")
"""The pages there are to come back to, and their questions; nothing else is where somebody wanted to go."""


def inside(path: str | None) -> str:
    """``path`` if it is a page of the console, else the console."""
    if path is None or len(path) > NEXT_MAX or not _OURS.fullmatch(path):
        return CONSOLE
    return path


def sign_in(then: str) -> str:
    """Where to sign in, and what to look at afterwards."""
    return SIGN_IN if then == CONSOLE else f"{SIGN_IN}?next={quote(then, safe='')}"
