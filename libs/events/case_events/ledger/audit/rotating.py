"""Self-verification: a slice of all cases at a time, where the last slice ended, so that all have their turn."""

from __future__ import annotations

from collections.abc import AsyncIterator

from case_events.core.values import CaseId, Value
from case_events.ledger.audit.audit import Verdict, examine
from case_events.ledger.audit.chosen import AFTER_ALL, BEFORE_ALL, Parcel, Selection
from case_events.ledger.connection import Connection
from case_events.ledger.sealing import Vault

AT_ONCE = 20
"""Cases verified before others have their turn: a few milliseconds."""
END = f"SELECT case_id FROM streams WHERE case_id > $1 ORDER BY case_id OFFSET {AT_ONCE - 1} LIMIT 1"


class Verified(Value, frozen=True, kw_only=True):
    """Some cases that were verified; ``upto``: where to go on, ``BEFORE_ALL`` when that was the last of them."""

    verdict: Verdict
    upto: CaseId


async def verify_slice(connection: Connection, vault: Vault, after: CaseId, cases: int) -> AsyncIterator[Verified]:
    """Verify the next cases after one id, about so many, a few at a time."""
    for _ in range(0, cases, AT_ONCE):
        upto: CaseId | None = await connection.fetchval(END, after)
        parcel = Parcel(after=after, upto=upto or AFTER_ALL)
        verdict = await examine(connection, parcel, Selection(), vault)
        after = upto or BEFORE_ALL
        yield Verified(verdict=verdict, upto=after)
        if upto is None:
            return
