"""What goes out of the lists: cases, running deadlines, and the counts."""

from __future__ import annotations

from uuid import UUID

from case_events.core.values import Instant, Money, Party, Value, Word
from case_events.core.viewer import Viewer, absent
from case_events.ledger.clock.test_clocks import Due, TestClock
from case_events.ledger.lists.due_list import DueRow
from case_events.ledger.read_models import CaseRow
from case_events.outgoing.form import Shown


class CaseItem(Shown, frozen=True, kw_only=True):
    """A case as lists show it. ``kind``: complaint, report, …; ``group``: the collective matter it is part of."""

    case_id: UUID
    number: str
    version: int
    stage: Word
    status: Word
    outcome: Word | None
    type: Word
    reason: Word
    marketplace: Word
    kind: Word
    subtype: Word | None
    group: UUID | None
    interventions: int
    order_id: str | None
    complainant: Party
    respondent: Party
    amount: Money
    department: Word
    assignee: str | None
    priority: int
    next_due_at: Instant | None
    external_ref: str | None
    test_clock: UUID | None
    filed_at: Instant
    updated_at: Instant
    closed_at: Instant | None


class CasePage(Shown, frozen=True, kw_only=True):
    """One page of cases; ``next`` is the cursor of the page after it, null on the last.

    A page of many filters may hold fewer cases than its limit, even none, and still have a next one.
    """

    items: tuple[CaseItem, ...]
    next: str | None


class DeadlineItem(Shown, frozen=True, kw_only=True):
    """A running deadline and its case. ``test_clock``: the test clock it goes by; null is a live one, in real time."""

    due_at: Instant
    kind: Word
    party: Word
    set_by: int
    provisional: bool
    minimum_notice: bool
    live: bool
    test_clock: UUID | None
    case_id: UUID
    number: str
    type: Word
    marketplace: Word
    status: Word
    department: Word
    assignee: str | None
    priority: int


class DeadlinePage(Shown, frozen=True, kw_only=True):
    """One page of running deadlines, what is due first coming first; ``next`` as for cases."""

    items: tuple[DeadlineItem, ...]
    next: str | None


class ClockPage(Value, frozen=True, kw_only=True):
    """One page of the test clocks, the newest first; ``next`` is the cursor of the next page, null on the last."""

    items: tuple[TestClock, ...]
    next: str | None


class ClockDuePage(Value, frozen=True, kw_only=True):
    """One page of what would fire under a test clock, in legal order; ``next`` as for clocks."""

    items: tuple[Due, ...]
    next: str | None


def case_item(row: CaseRow, viewer: Viewer) -> CaseItem:
    """A row of the read model as lists show it to the viewer."""
    shared = {name: getattr(row, name) for name in CaseItem.__struct_fields__ if name in CaseRow.__struct_fields__}
    shared["group"] = row.group_id
    shared["amount"] = Money(amount=row.amount, currency=row.currency)
    complainant = Party(role=row.complainant_role, id=row.complainant_id)
    respondent = Party(role=row.respondent_role, id=row.respondent_id)
    nameless = viewer.misses_complainant(anonymous=row.anonymous, complainant=complainant, respondent=respondent)
    return CaseItem(
        complainant=absent(complainant) if nameless else complainant,
        respondent=respondent,
        **shared | ({"external_ref": None} if nameless else {}),
    )


def deadline_item(row: DueRow) -> DeadlineItem:
    """A running clock as the list shows it."""
    shared = {name: getattr(row, name) for name in DueRow.__struct_fields__}
    return DeadlineItem(live=row.test_clock is None, **shared)
