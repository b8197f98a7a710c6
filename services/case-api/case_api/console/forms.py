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
FORM_MAX = 200_000
"""Bytes; the longest note in Chinese, each character written as nine."""
FIELDS_MAX = 20
TOKEN = "token"  # noqa: S105 - a field's name
Form = dict[str, str]


async def read(request: Request, visitor: Visitor | None) -> Form:
    """The fields of a form. Refused: from another site's page, or of another session than ``visitor``'s (403).

    None of ``visitor``: a form that anybody may send, like the one for signing in.
    """
    premises.check_own(request)
    body = await bodies.read(request, FORM_MAX, (FORM,))
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Refused(Problem(code="malformed", detail="The form cannot be read.")) from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Refused(Problem(code="malformed", detail="A field of the form was sent more than once."))
    if visitor is not None:
        visitors.check_token(visitor, form.get(TOKEN, ""))
    return form
