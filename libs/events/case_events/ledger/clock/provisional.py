"""Provisional deadlines confirmed: once their days are published each is counted again, and that is recorded.

Nothing is moved silently and nothing earlier: a clock that would be earlier by the published days is confirmed where
it stands. What no rule gives again is left for a human, who extends it as any other deadline. The record is an
ordinary ``deadline_extended`` through the one write path; a row that is no longer provisional fires like any other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date

from msgspec.structs import replace

from case_events.core.calendar import PublishedYear
from case_events.core.canonical import canonical
from case_events.core.commands import ExtendDeadline
from case_events.core.plan import OURSELVES
from case_events.core.values import CaseId, Instant, Party, Value
from case_events.ledger.clock import calendars, journal
from case_events.ledger.clock.guesses import PAGE, CameTo, Days, Guess, looked, page
from case_events.ledger.database import Ledger
from case_events.ledger.steps import Asking, submit

PAGES_MAX = 5_000
"""A million deadlines; the next run goes on."""
AT_ONCE = 32
"""Cases that are written together."""
ATTEMPTS_MAX = 5
"""How often a case that has moved on meanwhile is looked at again; each other clock of it moves it on once."""
MOVED_ON = ("stale", "busy", "id_reused", "clock_disagrees")
"""Refusals that say nothing about the deadline: the case moved on, or nothing is judged just now."""
NAMED_MAX = 100
"""Guesses that are told one by one, of each kind."""


class Tally(Value, frozen=True, kw_only=True):
    """How many clocks of one kind, in one marketplace, came to what (``Guess``)."""

    kind: str
    marketplace: str
    later: int
    same: int
    earlier: int
    unknown: int
    look: int
    busy: int


class Confirmation(Value, frozen=True, kw_only=True):
    """What a run came to, or would come to.

    ``moved`` (the later ones) and ``looks``: the first ``NAMED_MAX`` of each. ``whole``: everything that may be known
    by now was looked at.
    """

    dry_run: bool
    known_until: date
    later: int
    same: int
    earlier: int
    unknown: int
    look: int
    busy: int
    by: tuple[Tally, ...]
    moved: tuple[Guess, ...]
    looks: tuple[Guess, ...]
    whole: bool


async def correct(
    ledger: Ledger, *, dry_run: bool = False, who: str = OURSELVES, stopping: Callable[[], bool] = lambda: False
) -> Confirmation:
    """Count every provisional deadline again whose days are published now, and record it unless ``dry_run``.

    Asked again, by whomever, it changes nothing more. ``who`` stands in the journal; in the cases it is the platform.
    Raises one of UNAVAILABLE; what was recorded by then stays, and the next run goes on.
    """
    days = Days(await calendars.editions(ledger))
    ledger.calendar = days.now
    told = await _look_through(ledger, days, dry_run=dry_run, stopping=stopping)
    if not dry_run and told.later + told.same + told.earlier:
        counts = {"later": told.later, "same": told.same, "earlier": told.earlier, "look": told.look}
        async with ledger.connection() as connection:
            await journal.write(connection, "deadlines_confirmed", who, **counts, known_until=told.known_until)
    return told


async def foresee(ledger: Ledger, year: PublishedYear, *, pages: int = PAGES_MAX) -> Confirmation:
    """What ``correct`` would come to with this year; ``pages``: no more than these. Raises one of UNAVAILABLE."""
    days = Days(await calendars.editions(ledger)).with_year(year)
    return await _look_through(ledger, days, dry_run=True, stopping=lambda: False, pages=pages)


async def _look_through(
    ledger: Ledger, days: Days, *, dry_run: bool, stopping: Callable[[], bool], pages: int = PAGES_MAX
) -> Confirmation:
    summed, whole, last = _Sum(), False, None
    for _ in range(pages):
        drafts = await page(ledger, days, last)
        found = await looked(ledger, drafts, days)
        summed.add(found if dry_run else await _confirmed(ledger, found, days))
        if len(drafts) < PAGE:
            whole = True
            break
        if stopping():
            break
        last = drafts[-1]
    return summed.told(dry_run=dry_run, known_until=days.now.known_until, whole=whole)


class _Sum:
    """What the pages came to so far."""

    def __init__(self) -> None:
        self._counts = Counter[tuple[str, str, CameTo]]()
        self._moved, self._looks = list[Guess](), list[Guess]()

    def add(self, found: Sequence[Guess]) -> None:
        self._counts.update((one.kind, one.marketplace, one.came_to) for one in found)
        self._moved += [one for one in found if one.came_to == "later"][: NAMED_MAX - len(self._moved)]
        self._looks += [one for one in found if one.came_to == "look"][: NAMED_MAX - len(self._looks)]

    def told(self, *, dry_run: bool, known_until: date, whole: bool) -> Confirmation:
        places = sorted({(kind, place) for kind, place, _ in self._counts})
        return Confirmation(
            dry_run=dry_run,
            known_until=known_until,
            **{name: sum(n for key, n in self._counts.items() if key[2] == name) for name in CAME_TO},
            by=tuple(
                Tally(kind=kind, marketplace=place, **{name: self._counts[kind, place, name] for name in CAME_TO})
                for kind, place in places
            ),
            moved=tuple(self._moved),
            looks=tuple(self._looks),
            whole=whole,
        )


CAME_TO: tuple[CameTo, ...] = ("later", "same", "earlier", "unknown", "look", "busy")


async def _confirmed(ledger: Ledger, found: Sequence[Guess], days: Days) -> list[Guess]:
    """Record what is known now: the clocks of one case one after the other, ``AT_ONCE`` cases together."""
    by_case = dict[CaseId, list[Guess]]()
    for one in found:
        by_case.setdefault(one.case_id, []).append(one)
    cases, done = list(by_case.values()), list[Guess]()
    for start in range(0, len(cases), AT_ONCE):
        together = (_confirm_case(ledger, one, days) for one in cases[start : start + AT_ONCE])
        done += [guess for guesses in await asyncio.gather(*together) for guess in guesses]
    return done


async def _confirm_case(ledger: Ledger, found: list[Guess], days: Days) -> list[Guess]:
    confirmed = [await _confirm(ledger, one, days) for one in found]
    return [one for one in confirmed if one is not None]


async def _confirm(ledger: Ledger, guess: Guess, days: Days) -> Guess | None:
    """Extend the clock as the platform would; a case that has moved on is looked at again. None: it runs no more."""
    for _ in range(ATTEMPTS_MAX):
        if guess.becomes is None:
            return guess
        step = await submit(ledger, _asking(guess, guess.becomes))
        if step.problem is None:
            return guess
        if step.problem.code not in MOVED_ON:
            return replace(guess, came_to="look", why=f"{step.problem.code}: {step.problem.detail}")
        again = await looked(ledger, [guess], days)
        if not again:
            return None
        guess = again[0]
    return replace(guess, came_to="busy")


def _asking(guess: Guess, due_at: Instant) -> Asking:
    """Under a key of its own, so that it is recorded once, however many ask; for the version that was counted."""
    command = ExtendDeadline(kind=guess.kind, party=guess.party, due_at=due_at, reason=guess.reason)
    return Asking(
        command=command,
        actor=Party(role="platform", id=OURSELVES),
        client=OURSELVES,
        case_id=guess.case_id,
        key=f"published-days/{guess.kind}/{guess.party}/{guess.set_by}",
        body=canonical(command),
        if_match=guess.version,
    )
