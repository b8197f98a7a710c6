"""Instants as they are said: with a zone, of the years 1970 to 2999, kept in UTC to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from case_events.core.canonical import canonical
from case_events.core.values import Evidence, Instant, Order
from case_events.shape import convert
from tests.core.test_limits import ORDER, PIECE, taken


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"),
        ("2999-12-31T23:59:59.999999Z", "2999-12-31T23:59:59.999999Z"),
        ("2026-03-02T12:00:00+08:00", "2026-03-02T04:00:00.000000Z"),
        ("2026-03-02T00:00:00.5-01:30", "2026-03-02T01:30:00.500000Z"),
        ("2026-03-02t04:00:00.000001Z", "2026-03-02T04:00:00.000001Z"),
        ("2026-03-02 04:00:00Z", "2026-03-02T04:00:00.000000Z"),
    ],
)
def test_an_instant_has_a_zone_and_is_written_in_utc_to_the_microsecond(text: str, utc: str) -> None:
    assert Instant.parse(text).rfc3339() == utc
    assert canonical(convert(PIECE | {"shows_at": text}, Evidence).shows_at) == f'"{utc}"'.encode()


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59Z",
        "3000-01-01T00:00:00Z",
        "2026-03-02T04:00:00",
        "2026-03-02T04:00Z",
        "2026-03-02",
        "2026-03-02X04:00:00Z",
        "2026-13-02T04:00:00Z",
        "20260302T040000+0000",
        "",
    ],
)
def test_what_is_no_instant_of_these_centuries_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - fromisoformat has its own words for what is no date
        Instant.parse(text)
    assert not taken(Evidence, PIECE | {"shows_at": text})


@pytest.mark.parametrize("said", [0, None, True, ["2026"]])
def test_an_instant_is_said_as_text(said: Any) -> None:
    assert not taken(Order, ORDER | {"created_at": said})


def test_an_instant_made_of_a_moment_is_the_same_in_utc_and_one_without_a_zone_is_none() -> None:
    china = timezone(timedelta(hours=8))
    assert Instant.of(datetime(2026, 3, 2, 12, 34, 56, 789, china)) == datetime(2026, 3, 2, 4, 34, 56, 789, UTC)
    with pytest.raises(ValueError, match="zone"):
        Instant.of(datetime(2026, 3, 2))  # noqa: DTZ001 - that is what is refused
