"""An event of the feed on its way out: CloudEvents 1.0.2, structured JSON, the same in pages, streams and webhooks.

The ``v1`` of a type is the form that is sent, which only ever grows: however long ago an event was stored, and in
which schema version, it is read as today's and sent as that. A form that breaks it would be a ``v2`` beside it.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from case_events.core.values import Instant
from case_events.ledger.feed.reader import Told
from case_events.outgoing.events import EventView, event_view
from case_events.outgoing.form import JSON, Shown

SPEC_VERSION = "1.0"
SEQUENCE_DIGITS = 10
"""As many as the greatest version can have: the Sequence extension wants strings that sort as the numbers do."""


class CloudEvent(Shown, frozen=True, kw_only=True):
    """One event of a case. ``position``: its place in the feed; ``sequence``: its version, its place in the case.

    ``time`` is when it happened, as who reported it says; ``data`` has when it was recorded, too. ``source`` is the
    case, ``subject`` its id. ``policy``: the rules the case was filed under. ``causationid`` is absent where nothing
    caused it. ``hash`` is of the event as it is stored, chained onto ``prevhash`` (zeros before the first).
    """

    specversion: str
    id: UUID
    source: str
    type: str
    subject: UUID
    time: Instant
    datacontenttype: str
    position: int
    sequence: str
    sequencetype: str
    policy: str
    correlationid: UUID
    causationid: UUID | msgspec.UnsetType = msgspec.UNSET
    prevhash: str
    hash: str
    data: EventView


class FeedPage(Shown, frozen=True, kw_only=True):
    """A page of the feed; ``next`` is the position to go on after.

    It may hold fewer events than its limit, even none, and still go on: there is nothing more for now when ``next``
    is the ``after`` that was asked with.
    """

    items: tuple[CloudEvent, ...]
    next: int


def cloud_event(told: Told) -> CloudEvent:
    """The event as it is sent to the viewer it was read for."""
    recorded = told.recorded
    return CloudEvent(
        specversion=SPEC_VERSION,
        id=recorded.event_id,
        source=f"/v1/cases/{recorded.case_id}",
        type=type_of(recorded.name),
        subject=recorded.case_id,
        time=recorded.occurred_at,
        datacontenttype=JSON,
        position=told.position,
        sequence=str(recorded.version).zfill(SEQUENCE_DIGITS),
        sequencetype="Integer",
        policy=f"{told.policy.name}@{told.policy.version}",
        correlationid=recorded.correlation,
        causationid=msgspec.UNSET if recorded.causation is None else recorded.causation,
        prevhash=told.hash_before.hex(),
        hash=told.hash.hex(),
        data=event_view(recorded, hashes=(told.payload_hash, told.hash)),
    )


def type_of(name: str) -> str:
    """The CloudEvents type of an event's word."""
    return f"caselog.{name}.v1"
