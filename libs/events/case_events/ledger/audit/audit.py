"""Verification: is the record what was written, and is everything anyone reads rebuilt from it?

For each case: every payload has its hash, the chain holds from the first event to the head, versions are dense
and time does not run backwards; the fold of the events equals the rows of ``cases`` and ``deadlines``, the marks and
the reservation; its keys open what was sealed under them; and every event has its position in the feed. Of the feed:
positions are dense, rise within each case, and point to events; the tree over them has the nodes and the roots that
are kept. The work is cut into pieces that are independent of each other, so that any number of processes can share it
and one that was stopped can be gone on with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from case_events.core.values import CaseId, Value
from case_events.ledger.audit.chosen import AFTER_ALL, BEFORE_ALL, Parcel, Selection, ends, size
from case_events.ledger.audit.guards import unguarded
from case_events.ledger.audit.kept import read
from case_events.ledger.audit.log import differing
from case_events.ledger.audit.positions import Stretch, gaps, stretches
from case_events.ledger.audit.verifying import Finding, findings_of
from case_events.ledger.connection import Connection
from case_events.ledger.proving.checkpoints import Checkpoint
from case_events.ledger.sealing import Vault

if TYPE_CHECKING:  # who audits in processes of its own opens no ledger, and waits for no calendars to be imported
    from case_events.ledger.database import Ledger

Piece = Parcel | Stretch
"""What is verified in one go, of the cases or of the feed."""
FINDINGS_MAX = 10_000
"""How many findings are told; who has so many needs to know that there are more, and no longer which."""
WHICH = "SELECT system_identifier || '/' || current_database() FROM pg_control_system()"


class Verdict(Value, frozen=True, kw_only=True):
    """How much was verified and what was found; ``positions``: of the feed; ``more``: findings beyond those told.

    ``checkpoints``: with how many of them the feed was compared.
    """

    cases: int = 0
    events: int = 0
    positions: int = 0
    checkpoints: int = 0
    findings: tuple[Finding, ...] = ()
    more: int = 0


class Done(Value, frozen=True, kw_only=True):
    """How far an audit has come: to the case ``after`` and to ``position`` (None: not begun), with this verdict."""

    after: CaseId = BEFORE_ALL
    position: int | None = None
    verdict: Verdict = Verdict()


class Plan(Value, frozen=True, kw_only=True):
    """What is left, in its order; and how many events there are in all, as the streams say."""

    pieces: tuple[Piece, ...]
    events: int


async def verify(ledger: Ledger, case_id: CaseId | None = None) -> Verdict:
    """Verify one case, or all of them and the feed, in this process."""
    selection = Selection() if case_id is None else Selection(cases=(case_id,))
    done = Done()
    async with ledger.connection() as connection:
        for piece in (await plan(connection, selection, done)).pieces:
            done = beyond(done, piece, await examine(connection, piece, selection, ledger.vault))
        return with_whole(done.verdict, await unguarded(connection))


async def plan(connection: Connection, selection: Selection, done: Done, *, compared: bool = False) -> Plan:
    """What there is left to verify: the chosen cases, and where all are chosen or it is ``compared`` the whole feed."""
    found = await ends(connection, selection, done.after)
    # The last parcel is open, so that what has no stream is met wherever its id stands.
    edges = pairwise(dict.fromkeys([done.after, *found, AFTER_ALL]))
    pieces: list[Piece] = [Parcel(after=after, upto=upto) for after, upto in edges]
    if selection.everything or compared:
        pieces += await stretches(connection, done.position)
    return Plan(pieces=tuple(pieces), events=await size(connection, selection))


async def examine(
    connection: Connection, piece: Piece, selection: Selection, vault: Vault, checkpoints: Sequence[Checkpoint] = ()
) -> Verdict:
    """Verify one piece, in one snapshot, so that work may go on meanwhile. ``checkpoints``: those kept outside."""
    if isinstance(piece, Stretch):
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            findings = [*await gaps(connection, piece), *await differing(connection, piece, vault, checkpoints)]
        return Verdict(positions=piece.upto - piece.after, findings=tuple(findings))
    kept = await read(connection, piece, selection)
    return Verdict(
        cases=sum(1 for one in kept if one.stream is not None),
        events=sum(len(one.events) for one in kept),
        findings=tuple(finding for one in kept for finding in findings_of(one, vault)),
    )


async def database(connection: Connection) -> str:
    """Which database this is, wherever it is reached."""
    name: str = await connection.fetchval(WHICH)
    return name


def with_whole(verdict: Verdict, found: Iterable[Finding], checkpoints: int = 0) -> Verdict:
    """The verdict, and what was found of the record as a whole: told first, as it matters most."""
    findings = (*found, *verdict.findings)
    more = verdict.more + len(findings[FINDINGS_MAX:])
    return replace(verdict, checkpoints=checkpoints, findings=findings[:FINDINGS_MAX], more=more)


def beyond(done: Done, piece: Piece, verdict: Verdict) -> Done:
    """How far the audit is once the next piece has its verdict."""
    before = done.verdict
    findings = (*before.findings, *verdict.findings)
    told = Verdict(
        cases=before.cases + verdict.cases,
        events=before.events + verdict.events,
        positions=before.positions + verdict.positions,
        findings=findings[:FINDINGS_MAX],
        more=before.more + verdict.more + len(findings[FINDINGS_MAX:]),
    )
    if isinstance(piece, Stretch):
        return replace(done, position=piece.upto, verdict=told)
    return replace(done, after=piece.upto, verdict=told)
