"""The feed as it is read: every event once, by dense positions, and of it what there is for whoever looks.

A position is given once and nothing is ever put before it, so whoever has read up to one goes on after it. Where a
page goes on never depends on what its viewer may not see: nobody learns of an event by asking for pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from case_events.core.events import Filed, Recorded
from case_events.core.values import CaseId, PolicyRef, Value, decode_hook
from case_events.core.viewer import EVERYTHING, Viewer, seen
from case_events.ledger.codec import GENESIS, recorded_of
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.feed.rows import ALL, BeyondFeed, Question, Sought, head, question_of, rows_at, rows_behind
from case_events.ledger.feed.sequencing import FEED_CHANNEL
from case_events.ledger.sealing import Ring, SubjectKey, Vault
from case_events.ledger.store import Loaded, load

__all__ = [
    "BeyondFeed",
    "Live",
    "Page",
    "Sought",
    "Told",
    "head",
    "listening",
    "read",
    "read_at",
    "read_live",
    "read_one",
]

PAGE_MAX = 1_000
LOOKED_AT_MAX = 5_000
"""Positions one page looks at, at most: one of which much is left out may be short, even empty, and still go on."""
LOOKED_AT_LEAST = 100
"""Events read at once where some of them may turn out not to be for the viewer."""
HISTORIES_AT_ONCE = 50
EVENTS_AT_ONCE = 100
"""What is read in one go; between two goes others have their turn."""


class Told(Value, frozen=True, kw_only=True):
    """One event of the feed as its viewer sees it, and its case's policy.

    The hashes (32 bytes each) are of the event as it is stored, and of the one before it; zeros before the first.
    """

    position: int
    recorded: Recorded
    policy: PolicyRef
    payload_hash: bytes
    hash: bytes
    hash_before: bytes


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
    hides nothing of such a case; None for all. Raises BeyondFeed, UnknownEvent, BrokenSeal.
    """
    assert 1 <= limit <= PAGE_MAX, "whoever asks has a limit"
    question = question_of((viewer,), Sought(types=types, merchants=merchants))
    at_once = limit if question.whole else max(limit, LOOKED_AT_LEAST)
    end, at, told = after + LOOKED_AT_MAX, after, list[Told]()
    while True:
        rows, last = await rows_behind(connection, question, at, end, at_once)
        told += (await _told(connection, vault, rows, question, (viewer,)))[viewer]
        if len(told) >= limit:
            return Page(told=tuple(told[:limit]), next=told[limit - 1].position, head=last)
        if len(rows) < at_once:
            return Page(told=tuple(told), next=min(end, last), head=last)
        at = rows[-1]["position"]


async def read_one(connection: Connection, vault: Vault, position: int, *, viewer: Viewer = EVERYTHING) -> Told | None:
    """The event at a position; None if it is not for the viewer. Raises as ``read`` does."""
    found = await read_at(connection, vault, (position,), viewer=viewer)
    return found[0] if found else None


async def read_at(
    connection: Connection, vault: Vault, positions: Sequence[int], *, viewer: Viewer = EVERYTHING, sought: Sought = ALL
) -> tuple[Told, ...]:
    """Those events at these positions (at most ``PAGE_MAX``) that are for the viewer and sought. Raises as ``read``."""
    assert len(positions) <= PAGE_MAX, "whoever asks has a limit"
    question = question_of((viewer,), sought, chosen=True)
    rows = await rows_at(connection, question, positions)
    return tuple((await _told(connection, vault, rows, question, (viewer,)))[viewer])


async def read_live(
    connection: Connection, vault: Vault, after: int, *, viewers: tuple[Viewer, ...], limit: int
) -> Live:
    """The next ``limit`` events behind ``after``, read once and shown to each of ``viewers``. Raises as ``read``."""
    question = question_of(viewers)
    rows, _ = await rows_behind(connection, question, after, after + limit, limit)
    told = await _told(connection, vault, rows, question, viewers)
    return Live(
        told={viewer: tuple(theirs) for viewer, theirs in told.items()},
        through=rows[-1]["position"] if rows else after,
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


async def _told(
    connection: Connection,
    vault: Vault,
    rows: Sequence[asyncpg.Record],
    question: Question,
    viewers: tuple[Viewer, ...],
) -> dict[Viewer, list[Told]]:
    if question.whole:
        told = await _as_stored(rows, vault)
        return dict.fromkeys(viewers, told)
    if not viewers:
        return {}
    loaded = await _histories(connection, vault, rows)
    shown = dict[Viewer, list[Told]]()
    for viewer in viewers:
        shown[viewer] = _as_seen(rows, loaded, viewer)
        await asyncio.sleep(0)
    return shown


async def _as_stored(rows: Sequence[asyncpg.Record], vault: Vault) -> list[Told]:
    told, rings, policies = list[Told](), dict[CaseId, Ring](), dict[CaseId, PolicyRef]()
    for row in rows:
        case_id = row["case_id"]
        assert row["event_id"] is not None, f"no event behind position {row['position']}"
        if case_id not in rings:
            rings[case_id] = vault.ring(
                SubjectKey(key_id=key_id, case_id=case_id, side=side, wrapped=wrapped)
                for key_id, side, wrapped in row["keys"] or ()
            )
            policies[case_id] = pinned(row["filed"])
        told.append(
            Told(
                position=row["position"],
                recorded=recorded_of(row, rings[case_id]),
                policy=policies[case_id],
                payload_hash=row["payload_hash"],
                hash=row["hash"],
                hash_before=row["hash_before"] or GENESIS,
            )
        )
        if not len(told) % EVENTS_AT_ONCE:
            await asyncio.sleep(0)
    return told


class Pinning(msgspec.Struct):
    """The one thing of a stored filing that is read without unsealing it; every schema version has it so."""

    policy: PolicyRef


def pinned(filed: bytes) -> PolicyRef:
    """The policy that a stored filing pins."""
    return msgspec.json.decode(filed, type=Pinning, dec_hook=decode_hook).policy


async def _histories(connection: Connection, vault: Vault, rows: Sequence[asyncpg.Record]) -> Mapping[CaseId, Loaded]:
    case_ids = list(dict.fromkeys(row["case_id"] for row in rows))
    loaded = dict[CaseId, Loaded]()
    for start in range(0, len(case_ids), HISTORIES_AT_ONCE):
        loaded |= await load(connection, case_ids[start : start + HISTORIES_AT_ONCE], vault)
        await asyncio.sleep(0)
    return loaded


def _as_seen(rows: Sequence[asyncpg.Record], loaded: Mapping[CaseId, Loaded], viewer: Viewer) -> list[Told]:
    told, shown = list[Told](), dict[CaseId, dict[int, Recorded]]()
    for row in rows:
        case_id, version = row["case_id"], row["version"]
        case = loaded.get(case_id)
        assert case is not None, f"no case behind position {row['position']}"
        there = version <= len(case.history) and case.history[version - 1].version == version
        assert there, f"no event behind position {row['position']}"
        if case_id not in shown:
            shown[case_id] = {one.version: one for one in seen(case.history, viewer)}
        recorded = shown[case_id].get(version)
        if recorded is None:
            continue
        filed = case.history[0].event
        assert isinstance(filed, Filed), "a history starts with its filing"
        payload_hash, chained = case.hashes[version - 1]
        told.append(
            Told(
                position=row["position"],
                recorded=recorded,
                policy=filed.policy,
                payload_hash=payload_hash,
                hash=chained,
                hash_before=case.hashes[version - 2][1] if version > 1 else GENESIS,
            )
        )
    return told
