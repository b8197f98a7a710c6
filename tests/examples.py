"""Ready-made things of a dispute: an order, its parties, a filing, and a noon from which to count."""

from __future__ import annotations

import functools
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from msgspec.structs import replace

from case_events.core.calendar import Calendar
from case_events.core.commands import (
    Accept,
    AcceptRuling,
    AmendClaim,
    Appeal,
    Assign,
    Close,
    Correct,
    Correction,
    Dismiss,
    Erase,
    Escalate,
    Expedite,
    ExtendDeadline,
    File,
    FollowUp,
    Link,
    Message,
    Note,
    PayAdvance,
    Posted,
    Rate,
    Recover,
    RejectEvidence,
    Remedy,
    Reply,
    RequestEvidence,
    RequestIntervention,
    Respond,
    Return,
    ReverseTimeout,
    Rule,
    Settle,
    SubmitEvidence,
    Withdraw,
)
from case_events.core.policy import InForce
from case_events.core.values import Evidence, Goods, Instant, Money, Offer, Order, Party
from case_events.policies import load
from case_events.policies.working_days import published

LANDED = Path(__file__).parent / "golden" / "policies" / "taobao-2026.1.toml"
NOON = Instant.parse("2026-03-02T04:00:00Z")
"""A Monday noon in China with ordinary weeks before and after it."""
TICK = timedelta(microseconds=1)

BUYER = Party(role="buyer", id="b-1")
MERCHANT = Party(role="merchant", id="m-1")
PLATFORM = Party(role="platform", id="p-1")


def yuan(amount: int) -> Money:
    return Money(amount=amount * 100, currency="CNY")


def proof(number: int, kind: str = "photo") -> Evidence:
    """A piece of evidence; another number is another file."""
    return Evidence(kind=kind, uri=f"https://files.example/{number}", sha256=f"{number:064x}")


GOODS = Goods(sku="sku-1", title="毛衣", category="apparel", quantity=1, price=yuan(129))
ORDER = Order(
    order_id="T1001",
    status="trade_success",
    created_at=Instant.of(NOON - timedelta(days=10)),
    paid_at=Instant.of(NOON - timedelta(days=10)),
    succeeded_at=Instant.of(NOON - timedelta(days=3)),
    paid=yuan(129),
    freight=yuan(10),
    goods=(GOODS,),
)
FILING = File(
    type="not_received",
    reason="not_received",
    marketplace="taobao",
    order=ORDER,
    complainant=BUYER,
    respondent=MERCHANT,
    demand="refund",
    amount=yuan(129),
    description="显示已签收，但我没有收到。",
    evidence=(proof(1),),
)


def order_that_succeeded(at: Instant) -> Order:
    """The same order, with its trade successful at another instant."""
    return replace(ORDER, created_at=Instant.of(at - timedelta(days=7)), paid_at=None, succeeded_at=at)


ACCEPT = Accept()
DISMISS = Dismiss(reason="与本订单无关。")
ASK_FOR_PHOTOS = RequestEvidence(party="complainant", kinds=("photo", "packaging"))
ESCALATE = Escalate(to="consumer_protection", reason="金额较大。")
AGREE = Reply(decision="agree")
REFUSE = Reply(decision="refuse", reason="物流显示本人签收。", evidence=(proof(2, "delivery_proof"),))
OFFER = Reply(decision="offer", offer=Offer(kind="partial_refund", amount=yuan(50)))
TAKE_THE_OFFER = Settle(basis="offer")
CALL_THE_PLATFORM = RequestIntervention(reason="商家不处理。")
AMEND = AmendClaim(demand="refund", amount=yuan(100))
EVIDENCE = SubmitEvidence(evidence=(proof(3, "chat_record"),))
REFUND = Rule(outcome="refund", amount=yuan(129), rule="delivery_not_proved", reasons="未能证明本人签收。")
PART_REFUND = Rule(outcome="partial_refund", amount=yuan(60), rule="delivery_not_proved", reasons="双方均有责任。")
REJECT = Rule(outcome="rejected", rule="delivery_proved", reasons="物流凭证证明买家已签收。")
APPEAL = Appeal(reason="代收点监控显示不是本人。", evidence=(proof(4, "video"),))
WITHDRAW = Withdraw(reason="已经收到了。")
REFUNDED = Remedy(kind="refund", amount=yuan(129), reference="R-1")
ADDRESS = Return(step="address", address="杭州市文三路1号 王五")
PICKUP = Return(step="pickup", pickup="商家上门取件。")
SHIPPED = Return(step="shipped", tracking="SF1234567890")
RECEIVED = Return(step="received", received=True)
CLOSE = Close(reason="平台已先行赔付。")
EXPEDITE = Expedite(reason="等了太久。")
ACCEPT_RULING = AcceptRuling()
MESSAGE = Message(text="您好，请问何时发货？")
RATE = Rate(score=4, comment="处理及时。")
ASSIGN = Assign(department="customer_service", agent="agent-7")
LINK = Link(group=UUID("00000000-0000-4000-8000-00000000000c"), by="merchant")
NOTE = Note(text="买家来电催促。")
REJECT_EVIDENCE = RejectEvidence(evidence=(proof(1).sha256,), reason="图片模糊。")
CORRECT = Correct(event=UUID("00000000-0000-4000-8000-00000000000e"), fields=Correction(text="更正。"), reason="笔误。")
PAY_ADVANCE = PayAdvance(amount=yuan(50), reference="A-1")
RECOVER = Recover(party="respondent", amount=yuan(50))
REVERSE = ReverseTimeout(event=UUID("00000000-0000-4000-8000-00000000000f"), reason="系统故障期间无法提交。")
FOLLOW_UP = FollowUp(solved=True, comment="商家已退款。")
ERASE = Erase(subject="complainant", basis="retention_expired")


def extend(kind: str, party: str, due_at: Instant) -> Posted:
    return ExtendDeadline(kind=kind, party=party, due_at=due_at, reason="节假日物流停运。")  # type: ignore[arg-type]


EVERYTHING: tuple[Posted, ...] = (
    ACCEPT,
    DISMISS,
    ASK_FOR_PHOTOS,
    ESCALATE,
    AMEND,
    EVIDENCE,
    REFUSE,
    TAKE_THE_OFFER,
    CALL_THE_PLATFORM,
    REFUND,
    APPEAL,
    WITHDRAW,
    SHIPPED,
    REFUNDED,
    CLOSE,
    Respond(decision="agree"),
    EXPEDITE,
    ACCEPT_RULING,
    MESSAGE,
    RATE,
    ASSIGN,
    LINK,
    NOTE,
    REJECT_EVIDENCE,
    CORRECT,
    PAY_ADVANCE,
    RECOVER,
    FOLLOW_UP,
    REVERSE,
    ERASE,
    extend("response", "respondent", Instant.of(NOON + timedelta(hours=90))),
)
"""One of each command that can be posted."""


@functools.cache
def calendar() -> Calendar:
    """China's working days as published to the end of 2026."""
    return published()


@functools.cache
def taobao_text() -> str:
    """Taobao's rules as they first landed, taobao@2026.1: frozen, whatever is shipped since."""
    return LANDED.read_text(encoding="utf-8")


def first_type(text: str) -> tuple[str, str]:
    """A policy's text up to the end of its first type, which tests change, and the rest of it."""
    end = text.index("\n[types.", text.index("clauses]"))
    return text[:end], text[end:]


@functools.cache
def policy(*changes: tuple[str, str]) -> InForce:
    """Taobao's policy, with each ``(written, instead)`` of its text changed; what is not there cannot be changed."""
    text, rest = first_type(taobao_text())
    for written, instead in changes:
        assert text.count(written) == 1, f"{written!r} stands {text.count(written)} times in the policy"
        text = text.replace(written, instead)
    return load(text + rest)


ACCEPTANCE = """[types.not_received.acceptance]
within = { hours = 24 }
again_after = { hours = 12 }

[types.not_received.clauses]
acceptance = { zh = "平台24小时内受理。", en = "The platform answers within 24 hours." }
#"""
WITH_ACCEPTANCE = ("[types.not_received.clauses]", ACCEPTANCE)
"""A1, for a type that wants the platform's acceptance first. (``#``: what else stands on the line stays a comment.)"""
EVIDENCE_TERMS = """[types.not_received.evidence]
within = { days = 3 }

[types.not_received.clauses]
evidence = { zh = "平台可要求补充证据。", en = "The platform may ask for evidence." }
#"""
WITH_EVIDENCE = ("[types.not_received.clauses]", EVIDENCE_TERMS)
"""A3, for a type that says how long a side has."""
RETURN_LEG = """[types.not_received.return_leg]
address_within = { days = 2 }
ship_within = { days = 7 }
receive_within = { days = 10 }
on_address_timeout = "owe"
on_shipping_timeout = "lapse"
on_receipt_timeout = "owe"

[types.not_received.clauses]
return_leg = { zh = "先退货，后退款。", en = "Goods first, then the refund." }
#"""
WITH_RETURN = (
    ("[types.not_received.clauses]", RETURN_LEG),
    ('demands = ["refund"]', 'demands = ["refund", "return_and_refund"]'),
    ('outcomes = ["refund",', 'outcomes = ["refund", "return_and_refund",'),
)
"""N8, for a type whose goods go back."""
SILENCE_UNLOCKS = ('on_timeout = "escalate"', 'on_timeout = "unlock"')
SILENCE_CONCEDES = ('on_timeout = "escalate"', 'on_timeout = "concede"')
REFUSAL_UNLOCKS = ('on_refusal = "escalate"', 'on_refusal = "unlock"')
STALL_ESCALATES = ('on_stall = "unlock"', 'on_stall = "escalate"')
TWO_APPEALS = ("rounds = 1", "rounds = 2")
NO_APPEAL = ("rounds = 1", "rounds = 0")

POLICIES: dict[str, tuple[tuple[str, str], ...]] = {
    "taobao": (),
    "with acceptance": (WITH_ACCEPTANCE,),
    "with evidence": (WITH_EVIDENCE,),
    "with return": WITH_RETURN,
    "silence unlocks": (SILENCE_UNLOCKS, REFUSAL_UNLOCKS),
    "silence concedes": (SILENCE_CONCEDES, STALL_ESCALATES),
    "two appeals": (TWO_APPEALS, WITH_ACCEPTANCE, SILENCE_UNLOCKS),
    "no appeal": (NO_APPEAL, REFUSAL_UNLOCKS),
}
STARTS = (NOON, Instant.parse("2026-02-12T02:00:00Z"), Instant.parse("2026-12-18T10:00:00Z"))
"""An ordinary week; before Spring Festival; so late in the year that deadlines become provisional."""
