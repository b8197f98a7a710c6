"""Is every file that evidence names still what was brought? Each is read whole, and its digest compared (domain E1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from case_api.evidence.store import Altered, EvidenceStore, uri_of
from case_events.core.values import ERASED, CaseId, Evidence, Sha256, Value
from case_events.ledger.audit.chosen import BEFORE_ALL, Selection, chosen_after
from case_events.ledger.audit.files import Files, files_of
from case_events.ledger.database import Ledger

CASES = 200
"""Cases whose events are read together."""
FINDINGS_MAX = 10_000
"""How many findings are told; the others are counted."""
NO_CASE = "there is no such case"
UNREADABLE = "its events cannot be read: `caselog audit verify` tells where they were changed"
ABSENT = "the file is not in the store"
ALTERED = "the file is not the one that was brought"
NOT_ERASED = "who brought it was erased, and the file is still there"

Watch = Callable[[int], None]
"""Is told how many cases are verified."""


class Finding(Value, frozen=True, kw_only=True):
    """A file that is not as it was brought; ``version``: of the event whose evidence named it first."""

    case_id: CaseId
    what: str
    version: int | None = None
    sha256: Sha256 | None = None


class Verdict(Value, frozen=True, kw_only=True):
    """How much was verified and what was found; ``bytes``: those that were read; ``more``: findings beyond those told.

    ``elsewhere``: files whose evidence names a place that is not ours; they were never here and are not read.
    """

    cases: int = 0
    files: int = 0
    bytes: int = 0
    elsewhere: int = 0
    findings: tuple[Finding, ...] = ()
    more: int = 0


async def verify(ledger: Ledger, store: EvidenceStore, selection: Selection, at_once: int, watch: Watch) -> Verdict:
    """Read every file that the evidence of the chosen cases names, ``at_once`` together.

    Raises Refused while the store is away, or one of UNAVAILABLE.
    """
    turns, verdict = asyncio.Semaphore(at_once), Verdict()
    after, left = BEFORE_ALL, set(selection.cases or ())
    while True:
        async with ledger.connection() as connection:
            cases = await chosen_after(connection, selection, after, CASES)
            named = await files_of(connection, cases, ledger.vault)
        looked = await asyncio.gather(*(_case(store, turns, case_id, files) for case_id, files in named.items()))
        verdict = _sum([verdict, *looked])
        watch(verdict.cases)
        left.difference_update(cases)
        if len(cases) < CASES:
            return _sum([verdict, *(Verdict(findings=(Finding(case_id=one, what=NO_CASE),)) for one in sorted(left))])
        after = cases[-1]


async def _case(store: EvidenceStore, turns: asyncio.Semaphore, case_id: CaseId, files: Files | None) -> Verdict:
    if files is None:
        return Verdict(cases=1, findings=(Finding(case_id=case_id, what=UNREADABLE),))
    looked = await asyncio.gather(
        *(_file(store, turns, case_id, version, evidence) for version, evidence in files.values())
    )
    return _sum([Verdict(cases=1), *looked])


async def _file(
    store: EvidenceStore, turns: asyncio.Semaphore, case_id: CaseId, version: int, evidence: Evidence
) -> Verdict:
    def found(what: str) -> Verdict:
        finding = Finding(case_id=case_id, what=what, version=version, sha256=evidence.sha256)
        return Verdict(files=1, findings=(finding,))

    async with turns:
        file = await store.find(case_id, evidence.sha256)
        if evidence.uri == ERASED:
            return found(NOT_ERASED) if file is not None else Verdict(files=1)
        if file is None:
            here = evidence.uri.endswith(uri_of(case_id, evidence.sha256))
            return found(ABSENT) if here else Verdict(elsewhere=1)
        try:
            read = [len(chunk) async for chunk in await store.content(case_id, file)]
        except Altered:
            return found(ALTERED)
    return Verdict(files=1, bytes=sum(read))


def _sum(verdicts: Iterable[Verdict]) -> Verdict:
    told = tuple(verdicts)
    findings = tuple(finding for one in told for finding in one.findings)
    return Verdict(
        cases=sum(one.cases for one in told),
        files=sum(one.files for one in told),
        bytes=sum(one.bytes for one in told),
        elsewhere=sum(one.elsewhere for one in told),
        findings=findings[:FINDINGS_MAX],
        more=sum(one.more for one in told) + len(findings[FINDINGS_MAX:]),
    )
