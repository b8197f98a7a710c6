"""Scenarios as values: disputes told in TOML, read once, so that both drivers play the very same story."""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

from case_events.core.policy import Text
from case_events.core.values import Instant, Money, Side, Value
from case_events.shape import convert
from tests import examples

FOLDER = Path(__file__).parent
DURATION = re.compile(r"(-?)P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,6}))?S)?)?")


class Passage(Value, frozen=True, kw_only=True):
    """What a scenario tells: the source document's number, its own words, and the rows of the domain page."""

    seed: str
    passage: str
    rules: tuple[str, ...]


class Post(Value, frozen=True, kw_only=True):
    """An event posted by a side; evidence is named by its ``file``, and later by that name alone."""

    type: str
    by: Side
    data: dict[str, Any] = {}  # noqa: RUF012 (msgspec copies defaults)


class Refused(Value, frozen=True, kw_only=True):
    """The refusal that is expected, with the instant it must name."""

    code: str
    due_at: Instant | None = None
    opens_at: Instant | None = None
    closed_at: Instant | None = None


class Expected(Value, frozen=True, kw_only=True):
    """What is so after a step: every event recorded since the step before, and the whole state of the case."""

    recorded: tuple[str, ...]
    status: str
    stage: str
    deadlines: dict[str, Instant]
    outcome: str | None = None
    priority: int = 0


class Step(Expected, frozen=True, kw_only=True):
    """Time passes to ``at`` (after filing), then perhaps something is posted."""

    at: str
    says: Text
    post: Post | None = None
    refused: Refused | None = None


class OrderDates(Value, frozen=True, kw_only=True):
    """The order's state and its dates, before filing."""

    status: str
    created_at: str
    paid_at: str
    succeeded_at: str | None = None
    closed_at: str | None = None

    def said(self) -> dict[str, str]:
        """The dates the order has."""
        dates = {name: getattr(self, name) for name in ("created_at", "paid_at", "succeeded_at", "closed_at")}
        return {name: at for name, at in dates.items() if at is not None}


class Filing(Value, frozen=True, kw_only=True):
    """What is filed; order, goods and parties are the usual ones."""

    type: str
    reason: str
    demand: str
    amount: Money
    description: str
    order: OrderDates
    evidence: tuple[dict[str, str], ...] = ()
    facts: dict[str, dict[str, str]] = {}  # noqa: RUF012 (msgspec copies defaults)
    marketplace: str = "taobao"


class Scenario(Value, frozen=True, kw_only=True):
    """One dispute from filing to its end."""

    title: Text
    starts_at: Instant
    tells: tuple[Passage, ...]
    filing: Filing
    filed: Expected
    steps: tuple[Step, ...]

    def instant(self, at: str) -> Instant:
        return Instant.of(self.starts_at + duration(at))

    def body(self, order_id: str) -> dict[str, Any]:
        """The filing as it is sent (api.md, "Cases"), about the order of this id."""
        filing, dates = self.filing, self.filing.order
        return {
            "type": filing.type,
            "reason": filing.reason,
            "marketplace": filing.marketplace,
            "order": {
                "order_id": order_id,
                "status": dates.status,
                **{name: self.instant(at).rfc3339() for name, at in dates.said().items()},
                "paid": fen(examples.ORDER.paid),
                "freight": fen(examples.ORDER.freight),
                "goods": [
                    {
                        "sku": goods.sku,
                        "title": goods.title,
                        "category": goods.category,
                        "quantity": goods.quantity,
                        "price": fen(goods.price),
                    }
                    for goods in examples.ORDER.goods
                ],
            },
            "complainant": party("complainant"),
            "respondent": party("respondent"),
            "demand": filing.demand,
            "amount": fen(filing.amount),
            **({"facts": self.facts()} if filing.facts else {}),
            "description": filing.description,
            "evidence": [sent(item) for item in filing.evidence],
        }

    def facts(self) -> dict[str, dict[str, str]]:
        """What the type needs beside the order, its instants worked out."""
        return {
            about: {name: self.instant(at).rfc3339() for name, at in said.items()}
            for about, said in self.filing.facts.items()
        }


def scenarios() -> dict[str, Scenario]:
    """Every scenario by the name of its file. Raises Misshapen for one that is not told in the shape above."""
    files = sorted(FOLDER.glob("*.toml"))
    return {file.stem: convert(tomllib.loads(file.read_text(encoding="utf-8")), Scenario) for file in files}


def duration(text: str) -> timedelta:
    """An ISO 8601 duration in days, hours, minutes and seconds; ``-`` before it counts backwards."""
    found = DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration like P9D or PT84H0.000001S")
    sign, days, hours, minutes, seconds, fraction = found.groups()
    length = timedelta(
        days=int(days or 0),
        hours=int(hours or 0),
        minutes=int(minutes or 0),
        seconds=int(seconds or 0),
        microseconds=int((fraction or "0").ljust(6, "0")),
    )
    return -length if sign else length


def data_of(post: Post) -> dict[str, Any]:
    """The ``data`` of a posted event as it is sent: evidence files become locations and digests."""
    if "evidence" not in post.data:
        return post.data
    return {**post.data, "evidence": [sent(item) for item in post.data["evidence"]]}


def sent(item: dict[str, str] | str) -> dict[str, str] | str:
    """``{kind, file}`` as evidence; the bare name of a file as the digest by which a ruling weighs it."""
    if isinstance(item, str):
        return hashlib.sha256(item.encode()).hexdigest()
    digest = hashlib.sha256(item["file"].encode()).hexdigest()
    return {"kind": item["kind"], "uri": f"https://files.example/{item['file']}", "sha256": digest}


def party(side: Side) -> dict[str, str]:
    who = {"complainant": examples.BUYER, "respondent": examples.MERCHANT, "platform": examples.PLATFORM}[side]
    return {"role": who.role, "id": who.id}


def fen(money: Money) -> dict[str, Any]:
    return {"amount": money.amount, "currency": money.currency}
