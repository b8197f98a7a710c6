"""Every scenario in memory; and that together they are what they claim to be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from case_events.core.events import EVENTS
from case_events.core.values import CHINA
from tests.examples import calendar, policy
from tests.scenarios.rehearse import rehearse
from tests.scenarios.script import Scenario, duration, scenarios

ALL = scenarios()
BY_TYPE_ELSEWHERE = {"withdrawn"}
"""Events no whole story needs; the rules' own tests tell them."""


@pytest.mark.parametrize("scenario", ALL.values(), ids=ALL.keys())
def test_the_dispute_goes_as_it_is_told(scenario: Scenario) -> None:
    dispute = rehearse(scenario, policy(), calendar())
    assert dispute.case.status == "closed"


def test_together_the_scenarios_meet_every_event_a_shipped_policy_can_bring() -> None:
    met = {name for one in ALL.values() for told in (one.filed, *one.steps) for name in told.recorded}
    assert met == set(EVENTS) - BY_TYPE_ELSEWHERE


def test_together_the_scenarios_meet_every_refusal_that_names_an_instant_of_a_filed_case() -> None:
    met = {step.refused.code for one in ALL.values() for step in one.steps if step.refused}
    assert met == {"not_yet", "deadline_passed", "not_allowed_now", "invalid"}


def test_a_scenario_quotes_its_source_and_names_the_rules_it_shows() -> None:
    for scenario in ALL.values():
        for told in scenario.tells:
            assert told.seed in {"000", "001", "002", "003", "004"}
            assert len(told.passage) > 10
            assert told.rules


def test_some_scenario_lives_through_a_worked_weekend_and_some_through_a_public_holiday() -> None:
    worked = rest = False
    for scenario in ALL.values():
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
