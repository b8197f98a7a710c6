"""How anything is written that leaves: JSON bytes, instants as RFC 3339 with microseconds."""

from __future__ import annotations

import msgspec

from case_events.core.canonical import encode_hook

JSON = "application/json"
_ENCODER = msgspec.json.Encoder(enc_hook=encode_hook, uuid_format="canonical", decimal_format="string")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is only ever sent."""


def encoded(value: object) -> bytes:
    """``value`` as JSON, instants as RFC 3339 with microseconds."""
    return _ENCODER.encode(value)
