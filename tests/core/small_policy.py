"""A policy small enough to read at once: one procedure, two types that follow it, one subtype."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from case_events.core.policy import Policy
from case_events.policies import load
from case_events.shape import Misshapen
from tests.policy_text import as_toml

TEXT = """
name = "market"
version = "1"
marketplace = "market"
effective_from = "2025-01-01T00:00:00+08:00"
currency = "CNY"
minimum_notice = { hours = 24 }

[procedures.claim]
complainants = ["buyer"]
respondents = ["merchant"]
reasons = ["late", "broken"]
demands = ["refund", "repair"]
cap = "paid"
department = "customer_service"
placeholders = ["reply.open_period", "appeal.window"]
filing = { order_states = ["trade_success"], counted_from = "succeeded_at", closes_after = { days = 15 } }
reply = { open_period = { hours = 72 }, on_timeout = "escalate", on_refusal = "escalate" }
negotiation = { stalls_after = { days = 9 }, on_stall = "unlock" }
intervention = { lapses_after = { days = 7 }, department = "customer_service" }
ruling = { within = { working_days = 3 }, again_after = { working_days = 1 }, outcomes = ["refund", "rejected"] }
appeal = { rounds = 1, window = { days = 7 }, ruling_within = { working_days = 3 } }
remedy = { within = { days = 3 }, again_after = { days = 1 } }

[procedures.claim.clauses]
filing = { zh = "期限{filing.closes_after}。", en = "Within {filing.closes_after}.", rows = ["F4"] }
reply = { zh = "商家有{reply.open_period}。", en = "The merchant has {reply.open_period}." }
negotiation = { zh = "协商。", en = "Talks." }
intervention = { zh = "介入。", en = "The platform steps in." }
ruling = { zh = "处理。", en = "The platform rules." }
appeal = { zh = "申诉。", en = "One appeal." }
remedy = { zh = "履行。", en = "What is owed is done." }

[types.slow]
procedure = "claim"
title = { zh = "慢", en = "Slow" }
reply = { open_period = { working_days = 2 } }

[types.broken]
procedure = "claim"
title = { zh = "坏", en = "Broken" }
ruling.outcomes = ["refund", "repair", "rejected"]
ruling.amounts = { refund = { share_of = "paid", basis_points = 500 } }

[types.broken.subtypes.shoes]
title = { zh = "鞋", en = "Shoes" }
filing = { entitlement = { days = 30 } }
"""


def small(*changes: tuple[str, Any]) -> str:
    """The small policy with each ``(dotted path, value)`` put in; a value of None takes it out."""
    said = tomllib.loads(TEXT)
    for path, value in changes:
        *above, last = path.split(".")
        inner = said
        for step in above:
            inner = inner.setdefault(step, {})
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return as_toml(said)


def loaded(*changes: tuple[str, Any]) -> Policy:
    return load(small(*changes)).policy


def faults(text: str) -> dict[str, str]:
    """What is wrong with a policy, by place; two faults of one place stand side by side."""
    with pytest.raises(Misshapen) as refused:
        load(text)
    told: dict[str, str] = {}
    for fault in refused.value.faults:
        before = f"{told[fault.pointer]}; " if fault.pointer in told else ""
        told[fault.pointer] = f"{before}{fault.detail}"
    return told
