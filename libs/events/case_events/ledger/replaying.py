"""Replaying whole histories as fast as they can be read: the states of many cases, for who asks about all of them.

A fold looks at no text that is sealed, so the texts stay sealed but for the parties' ids, which the lists show. What
a case costs is then reading its rows, decoding its events and folding them.
"""

from __future__ import annotations

from collections import defaultdict
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
from case_events.ledger.sealing import Ring, SubjectKey, Vault

EVENTS = """
SELECT case_id, version, event_id, type, schema, effective_at, payload FROM events
WHERE case_id = ANY($1::uuid[]) ORDER BY case_id, version
"""
KEYS = "SELECT case_id, key_id, side, wrapped FROM subject_keys WHERE case_id = ANY($1::uuid[])"


async def replay(connection: Connection, case_ids: Iterable[CaseId], vault: Vault) -> dict[CaseId, Case]:
    """The cases as their events tell them, oldest id first; one that does not exist is left out.

    Of their texts only the parties' ids are opened. Raises UnknownEvent, or BrokenSeal.
    """
    wanted = list(case_ids)
    keys = defaultdict[CaseId, list[SubjectKey]](list)
    for case_id, key_id, side, wrapped in await connection.fetch(KEYS, wanted):
        keys[case_id].append(SubjectKey(case_id=case_id, key_id=key_id, side=side, wrapped=wrapped))
    rows = await connection.fetch(EVENTS, wanted)
    return {
        case_id: _replayed(history, vault.ring(keys[case_id])) for case_id, history in groupby(rows, key=itemgetter(0))
    }


def _replayed(rows: Iterable[asyncpg.Record], ring: Ring) -> Case:
    case = fold(
        Happened(
            case_id=case_id,
            version=version,
            event_id=event_id,
            event=event_of(name, schema, payload, event_id, ring, WHO),
            effective_at=effective_at,
        )
        for case_id, version, event_id, name, schema, effective_at, payload in rows
    )
    assert case is not None, "there is at least one row"
    return case
