"""Who is in a collective complaint (domain C1): each one who filed in time, in the order of filing, in one group."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid5

import pytest
from msgspec.structs import replace

from case_events.core.collective import Complaint, Link
from tests.core.test_collective import DAY, SHOP, TERMS, WINDOW, after, complaint, each_day, linked, numbers
from tests.examples import TICK

GROUPS = UUID("7f0c1c5e-2f1b-5d0a-9a51-6f6f0c9b3d21")
"""Never changed: the ids of all groups derive from it."""
MIXED = ("quality", "size", "damaged", "malfunction", "freight_dispute", "late")


def group(number: int, by: str, reason: str = "") -> UUID:
    return uuid5(GROUPS, f"{SHOP.hex()}/{by}/{reason}/{UUID(int=number)}")


@pytest.mark.parametrize("count", [4, 5, 6])
def test_everybody_who_filed_in_time_is_linked_at_once(count: int) -> None:
    found = linked(each_day(count, *MIXED))
    assert [link.case_id.int for link in found] == list(range(count))
    assert {(link.by, link.group) for link in found} == {("merchant", group(0, "merchant"))}


@pytest.mark.parametrize(("late", "joins"), [(timedelta(), True), (TICK, False)])
def test_the_next_to_file_is_measured_by_the_last_who_filed_before(late: timedelta, joins: bool) -> None:
    """The fourth filed on the third day; the fifth a week later, the sixth a week after the fifth."""
    fifth, sixth = complaint(4, 3 * DAY + WINDOW), complaint(5, 3 * DAY + 2 * WINDOW + late, "size")
    assert numbers(linked([*each_day(4, *MIXED), fifth, sixth])) == [0, 1, 2, 3, 4, *([5] if joins else [])]


def test_who_comes_after_a_gap_is_not_linked_nor_anybody_after() -> None:
    gap = 3 * DAY + WINDOW + TICK
    assert numbers(linked([*each_day(4, *MIXED), complaint(4, gap), complaint(5, gap + DAY)])) == [0, 1, 2, 3]


def test_the_earliest_that_are_enough_are_found_wherever_they_start() -> None:
    lonely = [complaint(10, -30 * DAY, "late"), complaint(11, -20 * DAY, "size")]
    found = linked([*lonely, *each_day(4, *MIXED)])
    assert numbers(found) == [0, 1, 2, 3]
    assert found[0].group == group(0, "merchant")


def test_of_complaints_filed_at_one_instant_the_lowest_id_names_the_group() -> None:
    together = [complaint(number, DAY) for number in (9, 7, 8)]
    found = linked(together)
    assert [link.case_id.int for link in found] == [7, 8, 9]
    assert {link.group for link in found} == {group(7, "reason", "quality")}


def test_two_reasons_with_enough_each_are_two_groups_and_each_has_its_own_members() -> None:
    """Three who complain of one thing and three of another, a month apart: no four within a week."""
    sizes = [complaint(number, 30 * DAY, "size") for number in (4, 5, 6)]
    found = linked([*sizes, *each_day(3)])
    assert {(link.case_id.int, link.by, link.group) for link in found} == {
        *((number, "reason", group(0, "reason", "quality")) for number in (0, 1, 2)),
        *((number, "reason", group(4, "reason", "size")) for number in (4, 5, 6)),
    }


def test_nobody_is_linked_twice_and_whoever_is_against_the_merchant_is_so_first() -> None:
    found = linked(each_day(6))
    assert len({link.case_id for link in found}) == len(found) == 6
    assert {link.by for link in found} == {"merchant"}


def test_a_complainant_who_filed_often_is_one_and_the_reason_counts_complainants_too() -> None:
    often = [complaint(number, number * DAY, by=1) for number in range(5)]
    assert linked(often) == ()
    assert numbers(linked([*often[:2], complaint(7, DAY, by=2), complaint(8, DAY, by=3)])) == [0, 1, 7, 8]


def known(*, by: str = "merchant", reason: str = "quality") -> list[Complaint]:
    """Two who are in a group already, of day 10 and 11."""
    return [replace(complaint(n, n * DAY, reason), group=UUID(int=500), by=by) for n in (10, 11)]


@pytest.mark.parametrize(
    ("filed", "joins"),
    [
        (11 * DAY + WINDOW, True),
        (11 * DAY + WINDOW + TICK, False),
        (11 * DAY - WINDOW, True),
        (11 * DAY - WINDOW - TICK, False),
        (10 * DAY, True),
    ],
)
def test_a_group_is_joined_within_the_window_of_its_latest_before_or_after(filed: timedelta, joins: bool) -> None:
    found = linked([*known(), complaint(3, filed, "late")])
    expected = Link(case_id=UUID(int=3), version=3, group=UUID(int=500), by="merchant")
    assert found == ((expected,) if joins else ())


def test_who_joins_from_before_makes_the_group_no_older() -> None:
    early = complaint(3, 11 * DAY - WINDOW)
    assert numbers(linked([*known(), early, complaint(4, 11 * DAY + WINDOW)])) == [3, 4]


@pytest.mark.parametrize(("reason", "joins"), [("quality", True), ("size", False)])
def test_a_group_of_a_reason_is_joined_for_that_reason_and_says_so(reason: str, joins: bool) -> None:
    found = linked([*known(by="reason"), complaint(3, 11 * DAY, reason)])
    assert [(link.by, link.group) for link in found] == ([("reason", UUID(int=500))] if joins else [])


def test_who_joined_one_group_joins_no_other_and_starts_none() -> None:
    other = [replace(one, group=UUID(int=501), case_id=UUID(int=one.version + 50)) for one in known()]
    found = linked([*known(), *other, *(complaint(n, 11 * DAY) for n in range(5))])
    assert len(found) == 5
    assert {link.group for link in found} == {UUID(int=500)}


def test_after_the_links_are_recorded_the_next_joins_the_same_group() -> None:
    before = each_day(4, *MIXED)
    recorded = after(before, linked(before))
    (link,) = linked([*recorded, complaint(9, 5 * DAY, "late")])
    assert (link.group, link.by) == (group(0, "merchant"), "merchant")
    assert TERMS.by_merchant == 4
