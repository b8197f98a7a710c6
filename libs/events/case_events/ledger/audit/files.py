"""Which files the evidence of cases names, as an audit of the files needs it; what the files are is not asked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from case_events.core.values import CaseId, Evidence, Sha256
from case_events.core.viewer import files_brought
from case_events.ledger.audit.verifying import UNREADABLE
from case_events.ledger.connection import Connection
from case_events.ledger.sealing import Vault
from case_events.ledger.store import load

Files = Mapping[Sha256, tuple[int, Evidence]]
"""Of each file the version whose evidence named it first, and that evidence."""


async def files_of(connection: Connection, cases: Sequence[CaseId], vault: Vault) -> dict[CaseId, Files | None]:
    """The files that each of these cases names; None where its events cannot be read. What is no case is left out."""
    try:
        loaded = await load(connection, cases, vault)
    except UNREADABLE:
        if len(cases) == 1:
            return dict.fromkeys(cases)
        alone = [await files_of(connection, [case_id], vault) for case_id in cases]
        return {case_id: files for one in alone for case_id, files in one.items()}
    return {case_id: files_brought(one.history) for case_id, one in loaded.items()}
