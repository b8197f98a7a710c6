"""What the OpenAPI document says about the filters of lists of cases, and about taking them all away."""

from __future__ import annotations

from typing import Any, get_args

from case_api.answers import NDJSON
from case_api.documents.described import READ, Answer, Operation, query
from case_api.requests.parameters import PRIORITY_MAX, TEXT_MAX
from case_events.core.case import Stage, Status

WORD: dict[str, Any] = {"type": "string", "pattern": "^[a-z0-9_]{1,64}$"}
TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": TEXT_MAX}
STATUS = query("status", "Only cases in this status.", type="string", enum=list(get_args(Status)))
MERCHANT = query("merchant_id", "Only cases of this merchant, on either side.", **TEXT)
TYPE = query("type", "Only complaints of this type.", **WORD)
MARKETPLACE = query("marketplace", "Only cases of this marketplace.", **WORD)
FILTERS = (
    STATUS,
    query("stage", "Only cases in this stage.", type="string", enum=list(get_args(Stage))),
    TYPE,
    MARKETPLACE,
    MERCHANT,
    query("buyer_id", "Only cases of this buyer, on either side.", **TEXT),
    query("order_id", "Only cases about this order.", **TEXT),
    query("department", "Only cases at this department.", **WORD),
    query("assignee", "Only cases assigned to this agent.", **TEXT),
    query("priority", "Only cases of this priority.", type="integer", minimum=0, maximum=PRIORITY_MAX),
    query(
        "due_before",
        "Only cases with a deadline before this instant, listed by what is due next.",
        type="string",
        format="date-time",
    ),
    query("updated_after", "Only cases something happened in after this instant.", type="string", format="date-time"),
    query("number", "The case with this complaint number.", **TEXT),
    query("kind", "Only cases of this kind: complaint, report, logistics and so on.", **WORD),
    query("subtype", "Only complaints of this subtype.", **WORD),
    query("group", "Only the cases of this collective matter.", type="string", format="uuid"),
)

EXPORTING: dict[str, Operation] = {
    "export_cases": Operation(
        tag="cases",
        parameters=(
            query("format", "A JSON object a line, or a table.", type="string", enum=["ndjson", "csv"]),
            query("full", "Each line is the whole case, not its item of a list; not as csv.", type="boolean"),
            query(
                "after",
                "Go on after this case: the last one that arrived whole. Not with due_before.",
                type="string",
                format="uuid",
            ),
            *FILTERS,
        ),
        answers={
            200: Answer(
                means="Every case, the newest first, each on a line; an answer that is cut off is not the whole.",
                media=NDJSON,
                headers={"Content-Disposition": "Always an attachment."},
                other_media=("text/csv",),
            )
        },
        refusals=READ,
    ),
}
