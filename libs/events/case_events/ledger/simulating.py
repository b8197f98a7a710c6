"""Recorded cases under another policy, page by page, the newest filed first. Nothing is written, and of their texts
only the parties' ids are opened.

A page is read in parcels, each a snapshot of its own; between two of them nobody holds a connection. It ends after
``WORK_S_MAX``: it may then hold fewer cases than asked for, and still say where to go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from uuid import UUID

from msgspec.structs import replace

from case_events.core.policy import InForce
from case_events.core.simulating import Simulated, simulated_for
from case_events.core.values import CaseId, Instant, Party, Value
from case_events.core.viewer import EVERYTHING, Viewer
from case_events.ledger.codec import WHO
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.judging import world_of
from case_events.ledger.lists.lists import COLUMNS, After, CaseRows, Wanted, list_cases, rows_of
from case_events.ledger.queries import believed
from case_events.ledger.read_models import CaseRow
from case_events.ledger.store import Loaded, load

PARCEL = 20
"""Cases in one snapshot."""
WORK_S_MAX = 2.0
CASES_NAMED_MAX = 1_000
"""Cases that can be named one by one."""
NAMED = f"SELECT {COLUMNS} FROM cases WHERE case_id = ANY($1::uuid[]) ORDER BY filed_at DESC, case_id DESC"
BEFORE_ALL = UUID(int=0)


class Chosen(Value, frozen=True, kw_only=True):
    """Which of the policy's marketplace's cases are told again: those that fit all that is said.

    ``filed_from``, ``filed_before``: a period, with its first instant and without its last. ``case_ids``: these, and
    nothing else is said then.
    """

    type: str | None = None
    subtype: str | None = None
    status: str | None = None
    stage: str | None = None
    merchant_id: str | None = None
    filed_from: Instant | None = None
    filed_before: Instant | None = None
    case_ids: tuple[CaseId, ...] | None = None


class Page(Value, frozen=True, kw_only=True):
    """Some cases, and where the next page starts; None after the last."""

    items: tuple[Simulated, ...]
    after: After | None


async def simulated(
    ledger: Ledger,
    candidate: InForce,
    chosen: Chosen,
    *,
    viewer: Viewer = EVERYTHING,
    limit: int,
    after: After | None = None,
) -> Page:
    """A page of the viewer's cases as they would have gone under the ``candidate``. Raises one of UNAVAILABLE."""
    until = time.monotonic() + WORK_S_MAX
    page = await _rows(ledger, candidate.policy.marketplace, chosen, viewer, limit, after)
    items, rows = list[Simulated](), page.rows
    for start in range(0, len(rows), PARCEL):
        parcel = rows[start : start + PARCEL]
        done, found = await _parcel(ledger, candidate, parcel, viewer, until)
        items += found
        if start + done < len(rows) and time.monotonic() > until:
            last = parcel[done - 1]
            return Page(items=tuple(items), after=(last.filed_at, last.case_id))
    return Page(items=tuple(items), after=page.after)


async def _rows(
    ledger: Ledger, marketplace: str, chosen: Chosen, viewer: Viewer, limit: int, after: After | None
) -> CaseRows:
    if chosen.case_ids is not None:
        return await _named(ledger, marketplace, chosen.case_ids, viewer, limit, after)
    wanted = Wanted(
        marketplace=marketplace,
        type=chosen.type,
        subtype=chosen.subtype,
        status=chosen.status,
        stage=chosen.stage,
        merchant_id=chosen.merchant_id,
    )
    if after is None and chosen.filed_before is not None:
        after = (chosen.filed_before, BEFORE_ALL)
    page = await list_cases(ledger, wanted, viewer=viewer, limit=limit, after=after)
    since = chosen.filed_from
    if since is None or page.after is None or page.after[0] >= since:
        return page if since is None else replace(page, rows=_filed_since(page.rows, since))
    return CaseRows(rows=_filed_since(page.rows, since), after=None)


def _filed_since(rows: Sequence[CaseRow], since: Instant) -> tuple[CaseRow, ...]:
    return tuple(one for one in rows if one.filed_at >= since)


async def _named(
    ledger: Ledger, marketplace: str, case_ids: tuple[CaseId, ...], viewer: Viewer, limit: int, after: After | None
) -> CaseRows:
    async with ledger.connection() as connection:
        rows = rows_of(await connection.fetch(NAMED, case_ids))
    ours = [one for one in rows if one.marketplace == marketplace and _there_is(one, viewer)]
    left = [one for one in ours if after is None or (one.filed_at, one.case_id) < after]
    found = tuple(left[:limit])
    return CaseRows(rows=found, after=(found[-1].filed_at, found[-1].case_id) if len(left) > limit else None)


def _there_is(row: CaseRow, viewer: Viewer) -> bool:
    complainant = Party(role=row.complainant_role, id=row.complainant_id)
    respondent = Party(role=row.respondent_role, id=row.respondent_id)
    return viewer.sees(row.marketplace, complainant, respondent)


async def _parcel(
    ledger: Ledger, candidate: InForce, rows: Sequence[CaseRow], viewer: Viewer, until: float
) -> tuple[int, list[Simulated]]:
    """Some cases, and how many of the rows they come from: at least one, and the others as long as there is time."""
    async with ledger.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        loaded = await load(connection, [row.case_id for row in rows], ledger.vault, WHO)
        worlds = {one.case_id: await world_of(ledger, connection, one) for one in loaded.values() if not one.hidden}
        if loaded:
            await _read_outages(ledger, connection, loaded.values())
    found = list[Simulated]()
    for done, row in enumerate(rows, 1):
        world = worlds.get(row.case_id)
        if world is not None:
            history = loaded[row.case_id].history
            world = replace(world, moment=believed(ledger, loaded[row.case_id]))
            # Of some thousand events it takes a second, in which others of this process have their turn.
            outages = ledger.outages.on_record
            found.append(await asyncio.to_thread(simulated_for, viewer, history, world, candidate, outages))
        if time.monotonic() > until:
            return done, found
    return len(rows), found


async def _read_outages(ledger: Ledger, connection: Connection, loaded: Iterable[Loaded]) -> None:
    """Whatever the policies of the cases give back: the other one may give something for them."""
    await ledger.outages.known(connection, max(one.moment.recorded_at for one in loaded))
