"""Guessed deadlines looked at again: what each comes to by the days that are published now; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from msgspec.structs import replace

from case_events.core.calendar import MOMENT, Calendar, PublishedYear, end_of, guessing_after
from case_events.core.case import Case, Deadline
from case_events.core.evolve import fold
from case_events.core.policy import InForce
from case_events.core.promises import rulebook
from case_events.core.recounting import recount
from case_events.core.values import CHINA, TEXT_MAX, CaseId, ClockParty, Instant, Value
from case_events.ledger.clock.calendars import Edition, calendar_of, draft
from case_events.ledger.codec import UnknownEvent
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.judging import world_of
from case_events.ledger.policy_book import PolicyChanged
from case_events.ledger.sealing import BrokenSeal
from case_events.ledger.store import Loaded, load
from case_events.policies.working_days import release

PAGE = 200
"""Deadlines looked at together, their cases read in one round trip."""
SLACK = timedelta(days=31)
"""A guess may lie past the published days and the count not, where days before it were published since it was made:
so far past them it is looked at too."""
NEVER = Instant.parse("1970-01-01T00:00:00Z")
UNREADABLE = (UnknownEvent, BrokenSeal, PolicyChanged)

# What is put off is a case whose import is not over: its next line happened before anything we would write now.
PROVISIONAL = """
SELECT d.due_at AS was, d.case_id, d.kind, d.party, d.set_by, c.marketplace, c.number
FROM deadlines d JOIN cases c USING (case_id)
WHERE d.provisional AND (d.due_at <= $1 OR d.due_at <= $2 AND EXISTS (
        SELECT FROM events e WHERE e.case_id = d.case_id AND e.version = d.set_by AND e.recorded_at < $3
    )) AND NOT (d.next_try_at <> d.due_at AND d.next_try_at > now())
    AND (d.due_at, d.case_id, d.kind, d.party, d.set_by) > ($4::timestamptz, $5::uuid, $6::text, $7::text, $8::int)
ORDER BY d.due_at, d.case_id, d.kind, d.party, d.set_by LIMIT $9
"""

CameTo = Literal["later", "same", "earlier", "unknown", "look", "busy"]


class Guess(Value, frozen=True, kw_only=True):
    """A provisional clock and what it came to. ``counted``: by the published days; ``becomes``: never before ``was``.

    ``later``, ``same``, ``earlier``: by the published days; ``earlier`` stays where it was promised. ``unknown``: some
    of its days are not published. ``look``: a human has to; ``why`` says what stood in the way. ``busy``: the case
    kept moving on. ``reason``: the published days it is counted by.
    """

    case_id: CaseId
    number: str
    marketplace: str
    kind: str
    party: ClockParty
    set_by: int
    was: Instant
    came_to: CameTo = "look"
    version: int = 0
    counted: Instant | None = None
    becomes: Instant | None = None
    reason: str = ""
    why: str | None = None


class Days:
    """The days that are published now, and those that may have been known at any time before."""

    def __init__(self, editions: Sequence[Edition]) -> None:
        self._editions = sorted(editions, key=lambda one: one.loaded_at)
        self._known: dict[int, Calendar] = {}
        self._then: dict[tuple[int, int, int], tuple[Calendar, ...]] = {}
        self._sources = {one.year: f"{one.source} ({one.edition})" for one in self._editions}
        self.now = self._with(len(self._editions))
        self.loaded_at = self._editions[-1].loaded_at if self._editions else NEVER

    def then(self, recorded_at: Instant, effective_at: Instant, due_at: Instant) -> tuple[Calendar, ...]:
        """What may have been looked at when a promise was recorded, the likeliest first.

        A process may have been a little behind, and a release since then may know more by itself.
        """
        loaded = sum(one.loaded_at <= recorded_at for one in self._editions)
        asked = (loaded, _year_of(effective_at) - 1, _year_of(due_at))
        if asked not in self._then:
            self._then[asked] = tuple(self._guessing(*asked))
        return self._then[asked]

    def _guessing(self, loaded: int, first: int, last: int) -> Iterator[Calendar]:
        for count in dict.fromkeys((loaded, max(loaded - 1, 0), 0, len(self._editions))):
            for year in range(last, first - 1, -1):
                yield guessing_after(self._with(count), date(year, 12, 31))

    def with_year(self, year: PublishedYear) -> Days:
        """These days and a year that nobody has loaded yet."""
        return Days((*self._editions, draft(year)))

    def cited(self, since: Instant, until: Instant) -> str:
        """Where the days of these years are published."""
        years = range(_year_of(since), _year_of(until) + 1)
        return "; ".join(f"{year}: {self._sources.get(year, release())}" for year in years)

    def _with(self, count: int) -> Calendar:
        if count not in self._known:
            self._known[count] = calendar_of(self._editions[:count])
        return self._known[count]


async def page(ledger: Ledger, days: Days, after: Guess | None) -> list[Guess]:
    """The next ``PAGE`` provisional deadlines that may be known by now, in the order of their due times; not judged."""
    until = end_of(days.now.known_until)
    key = (NEVER, UUID(int=0), "", "", 0)
    if after is not None:
        key = (after.was, after.case_id, after.kind, after.party, after.set_by)
    async with ledger.connection() as connection:
        rows = await connection.fetch(PROVISIONAL, until, until + SLACK, days.loaded_at, *key, PAGE)
    return [Guess(**dict(row)) for row in rows]


async def looked(ledger: Ledger, found: Sequence[Guess], days: Days) -> list[Guess]:
    """What each of these comes to now; a clock that no longer runs so is left out."""
    ids = list(dict.fromkeys(one.case_id for one in found))
    if not ids:
        return []
    async with ledger.connection() as connection:
        loaded = await _readable(ledger, connection, ids)
        told = [await _looked(ledger, connection, one, loaded.get(one.case_id), days) for one in found]
    return [one for one in told if one is not None]


async def _readable(ledger: Ledger, connection: Connection, ids: Sequence[CaseId]) -> dict[CaseId, Loaded | str]:
    """The histories; or why not, for one that cannot be read: it is no reason to leave the others."""
    try:
        return dict(await load(connection, ids, ledger.vault))
    except UNREADABLE:
        loaded = dict[CaseId, Loaded | str]()
    for case_id in ids:
        try:
            loaded |= await load(connection, [case_id], ledger.vault)
        except UNREADABLE as fault:
            loaded[case_id] = f"the case cannot be read: {type(fault).__name__}"
    return loaded


async def _looked(
    ledger: Ledger, connection: Connection, one: Guess, loaded: Loaded | str | None, days: Days
) -> Guess | None:
    if loaded is None:
        return None
    if isinstance(loaded, str):
        return replace(one, came_to="look", why=loaded)
    case = fold(loaded.history)
    assert case is not None, "only a filed case has clocks"
    clock = next((clock for clock in case.clocks if _is(clock, one)), None)
    if clock is None:
        return None
    try:
        in_force = (await world_of(ledger, connection, loaded)).in_force
    except PolicyChanged as fault:
        return replace(one, came_to="look", why=str(fault))
    return _judged(one, clock, case, in_force, loaded, days)


def _is(clock: Deadline, one: Guess) -> bool:
    """Does it still run, under the same promise, and is it still a guess?"""
    running = (clock.kind, clock.party, clock.set_by, clock.due_at, clock.provisional)
    return running == (one.kind, one.party, one.set_by, one.was, True)


def _judged(one: Guess, clock: Deadline, case: Case, in_force: InForce, loaded: Loaded, days: Days) -> Guess:
    book = rulebook(case, in_force, days.now)
    given = loaded.history[clock.set_by - 1]
    then = days.then(given.recorded_at, given.effective_at, clock.due_at)
    again = recount(loaded.history, clock, book, then, days.now)
    one = replace(one, version=case.version, came_to="unknown", counted=None, becomes=None, why=None)
    if again.came_to == "unknown":
        return one
    if again.due_at is None:
        why = "no rule of its policy gives this instant again by the days that were known then"
        return replace(one, came_to="look", why=why)
    came_to: CameTo = "later" if again.due_at > one.was else "same" if again.due_at == one.was else "earlier"
    becomes = max(again.due_at, one.was)
    reason = _reason(days.cited(given.effective_at, becomes), again.due_at if came_to == "earlier" else None)
    return replace(one, came_to=came_to, counted=again.due_at, becomes=becomes, reason=reason)


def _reason(cited: str, earlier: Instant | None) -> str:
    """Why the clock is confirmed, for whoever reads the case."""
    if earlier is None:
        said = "放假安排已公布，期限据此核定。 The working days are published, and this deadline was counted by them."
    else:
        at = earlier.rfc3339()
        said = (
            f"放假安排已公布；据此计算应为 {at}，期限不提前，仍为原定时刻。 "
            f"The working days are published; by them it would have been {at}, and it stays where it was promised."
        )
    return f"{said} ({cited})"[:TEXT_MAX]


def _year_of(at: Instant) -> int:
    """The China year of the day that ends with ``at``, or in which it lies."""
    return (at - MOMENT).astimezone(CHINA).year
