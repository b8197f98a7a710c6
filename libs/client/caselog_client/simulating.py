"""What an auditor asks of recorded cases under another policy; nothing is written by it."""

# ruff: noqa: A002 - type is the contract's word

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from caselog_client.asking import Asked, Id, Pages, read_as, said_only, sent
from caselog_client.pieces import PolicyRef
from caselog_client.values import Money, View
from caselog_client.views import Page

SIMULATIONS = "/v1/simulations"


class RanOut(View, frozen=True, kw_only=True):
    """A clock that ran out, how often, and when it did first."""

    kind: str
    party: str
    times: int
    first_due_at: datetime


class Course(View, frozen=True, kw_only=True):
    """Where a case stands, what its complainant was awarded, and what was not done in time."""

    stage: str
    status: str
    awarded: Money
    outcome: str | None = None
    timeouts: tuple[RanOut, ...] = ()


class DueTime(View, frozen=True, kw_only=True):
    """Of the promises of one clock the first that differs; None: it was not made at all."""

    kind: str
    party: str
    recorded: datetime | None = None
    simulated: datetime | None = None


class RefusedStep(View, frozen=True, kw_only=True):
    """A recorded step that could not have been taken, and why not."""

    version: int
    type: str
    code: str
    rule: str | None = None
    pointers: tuple[str, ...] = ()


class SimulatedCase(View, frozen=True, kw_only=True):
    """A case as it is and as it would be; ``simulated`` is None where it could not have been filed."""

    case_id: UUID
    number: str
    policy: PolicyRef
    differs: bool
    recorded: Course
    differences: tuple[str, ...] = ()
    simulated: Course | None = None
    due_times: tuple[DueTime, ...] = ()
    refused: tuple[RefusedStep, ...] = ()


class Simulating(Pages[SimulatedCase]):
    """The cases of a simulation page by page; what is asked stands in the body."""

    def __init__(self, asked: dict[str, object]) -> None:
        self._asked_for = asked
        super().__init__(SIMULATIONS, SimulatedCase, {})

    def _page(self) -> Asked[Page]:
        return sent(SIMULATIONS, self._asked_for | self._params, read_as(Page))


def simulate(
    policy: str | None = None,
    *,
    policy_text: str | None = None,
    type: str | None = None,
    subtype: str | None = None,
    status: str | None = None,
    stage: str | None = None,
    merchant_id: str | None = None,
    filed_from: datetime | None = None,
    filed_before: datetime | None = None,
    case_ids: Sequence[Id] | None = None,
    limit: int = 100,
) -> Simulating:
    """Every case of a policy's marketplace that fits, as it is and as it would be; ``limit`` is the size of a page.

    The policy is one that is kept, as ``name@version``, or the TOML text of another, which is not. A period has its
    first instant, ``filed_from``, and not its last. ``case_ids``: these cases, and no filter beside.

    Raises Invalid (with every fault of the text), Forbidden, TooManyRequests (others simulate).
    """
    asked = said_only(
        policy=policy,
        policy_text=policy_text,
        type=type,
        subtype=subtype,
        status=status,
        stage=stage,
        merchant_id=merchant_id,
        filed_from=filed_from,
        filed_before=filed_before,
        case_ids=None if case_ids is None else [str(one) for one in case_ids],
        limit=limit,
    )
    return Simulating(asked)
