"""API keys, for admins: who may call, what, how often; made, rotated and revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from caselog_client.asking import Asked, Pages, duration, got, read_as, said_only, segment, sent
from caselog_client.values import Text, View

KEYS = "/v1/keys"


class Key(View, frozen=True, kw_only=True):
    """A key, never its secret. ``old_until``: the secret before the last rotation works until then."""

    key_id: str
    client: str
    name: str
    role: str
    created_at: datetime
    marketplaces: tuple[str, ...] | None = None
    merchants: tuple[str, ...] | None = None
    per_minute: int | None = None
    rotated_at: datetime | None = None
    old_until: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class NewKey(View, frozen=True, kw_only=True):
    """A key and its secret, which is told this once."""

    key: Key
    secret: str
    means: Text | None = None

    def __repr__(self) -> str:
        return f"NewKey(key={self.key!r}, secret=…)"


def create(
    *,
    client: str,
    name: str,
    role: str,
    marketplaces: Sequence[str] | None = None,
    merchants: Sequence[str] | None = None,
    per_minute: int | None = None,
) -> Asked[NewKey]:
    """Make a key. ``marketplaces``, ``merchants``: only their cases exist for it; ``per_minute``: so many requests.

    When the answer is lost this is not sent again: Unreachable; a spare key may be left, to be revoked.
    Raises Invalid, Forbidden.
    """
    limits = said_only(marketplaces=marketplaces, merchants=merchants, per_minute=per_minute)
    return sent(KEYS, {"client": client, "name": name, "role": role, **limits}, read_as(NewKey), once=True)


def all_of_them(*, limit: int = 100) -> Pages[Key]:
    """Every key, revoked ones too, the oldest first; ``limit`` is the size of a page. Raises Forbidden."""
    return Pages(KEYS, Key, {"limit": limit})


def get(key_id: str) -> Asked[Key]:
    """Whose a key is, what it may do, when it was last used. Raises NotFound, Forbidden."""
    return got(_path(key_id), Key)


def rotate(key_id: str, *, overlap: timedelta | None = None) -> Asked[NewKey]:
    """Give a key a new secret; the old one works for ``overlap`` more (a day; at most seven).

    When the answer is lost this is not sent again: Unreachable; rotate with no overlap then.
    Raises NotYet (the one before still works), Invalid, NotFound, Forbidden, ProblemError with code ``last_admin``.
    """
    body = {} if overlap is None else {"overlap": duration(overlap)}
    return sent(f"{_path(key_id)}/rotate", body, read_as(NewKey), once=True)


def revoke(key_id: str) -> Asked[Key]:
    """Revoke a key for good, within seconds. Twice is the same. Raises NotFound, Forbidden, ``last_admin``."""
    return sent(f"{_path(key_id)}/revoke", None, read_as(Key))


def _path(key_id: str) -> str:
    return f"{KEYS}/{segment(key_id)}"
