"""The scripts of the fault suite: the full one, the short one that every test run plays, and one for each mutant."""

from __future__ import annotations

from tests.faults.mishaps import Deck
from tests.faults.mutants import CONTROL, MUTANTS, REST_S, command
from tests.faults.suite import Outcome, Script
from tests.scheduler.fleet import SCHEDULER

CASES, SPREAD_S = 20_400, 170.0
KILLS_MIN, CASES_MIN = 40, 20_000
FULL = Deck(
    cards={
        "kill_scheduler": 22,
        "kill_writer": 14,
        "kill_postgres": 4,
        "shut_down_postgres": 4,
        "stop_scheduler": 6,
        "stop_writer": 3,
        "end_sessions": 10,
        "cut": 20,
    }
)
SHORT = Deck(
    cards={"kill_scheduler": 1, "kill_writer": 1, "kill_postgres": 1, "stop_scheduler": 1, "end_sessions": 1, "cut": 2},
    stopped_s=(0.5, 2.0),
)
MUTANT_CASES, MUTANT_SPREAD_S = 200, 2.0
SCHEDULERS = 3


def full(seed: int, cases: int = CASES) -> Script:
    """Everything at once; fewer cases in the same proportion of time."""
    return Script(cases=cases, spread_s=SPREAD_S * cases / CASES, writers=3, deck=FULL, seed=seed)


def short(seed: int) -> Script:
    """Some of everything, in seconds."""
    return Script(cases=160, spread_s=3.0, writers=2, deck=SHORT, seed=seed, schedulers=(SCHEDULER,) * 2)


def of_a_mutant(name: str, seed: int) -> Script:
    """Deadlines that come together, so that schedulers meet at them, and what the mutant is known to stumble over."""
    return Script(
        cases=MUTANT_CASES,
        spread_s=MUTANT_SPREAD_S,
        writers=2,
        deck=Deck(cards={}) if name == CONTROL else MUTANTS[name].deck,
        seed=seed,
        schedulers=(command(name),) * SCHEDULERS,
        rest_s=REST_S if name == CONTROL else MUTANTS[name].rest_s,
        audited=False,
    )


def caught(name: str, outcome: Outcome) -> bool:
    """Whether the verdict found the mutant out, as what it is; the control is caught when nothing was found."""
    if name == CONTROL:
        return outcome.verdict.clean
    return bool(getattr(outcome.verdict, MUTANTS[name].found_as))
