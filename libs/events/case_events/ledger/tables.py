"""Every table as it is now, once: what migrations are compared with; a test holds the two equal."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from case_events.ledger.callers import tables as callers
from case_events.ledger.clock import tables as clock
from case_events.ledger.columns import Snapshot, Xid8, instant, metadata, text
from case_events.ledger.proving import tables as proving
from case_events.ledger.webhooks import tables as webhooks

__all__ = ["callers", "clock", "metadata", "proving", "webhooks"]

streams = Table(
    "streams",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("head_hash", LargeBinary, nullable=False),
    instant("recorded_at"),
)

events = Table(
    "events",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    text("type"),
    Column("schema", SmallInteger, nullable=False),
    instant("occurred_at"),
    instant("effective_at"),
    instant("recorded_at"),
    text("who"),
    text("agent", nullable=True),
    text("client"),
    Column("correlation", Uuid, nullable=False),
    Column("causation", Uuid),
    Column("asked", LargeBinary),
    Column("payload", LargeBinary, nullable=False),
    Column("payload_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("tx", Xid8, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    text("number"),
    Column("version", Integer, nullable=False),
    text("stage"),
    text("status"),
    text("outcome", nullable=True),
    text("type"),
    text("reason"),
    text("marketplace"),
    text("complainant_role"),
    text("complainant_id"),
    text("respondent_role"),
    text("respondent_id"),
    text("order_id", nullable=True),
    text("department"),
    text("assignee", nullable=True),
    Column("priority", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    text("currency"),
    text("external_ref", nullable=True),
    Column("test_clock", Uuid),
    instant("filed_at"),
    instant("updated_at"),
    instant("closed_at", nullable=True),
    instant("next_due_at", nullable=True),
    Column("anonymous", Boolean, nullable=False),
    text("kind"),
    text("subtype", nullable=True),
    Column("group_id", Uuid),
    Column("interventions", SmallInteger, nullable=False),
)

open_complaints = Table(
    "open_complaints",
    metadata,
    Column("reservation", LargeBinary, primary_key=True),
    Column("case_id", Uuid, nullable=False),
)

credit_marks = Table(
    "credit_marks",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("complainant", LargeBinary, nullable=False),
    instant("at"),
    Column("given", Boolean, nullable=False),
)

feed = Table(
    "feed",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("case_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    instant("sequenced_at"),
    UniqueConstraint("case_id", "version"),
)

feed_state = Table(
    "feed_state",
    metadata,
    Column("lane", SmallInteger, nullable=False),
    Column("head", BigInteger, primary_key=True, autoincrement=False),
    Column("snapshot", Snapshot),
    Column("cluster", BigInteger),
    instant("ticked_at", nullable=True),
)

event_kinds = Table(
    "event_kinds",
    metadata,
    Column("type", Text, primary_key=True),
    Column("schema", SmallInteger, primary_key=True, autoincrement=False),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    text("owner", nullable=True),
    instant("held_until", nullable=True),
    instant("created_at"),
)

parked = Table(
    "parked",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    text("error"),
    instant("parked_at"),
)

subject_keys = Table(
    "subject_keys",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("key_id", Uuid, primary_key=True),
    text("side"),
    Column("wrapped", LargeBinary),
    instant("created_at"),
    instant("erased_at", nullable=True),
)

policies = Table(
    "policies",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    text("marketplace"),
    text("digest"),
    text("text"),
    instant("effective_from"),
    instant("loaded_at"),
)
