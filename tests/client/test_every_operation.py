"""The client leaves nothing of the API out in silence: each operation is a method, or why it is none stands here."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from case_api.app import create_app
from case_api.settings import Settings
from caselog_client import (
    Aftermath,
    AsyncCaselog,
    Attempt,
    Calendars,
    CalendarYear,
    Case,
    CaseAudit,
    CaseItem,
    Caselog,
    Checkpoint,
    Course,
    DeadlineItem,
    DueTime,
    Edition,
    EvidenceShown,
    Hold,
    Key,
    LateTimeout,
    LoadedYear,
    NotFound,
    Outage,
    Patience,
    Posting,
    Problem,
    ProvenCheckpoint,
    RanOut,
    RefusedStep,
    Ruling,
    SimulatedCase,
    TestClock,
    Timeline,
    Webhook,
)
from tests.client.filings import complaint

ID = UUID(int=7)
AT = datetime(2026, 3, 2, 2, tzinfo=UTC)
DIGEST = "0" * 64

METHODS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    # The operation: the method that asks it, and what it is given here.
    "file_case": ("file", (complaint(),), {}),
    "find_cases": ("cases", (), {}),
    "post_event": ("post", (ID, "withdrawn"), {}),
    "get_events": ("events", (ID,), {}),
    "get_case": ("case", (ID,), {}),
    "get_timeline": ("timeline", (ID,), {}),
    "get_dossier": ("dossier", (ID,), {}),
    "export_cases": ("export", (), {}),
    "put_evidence": ("store_evidence", (ID, b"\xff\xd8"), {"media_type": "image/jpeg"}),
    "get_evidence": ("evidence_file", (ID, DIGEST), {}),
    "get_counted_deadlines": ("case_deadlines", (ID,), {}),
    "post_cloud_event": ("post_cloud_event", ({"type": "caselog.withdrawn.v1"},), {}),
    "post_batch": ("batch", ([Posting(case_id=ID, type="withdrawn")],), {}),
    "read_feed": ("feed", (), {}),
    "stream_feed": ("follow", (), {}),
    "find_deadlines": ("deadlines", (), {}),
    "get_stats": ("stats", (), {}),
    "list_policies": ("policies", (), {}),
    "get_policy": ("policy", ("taobao", "2026.6"), {}),
    "simulate": ("simulate", ("taobao@2026.6",), {}),
    "ready": ("readiness", (), {}),
    "audit_case": ("audit_case", (ID,), {}),
    "list_checkpoints": ("checkpoints", (), {}),
    "get_checkpoint": ("checkpoint", (7,), {"position": 3}),
    "get_scheduler": ("scheduler", (), {}),
    "list_holds": ("holds", (), {}),
    "list_outages": ("outages", (), {}),
    "read_journal": ("journal", (), {}),
    "place_hold": ("place_hold", ("a release",), {"all": True, "lasts": timedelta(hours=1)}),
    "get_hold": ("hold", (ID,), {}),
    "release_hold": ("release_hold", (ID, "it is out"), {}),
    "declare_outage": ("declare_outage", (AT, AT, "the line was cut"), {}),
    "get_outage": ("outage", (ID,), {}),
    "list_made_late": ("made_late", (ID,), {}),
    "list_calendars": ("calendars", (), {}),
    "load_calendar": ("load_notice", ("…",), {}),
    "get_calendar": ("calendar", (2027,), {}),
    "make_clock": ("create_clock", (AT,), {}),
    "find_clocks": ("clocks", (), {}),
    "get_clock": ("clock", (ID,), {}),
    "delete_clock": ("delete_clock", (ID,), {}),
    "find_due": ("clock_due", (ID,), {}),
    "advance_clock": ("advance", (ID,), {"to": AT}),
    "freeze_clock": ("freeze_clock", (ID,), {}),
    "unfreeze_clock": ("unfreeze_clock", (ID,), {}),
    "make_webhook": ("webhooks.create", ("https://shop.example/hooks",), {}),
    "list_webhooks": ("webhooks.list", (), {}),
    "get_webhook": ("webhooks.get", (ID,), {}),
    "change_webhook": ("webhooks.update", (ID, {"types": None}), {}),
    "delete_webhook": ("webhooks.delete", (ID,), {}),
    "rotate_webhook": ("webhooks.rotate", (ID,), {}),
    "pause_webhook": ("webhooks.pause", (ID, "a release"), {}),
    "resume_webhook": ("webhooks.resume", (ID,), {}),
    "test_webhook": ("webhooks.test", (ID,), {}),
    "redeliver": ("webhooks.redeliver", (ID,), {"first": 1, "last": 2}),
    "list_errands": ("webhooks.errands", (ID,), {}),
    "list_attempts": ("webhooks.attempts", (ID,), {}),
    "list_keys": ("keys.list", (), {}),
    "create_key": ("keys.create", (), {"client": "shop", "name": "till", "role": "storefront"}),
    "get_key": ("keys.get", ("key_1",), {}),
    "rotate_key": ("keys.rotate", ("key_1",), {}),
    "revoke_key": ("keys.revoke", ("key_1",), {}),
}

SHOWN: dict[str, tuple[type, set[str]]] = {
    # What the API shows: how the client reads it, and which members it leaves out.
    "CaseView": (Case, set()),
    "CaseItem": (CaseItem, set()),
    "Ruling": (Ruling, set()),
    "EvidenceView": (EvidenceShown, set()),
    "ProblemView": (Problem, {"type", "instance"}),
    "Timeline": (Timeline, set()),
    "SimulatedCase": (SimulatedCase, set()),
    "Course": (Course, set()),
    "RanOut": (RanOut, set()),
    "DueTime": (DueTime, set()),
    "RefusedStep": (RefusedStep, set()),
    "TestClock": (TestClock, set()),
    "DeadlineItem": (DeadlineItem, set()),
    "Hold": (Hold, set()),
    "KnownOutage": (Outage, set()),
    "Aftermath": (Aftermath, set()),
    "LateTimeout": (LateTimeout, set()),
    "YearView": (CalendarYear, set()),
    "CalendarView": (Calendars, {"release"}),
    "LoadedYear": (LoadedYear, set()),
    "Edition": (Edition, {"digest"}),
    "CaseAudit": (CaseAudit, set()),
    "CheckpointView": (Checkpoint, set()),
    "ProvenCheckpoint": (ProvenCheckpoint, set()),
    "KeyView": (Key, set()),
    "WebhookView": (Webhook, set()),
    "KnownAttempt": (Attempt, set()),
}
PROBES = "for load balancers and Prometheus, not for programs that use Caselog"
WITHOUT: dict[str, str] = {
    "get_problem": "a refusal that was raised has the words already",
    "alive": PROBES,
    "metrics": PROBES,
}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The API as it describes itself."""
    key = Path(tmp_path_factory.mktemp("key"), "master.key")
    key.write_text(base64.b64encode(bytes(32)).decode(), encoding="ascii")
    settings = Settings(database_url="postgresql://nobody@127.0.0.1/none", master_key_file=key, env="development")
    return create_app(settings).openapi()


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Every operation's method and path."""
    return {
        said["operationId"]: (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, said in methods.items()
        if isinstance(said, dict) and "operationId" in said
    }


class Asked:
    """A service that knows nothing, and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(404, json={"code": "not_found", "detail": "there is nothing", "status": 404})

    async def awaited(self, request: httpx.Request) -> httpx.Response:
        return self(request)


def method_of(caselog: object, name: str) -> Any:
    for part in name.split("."):
        caselog = getattr(caselog, part)
    return caselog


def test_every_operation_has_a_method_or_a_reason(operations: dict[str, tuple[str, str]]) -> None:
    unsaid = sorted(set(operations) - set(METHODS) - set(WITHOUT))
    assert unsaid == [], "give the client a method, or say here why it has none"
    assert sorted((set(METHODS) | set(WITHOUT)) - set(operations)) == [], "there are no such operations"
    assert set(METHODS) & set(WITHOUT) == set()


@pytest.mark.parametrize("schema", SHOWN)
def test_what_is_shown_is_read(document: dict[str, Any], schema: str) -> None:
    of, left_out = SHOWN[schema]
    read = {field.encode_name for field in msgspec.structs.fields(of)}
    assert set(document["components"]["schemas"][schema]["properties"]) - read == left_out


@pytest.mark.parametrize("operation", METHODS)
def test_a_method_asks_the_operation_it_stands_for(operations: dict[str, tuple[str, str]], operation: str) -> None:
    name, given, named = METHODS[operation]
    stranger = Asked()
    http = httpx.Client(transport=httpx.MockTransport(stranger))
    caselog = Caselog("http://caselog", "a-key", patience=Patience(tries=1), http=http)
    with pytest.raises(NotFound):
        next(method_of(caselog, name)(*given, **named))
    same_way(stranger, operations[operation])


@pytest.mark.parametrize("operation", METHODS)
async def test_awaited_it_asks_the_same(operations: dict[str, tuple[str, str]], operation: str) -> None:
    name, given, named = METHODS[operation]
    stranger = Asked()
    http = httpx.AsyncClient(transport=httpx.MockTransport(stranger.awaited))
    caselog = AsyncCaselog("http://caselog", "a-key", patience=Patience(tries=1), http=http)
    said = method_of(caselog, name)(*given, **named)
    with pytest.raises(NotFound):
        await (anext(said) if isinstance(said, AsyncIterator) else said)
    same_way(stranger, operations[operation])


def same_way(stranger: Asked, operation: tuple[str, str]) -> None:
    (request,) = stranger.requests
    method, path = operation
    assert request.method == method
    assert re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", path), request.url.path), (path, request.url.path)
    assert request.headers["authorization"] == "Bearer a-key"
