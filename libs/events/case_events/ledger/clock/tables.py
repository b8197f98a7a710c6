"""The tables of the clock: deadlines, test clocks, and what schedulers and their operators know and did."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Double, Integer, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from case_events.ledger.columns import instant, metadata, text

deadlines = Table(
    "deadlines",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("party", Text, primary_key=True),
    Column("set_by", Integer, primary_key=True),
    instant("due_at"),
    instant("next_try_at"),
    Column("provisional", Boolean, nullable=False),
    Column("minimum_notice", Boolean, nullable=False),
    Column("test_clock", Uuid),
    Column("attempts", Integer, nullable=False),
)

test_clocks = Table(
    "test_clocks",
    metadata,
    Column("id", Uuid, primary_key=True),
    text("client"),
    instant("at"),
    instant("created_at"),
    text("name", nullable=True),
    instant("frozen_at", nullable=True),
    instant("deleted_at", nullable=True),
)

schedulers = Table(
    "schedulers",
    metadata,
    Column("name", Text, primary_key=True),
    instant("started_at"),
    instant("swept_at", nullable=True),
    instant("seen_at", nullable=True),
    Column("offset_ms", Double),
    text("paused", nullable=True),
    Column("batch", Integer),
)

clock_state = Table(
    "clock_state",
    metadata,
    Column("one", Boolean, primary_key=True),
    instant("high_water", nullable=True),
    text("paused", nullable=True),
    instant("watermark", nullable=True),
    instant("published_at", nullable=True),
    instant("sampled_at", nullable=True),
    Column("writers", ARRAY(Text), nullable=False),
    Column("lingering", ARRAY(Text), nullable=False),
    instant("whole_at", nullable=True),
)

lateness = Table(
    "lateness",
    metadata,
    Column("hour", TIMESTAMP(timezone=True), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
)

upkeep = Table(
    "upkeep",
    metadata,
    Column("job", Text, primary_key=True),
    Column("slot", TIMESTAMP(timezone=True), primary_key=True),
    text("owner"),
    instant("began_at"),
    instant("ended_at", nullable=True),
    text("outcome", nullable=True),
    text("go_on_at", nullable=True),
)

holds = Table(
    "holds",
    metadata,
    Column("id", Uuid, primary_key=True),
    text("marketplace", nullable=True),
    text("merchant", nullable=True),
    text("kind", nullable=True),
    text("reason"),
    text("placed_by"),
    instant("placed_at"),
    instant("until", nullable=True),
    instant("released_at", nullable=True),
    text("released_by", nullable=True),
)

outages = Table(
    "outages",
    metadata,
    Column("id", Uuid, primary_key=True),
    instant("began_at"),
    instant("ended_at"),
    text("source"),
    text("reason"),
    text("recorded_by"),
    instant("recorded_at"),
)

journal = Table(
    "journal",
    metadata,
    Column("number", BigInteger, primary_key=True),
    instant("at"),
    text("what"),
    text("who"),
    Column("data", JSONB, nullable=False),
)

calendars = Table(
    "calendars",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("edition", Integer, primary_key=True, autoincrement=False),
    Column("rest", ARRAY(Date), nullable=False),
    Column("work", ARRAY(Date), nullable=False),
    text("source"),
    text("digest"),
    text("loaded_by"),
    instant("loaded_at"),
)
