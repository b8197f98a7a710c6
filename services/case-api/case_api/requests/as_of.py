"""As of when a case is asked for: a version of it, or an instant on either axis of time, or on both."""

from __future__ import annotations

from typing import TypedDict

from case_api.requests.parameters import Query
from case_events.core.values import Instant

VERSION_MAX = 10**9


class AsOf(TypedDict):
    """Which version, or which instants, a case is read as of; these are the parameters' names."""

    version: int | None
    at: Instant | None
    known_at: Instant | None


NAMES = tuple(AsOf.__annotations__)


def asked(query: Query) -> AsOf:
    """What these parameters say; nothing of it: the case as it is."""
    said = AsOf(
        version=query.whole("version", 1, VERSION_MAX), at=query.instant("at"), known_at=query.instant("known_at")
    )
    for name in ("at", "known_at"):
        if "version" in query and name in query:
            query.fault(name, "a version or an instant, not both")
    return said
