"""What the OpenAPI document says about each endpoint, by the endpoint's name."""

from __future__ import annotations

from case_api.documents.audit_operations import AUDITING
from case_api.documents.calendar_operations import CALENDARS
from case_api.documents.described import CURSOR, LIMIT, READ, WRITTEN, Answer, Operation, Parameter, query
from case_api.documents.export_operations import EXPORTING, FILTERS, MARKETPLACE, MERCHANT, TEXT, TYPE, WORD
from case_api.documents.ingesting_operations import DRY_RUN, INGESTING
from case_api.documents.key_operations import KEYS
from case_api.documents.operating_operations import OPERATING
from case_api.documents.sandbox_operations import SANDBOX
from case_api.documents.webhook_operations import WEBHOOKS
from case_api.requests.headers import KEY_MAX
from case_api.requests.parameters import (
    FEED_LIMIT_DEFAULT,
    FEED_LIMIT_MAX,
    POSITION_MAX,
)
from case_events.ledger.clock.forecast import DAYS_MAX

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
VERSION = query("version", "The case as of this version.", type="integer", minimum=1)
AT = query(
    "at",
    "The case as it was at this instant, whenever that was recorded.",
    type="string",
    format="date-time",
)
KNOWN_AT = query(
    "known_at",
    "The case as it was answered at this instant: by what was recorded until then. With at: how it was at that "
    "instant, by what was recorded until this one.",
    type="string",
    format="date-time",
)
AS_OF = (VERSION, AT, KNOWN_AT)
FORMAT = query("format", "json, for machines, or html, for people.", type="string", enum=["json", "html"])
EXPLAIN = query("explain", "Add blocked_events: why every other event is not possible.", type="boolean")
DUE_BEFORE = query("due_before", "Only what is due before this instant.", type="string", format="date-time")
KIND = query("kind", "Only deadlines of this kind.", **WORD)
SORT = query(
    "sort",
    "queue: the open cases of a department or an assignee, the urgent first, then what is due next.",
    type="string",
    enum=["queue"],
)
AFTER = query(
    "after",
    "The position to go on after: a page's next, or an event's position. now: only what is still to come.",
    oneOf=[{"type": "integer", "minimum": 0, "maximum": POSITION_MAX}, {"const": "now"}],
    default=0,
)
TYPES = query("types", "Only events of these types, with commas between them: ruled,closed.", type="string")
SEEN = query(
    "seen",
    "POSITION.HASH of an event that was read before: refused where another event stands there by now, as after the "
    "database was set back to an earlier time.",
    type="string",
    pattern="^[0-9]{1,15}\\.[0-9a-f]{64}$",
)
FEED_LIMIT = query(
    "limit",
    "How many a page has at most.",
    type="integer",
    minimum=1,
    maximum=FEED_LIMIT_MAX,
    default=FEED_LIMIT_DEFAULT,
)
LAST_EVENT_ID = Parameter(
    name="Last-Event-ID",
    place="header",
    means="The id that was received last; it goes before after.",
    schema={"type": "string", "pattern": "^[0-9]{1,15}$"},
)

ETAG = {"ETag": "The case's version, quoted."}
CREATED = {"Location": "Where it is.", **ETAG, "Idempotency-Replayed": "true when this is the original answer again."}
FILE_SENT = {
    "ETag": "The file's SHA-256, quoted.",
    "Repr-Digest": "The same, as RFC 9530 writes it.",
    "Content-Disposition": "Always an attachment.",
}
STEPPED = (*WRITTEN, "not_yet", "stale", "id_reused", "busy", "clock_disagrees")

OPERATIONS: dict[str, Operation] = {
    **SANDBOX,
    **OPERATING,
    **CALENDARS,
    **AUDITING,
    **INGESTING,
    **EXPORTING,
    **KEYS,
    **WEBHOOKS,
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
        refusals=(
            *STEPPED,
            *("not_found", "not_allowed_now", "deadline_passed", "precondition_required", "store_unavailable"),
        ),
    ),
    "get_case": Operation(
        tag="cases",
        parameters=(*AS_OF, EXPLAIN),
        answers={200: Answer(means="The case.", schema="CaseView", headers=ETAG)},
        refusals=(*READ, "not_found"),
    ),
    "get_events": Operation(
        tag="cases",
        parameters=AS_OF,
        answers={200: Answer(means="The whole history.", schema="EventPage", headers=ETAG)},
        refusals=(*READ, "not_found"),
    ),
    "get_timeline": Operation(
        tag="cases",
        parameters=AS_OF,
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
        refusals=(*WRITTEN, "not_found", "not_allowed_now", "store_unavailable"),
    ),
    "get_evidence": Operation(
        tag="evidence",
        answers={200: Answer(means="The file, as it was sent.", media="*/*", headers=FILE_SENT)},
        refusals=(*READ, "not_found", "store_unavailable", "file_altered"),
    ),
    "find_cases": Operation(
        tag="cases",
        parameters=(*FILTERS, SORT, LIMIT, CURSOR),
        answers={200: Answer(means="A page of cases.", schema="CasePage")},
        refusals=READ,
    ),
    "find_deadlines": Operation(
        tag="cases",
        parameters=(DUE_BEFORE, KIND, LIMIT, CURSOR),
        answers={200: Answer(means="A page of running deadlines.", schema="DeadlinePage")},
        refusals=READ,
    ),
    "read_feed": Operation(
        tag="feed",
        parameters=(AFTER, TYPES, SEEN, FEED_LIMIT),
        answers={200: Answer(means="A page of the feed.", schema="FeedPage")},
        refusals=READ,
    ),
    "stream_feed": Operation(
        tag="feed",
        parameters=(AFTER, TYPES, SEEN, LAST_EVENT_ID),
        answers={
            200: Answer(
                means="Server-sent events without end: id is the position, event the type's word, data a CloudEvent.",
                media="text/event-stream",
            )
        },
        refusals=(*READ, "malformed"),
    ),
    "get_stats": Operation(
        tag="cases",
        parameters=(
            MERCHANT,
            MARKETPLACE,
            TYPE,
            query("filed_from", "Only cases filed at this instant or later.", type="string", format="date-time"),
            query("filed_before", "Only cases filed before this instant.", type="string", format="date-time"),
        ),
        answers={200: Answer(means="The counts.", schema="Counts")},
        refusals=READ,
    ),
    "get_scheduler": Operation(
        tag="scheduler",
        parameters=(
            query("forecast", "false: without a forecast, which costs more than all the rest.", type="boolean"),
            query("days", "How many days it looks ahead.", type="integer", minimum=1, maximum=DAYS_MAX, default=7),
            query("marketplace", "A forecast of this marketplace's cases only.", **WORD),
            query("merchant_id", "A forecast of this merchant's cases only, on either side.", **TEXT),
        ),
        answers={200: Answer(means="How the clock is.", schema="SchedulerView")},
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
    "simulate": Operation(
        tag="policies",
        body="NewSimulation",
        answers={200: Answer(means="A page of cases, as they are and as they would be.", schema="SimulationPage")},
        refusals=WRITTEN,
    ),
    "get_problem": Operation(
        tag="policies",
        answers={200: Answer(means="The code in words.", schema="ProblemWords", other_media=("text/html",))},
        refusals=("not_found",),
        public=True,
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
