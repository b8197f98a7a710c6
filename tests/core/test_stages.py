"""The course of a case, status by status: what may be posted, by whom, until when, and what a refusal cites."""

from __future__ import annotations

import pytest

from case_events.core.case import (
    Case,
    Rating,
    Status,
)
from case_events.core.gates import (
    allowed_events,
    blocked_events,
    refusal,
    refused_now,
    required_action_by,
)
from case_events.core.policy import ComplaintType
from case_events.core.values import Party
from tests.core.standing import CARRIER, KINDS, RULES, day, standing
from tests.spec import filed


def possible(case: Case, rules: ComplaintType = RULES) -> set[str]:
    return {one.type for one in allowed_events(case, rules)}


ALWAYS = {"assigned", "linked", "noted", "messaged", "corrected", "deadline_extended"}
TALKS = {
    *("claim_amended", "evidence_submitted", "merchant_replied", "intervention_requested", "expedited"),
    *("withdrawn", "evidence_rejected", "advance_paid"),
}
COURSE: dict[Status, set[str]] = {
    "waiting_for_acceptance": {
        *("accepted", "dismissed", "evidence_requested", "evidence_rejected", "escalated", "evidence_submitted"),
        *("expedited", "withdrawn", "advance_paid"),
    },
    "waiting_for_merchant": TALKS,
    "waiting_for_respondent": TALKS,
    "waiting_for_complainant": TALKS | {"settled"},
    "evidence_requested": {"evidence_rejected", "evidence_submitted", "expedited", "withdrawn", "advance_paid"},
    "under_review": {
        *("evidence_requested", "evidence_rejected", "escalated", "evidence_submitted", "expedited", "ruled"),
        *("withdrawn", "advance_paid"),
    },
    "appealable": {"appealed", "ruling_accepted", "advance_paid"},
    "appeal_under_review": {
        *("evidence_requested", "evidence_rejected", "escalated", "evidence_submitted", "expedited", "ruled"),
        "advance_paid",
    },
    "waiting_for_return": {"returned", "rated"},
    "waiting_for_remedy": {"remedied", "recovered", "closed", "rated"},
    "waiting_for_recovery": {"recovered", "closed", "rated"},
    "waiting_for_follow_up": {"followed_up", "rated"},
}
"""What is possible in each status beside what always is while a case is open."""
EVERY = ALWAYS.union(*COURSE.values()) | {"respondent_replied", "timeout_reversed", "subject_erased"}


@pytest.mark.parametrize("status", COURSE)
def test_in_each_status_these_events_are_possible_and_no_other(status: Status) -> None:
    case = standing(status)
    assert possible(case) == COURSE[status] | ALWAYS
    assert set(blocked_events(case, RULES)) == EVERY - COURSE[status] - ALWAYS


def test_a_closed_case_takes_notes_corrections_a_rating_and_an_erasure_and_nothing_else() -> None:
    assert possible(standing("closed")) == {"noted", "corrected", "rated", "subject_erased"}


@pytest.mark.parametrize("status", ["waiting_for_merchant", "waiting_for_respondent", "waiting_for_complainant"])
def test_a_carrier_answers_under_the_name_of_one_who_is_no_merchant(status: Status) -> None:
    found = possible(standing(status, respondent=CARRIER))
    assert "respondent_replied" in found
    assert "merchant_replied" not in found


RUNS_AGAINST = {
    "acceptance": {"accepted", "dismissed"},
    "response": {"merchant_replied", "respondent_replied"},
    "intervention": {"intervention_requested"},
    "evidence": {"evidence_submitted"},
    "ruling": {"ruled"},
    "appeal": {"appealed", "ruling_accepted"},
    "return_address": {"returned"},
    "remedy": {"remedied"},
    "assignment": {"assigned"},
    "recovery": {"recovered"},
    "follow_up": {"followed_up"},
}
"""The events each clock waits for; no other event has a time."""


@pytest.mark.parametrize("respondent", [filed().case.respondent, CARRIER], ids=["merchant", "carrier"])
@pytest.mark.parametrize("status", [*COURSE, "closed"])
def test_each_event_shows_the_end_of_the_clock_that_waits_for_it(status: Status, respondent: Party) -> None:
    ends = {name: day(KINDS[kind]) for kind, names in RUNS_AGAINST.items() for name in names}
    for one in allowed_events(standing(status, respondent=respondent), RULES):
        assert one.due_at == ends.get(one.type), one.type


POSTED_BY = {
    ("complainant",): {"claim_amended", "settled", "expedited", "withdrawn", "rated"},
    ("respondent",): {"merchant_replied", "respondent_replied"},
    ("complainant", "respondent"): {"intervention_requested", "appealed", "ruling_accepted"},
    ("complainant", "respondent", "platform"): {"evidence_submitted", "messaged"},
    ("respondent", "platform"): {"remedied"},
    ("platform",): {
        *("accepted", "dismissed", "evidence_requested", "evidence_rejected", "assigned", "escalated", "linked"),
        *("noted", "deadline_extended", "ruled", "corrected", "advance_paid", "recovered", "followed_up", "closed"),
        "returned",  # here the clock of the return is the platform's
    },
}


@pytest.mark.parametrize("status", COURSE)
def test_each_event_says_which_sides_may_post_it(status: Status) -> None:
    whose = {name: sides for sides, names in POSTED_BY.items() for name in names}
    for respondent in (filed().case.respondent, CARRIER):
        for one in allowed_events(standing(status, respondent=respondent), RULES):
            assert one.by == whose[one.type], one.type


CITES = {
    "acceptance": {"accepted", "dismissed"},
    "filing": {"deadline_extended"},
    "reply": {"claim_amended", "merchant_replied", "respondent_replied", "timeout_reversed"},
    "negotiation": {"settled", "withdrawn"},
    "messages": {"messaged"},
    "intervention": {"assigned", "intervention_requested"},
    "departments": {"escalated"},
    "collective": {"linked"},
    "expedite": {"expedited"},
    "evidence": {"evidence_requested", "evidence_rejected", "evidence_submitted"},
    "ruling": {"noted", "ruled", "corrected", "subject_erased"},
    "appeal": {"appealed", "ruling_accepted"},
    "return_leg": {"returned"},
    "remedy": {"remedied", "rated", "closed"},
    "advance": {"advance_paid", "recovered"},
    "follow_up": {"followed_up"},
}
"""The clause under which each event is refused."""


ALSO_CLOSED = ("noted", "subject_erased")
"""What is not refused where nothing else is possible any more."""


def test_a_refusal_cites_the_clause_of_its_event() -> None:
    assert set().union(*CITES.values()) == EVERY
    case = standing("closed", posts=(), rating=Rating(score=4, comment=None))
    for clause, names in CITES.items():
        for name in names:
            problem = refused_now("", name, case) if name in ALSO_CLOSED else refusal(name, case, RULES)
            assert problem is not None, name
            assert (problem.code, problem.rule) == ("not_allowed_now", f"taobao@2026.1#not_received.{clause}"), name
            assert problem.current_version == case.version
            assert (problem.due_at, problem.opens_at) == (None, None)


NEXT_ACTOR: dict[tuple[str, ...], set[Status]] = {
    ("platform",): {"waiting_for_acceptance", "under_review", "appeal_under_review", "waiting_for_follow_up"},
    ("respondent",): {"waiting_for_merchant", "waiting_for_respondent", "waiting_for_remedy"},
    ("complainant",): {"waiting_for_complainant"},
    (): {"appealable", "closed"},
}


@pytest.mark.parametrize("who", NEXT_ACTOR, ids="".join)
def test_each_status_says_who_must_act(who: tuple[str, ...]) -> None:
    for status in NEXT_ACTOR[who]:
        assert required_action_by(standing(status, clocks=())) == who
