"""The tables of a case's course: which event belongs to which status, clock and clause, and who is next."""

from __future__ import annotations

from case_events.core.values import Side

PARLEY = ("waiting_for_merchant", "waiting_for_respondent", "waiting_for_complainant")
BEFORE_RULING = ("waiting_for_acceptance", *PARLEY, "under_review")
AT_THE_DESK = ("waiting_for_acceptance", "under_review", "appeal_under_review")
"""The platform is next. While it waits for evidence it asked for it neither accepts nor rules."""
UNDECIDED = (*BEFORE_RULING, "evidence_requested", "appealable", "appeal_under_review")
DECIDED = ("waiting_for_return", "waiting_for_remedy", "waiting_for_recovery", "waiting_for_follow_up")
OPEN = (*UNDECIDED, *DECIDED)

STATUSES: dict[str, tuple[str, ...]] = {
    "accepted": ("waiting_for_acceptance",),
    "dismissed": ("waiting_for_acceptance",),
    "evidence_requested": AT_THE_DESK,
    "evidence_rejected": (*BEFORE_RULING, "evidence_requested", "appeal_under_review"),
    "assigned": OPEN,
    "escalated": AT_THE_DESK,
    "linked": OPEN,
    "noted": (*OPEN, "closed"),
    "claim_amended": PARLEY,
    "evidence_submitted": (*BEFORE_RULING, "evidence_requested", "appeal_under_review"),
    "merchant_replied": PARLEY,
    "respondent_replied": PARLEY,
    "settled": ("waiting_for_complainant",),
    "intervention_requested": PARLEY,
    "expedited": (*BEFORE_RULING, "evidence_requested", "appeal_under_review"),
    "ruled": ("under_review", "appeal_under_review"),
    "corrected": (*OPEN, "closed"),
    "appealed": ("appealable",),
    "ruling_accepted": ("appealable",),
    "withdrawn": (*BEFORE_RULING, "evidence_requested"),
    "returned": ("waiting_for_return",),
    "remedied": ("waiting_for_remedy",),
    "recovered": ("waiting_for_remedy", "waiting_for_recovery"),
    "advance_paid": UNDECIDED,
    "followed_up": ("waiting_for_follow_up",),
    "messaged": OPEN,
    "rated": (*DECIDED, "closed"),
    "closed": ("waiting_for_remedy", "waiting_for_recovery"),
    "deadline_extended": OPEN,
    "timeout_reversed": OPEN,
    "subject_erased": ("closed",),
}
"""In which statuses each posted event can happen at all."""

EVENTS_IN: dict[str, tuple[str, ...]] = {
    status: tuple(name for name, statuses in STATUSES.items() if status in statuses) for status in (*OPEN, "closed")
}
"""The same, asked of a status: which posted events can happen in it."""

CORRECTABLE = ("appealable", "waiting_for_return", "waiting_for_remedy", "waiting_for_recovery")
"""Statuses in which the last ruling can be put right, as long as nothing was done on it yet."""

CLOCK_OF: dict[str, str] = {
    "accepted": "acceptance",
    "dismissed": "acceptance",
    "evidence_submitted": "evidence",
    "assigned": "assignment",
    "merchant_replied": "response",
    "respondent_replied": "response",
    "intervention_requested": "intervention",
    "ruled": "ruling",
    "appealed": "appeal",
    "ruling_accepted": "appeal",
    "remedied": "remedy",
    "recovered": "recovery",
    "followed_up": "follow_up",
}
"""The clock that runs against each event."""

ENDS_FOR_GOOD = ("response", "intervention", "appeal")
"""Clocks that do not run again: once they are over, the refusal is ``deadline_passed``. Others raise priority."""

CLAUSE_OF: dict[str, str] = {
    "accepted": "acceptance",
    "dismissed": "acceptance",
    "evidence_requested": "evidence",
    "evidence_rejected": "evidence",
    "assigned": "intervention",
    "escalated": "departments",
    "linked": "collective",
    "noted": "ruling",
    "claim_amended": "reply",
    "evidence_submitted": "evidence",
    "merchant_replied": "reply",
    "respondent_replied": "reply",
    "settled": "negotiation",
    "intervention_requested": "intervention",
    "expedited": "expedite",
    "ruled": "ruling",
    "corrected": "ruling",
    "appealed": "appeal",
    "ruling_accepted": "appeal",
    "withdrawn": "negotiation",
    "returned": "return_leg",
    "remedied": "remedy",
    "recovered": "advance",
    "advance_paid": "advance",
    "followed_up": "follow_up",
    "messaged": "messages",
    "rated": "remedy",
    "closed": "remedy",
    "deadline_extended": "filing",
    "timeout_reversed": "reply",
    "subject_erased": "ruling",
}
"""The clause of the policy that a refusal of each event cites; what stands for one a type does not have: citing."""

OWING = ("remedy", "recovery")
"""Clocks of what is owed; the platform ends a case only when each has run out once (domain P4, P6)."""

RETURN_STEPS = {"return_address": "address", "return_shipment": "shipped", "return_receipt": "received"}
"""The step each clock of the return waits for, in their order (domain N8)."""

ACTION_OF: dict[str, tuple[Side, ...]] = {
    "waiting_for_acceptance": ("platform",),
    "waiting_for_merchant": ("respondent",),
    "waiting_for_respondent": ("respondent",),
    "waiting_for_complainant": ("complainant",),
    "evidence_requested": (),  # whom the platform asked
    "under_review": ("platform",),
    "appealable": (),
    "appeal_under_review": ("platform",),
    "waiting_for_return": (),  # whose step is next
    "waiting_for_remedy": ("respondent",),
    "waiting_for_recovery": (),  # who owes it back
    "waiting_for_follow_up": ("platform",),
    "closed": (),
}
"""Who has to act in each status."""
