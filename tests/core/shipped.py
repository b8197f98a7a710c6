"""The policies that are shipped, a complaint of any of their types, and the way to the desk that has to decide it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from case_events.core.commands import File
from case_events.core.others import Facts
from case_events.core.policy import InForce
from case_events.core.values import Goods, Money, Order
from tests.core.moves import said
from tests.core.subjects import Subject, filing, policies
from tests.examples import ACCEPT, BUYER, CALL_THE_PLATFORM, GOODS, MERCHANT, NOON, ORDER, PLATFORM, REFUSE
from tests.spec import Dispute, given, hours

PARTIES = {"buyer": BUYER, "merchant": MERCHANT, "platform": PLATFORM}


def shipped(policy: str) -> InForce:
    """The rules of this marketplace as they are shipped."""
    return policies()[f"{policy}@2026.6"]


def fen(amount: int) -> Money:
    return Money(amount=amount, currency="CNY")


def goods(category: str, price: int = 12_900, quantity: int = 1) -> Goods:
    return replace(GOODS, category=category, price=fen(price), quantity=quantity)


def order(**changes: Any) -> Order:
    return replace(ORDER, **changes)


def complaint(type_: str, subtype: str | None = None, /, *, policy: str = "taobao", **changes: Any) -> File:
    """A complaint of this type as its policy wants it, filed at noon; with these fields instead."""
    filed = filing(Subject(shipped(policy), type_, subtype), NOON)
    sides = {"complainant": filed.complainant, "respondent": filed.respondent}
    parties = {side: PARTIES.get(party.role, party) for side, party in sides.items()}
    if filed.complainant.role == filed.respondent.role:
        parties["complainant"] = filed.complainant
    return replace(filed, **(parties | changes))


def asked_to_file(command: File, *, policy: str = "taobao", facts: Facts | None = None, **how: Any) -> Dispute:
    return given(shipped(policy), facts=facts).file(command, **how)


def taken(command: File, *, policy: str = "taobao") -> Dispute:
    """Filed, and where the policy wants it accepted after an hour."""
    dispute = asked_to_file(command, policy=policy)
    assert dispute.last.problem is None, dispute.last.problem
    return dispute.when(ACCEPT, at=hours(1)) if dispute.case.status == "waiting_for_acceptance" else dispute


def at_the_desk(command: File, *, policy: str = "taobao") -> Dispute:
    """Taken, refused by the respondent after two hours where it has a turn; the platform is next."""
    dispute = taken(command, policy=policy)
    if dispute.case.status in ("waiting_for_merchant", "waiting_for_respondent"):
        dispute.when(said(REFUSE, dispute.case), by=dispute.case.respondent, at=hours(2))
    if dispute.case.status == "waiting_for_complainant":
        dispute.when(CALL_THE_PLATFORM, by=dispute.case.complainant, at=hours(2))
    assert dispute.case.status == "under_review", dispute.case.status
    return dispute
