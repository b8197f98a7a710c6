"""A form on its way in: few fields, each once, and only from our own pages."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from case_api.console import premises, visitors
from case_api.console.visitors import Visitor
from case_api.refusals.problems import Refused
from case_api.requests import bodies
from case_events.core.values import Problem

FORM = "application/x-www-form-urlencoded"
TYPED_MAX = 20_000
"""What a browser takes of a note: more than is recorded, for what it cuts off it cuts without a word."""
FORM_MAX = 200_000
"""Bytes; as much in Chinese, each character written as nine."""
FIELDS_MAX = 20
TOKEN = "token"  # noqa: S105 - a field's name
TEXT = "text"
"""The field that somebody may have worked on."""
Form = dict[str, str]


async def read(request: Request, visitor: Visitor | None) -> Form:
    """The fields of a form. Refused: from another site's page, or of another session than ``visitor``'s (403).

    None of ``visitor``: a form that anybody may send, like the one for signing in.
    """
    form = await _filled_in(request)
    if visitor is not None:
        visitors.check_token(visitor, form.get(TOKEN, ""))
    return form


async def written(request: Request) -> Form:
    """What is in a form that was not recorded, so that whoever wrote it has it back; empty where it is none of ours."""
    if request.method != "POST":
        return {}
    form: Form | None = getattr(request.state, "form", None)
    if form is None:
        try:
            form = await _filled_in(request)
        except Refused:
            return {}
    return form


async def _filled_in(request: Request) -> Form:
    request.state.form = {}  # a body comes once, whatever is wrong with it
    premises.check_own(request)
    body = await bodies.read(request, FORM_MAX, (FORM,))
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Refused(Problem(code="malformed", detail="The form cannot be read.")) from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Refused(Problem(code="malformed", detail="A field of the form was sent more than once."))
    request.state.form = form
    return form
