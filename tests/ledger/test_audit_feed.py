"""Verification of the feed: dense, complete, in each case's own order, and pointing to what is there."""

from __future__ import annotations

from string import Template

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import CaseId
from case_events.ledger.audit import positions
from case_events.ledger.audit.audit import Verdict
from case_events.ledger.database import Ledger
from case_events.ledger.feed.sequencing import tick
from tests import examples
from tests.ledger.conftest import Audited
from tests.ledger.desk import Desk
from tests.ledger.tampering import tampered

CASES = 3
HEAD = 3 * CASES


@pytest_asyncio.fixture(scope="module")
async def cases(desk: Desk, scheduler: Ledger) -> list[CaseId]:
    """Cases of three events each; the first case has positions 1, 4 and 5, the second 2, 6 and 7."""
    made = [await desk.filed() for _ in range(CASES)]
    assert (await tick(scheduler)).head == CASES
    for case_id in made:
        await desk.post(case_id, examples.REFUSE)
        assert not (await tick(scheduler)).more
    return made


Told = list[tuple[CaseId | None, int | None, int | None, str]]


def told(verdict: Verdict) -> Told:
    return [(one.case_id, one.version, one.position, one.what) for one in verdict.findings]


async def test_a_feed_that_nobody_touched_is_clean_however_far_it_is(
    audited: Audited, desk: Desk, scheduler: Ledger, cases: list[CaseId]
) -> None:
    verdict = await audited()
    assert (verdict.findings, verdict.positions) == ((), HEAD)
    # What no tick has seen yet needs no position, and neither does it once it has one.
    case_id = await desk.filed()
    assert told(await audited()) == told(await audited(case_id)) == []


MISSING = "the event has no position in the feed, although the sequencer has passed it"
NOTHING = "position {} of the feed points to an event that is not there"
ORDER = "position {} of the feed comes before that of the event before it"
BEYOND = "the feed goes on beyond its head"

# What somebody did, the rows that changes, and what is found: (the case that is meant, version, position, what).
TAMPERINGS: dict[str, tuple[str, int, list[tuple[int | None, int | None, int | None, str]]]] = {
    "a position gone": (
        "DELETE FROM feed WHERE position = 5",
        1,
        [(0, 3, None, MISSING), (None, None, 5, "position 5 of the feed is missing")],
    ),
    "positions of two cases gone": (
        "DELETE FROM feed WHERE position IN (5, 6)",
        2,
        [
            (0, 3, None, MISSING),
            (1, 2, None, MISSING),
            (None, None, 5, "positions 5 to 6 of the feed are missing"),
        ],
    ),
    "the last position gone": (
        "DELETE FROM feed WHERE position = 9",
        1,
        [(2, 3, None, MISSING), (None, None, 9, "position 9 of the feed is missing")],
    ),
    "the first position gone": (
        "DELETE FROM feed WHERE position = 1",
        1,
        [(0, 1, None, MISSING), (None, None, 1, "position 1 of the feed is missing")],
    ),
    "a position moved to the end": (
        "UPDATE feed SET position = 10 WHERE position = 5",
        1,
        [(None, None, 5, "position 5 of the feed is missing"), (0, 3, 10, BEYOND)],
    ),
    "a position of nothing": (
        "INSERT INTO feed (position, case_id, version) VALUES (10, '$first', 4)",
        1,
        [(0, 4, 10, NOTHING.format(10)), (0, 4, 10, BEYOND)],
    ),
    "a head moved back": ("UPDATE feed_state SET head = head - 1", 1, [(2, 3, 9, BEYOND)]),
    "a head moved on": (
        "UPDATE feed_state SET head = head + 2",
        1,
        [(None, None, 10, "positions 10 to 11 of the feed are missing")],
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_what_is_wrong_with_the_feed_is_found_at_its_position(
    audited: Audited, superuser: asyncpg.Connection, cases: list[CaseId], name: str
) -> None:
    statement, changes, expected = TAMPERINGS[name]
    async with tampered(superuser, Template(statement).substitute(first=cases[0]), changes=changes):
        found = told(await audited())
    assert found == [(None if case is None else cases[case], *rest) for case, *rest in expected]
    assert told(await audited()) == []


async def test_positions_that_were_exchanged_within_a_case_are_found(
    audited: Audited, superuser: asyncpg.Connection, cases: list[CaseId]
) -> None:
    exchanged = [
        f"UPDATE feed SET version = {to} WHERE case_id = '{cases[1]}' AND version = {version}"  # noqa: S608
        for version, to in ((2, 99), (3, 2), (99, 3))
    ]
    async with tampered(superuser, *exchanged):
        assert told(await audited()) == [(cases[1], 3, 6, ORDER.format(6))]


async def test_a_case_removed_from_every_table_is_missed_by_the_feed(
    audited: Audited, superuser: asyncpg.Connection, cases: list[CaseId]
) -> None:
    gone = [
        f"WITH gone AS (DELETE FROM {table} WHERE case_id = '{cases[1]}' RETURNING 1) SELECT count(*) FROM gone"  # noqa: S608
        for table in ("streams", "events", "cases", "deadlines", "subject_keys", "open_complaints")
    ]
    expected = [
        (cases[1], version, position, NOTHING.format(position)) for version, position in ((1, 2), (2, 6), (3, 7))
    ]
    async with tampered(superuser, *gone):
        assert told(await audited()) == told(await audited(cases[1])) == expected
    gone.append(f"WITH gone AS (DELETE FROM feed WHERE case_id = '{cases[1]}' RETURNING 1) SELECT 1 FROM gone LIMIT 1")  # noqa: S608
    async with tampered(superuser, *gone):
        assert told(await audited()) == [
            (None, None, 2, "position 2 of the feed is missing"),
            (None, None, 6, "positions 6 to 7 of the feed are missing"),
        ]
        assert told(await audited(cases[1])) == [(cases[1], None, None, "nothing is kept of this case")]


async def test_a_long_feed_is_looked_at_in_stretches_and_told_the_same(
    audited: Audited, superuser: asyncpg.Connection, cases: list[CaseId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "STRETCH", 2)
    assert (await audited()).positions == HEAD
    async with tampered(superuser, "DELETE FROM feed WHERE position IN (4, 5, 9)", changes=3):
        found = [one for one in told(await audited()) if one[0] is None]
    assert [(position, what) for _, _, position, what in found] == [
        (number, f"position {number} of the feed is missing") for number in (4, 5, 9)
    ]


async def test_after_a_restore_into_another_cluster_nothing_is_expected_before_the_next_tick(
    audited: Audited, superuser: asyncpg.Connection, cases: list[CaseId]
) -> None:
    elsewhere = ("UPDATE feed_state SET cluster = cluster + 1, head = 8", "DELETE FROM feed WHERE position = 9")
    async with tampered(superuser, *elsewhere):
        assert told(await audited()) == []
