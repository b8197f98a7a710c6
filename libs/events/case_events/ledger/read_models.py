"""What the lists and the clocks read: the rows of ``cases`` and ``deadlines``, as pure functions of the case.

They are written in the transaction of the events they follow from, so they are never stale; an audit compares
them with the fold of the events, field by field.
"""

from __future__ import annotations

from uuid import UUID

from case_events.core.case import Case, Deadline
from case_events.core.deadlines import deadlines_of
from case_events.core.values import CaseId, Instant, Value


class CaseRow(Value, frozen=True, kw_only=True):
    """A case as lists show it; the columns of ``cases`` in their order. ``amount`` is in minor units.

    ``next_due_at``: when the next clock runs out; a reminder is none (domain Q2). ``interventions``: how often the
    platform was called in (domain N7).
    """

    case_id: CaseId
    number: str
    version: int
    stage: str
    status: str
    outcome: str | None
    type: str
    reason: str
    marketplace: str
    complainant_role: str
    complainant_id: str
    respondent_role: str
    respondent_id: str
    order_id: str | None
    department: str
    assignee: str | None
    priority: int
    amount: int
    currency: str
    external_ref: str | None
    test_clock: UUID | None
    filed_at: Instant
    updated_at: Instant
    closed_at: Instant | None
    next_due_at: Instant | None
    anonymous: bool
    kind: str
    subtype: str | None
    group_id: UUID | None
    interventions: int


class DeadlineRow(Value, frozen=True, kw_only=True):
    """A running clock; the columns of ``deadlines`` that say what was promised."""

    case_id: CaseId
    kind: str
    party: str
    set_by: int
    due_at: Instant
    provisional: bool
    minimum_notice: bool
    test_clock: UUID | None


CASE_COLUMNS = CaseRow.__struct_fields__
DEADLINE_COLUMNS = DeadlineRow.__struct_fields__


def case_row(case: Case) -> CaseRow:
    """The row of ``cases`` that is equal to this state."""
    return CaseRow(
        case_id=case.case_id,
        number=case.number,
        version=case.version,
        stage=case.stage,
        status=case.status,
        outcome=case.outcome,
        type=case.type,
        reason=case.reason,
        marketplace=case.marketplace,
        complainant_role=case.complainant.role,
        complainant_id=case.complainant.id,
        respondent_role=case.respondent.role,
        respondent_id=case.respondent.id,
        order_id=case.order.order_id if case.order else None,
        department=case.department,
        assignee=case.assignee,
        priority=case.priority,
        amount=case.amount.amount,
        currency=case.amount.currency,
        external_ref=case.external_ref,
        test_clock=case.test_clock,
        filed_at=case.filed_at,
        updated_at=case.updated_at,
        closed_at=case.closed_at,
        next_due_at=case.clocks[0].due_at if case.clocks else None,
        anonymous=case.anonymous,
        kind=case.kind,
        subtype=case.subtype,
        group_id=case.group,
        interventions=case.interventions,
    )


def deadline_rows(case: Case) -> tuple[DeadlineRow, ...]:
    """The rows of ``deadlines`` that are equal to this state."""
    return tuple(_deadline_row(case, deadline) for deadline in deadlines_of(case))


def _deadline_row(case: Case, deadline: Deadline) -> DeadlineRow:
    return DeadlineRow(
        case_id=case.case_id,
        kind=deadline.kind,
        party=deadline.party,
        set_by=deadline.set_by,
        due_at=deadline.due_at,
        provisional=deadline.provisional,
        minimum_notice=deadline.minimum_notice,
        test_clock=case.test_clock,
    )


def moved(before: Case | None, after: Case) -> tuple[tuple[DeadlineRow, ...], tuple[DeadlineRow, ...]]:
    """The deadline rows a step takes away and those it adds."""
    if before is not None and before.clocks == after.clocks and before.reminders == after.reminders:
        return (), ()
    old, new = deadlines_of(before) if before else (), deadlines_of(after)
    return (
        tuple(_deadline_row(after, one) for one in old if one not in new),
        tuple(_deadline_row(after, one) for one in new if one not in old),
    )
