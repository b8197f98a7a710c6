"""Replaying whole histories as fast as they can be read: the states of many cases, for who asks about all of them.

A fold looks at no text that is sealed, so the texts stay sealed but for the parties' ids, which the lists show. What
a case costs is then reading its rows, decoding its events and folding them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

import asyncpg

from case_events.core.case import Case
from case_events.core.events import Happened
from case_events.core.evolve import fold
from case_events.core.values import CaseId
from case_events.ledger.codec import WHO, event_of
from case_events.ledger.connection import Connection
from case_events.ledger.sealing import Keys, SubjectKey, Vault, by_id

EVENTS = """
SELECT case_id, version, event_id, type, schema, effective_at, payload FROM events
WHERE case_id = ANY($1::uuid[]) ORDER BY case_id, version
"""
KEYS = "SELECT key_id, case_id, side, wrapped FROM subject_keys WHERE case_id = ANY($1::uuid[])"


async def replay(connection: Connection, case_ids: Iterable[CaseId], vault: Vault) -> dict[CaseId, Case]:
    """The cases as their events tell them, oldest id first; one that does not exist is left out.

    Of their texts only the parties' ids are opened. Raises UnknownEvent, or BrokenSeal.
    """
    wanted = list(case_ids)
    keys = _by_case(await connection.fetch(KEYS, wanted))
    rows = await connection.fetch(EVENTS, wanted)
    return {
        case_id: _replayed(list(history), keys.get(case_id, {}), vault)
        for case_id, history in groupby(rows, key=itemgetter("case_id"))
    }


def _by_case(rows: list[asyncpg.Record]) -> dict[CaseId, Keys]:
    keys = [SubjectKey(**row) for row in rows]
    keys.sort(key=lambda key: key.case_id)
    return {case_id: by_id(both) for case_id, both in groupby(keys, key=lambda key: key.case_id)}


def _replayed(rows: list[asyncpg.Record], keys: Keys, vault: Vault) -> Case:
    history = [
        Happened(
            case_id=case_id,
            version=version,
            event_id=event_id,
            event=event_of(name, schema, payload, event_id, keys, vault, wanted=WHO),
            effective_at=effective_at,
        )
        for case_id, version, event_id, name, schema, effective_at, payload in rows
    ]
    case = fold(history)
    assert case is not None, "there is at least one row"
    return case
