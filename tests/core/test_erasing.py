"""Erasing one side of a case: when it is over, by the platform, and once (PIPL article 47)."""

from __future__ import annotations

from typing import get_args

import pytest
from msgspec.structs import replace

from case_events.core.commands import Erase
from case_events.core.events import AppealSide
from case_events.core.evolve import evolve
from case_events.core.values import ERASED, Party
from tests import examples
from tests.examples import ERASE, NOTE, WITHDRAW
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
    dispute.when(ERASE, at=hours(5)).refused("not_allowed_now", detail="Both sides are erased already.")


def test_the_platform_is_nobody_who_could_be_erased() -> None:
    dispute = over()
    closed = replace(dispute.history[0], event=replace(dispute.history[0].event, complainant=examples.PLATFORM))
    dispute.history = (closed, *dispute.history[1:])
    dispute.when(ERASE, at=hours(2)).refused(
        "not_allowed_now", detail="The complainant is the platform: it names nobody."
    )


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
