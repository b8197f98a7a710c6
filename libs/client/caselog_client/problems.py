"""Refusals and other trouble as exceptions: one class for each usual problem code, one for every other."""

from __future__ import annotations

from uuid import UUID

import httpx
import msgspec

from caselog_client.views import Problem

TEXT_SHOWN = 300
UNEXPLAINED = "unexplained"
"""The code of a failure that came without problem+json: from a proxy, most likely."""


class CaselogError(Exception):
    """Everything this client raises by itself."""


class Unreachable(CaselogError):
    """No answer came, however often it was asked. Whether a step was recorded is not known.

    ``idempotency_key`` is the key it was sent with (None for a reading): asking again with it is safe, for ever.
    """

    def __init__(self, detail: str, idempotency_key: str | None = None) -> None:
        super().__init__(detail, idempotency_key)
        self.detail = detail
        self.idempotency_key = idempotency_key

    def __str__(self) -> str:
        return f"{self.detail} (Idempotency-Key: {self.idempotency_key})" if self.idempotency_key else self.detail


class Unreadable(CaselogError):
    """An answer came that is not Caselog's, or not of a version this client can read."""


class NotGenuine(CaselogError):
    """A webhook that must not be believed: not signed with these secrets, altered on its way, or not fresh.

    Answer it 400 and do nothing else: whoever sent it, Caselog will deliver what is true again.
    """


class StillAdvancing(CaselogError):
    """A test clock was not ready in the time given: is a scheduler running?"""


class ProblemError(CaselogError):
    """The service refused; the members are those of the problem, None or empty where they do not apply.

    ``code`` says why in one word, ``detail`` in a sentence, ``rule`` under which clause of which policy.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem
        self.code = problem.code
        self.status = problem.status
        self.title = problem.title
        self.detail = problem.detail
        self.rule = problem.rule
        self.due_at = problem.due_at
        self.opens_at = problem.opens_at
        self.closed_at = problem.closed_at
        self.clause = problem.clause
        self.current_version = problem.current_version
        self.location = problem.location
        self.allowed_events = problem.allowed_events or ()
        self.errors = problem.errors
        self.missed = problem.missed or ()
        self.trace_id = problem.trace_id

    def __str__(self) -> str:
        said = [f"{self.code} ({self.status}): {self.detail}"]
        said += [f"{fault.pointer}: {fault.detail}" for fault in self.errors]
        named = {"rule": self.rule, "due_at": self.due_at, "opens_at": self.opens_at, "closed_at": self.closed_at}
        said += [self.clause.en] if self.clause else []
        said += [f"{name} {value}" for name, value in named.items() if value is not None]
        return "; ".join(said)


class Malformed(ProblemError):
    """400: the request could not be read."""


class Unauthenticated(ProblemError):
    """401: the key is missing, unknown or revoked."""


class Forbidden(ProblemError):
    """403: the key's role, or this actor, may not do it."""


class NotFound(ProblemError):
    """404: no such thing, or not at that version or instant."""


class NotAllowedNow(ProblemError):
    """409: the rules say no in this state; ``allowed_events`` says what is possible."""


class DeadlinePassed(ProblemError):
    """409: the time for it ran out at ``due_at``."""


class NotYet(ProblemError):
    """409: it becomes possible at ``opens_at``."""


class AlreadyOpen(ProblemError):
    """409: the complainant has an open complaint of this type about this order, at ``location``."""

    @property
    def case_id(self) -> UUID | None:
        """The open case, where the location names it."""
        try:
            return UUID((self.location or "").rpartition("/")[2])
        except ValueError:
            return None


class Stale(ProblemError):
    """412: the case has moved on to ``current_version``; ``missed`` lists what happened since."""


class PreconditionRequired(ProblemError):
    """428: this event judges what was read; send ``if_match``."""


class TooLarge(ProblemError):
    """413: the body exceeds the service's limit."""


class Invalid(ProblemError):
    """422: ``errors`` names every fault."""


class NotEligible(ProblemError):
    """422: the order's state or the filing window does not allow it (``rule``, ``closed_at``)."""


class IdReused(ProblemError):
    """422: the key was used before with another body."""


class TooManyRequests(ProblemError):
    """429, even after every try."""


class Unavailable(ProblemError):
    """503, even after every try; with the same key, asking again later is safe."""


KINDS: dict[str, type[ProblemError]] = {
    "malformed": Malformed,
    "unauthenticated": Unauthenticated,
    "forbidden": Forbidden,
    "not_found": NotFound,
    "not_allowed_now": NotAllowedNow,
    "clock_frozen": NotAllowedNow,
    "deadline_passed": DeadlinePassed,
    "not_yet": NotYet,
    "already_open": AlreadyOpen,
    "stale": Stale,
    "precondition_required": PreconditionRequired,
    "too_large": TooLarge,
    "invalid": Invalid,
    "not_eligible": NotEligible,
    "id_reused": IdReused,
    "too_many_requests": TooManyRequests,
    "rate_limited": TooManyRequests,
    "unavailable": Unavailable,
    "busy": Unavailable,
    "clock_disagrees": Unavailable,
    "not_ready": Unavailable,
    "store_unavailable": Unavailable,
    "issuer_unavailable": Unavailable,
}
BY_STATUS: dict[int, type[ProblemError]] = {429: TooManyRequests, 503: Unavailable}
"""Whatever the code, these say: not now."""


def problem_of(answer: httpx.Response) -> ProblemError:
    """The refusal in ``answer``; a code nobody here knows is a plain ProblemError, as is what came without one."""
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = Problem(code=UNEXPLAINED, detail=answer.text[:TEXT_SHOWN])
    # The status that came is the one that counts; a proxy may have changed it.
    problem = msgspec.structs.replace(problem, status=answer.status_code)
    return kind_of(problem)(problem)


def kind_of(problem: Problem) -> type[ProblemError]:
    """The class of a refusal: by its code, or where that is not known by its status."""
    return KINDS.get(problem.code) or BY_STATUS.get(problem.status, ProblemError)
