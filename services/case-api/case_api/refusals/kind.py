"""What is said of one code of refusals."""

from __future__ import annotations

from case_events.core.values import Text, Value


class Kind(Value, frozen=True, kw_only=True):
    """What every refusal with one code has in common: what it means, and ``then``: what to do about it.

    ``waiting_helps``: the same may be answered a moment later, so Retry-After says when to come back.
    """

    status: int
    title: str
    zh: str
    en: str
    then: Text
    waiting_helps: bool = False
