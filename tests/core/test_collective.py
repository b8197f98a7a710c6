"""Collective complaints (domain C1): so many against one respondent, or for one reason, within the policy's window."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from case_events.core.collective import Complaint, Link, links
from case_events.core.spans import Span
from case_events.core.terms import Collective
from case_events.core.values import Instant, Party
from tests.examples import NOON, TICK

DAY = timedelta(days=1)
WINDOW = 7 * DAY
TERMS = Collective(window=Span(days=7), by_merchant=4, by_reason=3, department="platform_supervision")
SHOP, OTHER_SHOP = b"shop", b"other"


def complaint(number: int, after: timedelta, reason: str = "quality", by: int | None = None) -> Complaint:
    return Complaint(
        case_id=UUID(int=number),
        version=number,
        complainant=Party(role="buyer", id=f"b-{number if by is None else by}"),
        reason=reason,
        filed_at=Instant.of(NOON + after),
    )


def each_day(count: int, *reasons: str) -> list[Complaint]:
    return [complaint(n, n * DAY, reasons[n % len(reasons)] if reasons else "quality") for n in range(count)]


def linked(complaints: list[Complaint], terms: Collective = TERMS, respondent: bytes = SHOP) -> tuple[Link, ...]:
    return links(complaints, terms, WINDOW, respondent)


def numbers(found: tuple[Link, ...]) -> list[int]:
    return sorted(link.case_id.int for link in found)


def after(complaints: list[Complaint], found: tuple[Link, ...]) -> list[Complaint]:
    """The complaints once the links are recorded."""
    known = {link.case_id: link for link in found}
    return [
        replace(one, group=known[one.case_id].group, by=known[one.case_id].by) if one.case_id in known else one
        for one in complaints
    ]


def test_as_many_complainants_as_the_policy_says_are_one_matter_and_one_fewer_are_none() -> None:
    mixed = ("quality", "size", "damaged", "malfunction")
    assert linked(each_day(3, *mixed)) == ()
    found = linked(each_day(4, *mixed))
    assert numbers(found) == [0, 1, 2, 3]
    assert {link.by for link in found} == {"merchant"}
    assert len({link.group for link in found}) == 1
    assert [link.version for link in found] == [0, 1, 2, 3]


def test_the_same_complainant_counts_once_and_is_linked_with_the_others() -> None:
    mixed = ("quality", "size", "damaged", "malfunction")
    complaints = [*each_day(3, *mixed), complaint(9, DAY, "malfunction", by=0)]
    assert linked(complaints) == ()
    assert numbers(linked([*complaints, complaint(10, DAY, "freight_dispute")])) == [0, 1, 2, 9, 10]


def test_one_reason_needs_its_own_number() -> None:
    found = linked(each_day(3, "size"))
    assert numbers(found) == [0, 1, 2]
    assert {link.by for link in found} == {"reason"}
    assert linked(each_day(2, "size")) == ()


def test_the_window_holds_to_the_microsecond() -> None:
    inside = [complaint(0, timedelta()), complaint(1, DAY), complaint(2, WINDOW)]
    assert numbers(linked(inside)) == [0, 1, 2]
    assert linked([*inside[:2], complaint(2, WINDOW + TICK)]) == ()


def test_who_filed_long_before_the_others_is_not_one_of_them() -> None:
    assert numbers(linked([complaint(7, -8 * DAY), *each_day(3)])) == [0, 1, 2]


def test_a_later_filing_joins_while_within_the_window_of_the_latest_member() -> None:
    first = linked(each_day(3))
    known = after(each_day(3), first)
    assert numbers(linked([*known, complaint(8, 2 * DAY + WINDOW)])) == [8]
    assert linked([*known, complaint(8, 2 * DAY + WINDOW)])[0].group == first[0].group
    assert linked([*known, complaint(8, 2 * DAY + WINDOW + TICK)]) == ()
    chained = [*known, complaint(8, 2 * DAY + WINDOW), complaint(9, 3 * DAY + WINDOW)]
    assert numbers(linked(chained)) == [8, 9]


def test_a_group_of_one_reason_takes_no_other_reason_and_one_against_a_merchant_takes_any() -> None:
    by_reason = after(each_day(3), linked(each_day(3)))
    many = replace(TERMS, by_merchant=9)
    assert linked([*by_reason, complaint(8, 3 * DAY, "size")], many) == ()
    mixed = each_day(4, "quality", "size", "damaged", "malfunction")
    by_merchant = after(mixed, linked(mixed))
    assert numbers(linked([*by_merchant, complaint(8, 4 * DAY, "freight_dispute")])) == [8]


def test_who_is_in_a_group_of_one_reason_counts_among_those_against_the_merchant() -> None:
    by_reason = after(each_day(3), linked(each_day(3)))
    (found,) = linked([*by_reason, complaint(8, 3 * DAY, "size")])
    assert (found.case_id.int, found.by) == (8, "merchant")
    assert found.group != by_reason[0].group
    joined = linked(after([*by_reason, complaint(8, 3 * DAY, "size"), complaint(9, 4 * DAY, "damaged")], (found,)))
    assert [(one.case_id.int, one.by, one.group) for one in joined] == [(9, "merchant", found.group)]


FILED = st.tuples(st.integers(0, 40), st.sampled_from(("quality", "size", "damaged")), st.integers(0, 9))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(FILED, max_size=14).flatmap(lambda filed: st.permutations(list(enumerate(filed)))), st.data())
def test_whatever_is_looked_at_first_the_same_complaints_are_linked_in_the_end(
    filed: list[tuple[int, tuple[int, str, int]]], data: st.DataObject
) -> None:
    """They come in any order, and are looked at after each or after several."""
    complaints = [complaint(number, day * DAY, reason, by) for number, (day, reason, by) in filed]
    at_once = linked(complaints)
    seen: list[Complaint] = []
    for one in complaints:
        seen.append(one)
        if one is complaints[-1] or data.draw(st.booleans()):
            seen = after(seen, linked(seen))
    assert sorted(one.case_id.int for one in seen if one.group is not None) == numbers(at_once)
    assert linked(seen) == linked(after(complaints, at_once)) == ()


def test_a_group_the_desk_made_of_its_own_is_left_to_the_desk() -> None:
    desk_s = [replace(one, group=UUID(int=77), by="same_batch") for one in each_day(3)]
    assert linked([*desk_s, complaint(8, 3 * DAY)]) == ()


def test_a_group_is_named_after_its_respondent_what_it_is_about_and_its_first_complaint() -> None:
    group = linked(each_day(3))[0].group
    assert linked(list(reversed(each_day(3))))[0].group == group, "not after the order in which they were read"
    assert linked(each_day(5))[0].group != group, "of four it is one against the merchant"
    assert linked(each_day(3, "size"))[0].group != group
    assert linked(each_day(3), respondent=OTHER_SHOP)[0].group != group
    assert linked(each_day(4)[1:])[0].group != group


def test_linking_again_what_was_linked_changes_nothing() -> None:
    complaints = each_day(6)
    assert linked(after(complaints, linked(complaints))) == ()
