"""What can be read beside cases: the feed, running deadlines, counts, policies, how the house is."""

# ruff: noqa: A002 - type is the contract's word

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import httpx
import msgspec

from caselog_client.asking import Asked, Pages, got, read_as, segment
from caselog_client.desk import Counts, DeadlineItem, Holds, JournalEntry, Outage, Readiness, Scheduler
from caselog_client.feed import FeedPage
from caselog_client.views import Policy, PolicyItem

FEED, POLICIES, SCHEDULER = "/v1/events", "/v1/policies", "/v1/scheduler"
NOT_READY = 503


def feed(after: int, types: Sequence[str], limit: int, seen: str | None) -> Asked[FeedPage]:
    return got(FEED, FeedPage, {"after": after, "types": ",".join(types) or None, "limit": limit, "seen": seen})


def deadlines(*, due_before: datetime | None = None, kind: str | None = None, limit: int = 100) -> Pages[DeadlineItem]:
    """Every running deadline, what is due first coming first; ``limit`` is the size of a page.

    Raises Invalid, Forbidden.
    """
    return Pages("/v1/deadlines", DeadlineItem, {"due_before": due_before, "kind": kind, "limit": limit})


def stats(
    *,
    merchant_id: str | None = None,
    marketplace: str | None = None,
    type: str | None = None,
    filed_from: datetime | None = None,
    filed_before: datetime | None = None,
) -> Asked[Counts]:
    """How many cases there are, of those that fit. Raises Invalid, Forbidden.

    A period has its first instant, ``filed_from``, and not its last, ``filed_before``.
    """
    asked = {"merchant_id": merchant_id, "marketplace": marketplace, "type": type}
    return got("/v1/stats", Counts, {**asked, "filed_from": filed_from, "filed_before": filed_before})


def policies() -> Pages[PolicyItem]:
    """Every policy that is kept. Raises Forbidden."""
    return Pages(POLICIES, PolicyItem, {})


def policy(name: str, version: str) -> Asked[Policy]:
    """One version of a policy. Raises NotFound, Forbidden."""
    return got(f"{POLICIES}/{segment(name)}@{segment(version)}", Policy)


def scheduler() -> Asked[Scheduler]:
    """How the clock is: its watermark, what is overdue, who fires, what is held. Raises Forbidden."""
    return got(SCHEDULER, Scheduler)


def holds(*, ended: bool = False) -> Asked[Holds]:
    """The holds in force, or with ``ended`` those that were, too. Raises Forbidden."""
    return got(f"{SCHEDULER}/holds", Holds, {"ended": ended or None})


def outages(*, limit: int = 100) -> Pages[Outage]:
    """The outages there were, what ended last coming first; ``limit`` is the size of a page. Raises Forbidden."""
    return Pages(f"{SCHEDULER}/outages", Outage, {"limit": limit})


def journal(*, limit: int = 100) -> Pages[JournalEntry]:
    """What operators and schedulers did, the latest first; ``limit`` is the size of a page. Raises Forbidden."""
    return Pages(f"{SCHEDULER}/journal", JournalEntry, {"limit": limit})


def readiness() -> Asked[Readiness]:
    """Whether requests can be answered, and what is missing or not as it should be; it is asked once.

    Where it is not ready this is an answer, too, not an exception.
    """
    return Asked(method="GET", path="/readyz", read=_readiness, once=True)


def _readiness(answer: httpx.Response) -> Readiness:
    if answer.status_code == NOT_READY:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):  # a proxy's page, and a problem then
            return msgspec.json.decode(answer.content, type=Readiness)
    return read_as(Readiness)(answer)
