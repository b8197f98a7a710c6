"""Every scenario in memory; and that together they are what they claim to be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from case_events.core.events import EVENTS
from case_events.core.values import CHINA
from case_events.policies import load, shipped
from tests.examples import calendar
from tests.scenarios.rehearse import in_force, rehearse
from tests.scenarios.sayings import duration
from tests.scenarios.script import row_scenarios, scenarios

TOLD = scenarios()
ALL = {**TOLD, **row_scenarios()}
REASONS = """
    quality not_as_described counterfeit unlabelled_goods wrong_goods damaged missing_parts malfunction size
    changed_mind not_received late_shipment out_of_stock fake_shipment price_added price_fraud
    false_advertising promise_breach after_sales_refused slow_handling service_attitude refund_not_paid
    freight_dispute seven_day_return order_status_abnormal harassment malicious_review payment_method_refused
    logistics_delay logistics_lost logistics_damaged prohibited_goods restricted_goods fake_transactions
    ip_infringement
"""
"""The reasons of domain F5."""


@pytest.mark.parametrize("name", ALL)
def test_the_dispute_goes_as_it_is_told(name: str) -> None:
    dispute = rehearse(ALL[name], in_force(ALL[name].marketplace), calendar())
    assert name not in TOLD or dispute.case.status == "closed"
    assert bool(dispute.history) == (ALL[name].filed is not None)


def test_together_the_scenarios_meet_every_event_a_shipped_policy_can_bring() -> None:
    met = {name for one in ALL.values() for told in (one.filed, *one.steps) if told for name in told.recorded}
    assert met == set(EVENTS)


def test_together_the_scenarios_meet_every_refusal_of_the_rules() -> None:
    refused = {step.refused.code for one in ALL.values() for step in one.steps if step.refused}
    refused |= {attempt.refused.code for one in ALL.values() for attempt in one.attempts}
    assert refused == {"not_yet", "deadline_passed", "not_allowed_now", "invalid", "not_eligible", "already_open"}


def test_a_told_dispute_quotes_its_source_and_names_the_rules_it_shows() -> None:
    for scenario in TOLD.values():
        assert scenario.tells
        for told in scenario.tells:
            assert told.seed in {"000", "001", "002", "003", "004"}
            assert len(told.passage) > 10
            assert told.rules


@pytest.mark.parametrize("reason", REASONS.split())
def test_every_reason_of_the_domain_is_one_of_some_type(reason: str) -> None:
    for policy in (load(text).policy for text in shipped()):
        types = [one for whole in policy.types.values() for one in (whole, *whole.subtypes.values())]
        assert any(reason in one.reasons for one in types), f"{policy.name} has no type for it (F5)"


def test_some_scenario_lives_through_a_worked_weekend_and_some_through_a_public_holiday() -> None:
    worked = rest = False
    for scenario in TOLD.values():
        day, last = scenario.starts_at, scenario.instant(scenario.steps[-1].at)
        while day < last:
            local = day.astimezone(CHINA).date()
            worked = worked or local in calendar().work
            rest = rest or local in calendar().rest
            day = type(day).of(day + timedelta(days=1))
    assert worked
    assert rest


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT84H0.000001S", timedelta(hours=84, microseconds=1)),
        ("P12DT6H", timedelta(days=12, hours=6)),
        ("-P3D", timedelta(days=-3)),
        ("PT1M1.5S", timedelta(minutes=1, seconds=1, milliseconds=500)),
    ],
)
def test_a_duration_means_what_iso_8601_says(text: str, length: timedelta) -> None:
    assert duration(text) == length


@pytest.mark.parametrize("text", ["3D", "P1Y", "PT", "P1W", "soon"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        assert duration(text) is None
