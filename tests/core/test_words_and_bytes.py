"""What is fixed for ever: the bytes things are stored as, the words of the events, and whose each event is."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from case_events.core.canonical import canonical, decode_hook, encode_hook, schema_hook
from case_events.core.commands import BY, POSTED, POSTED_NAMES
from case_events.core.events import EVENT_NAMES, EVENTS
from case_events.core.others import Facts
from case_events.core.values import CHINA, Instant, Money, PolicyRef, Text
from tests.examples import NOON

BOTH = {"intervention_requested", "appealed", "ruling_accepted", "returned"}
ANYBODY = {"evidence_submitted", "messaged"}
THE_COMPLAINANTS = {"claim_amended", "settled", "expedited", "withdrawn", "rated"}
THE_RESPONDENTS = {"merchant_replied", "respondent_replied"}
THE_PLATFORMS = {
    "accepted",
    "dismissed",
    "evidence_requested",
    "evidence_rejected",
    "assigned",
    "escalated",
    "linked",
    "noted",
    "deadline_extended",
    "timeout_reversed",
    "ruled",
    "corrected",
    "advance_paid",
    "recovered",
    "followed_up",
    "closed",
    "subject_erased",
}
THE_CLOCKS = {
    "acceptance_timed_out",
    "evidence_timed_out",
    "merchant_response_timed_out",
    "response_timed_out",
    "negotiation_stalled",
    "intervention_window_expired",
    "return_timed_out",
    "ruling_timed_out",
    "appeal_window_expired",
    "remedy_timed_out",
    "assignment_timed_out",
    "follow_up_timed_out",
    "recovery_timed_out",
    "deadline_approaching",
}


def whose(side: str) -> set[str]:
    return {name for name, sides in BY.items() if side in sides}


def test_each_event_is_posted_by_whose_it_is_and_by_nobody_else() -> None:
    """Domain N2-N9, P1-P6, A1-A3, R1: what each side may do; a remedy the respondent or the platform."""
    assert whose("complainant") == THE_COMPLAINANTS | BOTH | ANYBODY
    assert whose("respondent") == THE_RESPONDENTS | BOTH | ANYBODY | {"remedied"}
    assert whose("platform") == THE_PLATFORMS | ANYBODY | {"remedied"}


def test_the_words_of_the_events_are_those_posted_those_of_the_clocks_and_the_filing() -> None:
    posted = THE_COMPLAINANTS | BOTH | ANYBODY | THE_RESPONDENTS | THE_PLATFORMS | {"remedied"}
    assert set(POSTED) == set(POSTED_NAMES.values()) == set(BY) == posted
    assert set(EVENTS) == set(EVENT_NAMES.values()) == posted | THE_CLOCKS | {"filed"}
    for name, kind in EVENTS.items():
        if name != "deadline_approaching":
            assert kind.__name__.lower() == name.replace("_", ""), "the word says what the event is"


def test_what_is_stored_has_its_keys_in_order_no_space_and_every_letter_as_it_is() -> None:
    assert canonical({"b": 1, "a": [True, None], "字": "é\n"}) == '{"a":[true,null],"b":1,"字":"é\\n"}'.encode()
    assert canonical(Money(amount=5, currency="CNY")) == b'{"amount":5,"currency":"CNY"}'
    assert canonical(Text(zh="一", en="1")) == '{"en":"1","zh":"一"}'.encode()
    assert canonical(UUID(int=255)) == b'"00000000-0000-0000-0000-0000000000ff"'
    assert canonical(Decimal("1.50")) == b'"1.50"'
    assert canonical(NOON) == b'"2026-03-02T04:00:00.000000Z"'


def test_what_has_no_form_is_refused_rather_than_guessed() -> None:
    with pytest.raises(NotImplementedError, match="no JSON form"):
        encode_hook(object())
    with pytest.raises(NotImplementedError, match="no JSON Schema"):
        schema_hook(object)
    for wanted, value in ((Instant, 5), (object, "2026-03-02T04:00:00Z")):
        with pytest.raises(ValueError, match="expected"):
            decode_hook(wanted, value)
    assert decode_hook(Instant, "2026-03-02T12:00:00+08:00") == NOON
    assert schema_hook(Instant) == {"type": "string", "format": "date-time"}
    assert encode_hook(NOON) == "2026-03-02T04:00:00.000000Z"


def test_china_is_eight_hours_ahead_and_a_rule_is_cited_with_its_policy() -> None:
    assert NOON.astimezone(CHINA).isoformat() == "2026-03-02T12:00:00+08:00"
    assert str(CHINA) == "Asia/Shanghai"
    ref = PolicyRef(name="tmall", version="2026.6", digest="0" * 64)
    assert ref.clause("quality.filing") == "tmall@2026.6#quality.filing"


def test_of_other_cases_nothing_is_known_unless_it_is_looked_up() -> None:
    facts = Facts(number="C-1")
    assert (facts.marks, facts.open_complaint, facts.previous) == (0, None, None)
