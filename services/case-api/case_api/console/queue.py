"""The queue: open cases, the urgent first, filtered as the API's list is; and a case by its complaint number."""

from __future__ import annotations

import unicodedata
from typing import get_args
from urllib.parse import urlencode

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from case_api.console import pages, paths, premises
from case_api.console.questions import filled_in
from case_api.console.visitors import Visitor
from case_api.door import Door, door_of
from case_api.requests.parameters import LIMIT_DEFAULT, Query, cursor
from case_api.requests.queue_pages import next_of, start_of
from case_api.views.lists import case_item
from case_events.core.case import Status
from case_events.core.policy import LADDER
from case_events.core.values import LATEST, Text
from case_events.core.viewer import Viewer
from case_events.ledger import policy_book
from case_events.ledger.lists.lists import Wanted, list_cases
from case_events.ledger.lists.queues import list_queue
from case_events.ledger.read_models import CaseRow

FILTERS = ("status", "type", "department", "assignee", "merchant_id", "order_id")
Page = tuple[tuple[CaseRow, ...], str | None]
"""The cases of a page, and the cursor of the next one."""


async def show(request: Request, visitor: Visitor) -> Response:
    """What waits for somebody: the urgent first, then what is due next; of one party or order by when it is due."""
    if not visitor.may("read"):
        return pages.go_to(paths.SCHEDULER)
    door, query = door_of(request), Query(filled_in(request), *FILTERS, "cursor")
    wanted = Wanted(
        status=query.one_of("status", get_args(Status)),
        type=query.word("type"),
        merchant_id=query.text("merchant_id"),
        department=query.word("department"),
        assignee=query.text("assignee"),
        order_id=query.text("order_id"),
    )
    viewer = visitor.viewer
    # What one party or order has is little, and has an index by when it is due; in a whole queue it would be rare.
    few = wanted.merchant_id or wanted.order_id or viewer.merchants is not None
    rows, ends = await (_by_due if few else _urgent_first)(door, query, wanted, viewer)
    said = {name: value for name in FILTERS if (value := getattr(wanted, name)) is not None}
    following = f"{paths.CONSOLE}?{urlencode({**said, 'cursor': ends})}" if ends else None
    page = pages.page(
        request,
        "queue",
        visitor=visitor,
        items=[case_item(row, viewer) for row in rows],
        order="by_due" if few else "by_urgency",
        following=following,
        said=said,
        statuses=[one for one in get_args(Status) if one != "closed"],
        types=await types(door),
        departments=list(dict.fromkeys((*LADDER, *([wanted.department] if wanted.department else [])))),
    )
    bound = not premises.plain(request)
    page.set_cookie(
        paths.QUEUE_COOKIE, urlencode(said), path=paths.CONSOLE, secure=bound, httponly=True, samesite="lax"
    )
    return page


async def _urgent_first(door: Door, query: Query, wanted: Wanted, viewer: Viewer) -> Page:
    after = start_of(query, wanted)
    query.check()
    found = await list_queue(door.ledger, wanted, viewer=viewer, limit=LIMIT_DEFAULT, after=after)
    return found.rows, next_of(found, wanted)


async def _by_due(door: Door, query: Query, wanted: Wanted, viewer: Viewer) -> Page:
    wanted = replace(wanted, due_before=LATEST)
    after = query.after("cursor", wanted)
    query.check()
    found = await list_cases(door.ledger, wanted, viewer=viewer, limit=LIMIT_DEFAULT, after=after and after[:2])
    return found.rows, cursor(wanted, *found.after) if found.after else None


async def find(request: Request, visitor: Visitor) -> Response:
    """The case with this complaint number."""
    query = Query(filled_in(request), "number")
    number = query.text("number")
    query.check()
    if number is None:
        return pages.go_to(paths.CONSOLE)
    number = _as_digits(number)
    found = await list_cases(door_of(request).ledger, Wanted(number=number), viewer=visitor.viewer, limit=1)
    for row in found.rows:
        return pages.go_to(f"{paths.CASES}/{row.case_id}")
    return pages.page(request, "not_found", visitor=visitor, number=number)


async def types(door: Door) -> dict[str, Text]:
    """Every type of complaint there is a rule for, and what its newest rules call it."""
    titles: dict[str, Text] = {}
    async with door.ledger.connection() as connection:
        for name, version in await policy_book.versions(connection):
            in_force = await door.ledger.policies.find(connection, name, version)
            if in_force is not None:
                titles |= {word: rules.title for word, rules in in_force.policy.types.items()}
    return dict(sorted(titles.items()))


def _as_digits(number: str) -> str:
    """A number as it is written here: full-width digits are those of an input method, and what nobody sees is none."""
    seen = (one for one in unicodedata.normalize("NFKC", number) if unicodedata.category(one) != "Cf")
    return "".join(seen).strip()
