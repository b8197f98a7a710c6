"""What the OpenAPI document says about test clocks, by the endpoint's name; they exist outside production only."""

from __future__ import annotations

from case_api.documents.described import CURSOR, LIMIT, READ, WRITTEN, Answer, Operation, query

BEFORE = query(
    "before",
    "Only what fires when the clock is advanced to this instant: what is due before it.",
    type="string",
    format="date-time",
)
MOVED = (*READ, "not_found", "busy")
THE_CLOCK = {200: Answer(means="The clock as it is now.", schema="TestClock")}

SANDBOX: dict[str, Operation] = {
    "make_clock": Operation(
        tag="sandbox",
        body="NewTestClock",
        answers={201: Answer(means="The clock.", schema="TestClock", headers={"Location": "Where it is."})},
        refusals=WRITTEN,
    ),
    "find_clocks": Operation(
        tag="sandbox",
        parameters=(LIMIT, CURSOR),
        answers={200: Answer(means="A page of clocks.", schema="ClockPage")},
        refusals=READ,
    ),
    "get_clock": Operation(tag="sandbox", answers=THE_CLOCK, refusals=(*READ, "not_found")),
    "find_due": Operation(
        tag="sandbox",
        parameters=(BEFORE, LIMIT, CURSOR),
        answers={200: Answer(means="A page of deadlines.", schema="ClockDuePage")},
        refusals=(*READ, "not_found"),
    ),
    "advance_clock": Operation(
        tag="sandbox",
        body="ClockAdvance",
        answers=THE_CLOCK,
        refusals=(*WRITTEN, "not_found", "clock_frozen", "busy"),
    ),
    "freeze_clock": Operation(tag="sandbox", answers=THE_CLOCK, refusals=MOVED),
    "unfreeze_clock": Operation(tag="sandbox", answers=THE_CLOCK, refusals=MOVED),
    "delete_clock": Operation(tag="sandbox", answers=THE_CLOCK, refusals=MOVED),
}
