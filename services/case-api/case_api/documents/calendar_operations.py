"""What the OpenAPI document says about published days, by the endpoint's name."""

from __future__ import annotations

from case_api.documents.described import READ, WRITTEN, Answer, Operation, query

ETAG = {"ETag": "The case's version, quoted."}

CALENDARS: dict[str, Operation] = {
    "list_calendars": Operation(
        tag="scheduler",
        answers={200: Answer(means="How far the published days reach, and what was loaded.", schema="CalendarView")},
        refusals=READ,
    ),
    "get_calendar": Operation(
        tag="scheduler",
        answers={200: Answer(means="The days of the year.", schema="YearView")},
        refusals=(*READ, "not_found"),
    ),
    "get_counted_deadlines": Operation(
        tag="cases",
        answers={200: Answer(means="The running deadlines.", schema="CountedDeadlines", headers=ETAG)},
        refusals=(*READ, "not_found"),
    ),
    "load_calendar": Operation(
        tag="scheduler",
        body="NewYear",
        parameters=(query("dry_run", "Answer what would change, and record nothing.", type="boolean"),),
        answers={
            201: Answer(
                means="The year, as its next edition.", schema="LoadedYear", headers={"Location": "Where it is."}
            ),
            200: Answer(means="Nothing changed, or it was a dry run.", schema="LoadedYear"),
        },
        refusals=WRITTEN,
    ),
}
