"""The tables of who calls: keys, limits, console sessions."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from case_events.ledger.columns import instant, metadata, text

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    text("client"),
    text("name"),
    text("role"),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    instant("created_at"),
    instant("revoked_at", nullable=True),
    Column("marketplaces", ARRAY(Text)),
    Column("merchants", ARRAY(Text)),
    Column("old_secret_hash", LargeBinary, unique=True),
    instant("old_until", nullable=True),
    instant("rotated_at", nullable=True),
    instant("last_used_at", nullable=True),
    Column("per_minute", Integer),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("key_id", Text, primary_key=True),
    instant("full_at"),
    Column("taken", Integer, nullable=False),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),
    text("key_id"),
    text("client"),
    text("name"),
    text("role"),
    Column("marketplaces", ARRAY(Text)),
    Column("merchants", ARRAY(Text)),
    Column("began_with", LargeBinary),
    instant("began_at"),
    instant("until"),
    instant("ended_at", nullable=True),
)
