"""The tables of webhooks; how far an endpoint has read, and who reads for it, is its subscription's."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from case_events.ledger.columns import instant, metadata, text

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Uuid, primary_key=True),
    text("client"),
    text("url"),
    text("description"),
    Column("types", ARRAY(Text)),
    Column("merchants", ARRAY(Text)),
    Column("shown_marketplaces", ARRAY(Text)),
    Column("shown_merchants", ARRAY(Text)),
    Column("desk", Boolean, nullable=False),
    text("state"),
    text("why", nullable=True),
    instant("state_at"),
    text("created_by"),
    instant("created_at"),
    Column("asked", LargeBinary),
    instant("deleted_at", nullable=True),
)

webhook_secrets = Table(
    "webhook_secrets",
    metadata,
    Column("endpoint", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
    instant("created_at"),
    instant("until", nullable=True),
)

webhook_circuits = Table(
    "webhook_circuits",
    metadata,
    Column("endpoint", Uuid, primary_key=True),
    Column("failures", Integer, nullable=False),
    instant("open_until", nullable=True),
    instant("succeeded_at", nullable=True),
    instant("failed_at", nullable=True),
)

webhook_waiting = Table(
    "webhook_waiting",
    metadata,
    Column("endpoint", Uuid, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("case_id", Uuid, nullable=False),
    Column("attempts", Integer, nullable=False),
    instant("first_at"),
    instant("next_try_at"),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("endpoint", Uuid, nullable=False),
    Column("position", BigInteger),
    Column("event_id", Uuid, nullable=False),
    Column("case_id", Uuid),
    text("type"),
    text("reason"),
    Column("number", Integer, nullable=False),
    instant("at"),
    Column("took_ms", Integer, nullable=False),
    text("outcome"),
    Column("status", Integer),
    text("detail", nullable=True),
)

webhook_errands = Table(
    "webhook_errands",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("endpoint", Uuid, nullable=False),
    text("reason"),
    Column("first", BigInteger),
    Column("last", BigInteger),
    Column("reached", BigInteger),
    text("asked_by"),
    instant("asked_at"),
    instant("ended_at", nullable=True),
    text("outcome", nullable=True),
)
