"""What rows of the feed tell whoever looks: their events, as they are stored or as a viewer sees them; and which of
them cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import asyncpg
import msgspec

from case_events.core.canonical import decode_hook
from case_events.core.events import Filed, Recorded
from case_events.core.values import CaseId, PolicyRef, Value
from case_events.core.viewer import Viewer, seen
from case_events.ledger.codec import GENESIS, UnknownEvent, recorded_of
from case_events.ledger.connection import Connection
from case_events.ledger.feed.rows import Question
from case_events.ledger.sealing import BrokenSeal, Ring, SubjectKey, Vault
from case_events.ledger.store import Loaded, load

HISTORIES_AT_ONCE = 50
EVENTS_AT_ONCE = 100
"""What is read in one go; between two goes others have their turn."""
UNREADABLE = (BrokenSeal, UnknownEvent, msgspec.MsgspecError)
"""What reading an event raises that cannot be told to anybody."""


class UnreadableEvent(Exception):
    """An event that this release cannot read, or its case where a viewer is not shown all of that.

    What comes before it is told; nothing behind it is, in its place: no reader passes over an event.
    """

    def __init__(self, row: asyncpg.Record, fault: Exception) -> None:
        self.position: int = row["position"]
        self.case_id: CaseId = row["case_id"]
        self.version: int = row["version"]
        self.why = f"{type(fault).__name__}: {fault}"
        super().__init__(
            f"the event at position {self.position} (version {self.version} of case {self.case_id}) cannot be read; "
            f"{self.why}"
        )
        self.__cause__ = fault


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


async def told_of(
    connection: Connection,
    vault: Vault,
    rows: Sequence[asyncpg.Record],
    question: Question,
    viewers: tuple[Viewer, ...],
) -> tuple[dict[Viewer, list[Told]], list[UnreadableEvent]]:
    """What each viewer is shown of the rows, and those that cannot be read; both in the order of the feed."""
    if question.whole:
        told, unreadable = await _as_stored(rows, vault)
        return dict.fromkeys(viewers, told), unreadable
    if not viewers:
        return {}, []
    loaded, faults = await _histories(connection, vault, rows)
    readable = [row for row in rows if row["case_id"] not in faults]
    shown = dict[Viewer, list[Told]]()
    for viewer in viewers:
        shown[viewer] = _as_seen(readable, loaded, viewer)
        await asyncio.sleep(0)
    return shown, [UnreadableEvent(row, faults[row["case_id"]]) for row in rows if row["case_id"] in faults]


async def _as_stored(rows: Sequence[asyncpg.Record], vault: Vault) -> tuple[list[Told], list[UnreadableEvent]]:
    told, unreadable = list[Told](), list[UnreadableEvent]()
    cases, faults = dict[CaseId, tuple[Ring, PolicyRef]](), dict[CaseId, Exception]()
    for number, row in enumerate(rows, 1):
        case_id = row["case_id"]
        assert row["event_id"] is not None, f"no event behind position {row['position']}"
        try:
            if case_id in faults:
                raise faults[case_id]
            if case_id not in cases:
                cases[case_id] = _opened(row, vault)
            told.append(_stored(row, *cases[case_id]))
        except UNREADABLE as fault:
            unreadable.append(UnreadableEvent(row, fault))
            if case_id not in cases:  # what opens it stood beside this event, and beside none that follows
                faults[case_id] = fault
        if not number % EVENTS_AT_ONCE:
            await asyncio.sleep(0)
    return told, unreadable


def _opened(row: asyncpg.Record, vault: Vault) -> tuple[Ring, PolicyRef]:
    """What opens the texts of a case, and its policy."""
    ring = vault.ring(
        SubjectKey(key_id=key_id, case_id=row["case_id"], side=side, wrapped=wrapped)
        for key_id, side, wrapped in row["keys"] or ()
    )
    return ring, pinned(row["filed"])


def _stored(row: asyncpg.Record, ring: Ring, policy: PolicyRef) -> Told:
    return Told(
        position=row["position"],
        recorded=recorded_of(row, ring),
        policy=policy,
        payload_hash=row["payload_hash"],
        hash=row["hash"],
        hash_before=row["hash_before"] or GENESIS,
    )


class Pinning(msgspec.Struct):
    """The one thing of a stored filing that is read without unsealing it; every schema version has it so."""

    policy: PolicyRef


def pinned(filed: bytes) -> PolicyRef:
    """The policy that a stored filing pins."""
    return msgspec.json.decode(filed, type=Pinning, dec_hook=decode_hook).policy


async def _histories(
    connection: Connection, vault: Vault, rows: Sequence[asyncpg.Record]
) -> tuple[Mapping[CaseId, Loaded], Mapping[CaseId, Exception]]:
    """The cases of these rows; and those that cannot be read, and why."""
    case_ids = list(dict.fromkeys(row["case_id"] for row in rows))
    loaded, faults = dict[CaseId, Loaded](), dict[CaseId, Exception]()
    for start in range(0, len(case_ids), HISTORIES_AT_ONCE):
        some = case_ids[start : start + HISTORIES_AT_ONCE]
        try:
            loaded |= await load(connection, some, vault)
        except UNREADABLE:
            for case_id in some:
                try:
                    loaded |= await load(connection, [case_id], vault)
                except UNREADABLE as fault:
                    faults[case_id] = fault
        await asyncio.sleep(0)
    return loaded, faults


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
