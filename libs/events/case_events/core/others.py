"""What a filing must know of other cases; the ledger looks it up and passes it in, and the event records it."""

from __future__ import annotations

from uuid import UUID

from case_events.core.values import CaseId, Party, Value


class Previous(Value, frozen=True, kw_only=True):
    """The complaint a new one takes up again (domain F14), as it stands."""

    case_id: CaseId
    closed: bool
    complainant: Party
    order_id: str | None


class Facts(Value, frozen=True, kw_only=True):
    """What filing must know that is in no event of this case; the ledger passes it in.

    ``marks``: malicious complaints of this complainant in the policy's window (domain A2). ``previous``: the
    complaint named in the filing, None where there is none such.
    """

    number: str
    open_complaint: UUID | None = None
    marks: int = 0
    previous: Previous | None = None
