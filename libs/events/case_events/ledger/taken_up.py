"""The complaints that filings take up again (domain F14), as they stand."""

from __future__ import annotations

from collections.abc import Iterable

from case_events.core.case import Case
from case_events.core.commands import File
from case_events.core.evolve import fold
from case_events.core.values import CaseId
from case_events.ledger.codec import WHO
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.store import load


async def taken_up(ledger: Ledger, connection: Connection, filings: Iterable[File]) -> dict[CaseId, Case]:
    """The cases these filings name, those that are there; who names none costs nothing. Raises what ``load`` raises."""
    named = list(dict.fromkeys(one.previous for one in filings if one.previous is not None))
    if not named:
        return {}
    cases = dict[CaseId, Case]()
    for loaded in (await load(connection, named, ledger.vault, WHO, ledger.recent)).values():
        case = loaded.case or fold(loaded.history)
        if case is not None and not loaded.hidden:
            cases[case.case_id] = case
    return cases
