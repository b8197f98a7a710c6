"""Ids made here: UUIDv7 (RFC 9562, section 5.7), which sort by time; Postgres before 18 cannot make them."""

from __future__ import annotations

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """A UUID whose first 48 bits are the Unix time in milliseconds, the rest random."""
    millis = time.time_ns() // 1_000_000
    value = (millis << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)
