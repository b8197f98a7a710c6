"""What can be asked of cases: filing, posting, reading; each with what it means and what it raises."""

# ruff: noqa: A002 - type and format are the contract's words

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx
import msgspec

from caselog_client.asking import Asked, Id, Pages, got, keyed, params_of, read_as, read_bytes, segment, sent
from caselog_client.batching import BATCH, Item, Result, body_of
from caselog_client.desk import CountedDeadlines, StoredEvidence
from caselog_client.values import Complaint, Party
from caselog_client.views import Case, CaseItem, Event, Step, Timeline

CASES, CLOUD_EVENTS = "/v1/cases", "/v1/events"
FILED = "caselog.filed.v1"


def file(complaint: Complaint | Mapping[str, Any], *, idempotency_key: str | None = None) -> Asked[Case]:
    """File a complaint. The same key and complaint give the same case, for ever.

    Raises Invalid, NotEligible (too late, or not for such an order), AlreadyOpen, IdReused, Forbidden.
    """
    body = complaint if isinstance(complaint, Complaint) else dict(complaint)
    return sent(CASES, body, read_as(Case), keyed(idempotency_key))


def post(
    case_id: Id,
    type: str,
    data: Mapping[str, Any] | None = None,
    actor: Party | Mapping[str, str] | None = None,
    *,
    if_match: int | None = None,
    dry_run: bool = False,
    occurred_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> Asked[Step]:
    """Post what happened next. ``if_match``: the version that was judged; ``dry_run``: record nothing.

    Raises NotAllowedNow, NotYet, DeadlinePassed, Stale (the case moved on), PreconditionRequired (``ruled`` and
    ``settled`` judge what was read, and need ``if_match``), Invalid, IdReused, NotFound, Forbidden.
    """
    body: dict[str, Any] = {"type": type, "data": dict(data or {})}
    if actor is not None:
        body["actor"] = actor if isinstance(actor, Party) else dict(actor)
    if occurred_at is not None:
        body["occurred_at"] = occurred_at
    headers = keyed(idempotency_key)
    if if_match is not None:
        headers["If-Match"] = f'"{if_match}"'
    return sent(f"{_path(case_id)}/events", body, _step, headers, {"dry_run": "true"} if dry_run else None)


def batch(items: Sequence[Item], *, dry_run: bool = False) -> Asked[tuple[Result, ...]]:
    """File and post up to 1,000 at once; what became of each, in order. One that is refused harms no other.

    Items of one case are judged in their order. Nothing is raised for an item: ``problem`` has what a single
    request would have raised. Raises ValueError (too many), Invalid, TooLarge, Forbidden.
    """
    return sent(BATCH, body_of(items), read_as(tuple[Result, ...]), params={"dry_run": "true"} if dry_run else None)


def post_cloud_event(event: Mapping[str, Any], *, dry_run: bool = False) -> Asked[Step | Case]:
    """File or post what a CloudEvent in its JSON form says, for who has one; its source and its id are its key.

    Answers a filing's case, else the step. Raises what ``file`` and ``post`` raise.
    """
    read: Callable[[httpx.Response], Step | Case] = read_as(Case) if event.get("type") == FILED else _step
    params = {"dry_run": "true"} if dry_run else None
    return sent(CLOUD_EVENTS, dict(event), read, {"Content-Type": "application/cloudevents+json"}, params)


def case(
    case_id: Id,
    *,
    version: int | None = None,
    at: datetime | None = None,
    known_at: datetime | None = None,
    explain: bool = False,
) -> Asked[Case]:
    """The case as it is, or as it was at a version or instant; ``known_at``: by what had been recorded until then.

    ``explain`` adds ``blocked_events``. Raises NotFound, Invalid, Forbidden.
    """
    return got(_path(case_id), Case, {**_as_of(version, at, known_at), "explain": explain or None})


def events(
    case_id: Id, *, version: int | None = None, at: datetime | None = None, known_at: datetime | None = None
) -> Pages[Event]:
    """The case's whole history, the oldest first, or as it was, as for ``case``.

    Raises NotFound, Invalid, Forbidden.
    """
    return Pages(f"{_path(case_id)}/events", Event, _as_of(version, at, known_at))


def timeline(
    case_id: Id, *, version: int | None = None, at: datetime | None = None, known_at: datetime | None = None
) -> Asked[Timeline]:
    """The case in words, Chinese and English, or as it was, as for ``case``. Raises NotFound, Invalid, Forbidden."""
    return got(f"{_path(case_id)}/timeline", Timeline, _as_of(version, at, known_at))


def case_deadlines(case_id: Id) -> Asked[CountedDeadlines]:
    """The clocks of the case that run, how each was counted, and until when it was promised before.

    Raises NotFound, Forbidden.
    """
    return got(f"{_path(case_id)}/deadlines", CountedDeadlines)


def dossier(case_id: Id, *, format: str = "json") -> Asked[bytes]:
    """The whole case in one file, as it is sent: ``json`` for machines, ``html`` for people.

    Raises NotFound, Invalid (another format), Forbidden.
    """
    return Asked(method="GET", path=f"{_path(case_id)}/dossier", read=read_bytes, params={"format": format})


def cases(**filters: object) -> Pages[CaseItem]:
    """Every case that passes the filters of ``GET /v1/cases``, asked for page by page as they are consumed.

    ``limit`` is the size of a page. Raises Invalid (a filter the service does not know), Forbidden.
    """
    return Pages(CASES, CaseItem, filters)


def store_evidence(
    case_id: Id,
    content: bytes,
    *,
    media_type: str,
    kind: str | None = None,
    visibility: str | None = None,
) -> Asked[StoredEvidence]:
    """Put a file away under the case. ``evidence`` of the answer is what a posting then names.

    ``kind``: may be left out for a picture and a video. The same file again is the same. Raises TooLarge, Invalid,
    NotFound, Forbidden, ProblemError with code ``unsupported_media_type``.
    """
    fields = params_of({"kind": kind, "visibility": visibility})
    form = httpx.Request("POST", "http://caselog", data=fields, files={"file": ("file", content, media_type)})
    said = {"Content-Type": form.headers["Content-Type"]}
    path = f"{_path(case_id)}/evidence"
    return Asked(method="POST", path=path, read=read_as(StoredEvidence), headers=said, body=form.read())


def evidence_file(case_id: Id, sha256: str) -> Asked[bytes]:
    """A file that evidence in the case names. Raises NotFound (or it was not uploaded here), Forbidden."""
    return Asked(method="GET", path=f"{_path(case_id)}/evidence/{segment(sha256)}", read=read_bytes)


def _as_of(version: int | None, at: datetime | None, known_at: datetime | None) -> dict[str, object]:
    return {"version": version, "at": at, "known_at": known_at}


def _path(case_id: Id) -> str:
    return f"{CASES}/{segment(case_id)}"


def _step(answer: httpx.Response) -> Step:
    replayed = answer.headers.get("idempotency-replayed") == "true"
    return msgspec.structs.replace(read_as(Step)(answer), replayed=replayed)
