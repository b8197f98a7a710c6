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
from case_api.console.questions import filled_in
from case_api.console.visitors import Visitor
from case_api.console.words import REFUSALS
from case_api.door import door_of
from case_api.dossier.taking import taken
from case_api.evidence.store import uri_of
from case_api.giving import given
from case_api.refusals.kinds import KINDS
from case_api.refusals.problems import Refused, view
from case_api.requests import as_of
from case_api.requests.parameters import Query, case_id_of
from case_api.views.cases import evidence_view
from case_events.core.case import Case
from case_events.core.cast import claimed
from case_events.core.gates import allowed_events
from case_events.core.lateness import shipment
from case_events.core.timeline import timeline
from case_events.core.values import TEXT_MAX, Evidence, Problem, Value
from case_events.ledger.judging import NO_SUCH_CASE
from case_events.ledger.queries import Reading, read_case
from case_events.ledger.steps import submit

NOTED, ASSIGNED = "noted", "assigned"
KEY_MAX = 100
VERSION_DIGITS = 15
FIELDS = {"/data/text": "text", "/data/agent": "agent", "/data/department": "department"}
"""What the forms call what they send."""
ORDER_INSTANTS = ("created_at", "paid_at", "shipped_at", "succeeded_at", "closed_at")


class Past(Value, frozen=True, kw_only=True):
    """As of when a page shows a case, and the versions around it that its reader may see."""

    when: as_of.AsOf
    before: int | None
    after: int | None

    @classmethod
    def of(cls, when: as_of.AsOf, then: Reading, now: Reading) -> Past:
        shown = then.case.version
        recorded = [one.version for one in now.history if one.version <= now.written]
        return cls(
            when=when,
            before=max((one for one in recorded if one < shown), default=None),
            after=min((one for one in recorded if one > shown), default=None),
        )


async def show(request: Request, visitor: Visitor) -> Response:
    """The case as it is; or as it was, after a version or at an instant on either axis of time."""
    query = Query(filled_in(request, "at", "known_at"), *as_of.NAMES, "said")
    when, now = as_of.asked(query), await _reading(request, visitor)
    query.check()
    if not any(when.values()):
        return await _page(request, visitor, now)
    then = await read_case(door_of(request).ledger, now.case.case_id, **when, viewer=visitor.viewer)
    if then is None:
        raise Refused(Problem(code="not_found", detail="There was no such case yet, or it has no such version."))
    return await _page(request, visitor, then, past=Past.of(when, then, now))


async def take_away(request: Request, visitor: Visitor) -> Response:
    """The case as one file for somebody outside."""
    return await taken(door_of(request), case_id_of(request), visitor.viewer, "html")


async def evidence(request: Request, visitor: Visitor) -> Response:
    """A file that was brought as evidence, to be kept or opened by whoever judges it."""
    return await given(request, case_id_of(request), str(request.path_params["sha256"]), visitor.viewer)


async def note(request: Request, visitor: Visitor) -> Response:
    """Write something down."""
    form = await forms.read(request, visitor)
    # A browser ends a line in a form with CR and LF, whatever was typed.
    text = form.get(forms.TEXT, "").replace("\r\n", "\n")
    data: dict[str, object] = {"text": text if text.strip() else "", "internal": "internal" in form}
    return await _post(request, visitor, form, NOTED, data)


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
        return await _page(request, visitor, reading, form=form, tried=name, problem=refused.problem)
    step = await submit(door.ledger, asking)
    if step.problem is not None or step.case is None:
        problem = await why_refused(door, visitor.viewer, step)
        return await _page(request, visitor, reading, form=form, tried=name, problem=problem)
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


async def _page(
    request: Request,
    visitor: Visitor,
    reading: Reading,
    *,
    form: Form | None = None,
    tried: str = "",
    problem: Problem | None = None,
    past: Past | None = None,
) -> Response:
    """The case with the forms its reader may use, none in the past; after a refusal with why and what was written."""
    case = reading.case
    allowed = {one.type for one in allowed_events(case, reading.rules)} if past is None else set()
    refused = view(problem) if problem is not None else None
    book = await door_of(request).book_of(case)
    return pages.page(
        request,
        "case",
        refused.status if refused else HTTPStatus.OK,
        visitor=visitor,
        case=case,
        told=timeline(reading.history, case, reading.rules),
        written=reading.written,
        past=past,
        evidence=[(evidence_view(one, case), _file(one.evidence, case)) for one in case.evidence],
        claim=claimed(case.demand, case.amount),
        instants=ORDER_INSTANTS,
        shipment=shipment(case, book),
        notes=NOTED in allowed and visitor.may_post(NOTED),
        assigns=ASSIGNED in allowed and visitor.may_post(ASSIGNED),
        key=str(uuid4()),
        form=form or {},
        fields=FIELDS,
        text_most=TEXT_MAX,
        typed_most=forms.TYPED_MAX,
        tried=tried,
        problem=refused,
        meant=REFUSALS.get(refused.code, KINDS[refused.code]) if refused else None,
        recorded=request.query_params.get("said") == "recorded",
    )
