"""Worked examples of everything that is sent and answered: data beside this file, shown in the API's documents.

They are of one dispute about a parcel nobody received; every id in them is invented.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any
from uuid import UUID, uuid5

import msgspec

from case_api.refusals import problems
from case_api.refusals.kinds import KINDS
from case_api.refusals.problems import ProblemView
from case_api.streams.tables import heads, rows_of
from case_api.views.lists import CaseItem
from case_api.views.policies import ProblemWords
from case_events.core.canonical import decode_hook
from case_events.core.commands import BY
from case_events.core.events import EVENTS, Recorded
from case_events.core.timeouts import TIMEOUTS
from case_events.core.values import Instant, PolicyRef, Problem, Who
from case_events.ledger.feed.reader import Told
from case_events.outgoing.cloudevents import SPEC_VERSION, CloudEvent, FeedPage, cloud_event, type_of
from case_events.outgoing.form import JSON, encoded
from case_events.outgoing.trials import Trial, trial

CASE = UUID("018f6f1e-7a00-7000-8000-000000000001")
INSTANCE = f"/v1/cases/{CASE}/events"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
METRICS = """# HELP caselog_http_requests_total Requests answered.
# TYPE caselog_http_requests_total counter
caselog_http_requests_total{method="POST",route="/v1/cases",status="201"} 42.0
"""
AT = Instant.parse("2026-11-09T02:00:00Z")
POLICY = PolicyRef(name="taobao", version="2026.1", digest=hashlib.sha256(b"taobao@2026.1").hexdigest())
BY_THE_PLATFORM = frozenset(word for word, by in BY.items() if by == ("platform",))
BY_THE_RESPONDENT = frozenset(("merchant_replied", "respondent_replied", "remedied", "ruling_accepted"))
"""Whose each recorded event is in its example; timeouts are the scheduler's, the rest the complainant's."""


@cache
def postings() -> dict[str, dict[str, Any]]:
    """A body of ``POST /v1/cases/{case_id}/events`` for every event that can be posted, by the event's word."""
    return _data("postings")


@cache
def recorded() -> dict[str, CloudEvent]:
    """Every event there is as feed, stream and webhooks send it, by its word."""
    data = _data("events")
    return {word: _sent(position, word, said) for position, (word, said) in enumerate(data.items(), start=1_001)}


@cache
def delivered() -> dict[str, CloudEvent | Trial]:
    """The same, and the test event that only webhooks send."""
    return {**recorded(), "webhook_test": trial(uuid5(CASE, "errand"), uuid5(CASE, "webhook"), AT)}


@cache
def refusals() -> dict[str, ProblemView]:
    """A refusal with every code there is an example of, by the code."""
    return {code: _refusal(code, said) for code, said in _data("problems").items()}


@cache
def bodies() -> dict[str, Any]:
    """What is sent to the other operations, by its schema's name."""
    data, one = _data("bodies"), cloud_events_in()["merchant_replied"]
    return data | {
        "CloudEventBatch": [cloud_events_in()["filed"], one],
        "CloudEventData": one["data"],
        "post_batch.x-ndjson": _lines(data["Batch"]),
    }


@cache
def cloud_events_in() -> dict[str, dict[str, Any]]:
    """The same postings, and a filing, as CloudEvents on their way in, by the event's word."""
    said = {word: one["data"] | ({"actor": one["actor"]} if "actor" in one else {}) for word, one in postings().items()}
    return {word: _arriving(word, data) for word, data in {"filed": _data("bodies")["File"], **said}.items()}


@cache
def answers() -> dict[str, Any]:
    """What is answered where nothing is refused, by its schema's name."""
    data, first, second = _data("answers"), recorded()["filed"], recorded()["merchant_replied"]
    cases = data["CasePage"]["items"]
    return data | {
        "FeedPage": FeedPage(items=(first, second), next=second.position),
        "ProblemWords": words("stale"),
        "alive.json": {"status": "ok"},
        "metrics.plain": METRICS,
        "stream_feed.event-stream": f"id: {first.position}\nevent: filed\ndata: {encoded(first).decode()}\n\n",
        "post_batch.x-ndjson": _lines(data["BatchResults"]),
        "export_cases.x-ndjson": _lines(cases),
        "export_cases.csv": (heads() + rows_of(msgspec.convert(cases, list[CaseItem], dec_hook=decode_hook))).decode(),
    }


def words(code: str) -> ProblemWords:
    """What a code means, with its example; the code is one of KINDS."""
    kind = KINDS[code]
    return ProblemWords(
        code=code,
        status=kind.status,
        title=kind.title,
        zh=kind.zh,
        en=kind.en,
        then=kind.then,
        waiting_helps=kind.waiting_helps,
        example=refusals().get(code),
    )


def _lines(values: list[Any]) -> str:
    return "".join(f"{encoded(one).decode()}\n" for one in values)


def _refusal(code: str, said: dict[str, Any]) -> ProblemView:
    problem = msgspec.convert({"code": code, **said}, Problem, dec_hook=decode_hook)
    return problems.view(problem, INSTANCE, TRACE)


def _sent(position: int, word: str, said: dict[str, Any]) -> CloudEvent:
    """The event in the envelope that the ledger would have given it."""
    version = 1 if word == "filed" else 4
    event_id = uuid5(CASE, word)
    happened = Recorded(
        case_id=CASE,
        version=version,
        event_id=event_id,
        event=msgspec.convert(said, EVENTS[word], dec_hook=decode_hook),
        effective_at=AT,
        occurred_at=AT,
        recorded_at=AT,
        who=_who(word),
        client="shop",
        correlation=event_id,
    )
    told = Told(
        position=position,
        recorded=happened,
        policy=POLICY,
        payload_hash=_digest(word, "payload"),
        hash=_digest(word, "hash"),
        hash_before=bytes(32) if version == 1 else _digest(word, "before"),
    )
    return cloud_event(told)


def _arriving(word: str, data: dict[str, Any]) -> dict[str, Any]:
    about = {} if word == "filed" else {"subject": str(CASE)}
    head = {"specversion": SPEC_VERSION, "id": f"{word}-42", "source": "/shop/disputes", "type": type_of(word)}
    return {**head, **about, "time": AT.rfc3339(), "datacontenttype": JSON, "data": data}


def _who(word: str) -> Who:
    if word in TIMEOUTS:
        return "scheduler"
    if word in BY_THE_PLATFORM:
        return "platform"
    return "respondent" if word in BY_THE_RESPONDENT else "complainant"


def _digest(*of: str) -> bytes:
    return hashlib.sha256("/".join(of).encode()).digest()


def _data(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return data
