"""How a thing is asked: by whose side, having read which version, and once under one key."""

from __future__ import annotations

import pytest

from case_events.core.commands import BY, POSTED_NAMES, Posted
from case_events.core.plan import CLAIMED_AHEAD_MAX, claimed_ahead
from case_events.core.values import ERASED, Instant, Party, Side
from tests.examples import (
    AGREE,
    AMEND,
    EVERYTHING,
    FILING,
    NOON,
    OFFER,
    REFUND,
    REFUSE,
    TAKE_THE_OFFER,
    TICK,
    yuan,
)
from tests.spec import filed, given, hours

SIDES: tuple[Side, ...] = ("complainant", "respondent", "platform")
WRONG = [(command, side) for command in EVERYTHING for side in SIDES if side not in BY[POSTED_NAMES[type(command)]]]


def test_the_list_of_commands_here_is_complete() -> None:
    assert {POSTED_NAMES[type(command)] for command in EVERYTHING} == set(BY)


@pytest.mark.parametrize(
    ("command", "side"), WRONG, ids=lambda it: it if isinstance(it, str) else POSTED_NAMES[type(it)]
)
def test_what_belongs_to_another_side_is_forbidden_and_nothing_is_recorded(command: Posted, side: Side) -> None:
    filed().when(command, by=side, at=hours(80)).refused("forbidden")


@pytest.mark.parametrize(
    "stranger",
    [Party(role="buyer", id="b-2"), Party(role="merchant", id="b-1"), Party(role="buyer", id=ERASED)],
    ids=["another buyer", "the buyer's id as a merchant", "an erased id"],
)
def test_a_stranger_to_the_case_may_post_nothing(stranger: Party) -> None:
    filed().when(AMEND, by=stranger, at=hours(1)).refused("forbidden")


def test_an_erased_party_is_nobody() -> None:
    gone = Party(role="buyer", id=ERASED)
    filed(complainant=gone).when(AMEND, by=gone, at=hours(1)).refused("forbidden")


def test_nothing_can_be_asked_of_a_case_that_was_never_filed() -> None:
    given().when(AMEND, at=NOON).refused("not_found")


def test_who_read_the_current_version_may_act_on_it() -> None:
    filed().when(OFFER, at=hours(1), if_match=1).then("merchant_replied")


def test_who_read_an_older_version_is_told_what_was_missed() -> None:
    dispute = filed().when(OFFER, at=hours(1)).when(TAKE_THE_OFFER, at=hours(2), if_match=1)
    problem = dispute.refused("stale", current_version=2)
    assert problem.missed is not None
    assert [(one["version"], one["type"]) for one in problem.missed] == [(2, "merchant_replied")]


def test_a_timeout_nobody_wrote_yet_makes_the_reader_stale_too() -> None:
    dispute = filed().when(AGREE, at=hours(72) + TICK, if_match=1)
    problem = dispute.refused("stale", "merchant_response_timed_out", "intervention_requested", current_version=3)
    assert problem.missed is not None
    assert [one["version"] for one in problem.missed] == [2, 3]


def test_a_version_from_the_future_is_stale() -> None:
    filed().when(OFFER, at=hours(1), if_match=9).refused("stale", current_version=1, missed=())


def test_the_same_thing_asked_twice_under_one_key_is_answered_as_it_was_then() -> None:
    dispute = filed().when(OFFER, at=hours(1), key="k").then("merchant_replied")
    first = dispute.last
    dispute.when(TAKE_THE_OFFER, at=hours(2)).then("settled").when(OFFER, at=hours(99), key="k").then()
    assert dispute.last.replayed
    assert dispute.last.answer == first.answer
    assert dispute.last.case == first.case
    assert len(dispute.history) == 3


def test_a_replayed_step_answers_with_every_event_it_caused_but_not_the_timeouts_before_it() -> None:
    dispute = (
        filed()
        .when(REFUND, at=hours(80), key="r")
        .then("merchant_response_timed_out", "intervention_requested", "ruled")
    )
    dispute.when(REFUND, at=hours(81), key="r").then()
    assert [one.name for one in dispute.last.answer] == ["ruled"]
    twice = filed().when(REFUSE, at=hours(1), key="k").when(REFUSE, at=hours(1), key="k")
    assert [one.name for one in twice.last.answer] == ["merchant_replied", "intervention_requested"]


def test_a_replay_does_not_mind_what_was_read_nor_what_is_overdue_by_now() -> None:
    dispute = filed().when(AMEND, at=hours(1), key="k").then("claim_amended")
    dispute.when(AMEND, at=hours(500), key="k", if_match=1).then()
    assert dispute.last.replayed


def test_another_thing_under_a_used_key_is_refused() -> None:
    dispute = filed().when(OFFER, at=hours(1), key="k").when(AGREE, at=hours(1), key="k")
    dispute.refused("id_reused")
    assert len(dispute.history) == 2


def test_a_refusal_uses_up_no_key() -> None:
    dispute = filed().when(TAKE_THE_OFFER, at=hours(1), key="k")
    dispute.refused("not_allowed_now")
    dispute.when(OFFER, at=hours(2)).when(TAKE_THE_OFFER, at=hours(3), key="k").then("settled", owed=yuan(50))


def test_a_filing_sent_twice_is_one_case() -> None:
    dispute = given().file(FILING, key="f").then("filed").file(FILING, key="f").then()
    assert dispute.last.replayed


def test_what_the_storefront_claims_is_kept_beside_the_instant_that_judged() -> None:
    dispute = filed().when(AGREE, at=hours(73), claimed=hours(71))
    dispute.refused("deadline_passed", "merchant_response_timed_out", "intervention_requested")
    dispute = filed().when(AGREE, at=hours(72), claimed=hours(71)).then("merchant_replied", "settled")
    assert [one.occurred_at for one in dispute.last.answer] == [dispute.instant(hours(71))] * 2
    assert [one.effective_at for one in dispute.last.answer] == [dispute.instant(hours(72))] * 2
    silent = filed().when(AGREE, at=hours(72)).last.answer[0]
    assert silent.occurred_at == silent.effective_at


def test_a_claim_of_what_happened_may_run_five_minutes_ahead_and_no_more() -> None:
    assert not claimed_ahead(None, NOON)
    assert not claimed_ahead(Instant.of(NOON + CLAIMED_AHEAD_MAX), NOON)
    assert claimed_ahead(Instant.of(NOON + CLAIMED_AHEAD_MAX + TICK), NOON)
