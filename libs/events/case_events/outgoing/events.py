"""One event of a case as whoever may see it is told."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from case_events.core.events import Recorded
from case_events.core.values import Instant, Who, Word
from case_events.outgoing.form import Shown


class EventView(Shown, frozen=True, kw_only=True):
    """One event of a case. ``recorded_at`` is null for an overdue timeout that will be recorded with the next step."""

    event_id: UUID
    version: int
    type: Word
    occurred_at: Instant
    effective_at: Instant
    recorded_at: Instant | None
    who: Who
    agent: str | None
    client: str
    correlation: UUID
    causation: UUID | None
    data: Any  # the Event; msgspec writes it, but has no schema for such a union: openapi.py has
    payload_hash: str | msgspec.UnsetType = msgspec.UNSET
    hash: str | msgspec.UnsetType = msgspec.UNSET


def event_view(one: Recorded, *, written: bool = True, hashes: tuple[bytes, bytes] | None = None) -> EventView:
    """The event as it is sent; with its payload's and its chain's hash where it is shown as recorded."""
    return EventView(
        event_id=one.event_id,
        version=one.version,
        type=one.name,
        occurred_at=one.occurred_at,
        effective_at=one.effective_at,
        recorded_at=one.recorded_at if written else None,
        who=one.who,
        agent=one.agent,
        client=one.client,
        correlation=one.correlation,
        causation=one.causation,
        data=one.event,
        payload_hash=hashes[0].hex() if hashes else msgspec.UNSET,
        hash=hashes[1].hex() if hashes else msgspec.UNSET,
    )
