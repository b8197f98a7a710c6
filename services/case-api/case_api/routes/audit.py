"""For auditors: is a case what was written, and what proves it to somebody who need not believe us?"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import shown
from case_api.callers.auth import viewer_of
from case_api.documents.openapi import operation
from case_api.door import Door, door_of
from case_api.dossier.taking import taken
from case_api.refusals.problems import Refused
from case_api.requests.parameters import NO_CASE, POSITION_MAX, Query, case_id_of, cursor
from case_api.views.audit import (
    CaseAudit,
    CheckpointPage,
    Consistency,
    Inclusion,
    ProvenCheckpoint,
    checkpoint_view,
    found_view,
    hexed,
)
from case_events.core.values import Problem, Value
from case_events.ledger.audit.audit import verify
from case_events.ledger.audit.chain import chain_of, proved, unproved
from case_events.ledger.judging import NO_SUCH_CASE
from case_events.ledger.proving import checkpoints
from case_events.ledger.proving.checkpoints import Checkpoint
from case_events.ledger.proving.nodes import Missing
from case_events.ledger.queries import read_case
from case_events.proof.note import spelled

CHECKPOINTS = "/v1/audit/checkpoints"
NO_CHECKPOINT = Problem(code="not_found", detail="There is no checkpoint of this size; the list has those there are.")


class AskedCheckpoints(Value, frozen=True, kw_only=True):
    """The list of checkpoints; it has no filters."""


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    case, one = "/v1/audit/cases/{case_id}", f"{CHECKPOINTS}/{{size}}"
    app.add_api_route(case, audit_case, methods=["GET"], openapi_extra=operation(audit_case))
    app.add_api_route(CHECKPOINTS, list_checkpoints, methods=["GET"], openapi_extra=operation(list_checkpoints))
    app.add_api_route(one, get_checkpoint, methods=["GET"], openapi_extra=operation(get_checkpoint))


async def audit_case(request: Request) -> Response:
    """Verify a case now, or take it away as the file that `caselog verify` checks without us."""
    door = door_of(request)
    viewer = viewer_of(await door.caller(request, "audit"))
    case_id = case_id_of(request)
    query = Query(request, "format", "checkpoint")
    form = query.one_of("format", ("json", "bundle")) or "json"
    size = query.whole("checkpoint", 1, POSITION_MAX)
    query.check()
    if size is not None:
        await _of_size(door, size)
    if form == "bundle":
        return await taken(door, case_id, viewer, "json", size)
    reading = await read_case(door.ledger, case_id, viewer=viewer)
    if reading is None:
        raise Refused(NO_SUCH_CASE)
    verdict = await verify(door.ledger, case_id)
    chain = await chain_of(door.ledger, case_id, reading.written, size)
    findings = (*verdict.findings, *unproved(case_id, chain))
    return shown(
        CaseAudit(
            case_id=case_id,
            number=reading.case.number,
            verified_at=chain.read_at,
            clean=not findings,
            events=verdict.events,
            proved=proved(chain),
            checkpoint=checkpoint_view(chain.checkpoint) if chain.checkpoint else None,
            findings=tuple(found_view(one) for one in findings),
        )
    )


async def list_checkpoints(request: Request) -> Response:
    """List the checkpoints, the newest first, and the key they are signed with."""
    door = door_of(request)
    await door.caller(request, "audit")
    query = Query(request, "limit", "cursor")
    limit, after = query.limit(), query.after("cursor", asked := AskedCheckpoints())
    below = query.number_in(after[2], POSITION_MAX) if after else POSITION_MAX
    query.check()
    async with door.ledger.connection() as connection:
        found = await checkpoints.page(connection, below or 0, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return shown(
        CheckpointPage(
            key=spelled(door.ledger.vault.verifying),
            items=tuple(checkpoint_view(one) for one in found[:limit]),
            next=cursor(asked, last.taken_at, NO_CASE, str(last.size)) if last else None,
        )
    )


async def get_checkpoint(request: Request) -> Response:
    """Read a checkpoint, and prove from it one event, or that an earlier checkpoint is its beginning."""
    door = door_of(request)
    await door.caller(request, "audit")
    size = _size(str(request.path_params["size"]))
    query = Query(request, "position", "since")
    position, since = query.whole("position", 1, POSITION_MAX), query.whole("since", 1, POSITION_MAX)
    if size is not None:
        for name, said in (("position", position), ("since", since)):
            if said is not None and said > size:
                query.fault(name, f"this checkpoint is of {size} positions only")
    query.check()
    if size is None:
        raise Refused(NO_CHECKPOINT)
    one = await _of_size(door, size)
    included = consistent = None
    try:
        async with door.ledger.connection() as connection:
            if position is not None:
                path = (await checkpoints.inclusions(connection, size, [position]))[position]
                included = Inclusion(position=position, path=hexed(path))
            if since is not None:
                path = await checkpoints.continuation(connection, since, size)
                consistent = Consistency(since=since, path=hexed(path))
    except Missing as missing:
        raise Refused(Problem(code="record_altered", detail=f"There is no proof: {missing}.")) from None
    key = spelled(door.ledger.vault.verifying)
    return shown(ProvenCheckpoint(checkpoint=checkpoint_view(one), key=key, inclusion=included, consistency=consistent))


async def _of_size(door: Door, size: int) -> Checkpoint:
    async with door.ledger.connection() as connection:
        found = await checkpoints.of_size(connection, size)
    if found is None:
        raise Refused(NO_CHECKPOINT)
    return found


def _size(said: str) -> int | None:
    """A number as it is written here, and no larger than the feed may ever be."""
    whole = said.isascii() and said.isdigit() and len(said) <= len(str(POSITION_MAX))
    return int(said) if whole and not said.startswith("0") else None
