"""The running deadlines of all cases: what is due next, in real time and under test clocks."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import shown
from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.requests.parameters import Key, Query, cursor
from case_api.views.lists import DeadlinePage, deadline_item
from case_events.core.values import Instant, Value
from case_events.ledger.lists.due_list import After, list_deadlines

SET_BY_MAX = 10**9


class AskedDeadlines(Value, frozen=True, kw_only=True):
    """What of the deadlines is asked for; cursors are bound to it."""

    due_before: Instant | None
    kind: str | None


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    app.add_api_route("/v1/deadlines", find_deadlines, methods=["GET"], openapi_extra=operation(find_deadlines))


async def find_deadlines(request: Request) -> Response:
    """List running deadlines, what is due first coming first."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "read"))
    query = Query(request, "due_before", "kind", "limit", "cursor")
    asked = AskedDeadlines(due_before=query.instant("due_before"), kind=query.word("kind"))
    limit = query.limit()
    after = after_of(query, query.after("cursor", asked))
    query.check()
    page = await list_deadlines(
        door.ledger, due_before=asked.due_before, kind=asked.kind, viewer=viewer, limit=limit, after=after
    )
    ends_with = None
    if page.after is not None:
        at, case_id, kind, party, set_by = page.after
        ends_with = cursor(asked, at, case_id, f"{kind} {party} {set_by}")
    return shown(DeadlinePage(items=tuple(deadline_item(row) for row in page.rows), next=ends_with))


def after_of(query: Query, key: Key | None) -> After | None:
    """The rest of a deadline's key, which the cursor carries as words."""
    if key is None:
        return None
    kind, party, said = (*key[2].split(" "), "", "")[:3]
    set_by = query.number_in(said, SET_BY_MAX)
    return None if set_by is None else (key[0], key[1], kind, party, set_by)
