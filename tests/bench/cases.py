"""Cases to measure on: planned by the rules and written by the ledger's own commit, many at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from case_events.core.commands import File, Posted, SubmitEvidence
from case_events.core.events import History
from case_events.core.others import Facts
from case_events.core.plan import Moment, Request, Step, World, plan
from case_events.core.values import Instant
from case_events.ledger import keys, policy_book
from case_events.ledger.codec import GENESIS
from case_events.ledger.database import Ledger
from case_events.ledger.identifiers import uuid7
from case_events.ledger.steps import commit
from case_events.policies import shipped
from tests.examples import BUYER, FILING, order_that_succeeded, proof

BATCH = 100
EVENTS = 5


async def make(ledger: Ledger, count: int) -> list[UUID]:
    """So many open cases of five events each: a filing and four times evidence; and the development keys."""
    made: list[UUID] = []
    async with ledger.connection() as connection:
        for caller, secret in keys.development_keys():
            await keys.add(connection, caller, secret)
        (policy,) = [await policy_book.keep(connection, text) for text in shipped() if 'name = "taobao"' in text]
        while len(made) < count:
            now = Instant.of(datetime.now(UTC))
            moment = Moment(recorded_at=now, effective_at=now)
            world = World(in_force=policy, calendar=ledger.calendar, moment=moment, facts=Facts(number="1"))
            steps = [_five_events(world, len(made) + index) for index in range(BATCH)]
            writings = [(step, GENESIS, ledger.vault.new_keys(step.case_id)) for step in steps]
            made += await commit(connection, writings, ledger.vault)
    return made[:count]


def _five_events(world: World, number: int) -> Step:
    case_id = uuid7()
    yesterday = Instant.of(world.moment.effective_at - timedelta(days=1))
    order = replace(order_that_succeeded(yesterday), order_id=f"B{number}")
    commands: list[File | Posted] = [
        replace(FILING, order=order),
        *(SubmitEvidence(evidence=(proof(n),)) for n in range(1, EVENTS)),
    ]
    history: History = ()
    step: Step | None = None
    for command in commands:
        request = Request(case_id=case_id, command=command, actor=BUYER, client="bench", event_id=uuid7())
        step = plan(history, request, world)
        history = (*history, *step.events)
    assert step is not None
    return Step(case_id=case_id, before=None, case=step.case, events=history)
