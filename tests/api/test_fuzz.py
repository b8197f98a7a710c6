"""The API sent what its own OpenAPI document allows and forbids, by every role, on a real process and Postgres.

Each operation by itself, and then one after the other along the document's links, as a client goes from what it made
to what can be done with it. ``make fuzz`` sends at least fifty thousand requests.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test

from case_api.documents.operations import OPERATIONS
from case_events.ledger.callers.keys import ROLES
from tests.api.fuzzing import CALLERS, CHECKS, ENDLESS, SEED, Target, fuzzed, key_of
from tests.api.house import AGREE, APPEAL, OFFER, REFUND, REFUSE, SETTLE, complaint
from tests.conftest import Database

EXAMPLES = int(os.environ.get("CASELOG_FUZZ_EXAMPLES", "4"))
"""Of each operation and mode; each is sent by every role and by nobody."""
WALKS = 5 * EXAMPLES
STEPS = 8
"""How many walks along the links, and how far each goes at most."""
FREE = ("get_problem",)
"""Operations that take a string of any form and nothing else: no document can say what would be wrong."""
LONG = 100
"""With so many examples it is no longer the short form, and then enough must have been sent."""
ENOUGH = 50_000


@pytest.fixture(scope="module")
def target(prepared: Database, master_key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with fuzzed(prepared, master_key_file, tmp_path_factory.mktemp("fuzz")) as target:
        yield target


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - set(ENDLESS)))
def test_whatever_is_sent_is_answered_as_documented(target: Target, name: str, mode: Any) -> None:
    operation = target.schema.find_operation_by_id(name)
    takes = bool(operation.query or operation.headers or operation.body or operation.path_parameters)
    if mode == schemathesis.GenerationMode.NEGATIVE and (not takes or name in FREE):
        return  # nothing can be wrong with it

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES if takes else 1,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def send(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if mode == schemathesis.GenerationMode.POSITIVE and data.draw(st.booleans()):
            case.body = _nearer(case.body, name, data.draw)
        if data.draw(st.integers(0, 3)):
            case.path_parameters = {**(case.path_parameters or {}), **_within(target.known, operation.path)}
        for role in CALLERS:
            target.answered_as_documented(case, role)

    send()


def test_whoever_goes_from_what_they_made_to_what_can_be_done_with_it_is_answered_as_documented(
    target: Target,
) -> None:
    schema = target.schema.exclude(operation_id=list(ENDLESS))

    class Walk(schema.as_state_machine()):  # type: ignore[misc]  # made from the document
        """Each step by one who may take it, and now and then by one who may not."""

        taken = 0

        def call(self, case: Any, **_: Any) -> Any:
            Walk.taken += 1
            self.nth = getattr(self, "nth", 0) + 1
            who = case.operation.definition.raw.get("x-roles") if self.nth % 5 else None
            return target.answered_as_documented(case, (who or ROLES)[self.nth % len(who or ROLES)])

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    # The service remembers what was done, and another walk meets other answers: hypothesis, which expects the same
    # choices to come to the same, then walks no further. What is answered wrongly is another failure, and is raised.
    with contextlib.suppress(FlakyStrategyDefinition):
        run_state_machine_as_test(
            Walk,
            settings=settings(
                max_examples=WALKS,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert Walk.taken > STEPS, "more than one walk was taken"


def test_the_count_sees_what_is_recorded(target: Target) -> None:
    """The guard guards: one filing moves the count that a refusal must not move."""
    before = target.recorded()
    answer = httpx.post(f"{target.url}/v1/cases", json=complaint(), headers=key_of("storefront"))
    assert answer.status_code == 201
    assert target.recorded() > before


def test_enough_was_sent_and_all_of_it_met_an_answer_that_is_no_fault_of_ours(target: Target) -> None:
    print(dict(sorted(target.answers.items())))
    assert not [status for status in target.answers if status >= 500]
    if EXAMPLES >= LONG:
        assert target.answers.total() >= ENOUGH


def _nearer(body: Any, name: str, draw: Callable[[Any], Any]) -> Any:
    """A body of which much is right, so that what the rules say is met as well; the rest stays as it was made."""
    if not isinstance(body, dict) or name not in ("file_case", "post_event"):
        return body
    right = (
        complaint() if name == "file_case" else draw(st.sampled_from([AGREE, REFUSE, OFFER, SETTLE, APPEAL, REFUND]))
    )
    kept = draw(st.sets(st.sampled_from(sorted(right)), max_size=1))
    return {**right, **{said: body[said] for said in kept if said in body}}


def _within(known: dict[str, str], path: str) -> dict[str, str]:
    return {name: value for name, value in known.items() if f"{{{name}}}" in path}
