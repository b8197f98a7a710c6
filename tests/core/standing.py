"""Cases in any status, made so that nothing but the status stands in the way of an event."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from case_events.core.case import (
    BroughtEvidence,
    Case,
    Deadline,
    Post,
    Ruling,
    Status,
)
from case_events.core.terms import AdvanceTerms
from case_events.core.values import ClockParty, Instant, Offer, Party, Recovery
from tests.examples import LINK, policy, proof, yuan
from tests.spec import filed

CARRIER = Party(role="carrier", id="c-1")
RULES = replace(policy().type_of("not_received"), advance=AdvanceTerms(up_to=10_000))


def day(number: int) -> Instant:
    return Instant.parse(f"2026-03-{number:02d}T04:00:00Z")


def clock(kind: str, party: ClockParty = "platform", on: int = 5) -> Deadline:
    return Deadline(kind=kind, party=party, due_at=day(on), set_by=1)


KINDS = {
    "acceptance": 3,
    "response": 4,
    "negotiation": 5,
    "intervention": 6,
    "evidence": 7,
    "ruling": 8,
    "appeal": 9,
    "return_address": 10,
    "remedy": 13,
    "assignment": 14,
    "recovery": 15,
    "follow_up": 16,
}
"""Every clock there is, each on a day of its own."""
LATE = (clock("remedy", "respondent", 3), clock("recovery", "respondent", 3))
RULING = Ruling(
    event_id=LINK.group,
    version=3,
    round=1,
    outcome="refund",
    verdict="upheld",
    rule="ruling",
    reasons="理由。",
    owed=yuan(129),
    liable=(),
    penalties=(),
    evidence=(),
    final=False,
    ruled_at=day(2),
)
POST = Post(event_id=LINK.group, version=2, type="messaged", by="complainant")
OWED_BACK = Recovery(party="respondent", amount=yuan(50))


def standing(status: Status, **said: Any) -> Case:
    """A case in this status of which nothing else stands in any event's way."""
    free: dict[str, Any] = {
        "offer": Offer(kind="partial_refund", amount=yuan(50)),
        "posts": (POST,),
        "recoveries": (OWED_BACK,),
        "intervention_open": True,
        "evidence": (BroughtEvidence(by="complainant", evidence=proof(1)),),
        "clocks": tuple(
            clock(kind, "respondent" if kind in ("remedy", "recovery") else "platform", on)
            for kind, on in KINDS.items()
        ),
        "expired": LATE,
    }
    return replace(filed().case, status=status, **free | said)
