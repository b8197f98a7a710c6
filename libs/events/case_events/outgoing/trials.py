"""The test event of webhooks: what a receiver is sent when somebody asks whether anything arrives there."""

from __future__ import annotations

from uuid import UUID

from case_events.core.values import Instant
from case_events.outgoing.cloudevents import SPEC_VERSION, type_of
from case_events.outgoing.form import JSON, Shown

TRIAL = type_of("webhook_test")


class TrialData(Shown, frozen=True, kw_only=True):
    """Which endpoint it was sent to."""

    endpoint: UUID


class Trial(Shown, frozen=True, kw_only=True):
    """A CloudEvent about no case: it is in no feed, and has no position. ``id``: that of the errand."""

    specversion: str
    id: UUID
    source: str
    type: str
    time: Instant
    datacontenttype: str
    data: TrialData


def trial(errand: UUID, endpoint: UUID, asked_at: Instant) -> Trial:
    """What is sent; the same however often."""
    return Trial(
        specversion=SPEC_VERSION,
        id=errand,
        source=f"/v1/webhooks/{endpoint}",
        type=TRIAL,
        time=asked_at,
        datacontenttype=JSON,
        data=TrialData(endpoint=endpoint),
    )
