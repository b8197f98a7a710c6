"""The feed as it is read: every event once, by dense positions, and of it what there is for whoever looks.

A position is given once and nothing is ever put before it, so whoever has read up to one goes on after it. Where a
page goes on never depends on what its viewer may not see: nobody learns of an event by asking for pages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from case_events.core.values import Value
from case_events.core.viewer import EVERYTHING, Viewer
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.feed.rows import ALL, BeyondFeed, Sought, head, question_of, rows_at, rows_behind, stands
from case_events.ledger.feed.sequencing import FEED_CHANNEL
from case_events.ledger.feed.telling import Told, UnreadableEvent, told_of
from case_events.ledger.sealing import Vault

__all__ = [
    "BeyondFeed",
    "Live",
    "Page",
    "Sought",
    "Told",
    "UnreadableEvent",
    "head",
    "listening",
    "read",
    "read_at",
    "read_live",
    "stands",
]

PAGE_MAX = 1_000
LOOKED_AT_MAX = 5_000
"""Positions one page looks at, at most: one of which much is left out may be short, even empty, and still go on."""
LOOKED_AT_LEAST = 100
"""Events read at once where some of them may turn out not to be for the viewer."""


class Page(Value, frozen=True, kw_only=True):
    """A page, the position to go on after, and the last position there was when it was read."""

    told: tuple[Told, ...]
    next: int
    head: int


class Live(Value, frozen=True, kw_only=True):
    """What came next, for each of several viewers, and the position it reaches."""

    told: dict[Viewer, tuple[Told, ...]]
    through: int


async def read(
    connection: Connection,
    vault: Vault,
    after: int,
    *,
    viewer: Viewer = EVERYTHING,
    types: tuple[str, ...] | None = None,
    merchants: tuple[str, ...] | None = None,
    limit: int,
) -> Page:
    """Up to ``limit`` (at most ``PAGE_MAX``) of the viewer's events behind ``after``, in the order of the feed.

    ``types``: events of these names only; ``merchants``: of cases with one of these merchants on either side, which
    hides nothing of such a case; None for all. Ends before an event that cannot be read, and raises UnreadableEvent
    when that is the next there is; raises BeyondFeed.
    """
    assert 1 <= limit <= PAGE_MAX, "whoever asks has a limit"
    question = question_of((viewer,), Sought(types=types, merchants=merchants))
    at_once = limit if question.whole else max(limit, LOOKED_AT_LEAST)
    end, at, told = after + LOOKED_AT_MAX, after, list[Told]()
    while True:
        rows, last = await rows_behind(connection, question, at, end, at_once)
        shown, unreadable = await told_of(connection, vault, rows, question, (viewer,))
        told += _before(unreadable, shown[viewer])
        if len(told) >= limit:
            return Page(told=tuple(told[:limit]), next=told[limit - 1].position, head=last)
        if unreadable:
            return Page(told=tuple(told), next=_up_to(unreadable[0], after), head=last)
        if len(rows) < at_once:
            return Page(told=tuple(told), next=min(end, last), head=last)
        at = rows[-1]["position"]


async def read_at(
    connection: Connection, vault: Vault, positions: Sequence[int], *, viewer: Viewer = EVERYTHING, sought: Sought = ALL
) -> tuple[tuple[Told, ...], tuple[UnreadableEvent, ...]]:
    """Those events at these positions (at most ``PAGE_MAX``) that are for the viewer and sought; and those of them
    that cannot be read, which may be for the viewer."""
    assert len(positions) <= PAGE_MAX, "whoever asks has a limit"
    question = question_of((viewer,), sought, chosen=True)
    rows = await rows_at(connection, question, positions)
    shown, unreadable = await told_of(connection, vault, rows, question, (viewer,))
    return tuple(shown[viewer]), tuple(unreadable)


async def read_live(
    connection: Connection, vault: Vault, after: int, *, viewers: tuple[Viewer, ...], limit: int
) -> Live:
    """The next ``limit`` positions behind ``after``, read once and shown to each of ``viewers``. Raises as ``read``.

    ``through`` is where they end, whether or not anybody was shown anything.
    """
    question = question_of(viewers)
    rows, last = await rows_behind(connection, question, after, after + limit, limit)
    told, unreadable = await told_of(connection, vault, rows, question, viewers)
    return Live(
        told={viewer: tuple(_before(unreadable, theirs)) for viewer, theirs in told.items()},
        through=_up_to(unreadable[0], after) if unreadable else min(after + limit, last),
    )


@asynccontextmanager
async def listening(ledger: Ledger, heard: Callable[[], None]) -> AsyncIterator[Connection]:
    """A connection on which ``heard`` is called whenever the sequencer tells that there is more."""

    def on_notice(*_: object) -> None:
        heard()

    async with ledger.connection(held=True) as connection:
        await connection.add_listener(FEED_CHANNEL, on_notice)
        try:
            yield connection
        finally:
            if not connection.is_closed():
                await connection.remove_listener(FEED_CHANNEL, on_notice)


def _before(unreadable: Sequence[UnreadableEvent], told: list[Told]) -> list[Told]:
    """What of it comes before all that cannot be read."""
    return [one for one in told if one.position < unreadable[0].position] if unreadable else told


def _up_to(unreadable: UnreadableEvent, after: int) -> int:
    """The position before it. Raises it when whoever reads is there already."""
    if unreadable.position == after + 1:
        raise unreadable
    return unreadable.position - 1
