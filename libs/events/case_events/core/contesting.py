"""Who may still contest a ruling: each side once where the policy says so, and nobody who has accepted it."""

from __future__ import annotations

from case_events.core.case import Case
from case_events.core.commands import BY
from case_events.core.policy import ComplaintType
from case_events.core.values import Side


def may_contest(case: Case, rules: ComplaintType) -> tuple[Side, ...]:
    """The sides that may still appeal against the last ruling (domain P1, P2, P3)."""
    left = (side for side in BY["appealed"] if not has_contested(side, case, rules))
    return tuple(side for side in left if side not in case.accepted_by)


def has_contested(by: Side, case: Case, rules: ComplaintType) -> bool:
    """P3: about a listing each side has one remedy: the respondent its appeal, the complainant its reconsideration."""
    return rules.takedown_at is not None and by in case.contested_by
