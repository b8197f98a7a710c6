"""Lines of a history on their way in: each becomes something asked at the instant it happened, or a refusal."""

from __future__ import annotations

import hashlib
from typing import Any

from case_api.callers.auth import is_timeout
from case_api.refusals.problems import Refused, invalid
from case_api.requests import bodies
from case_api.requests.headers import KEY_MAX
from case_api.requests.items import apart
from case_events.core.commands import File
from case_events.core.values import Fault, Instant, Party, Problem
from case_events.ledger.bulk.importing import Line

LINE_MAX = bodies.BODY_MAX
"""Bytes; as much as a body has when it is sent."""
IMPORTER = "import"
"""Who acted for the platform where a line does not say."""


def line_of(number: int, said: bytes) -> Line:
    """The line as it is to be asked: a filing, or with ``case_ref`` a step of a case that a line before it filed.

    Refused with every fault that its body has.
    """
    if len(said) > LINE_MAX:
        raise Refused(Problem(code="too_large", detail=f"A line has at most {LINE_MAX} bytes."))
    own, body = apart(said, "id", "case_ref")
    return _step(number, own, body) if "case_ref" in own else _filing(number, own, body)


def named(said: bytes) -> dict[str, Any]:
    """How a line calls itself and its case, as far as that can be read: for the report."""
    return apart(said, "id", "case_ref")[0] if len(said) <= LINE_MAX else {}


def _filing(number: int, own: dict[str, Any], body: bytes) -> Line:
    command = bodies.understood(body, File)
    ref = own.get("id", command.external_ref)
    if ref is None:
        raise Refused(invalid(Fault(pointer="/id", detail="missing: id or external_ref, by which steps name the case")))
    return Line(
        number=number,
        case_ref=_ref(ref, "/id"),
        key=_ref(ref, "/id"),
        command=command,
        actor=command.complainant,
        occurred_at=_when(command.occurred_at),
        body=body,
    )


def _step(number: int, own: dict[str, Any], body: bytes) -> Line:
    happened = bodies.posting(body, _check_may_import, needs_actor=False)
    actor = happened.actor or Party(role="platform", id=IMPORTER)
    case_ref = _ref(own["case_ref"], "/case_ref")
    return Line(
        number=number,
        case_ref=case_ref,
        # Without an id a line is known by what it says: the same words at the same instant happened once.
        key=_ref(own["id"], "/id") if "id" in own else hashlib.sha256(body).hexdigest(),
        command=happened.command,
        actor=actor,
        occurred_at=_when(happened.occurred_at),
        body=body,
        agent=actor.id if actor.role == "platform" else None,
    )


def _check_may_import(name: str) -> None:
    if is_timeout(name):
        detail = (
            f"{name} is no line of a history: the clocks record it themselves, where the rules say that it happened."
        )
        raise Refused(Problem(code="forbidden", detail=detail))


def _ref(said: Any, pointer: str) -> str:
    if isinstance(said, str) and 1 <= len(said) <= KEY_MAX and "\0" not in said:
        return said
    raise Refused(invalid(Fault(pointer=pointer, detail=f"1 to {KEY_MAX} characters")))


def _when(said: Instant | None) -> Instant:
    if said is None:
        raise Refused(invalid(Fault(pointer="/occurred_at", detail="missing: a history says when it happened")))
    return said
