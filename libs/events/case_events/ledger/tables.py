"""Every table as it is now, once: what migrations are compared with; a test holds the two equal."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.types import UserDefinedType

metadata = MetaData()


class Xid8(UserDefinedType[int]):
    """Postgres's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


class Snapshot(UserDefinedType[str]):
    """Which transactions were over at some moment."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "pg_snapshot"


def _instant(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, TIMESTAMP(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


streams = Table(
    "streams",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("head_hash", LargeBinary, nullable=False),
    _instant("recorded_at"),
)

events = Table(
    "events",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    _text("type"),
    Column("schema", SmallInteger, nullable=False),
    _instant("occurred_at"),
    _instant("effective_at"),
    _instant("recorded_at"),
    _text("who"),
    _text("agent", nullable=True),
    _text("client"),
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
    _text("number"),
    Column("version", Integer, nullable=False),
    _text("stage"),
    _text("status"),
    _text("outcome", nullable=True),
    _text("type"),
    _text("reason"),
    _text("marketplace"),
    _text("complainant_role"),
    _text("complainant_id"),
    _text("respondent_role"),
    _text("respondent_id"),
    _text("order_id", nullable=True),
    _text("department"),
    _text("assignee", nullable=True),
    Column("priority", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    _text("currency"),
    _text("external_ref", nullable=True),
    Column("test_clock", Uuid),
    _instant("filed_at"),
    _instant("updated_at"),
    _instant("closed_at", nullable=True),
    _instant("next_due_at", nullable=True),
    Column("anonymous", Boolean, nullable=False),
    _text("kind"),
    _text("subtype", nullable=True),
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
    _instant("at"),
    Column("given", Boolean, nullable=False),
)

deadlines = Table(
    "deadlines",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("party", Text, primary_key=True),
    Column("set_by", Integer, primary_key=True),
    _instant("due_at"),
    _instant("next_try_at"),
    Column("provisional", Boolean, nullable=False),
    Column("minimum_notice", Boolean, nullable=False),
    Column("test_clock", Uuid),
    Column("attempts", Integer, nullable=False),
)

feed = Table(
    "feed",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("case_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    _instant("sequenced_at"),
    UniqueConstraint("case_id", "version"),
)

feed_state = Table(
    "feed_state",
    metadata,
    Column("lane", SmallInteger, nullable=False),
    Column("head", BigInteger, primary_key=True, autoincrement=False),
    Column("snapshot", Snapshot),
    Column("cluster", BigInteger),
    _instant("ticked_at", nullable=True),
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
    _text("owner", nullable=True),
    _instant("held_until", nullable=True),
    _instant("created_at"),
)

parked = Table(
    "parked",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    _text("error"),
    _instant("parked_at"),
)

test_clocks = Table(
    "test_clocks",
    metadata,
    Column("id", Uuid, primary_key=True),
    _text("client"),
    _instant("at"),
    _instant("created_at"),
)

schedulers = Table(
    "schedulers",
    metadata,
    Column("name", Text, primary_key=True),
    _instant("started_at"),
    _instant("swept_at"),
)

subject_keys = Table(
    "subject_keys",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("key_id", Uuid, primary_key=True),
    _text("side"),
    Column("wrapped", LargeBinary),
    _instant("created_at"),
    _instant("erased_at", nullable=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    _text("client"),
    _text("name"),
    _text("role"),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    _instant("created_at"),
    _instant("revoked_at", nullable=True),
    Column("marketplaces", ARRAY(Text)),
    Column("merchants", ARRAY(Text)),
)

policies = Table(
    "policies",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    _text("marketplace"),
    _text("digest"),
    _text("text"),
    _instant("effective_from"),
    _instant("loaded_at"),
)
