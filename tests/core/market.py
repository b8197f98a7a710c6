"""A market of the tests' own: one plain type of complaint under the small policy, and what a test adds to its rules."""

from __future__ import annotations

import copy
from typing import Any

from msgspec.structs import replace

from case_events.core.commands import File
from case_events.core.policy import InForce
from case_events.policies import load
from tests import examples as ex
from tests.core.small_policy import small
from tests.spec import Dispute, given

CLAIM = "procedures.claim."
WORDS = {"zh": "规则。", "en": "A rule."}
CITED = ("acceptance", "evidence", "return_leg", "follow_up", "advance")
"""Tables a refusal cites: each needs its clause."""
RETURN_LEG = {
    "address_within": {"days": 2},
    "ship_within": {"days": 7},
    "receive_within": {"days": 10},
    "on_address_timeout": "owe",
    "on_shipping_timeout": "lapse",
    "on_receipt_timeout": "owe",
    "disputable": True,
}
GOODS = {
    "demands": ["refund", "repair", "return_and_refund"],
    "ruling.outcomes": ["refund", "partial_refund", "return_and_refund", "repair", "rejected"],
    "return_leg": RETURN_LEG,
}
"""Rules under which goods go back, and their receipt can be disputed."""
FILING = File(
    type="plain",
    reason="late",
    marketplace="market",
    order=ex.ORDER,
    complainant=ex.BUYER,
    respondent=ex.MERCHANT,
    demand="refund",
    amount=ex.yuan(129),
    description="商家没有按约定处理。",
    evidence=(ex.proof(1),),
)
REFUND = replace(ex.REFUND, rule="ruling")
PART_REFUND = replace(ex.PART_REFUND, rule="ruling")
REJECT = replace(ex.REJECT, rule="ruling")
RULES: dict[str, Any] = {
    "reply.open_period": {"days": 3},
    "ruling.within": {"days": 3},
    "ruling.outcomes": ["refund", "partial_refund", "rejected"],
    "appeal.ruling_within": {"days": 4},
    "offers": ["partial_refund"],
}
"""The plain type: three days to reply, three to rule, seven to appeal, four to rule again, three to remedy."""


def market(rules: dict[str, Any] | None = None, **whole: Any) -> InForce:
    """The market's policy, with these rules (by dotted path) for its plain type; ``whole``: what concerns all types."""
    said = copy.deepcopy(RULES | (rules or {}))
    tables = {path.partition(".")[0] for path in said} & set(CITED)
    changes = [
        ("types.plain", {"procedure": "claim", "title": WORDS}),
        *((CLAIM + path, value) for path, value in said.items()),
        *((f"{CLAIM}clauses.{table}", WORDS) for table in sorted(tables)),
        *whole.items(),
    ]
    return load(small(*changes))


def complaint(rules: dict[str, Any] | None = None, *, whole: dict[str, Any] | None = None, **filing: Any) -> Dispute:
    """A complaint of the plain type, filed at noon."""
    dispute = given(market(rules, **(whole or {}))).file(replace(FILING, **filing), at=ex.NOON)
    assert dispute.last.problem is None, dispute.last.problem
    return dispute
