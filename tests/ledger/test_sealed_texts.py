"""What is recorded does not depend on texts: it is the same with every one of them sealed, and carries none on."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid5

import msgspec
import pytest
from msgspec.structs import replace

from case_events.core.canonical import encode_hook
from case_events.core.commands import BY, POSTED_NAMES
from case_events.core.deadlines import deadlines_of
from case_events.core.events import History
from case_events.core.evolve import fold
from case_events.core.plan import Moment, Request, Step, World, plan, plan_timeouts
from case_events.core.timeouts import TIMEOUTS
from case_events.core.values import Instant
from case_events.ledger.append_statements import MOVING
from case_events.ledger.codec import GENESIS, NOTHING, TREES, WHO, Wanted, event_of, rows_of
from case_events.ledger.judging import reads_texts
from case_events.ledger.marks import marks_of
from case_events.ledger.private_places import places
from case_events.ledger.read_models import case_row, deadline_rows
from case_events.ledger.sealing import BrokenSeal, Vault
from case_events.policies import load, shipped
from tests import examples as ex
from tests.bench import lives
from tests.core import moves

VAULT = Vault(b"s" * 32)
POLICIES = {(one.ref.name, one.ref.version): one for one in map(load, shipped())}
LIVES = 40
CALENDAR = ex.calendar()
HOUR = timedelta(hours=1)
MUCH_LATER = timedelta(days=40)


def test_what_runs_out_is_the_same_with_every_text_sealed_and_carries_none() -> None:
    ran_out = set[str]()
    for history in lives.mixed(LIVES):
        sealed = with_texts_sealed(history, NOTHING)
        assert "sealed:" in repr(sealed[0].event)
        for version in step_ends(history):
            for world in worlds_after(history[:version]):
                opened_step, sealed_step = (plan_timeouts(one[:version], world) for one in (history, sealed))
                writes_the_same(opened_step, sealed_step)
                carries_nothing(sealed_step)
                ran_out |= {one.name for one in opened_step.events}
    assert len(ran_out & set(TIMEOUTS)) > len(TIMEOUTS) / 2


def test_what_is_asked_comes_to_the_same_with_only_the_parties_opened() -> None:
    recorded = set[str]()
    for number, history in enumerate(lives.mixed(LIVES)):
        sealed = with_texts_sealed(history, WHO)
        for version in step_ends(history)[number % 3 :: 3]:
            for request, world in asked_after(history[:version], number):
                opened_step, sealed_step = (plan(one[:version], request, world) for one in (history, sealed))
                assert sealed_step.problem == opened_step.problem
                if not reads_texts(request):
                    writes_the_same(opened_step, sealed_step)
                recorded |= {one.name for one in opened_step.answer}
    assert len(recorded) > len(POSTED_NAMES) / 2


def test_a_text_that_was_left_sealed_is_never_sealed_again() -> None:
    first = lives.mixed(1)[0][0]
    keys = VAULT.new_keys(first.case_id)
    (row,) = rows_of([first], GENESIS, keys, VAULT)
    left = event_of(row.type, row.schema, row.payload, first.event_id, VAULT.ring(keys), wanted=NOTHING)
    with pytest.raises(BrokenSeal, match="is sealed already"):
        rows_of([replace(first, event=left)], GENESIS, keys, VAULT)


def step_ends(history: History) -> list[int]:
    """The versions after which somebody else had their turn."""
    after = [*(one.correlation for one in history[1:]), None]
    return [one.version for one, then in zip(history, after, strict=True) if one.correlation != then]


def with_texts_sealed(history: History, wanted: Wanted) -> History:
    """The history as it is read from its rows when of its texts only these are wanted."""
    keys = VAULT.new_keys(history[0].case_id)
    return tuple(
        replace(
            row.recorded,
            event=event_of(row.type, row.schema, row.payload, row.recorded.event_id, VAULT.ring(keys), wanted=wanted),
        )
        for row in rows_of(history, GENESIS, keys, VAULT)
    )


def worlds_after(history: History) -> list[World]:
    """Just after the first clock ran out, and when most have."""
    case = fold(history)
    assert case is not None
    due = [clock.due_at for clock in deadlines_of(case)]
    times = [Instant.of(at) for at in (min(due) + ex.TICK, min(due) + MUCH_LATER)] if due else []
    in_force = POLICIES[case.policy.name, case.policy.version]
    return [World(in_force=in_force, calendar=CALENDAR, moment=Moment(recorded_at=at, effective_at=at)) for at in times]


def asked_after(history: History, number: int) -> list[tuple[Request, World]]:
    """Everything there is to ask of the case, an hour after its last event."""
    case = fold(history)
    assert case is not None
    at = Instant.of(history[-1].effective_at + HOUR)
    in_force = POLICIES[case.policy.name, case.policy.version]
    world = World(in_force=in_force, calendar=CALENDAR, moment=Moment(recorded_at=at, effective_at=at))
    parties = {"complainant": case.complainant, "respondent": case.respondent, "platform": ex.PLATFORM}
    found = []
    for command in (move(case, in_force, number) for move in moves.MOVES):
        name = POSTED_NAMES[type(command)]
        request = Request(
            case_id=case.case_id,
            command=command,
            actor=parties[moves.usual_side(command, case, respondent=number % 2 == 0) or BY[name][0]],
            client="storefront",
            event_id=uuid5(case.case_id, name),
            brief=True,
        )
        found.append((request, world))
    return found


def writes_the_same(opened: Step, sealed: Step) -> None:
    assert sealed.events == opened.events
    assert opened.case is not None
    assert sealed.case is not None
    rows = case_row(opened.case), case_row(sealed.case)
    assert [getattr(rows[0], name) for name in MOVING] == [getattr(rows[1], name) for name in MOVING]
    assert deadline_rows(opened.case) == deadline_rows(sealed.case)


def carries_nothing(step: Step) -> None:
    for one in step.events:
        plain = msgspec.to_builtins(one.event, enc_hook=encode_hook)
        assert places(plain, TREES[type(one.event)]) == [], f"{one.name} carries a text"
    assert step.case is not None
    assert marks_of(step.before, step.events, step.case, VAULT) == (), "a clock marks nobody"
