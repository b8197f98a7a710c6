"""Where a page of a queue ends and the next one starts, in a cursor: its priority is carried as a word, and a case that
waits for nobody is due at the latest."""

from __future__ import annotations

from case_api.requests.parameters import PRIORITY_MAX, Query, cursor
from case_events.core.values import LATEST, Value
from case_events.ledger.lists.lists import Wanted
from case_events.ledger.lists.queues import After, Queue


class AskedQueue(Value, frozen=True, kw_only=True):
    """What of a queue is asked for; cursors are bound to it."""

    wanted: Wanted


def start_of(query: Query, wanted: Wanted) -> After | None:
    """Where the page before ended."""
    key = query.after("cursor", AskedQueue(wanted=wanted))
    if key is None:
        return None
    at, case_id, said = key
    priority = query.number_in(said, PRIORITY_MAX)
    return None if priority is None else (priority, None if at == LATEST else at, case_id)


def next_of(page: Queue, wanted: Wanted) -> str | None:
    """The cursor of the page after this one, if there is one."""
    if page.after is None:
        return None
    priority, due_at, case_id = page.after
    return cursor(AskedQueue(wanted=wanted), due_at or LATEST, case_id, str(priority))
