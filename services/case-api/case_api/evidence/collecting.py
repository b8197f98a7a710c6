"""Files that were uploaded and that no evidence ever named: they are deleted once they are old enough."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from case_api.evidence.store import EvidenceStore, StoredFile
from case_events.core.values import Value
from case_events.ledger.audit.files import files_of
from case_events.ledger.database import Ledger

Watch = Callable[[int], None]
"""Is told how many old files were looked at."""


class Collected(Value, frozen=True, kw_only=True):
    """What was deleted, or with ``dry_run`` would be: so many ``files`` with so many ``bytes``, of ``looked_at``.

    ``halves``: what uploads that never ended left in a folder, of those files. ``unknown``: files that lie under what
    is no case here, or under one whose events cannot be read; they stay.
    """

    looked_at: int = 0
    files: int = 0
    bytes: int = 0
    halves: int = 0
    unknown: int = 0
    dry_run: bool = False


async def collect(ledger: Ledger, store: EvidenceStore, before: datetime, *, dry_run: bool, watch: Watch) -> Collected:
    """Delete what was put away before this instant and is named by no evidence.

    What the evidence of an erased side named stays, too: the audit of the files says so of it. Raises Refused while
    the store is away, or one of UNAVAILABLE.
    """
    looked_at, unknown, gone = 0, 0, list[int]()
    async for old in store.older_than(before):
        async with ledger.connection() as connection:
            named = await files_of(connection, list(old), ledger.vault)
        unnamed = list[StoredFile]()
        for case_id, files in old.items():
            known = named.get(case_id)
            looked_at += len(files)
            if known is None:
                unknown += len(files)
            else:
                unnamed += [one for one in files if one.sha256 not in known]
        if not dry_run:
            await store.delete_older([one.path for one in unnamed], before)
        gone += [one.size for one in unnamed]
        watch(looked_at)
    halves = await store.halves_older_than(before)
    for path, size in halves:
        gone.append(size)
        if not dry_run:
            path.unlink(missing_ok=True)
    return Collected(
        looked_at=looked_at + len(halves),
        files=len(gone),
        bytes=sum(gone),
        halves=len(halves),
        unknown=unknown,
        dry_run=dry_run,
    )
