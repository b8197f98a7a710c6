"""What the feed, its stream and webhooks say, as frozen values; unknown members are ignored."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from caselog_client.values import View
from caselog_client.views import Event


class FeedEvent(View, frozen=True, kw_only=True):
    """An event of the feed, as a CloudEvent; ``position`` is where to go on after. ``data`` has the event itself.

    ``is_test``: a webhook's trial, which somebody asked for; it belongs to no case.
    """

    id: UUID
    source: str
    type: str
    subject: UUID
    time: datetime
    position: int
    sequence: str
    policy: str
    data: Event
    correlationid: UUID | None = None
    causationid: UUID | None = None
    prevhash: str | None = None
    hash: str | None = None
    is_test: bool = False

    @property
    def seen(self) -> str | None:
        """What ``feed`` and ``follow`` are given another day, so that they know whether this event is still there."""
        return None if self.hash is None else f"{self.position}.{self.hash}"


class FeedPage(View, frozen=True, kw_only=True):
    """A page of the feed; there is nothing more for now when ``next`` is the position that was asked with."""

    items: tuple[FeedEvent, ...]
    next: int
