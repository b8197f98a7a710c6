"""Many cases to try lists and loads on: judged by the real rules and written by the one commit, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from case_events.core.commands import File, Posted, Remedy, Reply, Rule, SubmitEvidence, Withdraw
from case_events.core.events import History
from case_events.core.others import Facts
from case_events.core.plan import Moment, Request, Step, World, plan
from case_events.core.values import Evidence, Goods, Instant, Money, Offer, Order, Party
from case_events.ledger.codec import GENESIS
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.identifiers import uuid7
from case_events.ledger.steps import commit

BATCH = 100
"""Cases in one transaction: less than a second's work, so that what is judged is written in the same moment."""
CONFLICTS_MAX = 10
MERCHANTS = 500
BUYERS = 20_000
MARKETPLACE = "taobao"
CLIENT = "seed"
PLATFORM = Party(role="platform", id="seed")
PRICE = Money(amount=12900, currency="CNY")
FREIGHT = Money(amount=1000, currency="CNY")

NUMBERS = """
SELECT nextval('complaint_number')::text AS number, (SELECT clock_timestamp()) AS now FROM generate_series(1, $1)
"""

REFUSE = Reply(decision="refuse", reason="物流显示本人签收。")
AGREE = Reply(decision="agree")
LIVES: tuple[tuple[Posted, ...], ...] = (
    (),
    (Reply(decision="offer", offer=Offer(kind="partial_refund", amount=Money(amount=5000, currency="CNY"))),),
    (AGREE,),
    (AGREE, Remedy(kind="refund", amount=PRICE, reference="R-1")),
    (REFUSE,),
    (REFUSE, Rule(outcome="rejected", rule="delivery_proved", reasons="物流凭证证明买家已签收。")),
    (REFUSE, Rule(outcome="refund", amount=PRICE, rule="delivery_not_proved", reasons="未能证明本人签收。")),
    (SubmitEvidence(evidence=(Evidence(kind="chat_record", uri="https://files.example/2", sha256=f"{2:064x}"),)),),
    (Withdraw(reason="已经收到了。"),),
)
"""What happens after filing, each with the same share of the cases."""


async def sow(ledger: Ledger, count: int, tell: Callable[[int], None]) -> None:
    """Write ``count`` cases and ``tell`` after each batch how many there are. Raises LookupError without a policy."""
    made = conflicts = 0
    async with ledger.connection() as connection:
        while made < count and conflicts < CONFLICTS_MAX:
            worlds = await _worlds(ledger, connection, min(BATCH, count - made))
            steps = [_lived(world) for world in worlds]
            writings = [(step, GENESIS, ledger.vault.new_keys(step.case_id)) for step in steps]
            written = await commit(connection, writings, ledger.vault)
            conflicts = 0 if written else conflicts + 1  # a machine that stood still: judged again
            made += len(written)
            tell(made)
    if made < count:
        raise TimeoutError(f"only {made} of {count} cases were written: the machine is too slow for a batch of {BATCH}")


async def _worlds(ledger: Ledger, connection: Connection, count: int) -> list[World]:
    """What each case of a batch is judged in: this moment, the policy in force, and a number of its own."""
    rows = await connection.fetch(NUMBERS, count)
    now = rows[0]["now"]
    policy = await ledger.policies.in_force(connection, MARKETPLACE, now)
    if policy is None:
        raise LookupError(f"no policy of {MARKETPLACE} is in force")
    moment = Moment(recorded_at=now, effective_at=now)
    return [
        World(in_force=policy, calendar=ledger.calendar, moment=moment, facts=Facts(number=row["number"]))
        for row in rows
    ]


def _lived(world: World) -> Step:
    """One whole life so far, as a single step from nothing."""
    assert world.facts is not None, "a filing needs its facts"
    number = int(world.facts.number)
    filing = _filing(number, world.moment.effective_at)
    sides = {File: filing.complainant, SubmitEvidence: filing.complainant, Withdraw: filing.complainant, Rule: PLATFORM}
    case_id, step = uuid7(), None
    history: History = ()
    for command in (filing, *LIVES[number % len(LIVES)]):
        actor = sides.get(type(command), filing.respondent)
        request = Request(case_id=case_id, command=command, actor=actor, client=CLIENT, event_id=uuid7())
        step = plan(history, request, world)
        assert step.problem is None, step.problem
        history = (*history, *step.events)
    assert step is not None, "at least it was filed"
    return Step(case_id=case_id, before=None, case=step.case, events=history)


def _filing(number: int, now: Instant) -> File:
    goods = Goods(sku="sku-1", title="毛衣", category="apparel", quantity=1, price=PRICE)
    order = Order(
        order_id=f"S{number}",
        status="trade_success",
        created_at=Instant.of(now - timedelta(days=8)),
        succeeded_at=Instant.of(now - timedelta(days=1)),
        paid=PRICE,
        freight=FREIGHT,
        goods=(goods,),
    )
    return File(
        type="not_received",
        reason="not_received",
        marketplace=MARKETPLACE,
        order=order,
        complainant=Party(role="buyer", id=f"buyer-{number % BUYERS}"),
        respondent=Party(role="merchant", id=f"merchant-{number % MERCHANTS}"),
        demand="refund",
        amount=PRICE,
        description="显示已签收，但我没有收到。",
        evidence=(Evidence(kind="photo", uri="https://files.example/1", sha256=f"{1:064x}"),),
    )
