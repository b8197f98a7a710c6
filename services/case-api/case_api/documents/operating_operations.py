"""What the OpenAPI document says about what operators do, by the endpoint's name."""

from __future__ import annotations

from case_api.documents.described import CURSOR, LIMIT, READ, WRITTEN, Answer, Operation, Parameter, query
from case_api.requests.headers import KEY_MAX

ONCE = Parameter(
    name="Idempotency-Key",
    place="header",
    means="Bare or quoted. The same key with the same body is one and the same, however often it is sent.",
    schema={"type": "string", "minLength": 1, "maxLength": KEY_MAX},
)
ENDED = query("ended", "true: the latest holds, those that are over too.", type="boolean")
MADE = {"Location": "Where it is.", "Idempotency-Replayed": "true when it was there before."}

OPERATING: dict[str, Operation] = {
    "place_hold": Operation(
        tag="scheduler",
        body="NewHold",
        parameters=(ONCE,),
        answers={201: Answer(means="The hold.", schema="PlacedHold", headers=MADE)},
        refusals=(*WRITTEN, "id_reused"),
    ),
    "list_holds": Operation(
        tag="scheduler",
        parameters=(ENDED,),
        answers={200: Answer(means="The holds in force.", schema="HoldPage")},
        refusals=READ,
    ),
    "get_hold": Operation(
        tag="scheduler",
        answers={200: Answer(means="The hold.", schema="PlacedHold")},
        refusals=(*READ, "not_found"),
    ),
    "release_hold": Operation(
        tag="scheduler",
        body="Release",
        answers={200: Answer(means="The hold, which is over.", schema="PlacedHold")},
        refusals=(*WRITTEN, "not_found"),
    ),
    "declare_outage": Operation(
        tag="scheduler",
        body="NewOutage",
        parameters=(ONCE,),
        answers={201: Answer(means="The outage, on record.", schema="OutageReport", headers=MADE)},
        refusals=(*WRITTEN, "id_reused"),
    ),
    "list_outages": Operation(
        tag="scheduler",
        parameters=(LIMIT, CURSOR),
        answers={200: Answer(means="A page of outages.", schema="OutagePage")},
        refusals=READ,
    ),
    "get_outage": Operation(
        tag="scheduler",
        answers={200: Answer(means="The outage, and what it made late in figures.", schema="OutageReport")},
        refusals=(*READ, "not_found"),
    ),
    "list_made_late": Operation(
        tag="scheduler",
        parameters=(LIMIT, CURSOR),
        answers={200: Answer(means="A page of the timeouts it made late.", schema="LateTimeoutPage")},
        refusals=(*READ, "not_found"),
    ),
    "read_journal": Operation(
        tag="scheduler",
        parameters=(LIMIT, CURSOR),
        answers={200: Answer(means="A page of the journal.", schema="JournalPage")},
        refusals=READ,
    ),
}
