"""A case in one look: who is next and until when, what happened, what is missing; and what the desk adds to it."""

from __future__ import annotations

from http import HTTPStatus
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from case_api.asking import asking_to_post, why_refused
from case_api.console import forms, pages, paths
from case_api.console.forms import Form
from case_api.console.visitors import Visitor
from case_api.door import door_of
from case_api.evidence.store import uri_of
from case_api.giving import given
from case_api.refusals.kinds import KINDS
from case_api.refusals.problems import Refused, view
from case_api.requests.parameters import case_id_of
from case_api.views.cases import evidence_view
from case_events.core.case import Case
from case_events.core.cast import claimed
from case_events.core.gates import allowed_events
from case_events.core.timeline import timeline
from case_events.core.values import Evidence, Problem
from case_events.ledger.judging import NO_SUCH_CASE
from case_events.ledger.queries import Reading, read_case
from case_events.ledger.steps import submit

NOTED, ASSIGNED = "noted", "assigned"
KEY_MAX = 100
VERSION_DIGITS = 15


async def show(request: Request, visitor: Visitor) -> Response:
    """The case as it is."""
    return _page(request, visitor, await _reading(request, visitor))


async def evidence(request: Request, visitor: Visitor) -> Response:
    """A file that was brought as evidence, to be kept or opened by whoever judges it."""
    return await given(request, case_id_of(request), str(request.path_params["sha256"]), visitor.viewer)


async def note(request: Request, visitor: Visitor) -> Response:
    """Write something down."""
    form = await forms.read(request, visitor)
    # A browser ends a line in a form with CR and LF, whatever was typed.
    text = form.get(forms.TEXT, "").replace("\r\n", "\n")
    return await _post(request, visitor, form, NOTED, {"text": text, "internal": "internal" in form})


async def assign(request: Request, visitor: Visitor) -> Response:
    """Have somebody at the desk take the case."""
    form = await forms.read(request, visitor)
    data: dict[str, object] = {"department": form.get("department", ""), "agent": form.get("agent", "").strip()}
    version = form.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) <= VERSION_DIGITS):
        raise Refused(Problem(code="malformed", detail="The form has lost the version of the case that it shows."))
    # Whoever took the case meanwhile keeps it, until somebody who sees that takes it from them.
    return await _post(request, visitor, form, ASSIGNED, data, read=int(version))


async def _post(
    request: Request, visitor: Visitor, form: Form, name: str, data: dict[str, object], *, read: int | None = None
) -> Response:
    """Post an event just as it would be posted to the API: the same body, the same checks, the same path."""
    reading = await _reading(request, visitor)
    key = form.get("key", "")
    if not (1 <= len(key) <= KEY_MAX and key.isascii() and key.isprintable()):
        raise Refused(Problem(code="malformed", detail="The form has lost the key that it is recorded under once."))
    body, door = msgspec.json.encode({"type": name, "data": data}), door_of(request)
    try:
        asking = asking_to_post(visitor.caller, reading.case.case_id, body, f"console/{key}", read)
    except Refused as refused:
        return _page(request, visitor, reading, form=form, tried=name, problem=refused.problem)
    step = await submit(door.ledger, asking)
    if step.problem is not None or step.case is None:
        problem = await why_refused(door, visitor.viewer, step)
        return _page(request, visitor, reading, form=form, tried=name, problem=problem)
    return pages.go_to(f"{paths.CASES}/{reading.case.case_id}?said=recorded")


async def _reading(request: Request, visitor: Visitor) -> Reading:
    reading = await read_case(door_of(request).ledger, case_id_of(request), viewer=visitor.viewer)
    if reading is None:
        raise Refused(NO_SUCH_CASE)
    return reading


def _file(brought: Evidence, case: Case) -> str | None:
    """Where the console gives the file; None for one that lies elsewhere, or that was erased."""
    here = brought.uri.endswith(uri_of(case.case_id, brought.sha256))
    return f"{paths.CASES}/{case.case_id}/evidence/{brought.sha256}" if here else None


def _page(
    request: Request,
    visitor: Visitor,
    reading: Reading,
    *,
    form: Form | None = None,
    tried: str = "",
    problem: Problem | None = None,
) -> Response:
    """The case with the forms its reader may use; after a refusal with why, and with what was written."""
    case, allowed = reading.case, {one.type for one in allowed_events(reading.case, reading.rules)}
    refused = view(problem) if problem is not None else None
    return pages.page(
        request,
        "case",
        refused.status if refused else HTTPStatus.OK,
        visitor=visitor,
        case=case,
        told=timeline(reading.history, case, reading.rules),
        written=reading.written,
        evidence=[(evidence_view(one, case), _file(one.evidence, case)) for one in case.evidence],
        claim=claimed(case.demand, case.amount),
        notes=NOTED in allowed and visitor.may_post(NOTED),
        assigns=ASSIGNED in allowed and visitor.may_post(ASSIGNED),
        key=str(uuid4()),
        form=form or {},
        tried=tried,
        problem=refused,
        kind=KINDS[refused.code] if refused else None,
        recorded=request.query_params.get("said") == "recorded",
    )
