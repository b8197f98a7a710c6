"""Erasing one side of a case: when it is over, by the platform, and once (PIPL article 47)."""

from __future__ import annotations

from typing import get_args

import pytest
from msgspec.structs import replace

from case_events.core.commands import Erase
from case_events.core.events import AppealSide
from case_events.core.evolve import evolve
from case_events.core.gates import allowed_events, blocked_events
from case_events.core.values import ERASED, Party
from tests import examples
from tests.core.shipped import at_the_desk, complaint
from tests.examples import CORRECT, ERASE, MESSAGE, NOTE, WITHDRAW
from tests.spec import Dispute, filed, hours

ERASE_RESPONDENT = replace(ERASE, subject="respondent")


def over() -> Dispute:
    return filed().when(WITHDRAW, at=hours(1)).then("withdrawn", "closed", stage="closed")


@pytest.mark.parametrize("side", get_args(AppealSide))
def test_a_side_of_a_closed_case_is_erased_and_loses_its_name_alone(side: AppealSide) -> None:
    dispute = over()
    before = dispute.case
    dispute.when(Erase(subject=side, basis="consent_withdrawn"), at=hours(2)).then("subject_erased", status="closed")
    nameless = {side: Party(role=getattr(before, side).role, id=ERASED)}
    assert dispute.case == replace(before, version=before.version + 1, updated_at=dispute.now, undo=None, **nameless)


def test_a_case_that_is_open_still_needs_what_it_is_about() -> None:
    filed().when(ERASE, at=hours(1)).refused("not_allowed_now")


def test_nobody_is_erased_twice_and_after_both_sides_the_gate_is_shut() -> None:
    dispute = over().when(ERASE, at=hours(2)).then("subject_erased")
    dispute.when(ERASE, at=hours(3)).refused("not_allowed_now", detail="The complainant is erased already.")
    dispute.when(ERASE_RESPONDENT, at=hours(4)).then("subject_erased")
    dispute.when(ERASE, at=hours(5)).refused("not_allowed_now", detail="Nobody is left who could be erased.")


def test_the_platform_is_nobody_who_could_be_erased() -> None:
    dispute = over()
    closed = replace(dispute.history[0], event=replace(dispute.history[0].event, complainant=examples.PLATFORM))
    dispute.history = (closed, *dispute.history[1:])
    dispute.when(ERASE, at=hours(2)).refused(
        "not_allowed_now", detail="The complainant is the platform: it names nobody."
    )


def test_once_the_respondent_is_erased_there_is_nobody_else_in_a_case_of_the_platform_s_own() -> None:
    dispute = at_the_desk(complaint("supervision")).when(WITHDRAW, at=hours(3), by="complainant")
    dispute.when(ERASE_RESPONDENT, at=hours(4)).then("subject_erased")
    rules = dispute.in_force.type_of("supervision")
    assert blocked_events(dispute.case, rules)["subject_erased"].detail == "Nobody is left who could be erased."
    dispute.when(NOTE, at=hours(5)).then("noted")


def test_what_an_erased_side_wrote_is_not_put_right_and_of_two_erased_sides_nothing_more_is_written() -> None:
    """Its key is gone: what could not be recorded is refused by the rules, in a dry run as well."""
    dispute = filed().when(MESSAGE, at=hours(1)).when(MESSAGE, at=hours(1), by="respondent").when(NOTE, at=hours(1))
    hers, his, ours = (replace(CORRECT, event=one.event_id) for one in dispute.case.posts)
    dispute.when(WITHDRAW, at=hours(2)).when(ERASE, at=hours(3)).then("subject_erased")
    dispute.when(hers, at=hours(4)).refused("not_allowed_now", detail="What an erased side wrote is not written anew.")
    dispute.when(his, at=hours(4)).then("corrected").when(ours, at=hours(4)).then("corrected")
    dispute.when(ERASE_RESPONDENT, at=hours(5)).then("subject_erased")
    for command, name in ((hers, "corrected"), (his, "corrected"), (ours, "corrected"), (NOTE, "noted")):
        refused = dispute.fork().when(command, at=hours(6)).refused("not_allowed_now")
        rules = dispute.in_force.type_of("not_received")
        assert refused == blocked_events(dispute.case, rules)[name]
        assert name not in [one.type for one in allowed_events(dispute.case, rules)]


def test_only_the_platform_erases_and_an_erased_side_says_nothing_more() -> None:
    for side in ("complainant", "respondent"):
        over().when(ERASE, by=side, at=hours(2)).refused("forbidden")
    dispute = over().when(ERASE, at=hours(2)).then("subject_erased")
    dispute.when(examples.RATE, by=examples.BUYER, at=hours(3)).refused("forbidden")
    dispute.when(NOTE, at=hours(3)).then("noted")


def test_a_fold_with_the_texts_and_one_without_come_to_the_same_names() -> None:
    dispute = over().when(ERASE, at=hours(2)).then("subject_erased")
    erased = replace(dispute.history[0].event, complainant=Party(role="buyer", id=ERASED))
    case = None
    for one in (replace(dispute.history[0], event=erased), *dispute.history[1:]):
        case = evolve(case, one)
    assert case == dispute.case
