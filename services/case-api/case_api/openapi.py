"""The OpenAPI 3.1 document, made from the very Structs that are read and sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi.routing import APIRoute

from case_api.bodies import ClockAdvance, NewTestClock, Posting
from case_api.calendar_views import CalendarView, CountedDeadlines, LoadedYear, NewYear, YearView
from case_api.described import Operation, Parameter
from case_api.dossier import Dossier
from case_api.evidence import StoredEvidence
from case_api.headers import KEY_MAX
from case_api.items import ITEMS_MAX
from case_api.list_views import CasePage, ClockDuePage, ClockPage, DeadlinePage
from case_api.operating_views import (
    HoldPage,
    JournalPage,
    LateTimeoutPage,
    NewHold,
    NewOutage,
    OutagePage,
    OutageReport,
    PlacedHold,
    Release,
)
from case_api.operations import OPERATIONS
from case_api.policy_views import PolicyPage, PolicyView, ProblemWords, Readiness
from case_api.problems import KINDS, PROBLEM_JSON, ProblemView
from case_api.scheduler_views import SchedulerView
from case_api.uploads import UPLOAD_SCHEMA
from case_api.views import BatchResult, CaseView, EventPage, StepView
from case_events.core.commands import POSTED, File
from case_events.core.events import EVENTS
from case_events.core.timeline import Timeline
from case_events.core.values import schema_hook
from case_events.ledger.clock.test_clocks import TestClock
from case_events.ledger.lists.counts import Counts
from case_events.outgoing.cloudevents import FeedPage
from case_events.outgoing.form import encoded

REF = "#/components/schemas/{name}"
POLICY_REF = "#/components/schemas/Policy.{name}"
DESCRIPTION = "The record of e-commerce disputes: who is next, until when, and proof of all of it."
SENT = (
    File,
    Posting,
    NewTestClock,
    ClockAdvance,
    TestClock,
    ClockPage,
    ClockDuePage,
    CaseView,
    StepView,
    BatchResult,
    EventPage,
    FeedPage,
    Timeline,
    Dossier,
    CasePage,
    DeadlinePage,
    Counts,
    PolicyPage,
    ProblemWords,
    Readiness,
    SchedulerView,
    CalendarView,
    YearView,
    CountedDeadlines,
    NewYear,
    LoadedYear,
    NewHold,
    PlacedHold,
    HoldPage,
    Release,
    NewOutage,
    OutagePage,
    OutageReport,
    LateTimeoutPage,
    JournalPage,
    ProblemView,
    StoredEvidence,
)
TRACE = {"Trace-Id": {"description": "The trace this request belongs to.", "schema": {"type": "string"}}}


def operation(endpoint: Callable[..., Any]) -> dict[str, Any]:
    """What the document says about one endpoint; its first line is the endpoint's own."""
    said = OPERATIONS[endpoint.__name__]
    summary, _, _ = (endpoint.__doc__ or "").partition("\n")
    described: dict[str, Any] = {
        "operationId": endpoint.__name__,
        "summary": summary.rstrip("."),
        "tags": [said.tag],
        "parameters": [_parameter(one) for one in said.parameters],
        "responses": _responses(said),
    }
    if said.body is not None:
        content = {said.body_media: {"schema": _ref(said.body)}}
        content |= {media: {"schema": {"type": "string"}} for media in said.other_body_media}
        described["requestBody"] = {"required": True, "content": content}
    if said.public:
        described["security"] = []
    return described


def document(routes: Iterable[Any]) -> dict[str, Any]:
    """The whole document for these routes, as plain JSON data."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if isinstance(route, APIRoute):
            path = paths.setdefault(route.path, {"parameters": _path_parameters(route.path)})
            for method in route.methods or ():
                path[method.lower()] = route.openapi_extra
    made = {
        "openapi": "3.1.0",
        "info": {"title": "Caselog", "version": version("caselog"), "description": DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }
    plain: dict[str, Any] = msgspec.json.decode(encoded(made))
    return plain


def schemas() -> dict[str, Any]:
    """Every schema by its name; a posting has one for each event, and so has what was recorded."""
    kinds = (*SENT, *POSTED.values(), *EVENTS.values())
    _, found = msgspec.json.schema_components(kinds, schema_hook=schema_hook, ref_template=REF)
    # A policy's tables share names with events and commands (each has its appeal), so they have a space of their own.
    _, rules = msgspec.json.schema_components([PolicyView], schema_hook=schema_hook, ref_template=POLICY_REF)
    found |= {f"Policy.{name}": _as_sent(schema) for name, schema in rules.items()}
    found["Upload"] = UPLOAD_SCHEMA
    found |= _batch(found["File"], found["Posting"])
    found |= _by_type("Posting", found["Posting"], POSTED)
    found |= _by_type("EventView", found["EventView"], EVENTS)
    return found


def _as_sent(schema: Any) -> Any:
    """Read, a span has one member; sent, it has them all, the others null: that is what the digest was taken of."""
    if isinstance(schema, dict):
        return {name: _as_sent(said) for name, said in schema.items() if name not in ("minProperties", "maxProperties")}
    return schema


def _batch(filing: dict[str, Any], posting: dict[str, Any]) -> dict[str, Any]:
    """A batch and its results: an item is a filing or a posting, with what a single one says beside its body."""
    key = {"id": {"type": "string", "pattern": f"^[ -~]{{1,{KEY_MAX}}}$"}}
    read = {"if_match": {"type": "integer", "minimum": 0}}
    case = {"case_id": {"type": "string", "format": "uuid"}}
    about = {**posting, "title": "A step", "properties": {**posting["properties"], **key, **read, **case}}
    items = [
        {**filing, "title": "A filing", "properties": {**filing["properties"], **key, **read}},
        {**about, "required": [*posting["required"], "case_id"]},
    ]
    return {
        "Batch": {"type": "array", "minItems": 1, "maxItems": ITEMS_MAX, "items": {"anyOf": items}},
        "BatchResults": {"type": "array", "items": _ref("BatchResult")},
    }


def _by_type(name: str, general: dict[str, Any], kinds: Mapping[str, type]) -> dict[str, Any]:
    """``general`` once for each event: its type is that word and its data that event's; and any one of them."""
    found: dict[str, Any] = {}
    for word, kind in kinds.items():
        own = {**general["properties"], "type": {"const": word}, "data": _ref(kind.__name__)}
        found[f"{name}.{word}"] = {**general, "title": f"{name} {word}", "properties": own}
    mapping = {word: REF.format(name=f"{name}.{word}") for word in kinds}
    found[name] = {
        "description": general.get("description", ""),
        "oneOf": [_ref(one) for one in found],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return found


def _responses(said: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, answer in said.answers.items():
        content = {answer.media: {"schema": _ref(answer.schema)}} if answer.schema else {answer.media: {}}
        content |= {media: {"schema": {"type": "string"}} for media in answer.other_media}
        headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in answer.headers.items()}
        responses[str(status)] = {"description": answer.means, "headers": {**headers, **TRACE}, "content": content}
    for code in (*said.refusals, "internal"):
        kind = KINDS[code]
        response = responses.setdefault(
            str(kind.status),
            {"description": "", "headers": TRACE, "content": {PROBLEM_JSON: {"schema": _ref("ProblemView")}}},
        )
        response["description"] += f"{', ' if response['description'] else ''}`{code}`: {kind.title}"
    return responses


def _parameter(one: Parameter) -> dict[str, Any]:
    return {"name": one.name, "in": one.place, "description": one.means, "schema": one.schema}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", path)
    return [{"name": name, "in": "path", "required": True, "schema": _path_schema(name)} for name in names]


def _path_schema(name: str) -> dict[str, Any]:
    if name == "sha256":
        return {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    return {"type": "string", "format": "uuid"} if name.endswith("_id") else {"type": "string"}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": REF.format(name=name)}
