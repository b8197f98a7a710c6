"""Lives of disputes to measure on: planned by the real rules, from filing to wherever they stand."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from case_events.core.commands import POSTED_NAMES, File, Posted, SubmitEvidence
from case_events.core.events import Filed, History
from case_events.core.gates import refusal
from case_events.core.others import Facts
from case_events.core.plan import Moment, Request, World, plan
from case_events.core.policy import InForce
from case_events.core.values import Instant, Party
from case_events.ledger.identifiers import uuid7
from case_events.policies import load, shipped
from case_events.policies.working_days import published
from tests import examples as ex
from tests.core import moves, subjects
from tests.core.driver import closes_by_itself
from tests.spec import Dispute

FIVE = 5
STEPS_MAX = 6
"""How many things are asked of a mixed life after what usually happens."""
MERCHANTS = 50_000
"""So many that no few of their complaints look like one collective complaint (domain C1)."""
ENDED = 0.6
"""The share of mixed lives that go on to their end; the others stand somewhere on the way."""
COURSE = (moves.MOVES[0], moves.refuse, moves.evidence, moves.rule, moves.appeal, moves.rule)
"""What often happens; what a policy does not want is refused and changes nothing."""


def five_events(ago: timedelta = timedelta()) -> History:
    """An open case of five events, filed so long ago: a filing and four times evidence."""
    now = Instant.of(datetime.now(UTC) - ago)
    moment = Moment(recorded_at=now, effective_at=now)
    world = World(in_force=in_force("taobao"), calendar=published(), moment=moment, facts=Facts(number="1"))
    yesterday = Instant.of(now - timedelta(days=1))
    commands: list[File | Posted] = [
        replace(ex.FILING, order=ex.order_that_succeeded(yesterday)),
        *(SubmitEvidence(evidence=(ex.proof(number),)) for number in range(1, FIVE)),
    ]
    case_id = uuid7()
    history: History = ()
    for command in commands:
        request = Request(case_id=case_id, command=command, actor=ex.BUYER, client="bench", event_id=uuid7())
        step = plan(history, request, world)
        assert step.problem is None, step.problem
        history = (*history, *step.events)
    return history


def in_force(marketplace: str) -> InForce:
    """The policy that is shipped for this marketplace."""
    (policy,) = (one for one in map(load, shipped()) if one.policy.marketplace == marketplace)
    return policy


def mixed(count: int, seed: int = 1) -> tuple[History, ...]:
    """So many different lives, of every type that the shipped policies know; the same ones for the same seed."""
    chance = random.Random(seed)
    kept = {load(text).ref for text in shipped()}
    every = [subject for subject in subjects.subjects().values() if subject.in_force.ref in kept]
    return tuple(_life(chance.choice(every), chance) for _ in range(count))


def _life(subject: subjects.Subject, chance: random.Random) -> History:
    dispute = subjects.filed(subject, ex.NOON)
    for move in COURSE[: chance.randrange(len(COURSE) + 1)]:
        _asked(dispute, move(dispute.case, dispute.in_force, chance.randrange(16)), chance)
    for _ in range(chance.randrange(STEPS_MAX + 1)):
        if possible := _possible(dispute, chance.randrange(16)):
            _asked(dispute, chance.choice(possible), chance)
    if chance.random() < ENDED:
        closes_by_itself(dispute)
    return dispute.history


def _asked(dispute: Dispute, command: Posted, chance: random.Random) -> None:
    """Some hours later; clocks that ran out meanwhile are looked at first."""
    at = Instant.of(dispute.now + timedelta(hours=chance.randrange(1, 20)))
    side = moves.usual_side(command, dispute.case, respondent=chance.random() < 1 / 4)
    dispute.when(command, at=at, by=side, key=f"key {dispute.asked}")


def _possible(dispute: Dispute, number: int) -> list[Posted]:
    case, rules = dispute.case, moves.rules_of(dispute.case, dispute.in_force)
    every = [move(case, dispute.in_force, number) for move in moves.MOVES]
    return [one for one in every if refusal(POSTED_NAMES[type(one)], case, rules) is None]


def under_another_order(filed: Filed, number: int) -> Filed:
    """The same complaint by the same parties, about another order."""
    assert filed.order is not None, "it is about an order"
    return replace(filed, number=str(number), order=replace(filed.order, order_id=f"B{number}"))


def of_other_parties(filed: Filed, number: int) -> Filed:
    """The same complaint by somebody else about somebody else: every one has a reservation of its own."""
    order = replace(filed.order, order_id=f"B{number}") if filed.order else None
    complainant = Party(role=filed.complainant.role, id=f"c-{number}")
    respondent = Party(role=filed.respondent.role, id=f"r-{number}")
    return replace(filed, number=str(number), order=order, complainant=complainant, respondent=respondent)


def of_many_merchants(filed: Filed, number: int) -> Filed:
    """The same complaint by somebody else about another order of one of ``MERCHANTS`` merchants."""
    varied = of_other_parties(filed, number)
    return replace(varied, respondent=Party(role=filed.respondent.role, id=f"m-{number % MERCHANTS}"))
