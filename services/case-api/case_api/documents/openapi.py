"""The OpenAPI 3.1 document, made from the very Structs that are read and sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi.routing import APIRoute

from case_api.documents import delivered, shown_examples
from case_api.documents.described import Operation, Parameter
from case_api.documents.links import linked
from case_api.documents.operations import OPERATIONS
from case_api.documents.rights import roles_of
from case_api.documents.schemas import ref, schemas
from case_api.dossier.making import Dossier
from case_api.evidence.store import StoredEvidence
from case_api.refusals.kinds import KINDS
from case_api.refusals.problems import PROBLEM_JSON, ProblemView
from case_api.requests.bodies import ClockAdvance, NewTestClock, Posting
from case_api.views.audit import CaseAudit, CheckpointPage, ProvenCheckpoint
from case_api.views.calendars import CalendarView, CountedDeadlines, LoadedYear, NewYear, YearView
from case_api.views.cases import BatchResult, CaseView, EventPage, StepView
from case_api.views.keys import KeyPage, KeyView, KeyWithSecret, NewKey, Rotation
from case_api.views.lists import CasePage, ClockDuePage, ClockPage, DeadlinePage
from case_api.views.operating import (
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
from case_api.views.policies import PolicyPage, ProblemWords, Readiness
from case_api.views.scheduler import SchedulerView
from case_api.views.simulations import NewSimulation, SimulationPage
from case_api.views.webhooks import (
    AttemptPage,
    ErrandPage,
    NewSecret,
    NewWebhook,
    Pausing,
    Redelivery,
    SecretRotation,
    WebhookChange,
    WebhookPage,
    WebhookStanding,
    WebhookView,
    WebhookWithSecret,
)
from case_events.core.commands import File
from case_events.core.timeline import Timeline
from case_events.ledger.clock.test_clocks import TestClock
from case_events.ledger.lists.counts import Counts
from case_events.outgoing.cloudevents import FeedPage
from case_events.outgoing.form import encoded
from case_events.outgoing.trials import Trial

DESCRIPTION = """The record of e-commerce disputes: who is next, until when, and proof of all of it.

Send `Authorization: Bearer <key>`. Send an `Idempotency-Key` with whatever is to happen once. What is refused is
`application/problem+json` with a `code`; `/problems/<code>` explains it. `x-roles`: whose keys may call an operation.
"""
LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
TAGS = {
    "cases": "Complaints: file one, say what happened next, read where it stands and how it came there.",
    "evidence": "Files that evidence names, kept under their case by their digest.",
    "feed": "Every event of every case in one order, by pages or as it comes.",
    "webhooks": "Endpoints of yours that are told of events: make one, see how it stands, ask for events once more.",
    "keys": "Who may call: keys, their roles, and what they are limited to.",
    "policies": "The rules cases are judged by, and what each refusal means.",
    "scheduler": "The clock: how it is, what it will do, holds, outages and published days.",
    "audit": "Is the record what was written? Verdicts, signed checkpoints, and proofs for who need not believe us.",
    "sandbox": "Test clocks, outside production: days of waiting in a second.",
    "operating": "Is it alive, is it ready, and what has it been doing?",
}
"""What an operation's tag is about."""
SECURITY = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key that `caselog keys create` made."},
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the OpenID provider that CASELOG_OIDC_ISSUER names; its claims say role and limits.",
    },
}
SENT = (
    Trial,
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
    NewSimulation,
    SimulationPage,
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
    NewKey,
    Rotation,
    KeyView,
    KeyWithSecret,
    KeyPage,
    NewWebhook,
    WebhookChange,
    WebhookView,
    WebhookWithSecret,
    WebhookStanding,
    WebhookPage,
    SecretRotation,
    NewSecret,
    Pausing,
    Redelivery,
    ErrandPage,
    AttemptPage,
    CaseAudit,
    CheckpointPage,
    ProvenCheckpoint,
)


def _headers(said: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"description": means, "schema": {"type": "string"}} for name, means in said.items()}


TRACE = _headers({"Trace-Id": "The trace this request belongs to."})
RATE = _headers(
    {
        "RateLimit": "How many requests may come now, and when there are more (draft-ietf-httpapi-ratelimit-headers).",
        "RateLimit-Policy": "How many this key may send in how many seconds.",
    }
)
RETRY = _headers({"Retry-After": "In how many seconds to come back."})
CHALLENGE = _headers({"WWW-Authenticate": "How to say who calls."})
"""Headers that many answers have."""


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
        content = {said.body_media: {"schema": ref(said.body)}}
        content |= {media: {"schema": ref(schema)} for media, schema in said.other_bodies.items()}
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
                path[method.lower()] = _whole(route)
    known = schemas(SENT)
    tags = {said["tags"][0] for item in paths.values() for name, said in item.items() if name != "parameters"}
    made = {
        "openapi": "3.1.0",
        "info": {"title": "Caselog", "version": version("caselog"), "description": DESCRIPTION, "license": LICENSE},
        "servers": [{"url": "/", "description": "Where this document was read."}],
        "tags": [{"name": name, "description": TAGS[name]} for name in TAGS if name in tags | {delivered.TAG}],
        "paths": linked(paths, known),
        "webhooks": delivered.webhooks(),
        "components": {
            "schemas": known,
            "examples": shown_examples.all_of_them(),
            "parameters": delivered.parameters(),
            "securitySchemes": SECURITY,
        },
        "security": [{name: []} for name in SECURITY],
    }
    plain: dict[str, Any] = msgspec.json.decode(encoded(made))
    return plain


def _whole(route: APIRoute) -> dict[str, Any]:
    """What is said of an operation with the roles it is for, and examples of what is sent and answered."""
    described = shown_examples.added(route.openapi_extra or {})
    if roles := roles_of(route.endpoint):
        whose = (
            f"For keys with the role {', '.join(roles[:-1])} or {roles[-1]}." if roles[1:] else f"For {roles[0]} keys."
        )
        described |= {"description": whose, "x-roles": list(roles)}
    return described


def _responses(said: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, answer in said.answers.items():
        content = {answer.media: {"schema": ref(answer.schema)}} if answer.schema else {answer.media: {}}
        content |= {media: {"schema": {"type": "string"}} for media in answer.other_media}
        headers = _headers(answer.headers) | TRACE | ({} if said.public else RATE)
        responses[str(status)] = {"description": answer.means, "headers": headers, "content": content}
    for code in (*said.refusals, "internal"):
        kind = KINDS[code]
        response = responses.setdefault(
            str(kind.status),
            {"description": "", "headers": {**TRACE}, "content": {PROBLEM_JSON: {"schema": ref("ProblemView")}}},
        )
        response["headers"] |= (RETRY if kind.waiting_helps else {}) | (CHALLENGE if code == "unauthenticated" else {})
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
