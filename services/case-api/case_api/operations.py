"""What the OpenAPI document says about each endpoint, by the endpoint's name."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from case_api.answers import JSON
from case_api.headers import KEY_MAX
from case_api.parameters import LIMIT_DEFAULT, LIMIT_MAX, PRIORITY_MAX, TEXT_MAX
from case_events.core.case import Stage, Status
from case_events.core.values import Value


class Parameter(Value, frozen=True, kw_only=True):
    """A query parameter or a request header."""

    name: str
    place: Literal["query", "header"]
    means: str
    schema: dict[str, Any]


class Answer(Value, frozen=True, kw_only=True):
    """What is answered when nothing is refused."""

    means: str
    schema: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    media: str = JSON
    other_media: tuple[str, ...] = ()


class Operation(Value, frozen=True, kw_only=True):
    """One endpoint: what it takes, answers and refuses."""

    tag: str
    answers: dict[int, Answer]
    refusals: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    body_media: str = JSON
    public: bool = False


def _query(name: str, means: str, **schema: Any) -> Parameter:
    return Parameter(name=name, place="query", means=means, schema=schema)


KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    means="Bare or quoted. The same key with the same body gets the original answer, for ever.",
    schema={"type": "string", "minLength": 1, "maxLength": KEY_MAX},
)
IF_MATCH = Parameter(
    name="If-Match",
    place="header",
    means="The ETag of the case that was read; required on ruled and settled.",
    schema={"type": "string", "pattern": '^"[0-9]+"$'},
)
DRY_RUN = _query("dry_run", "Answer what would happen, and record nothing.", type="boolean")
VERSION = _query("version", "The case as of this version.", type="integer", minimum=1)
AT = _query("at", "The case as of this instant.", type="string", format="date-time")
FORMAT = _query("format", "json, for machines, or html, for people.", type="string", enum=["json", "html"])
EXPLAIN = _query("explain", "Add blocked_events: why every other event is not possible.", type="boolean")
WORD: dict[str, Any] = {"type": "string", "pattern": "^[a-z0-9_]{1,64}$"}
TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": TEXT_MAX}
STATUS = _query("status", "Only cases in this status.", type="string", enum=list(get_args(Status)))
DUE_BEFORE = _query("due_before", "Only what is due before this instant.", type="string", format="date-time")
KIND = _query("kind", "Only deadlines of this kind.", **WORD)
MERCHANT = _query("merchant_id", "Only cases of this merchant, on either side.", **TEXT)
FILTERS = (
    STATUS,
    _query("stage", "Only cases in this stage.", type="string", enum=list(get_args(Stage))),
    _query("type", "Only complaints of this type.", **WORD),
    _query("marketplace", "Only cases of this marketplace.", **WORD),
    MERCHANT,
    _query("buyer_id", "Only cases of this buyer, on either side.", **TEXT),
    _query("order_id", "Only cases about this order.", **TEXT),
    _query("department", "Only cases at this department.", **WORD),
    _query("assignee", "Only cases assigned to this agent.", **TEXT),
    _query("priority", "Only cases of this priority.", type="integer", minimum=0, maximum=PRIORITY_MAX),
    _query(
        "due_before",
        "Only cases with a deadline before this instant, listed by what is due next.",
        type="string",
        format="date-time",
    ),
    _query("updated_after", "Only cases something happened in after this instant.", type="string", format="date-time"),
    _query("number", "The case with this complaint number.", **TEXT),
    _query("kind", "Only cases of this kind: complaint, report, logistics and so on.", **WORD),
    _query("subtype", "Only complaints of this subtype.", **WORD),
    _query("group", "Only the cases of this collective matter.", type="string", format="uuid"),
    _query(
        "sort",
        "queue: the open cases of a department or an assignee, the urgent first, then what is due next.",
        type="string",
        enum=["queue"],
    ),
)
LIMIT = _query("limit", "How many a page has.", type="integer", minimum=1, maximum=LIMIT_MAX, default=LIMIT_DEFAULT)
CURSOR = _query("cursor", "Where the last page ended: its next.", type="string")

ETAG = {"ETag": "The case's version, quoted."}
CREATED = {"Location": "Where it is.", **ETAG, "Idempotency-Replayed": "true when this is the original answer again."}
FILE_SENT = {
    "ETag": "The file's SHA-256, quoted.",
    "Repr-Digest": "The same, as RFC 9530 writes it.",
    "Content-Disposition": "Always an attachment.",
}
CALLED = ("unauthenticated", "forbidden", "unavailable", "too_many_requests")
WRITTEN = (*CALLED, "malformed", "request_timeout", "too_large", "unsupported_media_type", "invalid")
STEPPED = (*WRITTEN, "not_yet", "stale", "id_reused", "busy")
READ = (*CALLED, "invalid")

OPERATIONS: dict[str, Operation] = {
    "file_case": Operation(
        tag="cases",
        body="File",
        parameters=(KEY, IF_MATCH),
        answers={201: Answer(means="The case.", schema="CaseView", headers=CREATED)},
        refusals=(*STEPPED, "already_open", "not_eligible"),
    ),
    "post_event": Operation(
        tag="cases",
        body="Posting",
        parameters=(KEY, IF_MATCH, DRY_RUN),
        answers={
            201: Answer(means="The events of the step, and the case after it.", schema="StepView", headers=CREATED),
            200: Answer(means="A dry run: what would have been recorded.", schema="StepView", headers=ETAG),
        },
        refusals=(*STEPPED, "not_found", "not_allowed_now", "deadline_passed", "precondition_required"),
    ),
    "get_case": Operation(
        tag="cases",
        parameters=(VERSION, AT, EXPLAIN),
        answers={200: Answer(means="The case.", schema="CaseView", headers=ETAG)},
        refusals=(*READ, "not_found"),
    ),
    "get_events": Operation(
        tag="cases",
        answers={200: Answer(means="The whole history.", schema="EventPage", headers=ETAG)},
        refusals=(*READ, "not_found"),
    ),
    "get_timeline": Operation(
        tag="cases",
        answers={200: Answer(means="The history in words.", schema="Timeline", headers=ETAG)},
        refusals=(*READ, "not_found"),
    ),
    "get_dossier": Operation(
        tag="cases",
        parameters=(FORMAT,),
        answers={
            200: Answer(
                means="The whole case in one file, as JSON or as a page to print.",
                schema="Dossier",
                headers={**ETAG, "Content-Disposition": "Always an attachment."},
                other_media=("text/html",),
            )
        },
        refusals=(*READ, "not_found"),
    ),
    "put_evidence": Operation(
        tag="evidence",
        body="Upload",
        body_media="multipart/form-data",
        answers={
            201: Answer(
                means="The evidence to post, and what was kept.",
                schema="StoredEvidence",
                headers={"Location": "Where it is."},
            )
        },
        refusals=(*WRITTEN, "not_found", "store_unavailable"),
    ),
    "get_evidence": Operation(
        tag="evidence",
        answers={200: Answer(means="The file, as it was sent.", media="*/*", headers=FILE_SENT)},
        refusals=(*READ, "not_found", "store_unavailable"),
    ),
    "find_cases": Operation(
        tag="cases",
        parameters=(*FILTERS, LIMIT, CURSOR),
        answers={200: Answer(means="A page of cases.", schema="CasePage")},
        refusals=READ,
    ),
    "find_deadlines": Operation(
        tag="cases",
        parameters=(DUE_BEFORE, KIND, LIMIT, CURSOR),
        answers={200: Answer(means="A page of running deadlines.", schema="DeadlinePage")},
        refusals=READ,
    ),
    "get_stats": Operation(
        tag="cases",
        parameters=(MERCHANT,),
        answers={200: Answer(means="The counts.", schema="Counts")},
        refusals=READ,
    ),
    "list_policies": Operation(
        tag="policies",
        answers={200: Answer(means="Every policy that is kept.", schema="PolicyPage")},
        refusals=READ,
    ),
    "get_policy": Operation(
        tag="policies",
        answers={200: Answer(means="The policy.", schema="Policy.PolicyView")},
        refusals=(*READ, "not_found"),
    ),
    "get_problem": Operation(
        tag="policies",
        answers={200: Answer(means="The code in words.", schema="ProblemWords")},
        refusals=("not_found",),
        public=True,
    ),
    "make_clock": Operation(
        tag="sandbox",
        body="NewTestClock",
        answers={201: Answer(means="The clock.", schema="TestClock", headers={"Location": "Where it is."})},
        refusals=WRITTEN,
    ),
    "get_clock": Operation(
        tag="sandbox",
        answers={200: Answer(means="The clock.", schema="TestClock")},
        refusals=(*READ, "not_found"),
    ),
    "advance_clock": Operation(
        tag="sandbox",
        body="ClockAdvance",
        answers={200: Answer(means="The clock where it stands now.", schema="TestClock")},
        refusals=(*WRITTEN, "not_found"),
    ),
    "alive": Operation(tag="operating", answers={200: Answer(means="The process is alive.")}, public=True),
    "ready": Operation(
        tag="operating",
        answers={200: Answer(means="Requests can be answered.", schema="Readiness")},
        refusals=("not_ready",),
        public=True,
    ),
    "metrics": Operation(
        tag="operating",
        answers={200: Answer(means="Prometheus' text format.", media="text/plain")},
        public=True,
    ),
}
