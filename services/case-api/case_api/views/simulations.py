"""Simulations as they are asked for and shown: recorded cases under another policy."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from case_api.requests.parameters import CURSOR_MAX, LIMIT_DEFAULT, LIMIT_MAX, TEXT_MAX
from case_events.core.case import Stage, Status
from case_events.core.comparing import Tally, Totals
from case_events.core.policy import InForce
from case_events.core.retelling import RefusedStep
from case_events.core.simulating import Course, Difference, DueTime, Simulated
from case_events.core.values import Instant, PolicyRef, Value, Word
from case_events.ledger.simulating import CASES_NAMED_MAX, Chosen
from case_events.outgoing.form import Shown

POLICY_TEXT_MAX = 400_000
"""Characters; what is shipped has some sixty thousand."""


class NewSimulation(Value, frozen=True, kw_only=True):
    """Which cases are told again under which policy: one that is kept, by ``name@version``, or the text of another.

    The cases are those of the policy's marketplace that fit all that is said, the newest filed first. ``case_ids``:
    these cases, and no filter beside.
    """

    policy: Annotated[str, Meta(min_length=1, max_length=2 * TEXT_MAX)] | None = None
    policy_text: Annotated[str, Meta(min_length=1, max_length=POLICY_TEXT_MAX)] | None = None
    type: Word | None = None
    subtype: Word | None = None
    status: Status | None = None
    stage: Stage | None = None
    merchant_id: Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)] | None = None
    filed_from: Instant | None = None
    filed_before: Instant | None = None
    case_ids: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=CASES_NAMED_MAX)] | None = None
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str, Meta(min_length=1, max_length=2 * CURSOR_MAX)] | None = None

    @property
    def chosen(self) -> Chosen:
        return Chosen(**{name: getattr(self, name) for name in Chosen.__struct_fields__})


class AskedSimulation(Value, frozen=True, kw_only=True):
    """What is asked of which policy; cursors are bound to it."""

    digest: str
    chosen: Chosen


class SimulatedCase(Shown, frozen=True, kw_only=True):
    """A case as it is and as it would be; ``simulated`` is null where it could not have been filed.

    ``policy``: the one it was filed under. ``due_times``: of the promises of each clock the first that differs.
    ``refused``: the recorded steps that could not have been taken; what follows them is told without them.
    """

    case_id: UUID
    number: str
    policy: PolicyRef
    differs: bool
    differences: tuple[Difference, ...]
    recorded: Course
    simulated: Course | None
    due_times: tuple[DueTime, ...]
    refused: tuple[RefusedStep, ...]


class SimulationPage(Shown, frozen=True, kw_only=True):
    """A page of cases under the ``policy``, and what they come to; ``next`` as for cases.

    ``totals`` are of this page: those of all of them add up.
    """

    policy: PolicyRef
    items: tuple[SimulatedCase, ...]
    next: str | None
    totals: Totals


def simulation_page(candidate: InForce, found: tuple[Simulated, ...], ends_with: str | None) -> SimulationPage:
    """What is answered."""
    tally = Tally()
    for one in found:
        tally.add(one)
    items = tuple(map(simulated_case, found))
    return SimulationPage(policy=candidate.ref, items=items, next=ends_with, totals=tally.totals())


def simulated_case(one: Simulated) -> SimulatedCase:
    """One of them."""
    said = {name: getattr(one, name) for name in Simulated.__struct_fields__}
    return SimulatedCase(differs=one.differs, **said)
