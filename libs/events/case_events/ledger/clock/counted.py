"""How the running deadlines of one case were counted: by which rule, from when, and by the days known then."""

from __future__ import annotations

from collections.abc import Sequence

from case_events.core.case import Deadline
from case_events.core.events import Filed
from case_events.core.explaining import Counting, Move, explained, moves
from case_events.core.promises import rulebook
from case_events.core.values import CaseId, Value
from case_events.ledger.clock.calendars import editions
from case_events.ledger.clock.guesses import Days
from case_events.ledger.database import Ledger
from case_events.ledger.store import load


class Counted(Value, frozen=True, kw_only=True):
    """A running deadline and how it came to be: ``moves``, the first first, and the rule behind the last promise.

    ``counting``: null where no rule gave that instant, or nothing of it is written yet.
    """

    deadline: Deadline
    counting: Counting | None
    moves: tuple[Move, ...]


async def counted(ledger: Ledger, case_id: CaseId, clocks: Sequence[Deadline]) -> tuple[Counted, ...]:
    """How each of these clocks of a case was counted. Raises what ``load`` raises for a case that cannot be read."""
    days = Days(await editions(ledger))
    async with ledger.connection() as connection:
        loaded = (await load(connection, [case_id], ledger.vault)).get(case_id)
        assert loaded is not None, "its clocks were read"
        filed = loaded.history[0].event
        assert isinstance(filed, Filed), "a history starts with its filing"
        in_force = await ledger.policies.pinned(connection, filed.policy)
    book = rulebook(filed, in_force, days.now)
    history, told = loaded.history, list[Counted]()
    for clock in clocks:
        counting = None
        if clock.set_by <= len(history):
            given = history[clock.set_by - 1]
            then = (*days.then(given.recorded_at, given.effective_at, clock.due_at), days.now)
            counting = explained(history, clock, book, then)
        told.append(Counted(deadline=clock, counting=counting, moves=moves(history, clock)))
    return tuple(told)
