"""Evidence that was asked for and is not there."""

from __future__ import annotations

from case_events.core.case import Case
from case_events.core.values import ClockParty, Instant, Value, Word


class Missing(Value, frozen=True, kw_only=True):
    """A kind of evidence that was asked for and is not there, whose it is, and until when, while its clock runs."""

    kind: Word
    party: ClockParty
    due_at: Instant | None


def missing_evidence(case: Case) -> tuple[Missing, ...]:
    """What was asked for and did not come, while nothing is decided without it yet (domain A3, E4)."""
    if case.outcome is not None or not case.requested:
        return ()
    due = {clock.party: clock.due_at for clock in case.clocks if clock.kind == "evidence"}
    return tuple(
        Missing(kind=kind, party=asked.party, due_at=due.get(asked.party))
        for asked in case.requested
        for kind in asked.kinds
    )
