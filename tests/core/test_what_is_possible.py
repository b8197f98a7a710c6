"""What a case says may happen now, by whom and until when, agrees with what is then taken or refused."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core.commands import BY, POSTED_NAMES
from case_events.core.gates import allowed_events, blocked_events, required_action_by
from case_events.core.values import Instant
from tests.core.market import complaint
from tests.examples import (
    AGREE,
    APPEAL,
    ASK_FOR_PHOTOS,
    EVERYTHING,
    OFFER,
    PAY_ADVANCE,
    REFUND,
    REFUNDED,
    REFUSE,
    TICK,
    WITH_ACCEPTANCE,
    WITH_RETURN,
    WITHDRAW,
)
from tests.spec import Dispute, days, filed, hours

ASK_IN_A_DAY = replace(ASK_FOR_PHOTOS, within=days(1))


def allowed(dispute: Dispute) -> dict[str, tuple[tuple[str, ...], Instant | None]]:
    rules = dispute.in_force.type_of("not_received")
    return {one.type: (one.by, one.due_at) for one in allowed_events(dispute.case, rules)}


def states() -> list[Dispute]:
    """One dispute in each state a case can wait in, and one closed."""
    ruled = filed().when(REFUSE, at=days(1)).when(REFUND, at=days(2))
    return [
        filed(WITH_ACCEPTANCE),
        filed(),
        filed().when(OFFER, at=hours(1)),
        filed().when(OFFER, at=hours(1)).passes(days(9) + TICK),
        filed().when(REFUSE, at=days(1)),
        ruled.fork(),
        ruled.fork().when(APPEAL, at=days(3)),
        ruled.fork().passes(days(10)),
        ruled.fork().passes(days(13)),
        filed().when(REFUSE, at=days(1)).when(ASK_IN_A_DAY, at=days(1)),
        filed(*WITH_RETURN, demand="return_and_refund").when(AGREE, at=hours(1)),
        filed().when(AGREE, at=hours(1)).when(REFUNDED, at=hours(2)),
    ]


def test_every_event_is_either_allowed_or_blocked_in_every_state() -> None:
    for dispute in states():
        blocked = blocked_events(dispute.case, dispute.in_force.type_of("not_received"))
        assert set(allowed(dispute)) | set(blocked) == set(BY)


def test_what_is_blocked_is_refused_with_the_very_problem_shown() -> None:
    for dispute in states():
        blocked = blocked_events(dispute.case, dispute.in_force.type_of("not_received"))
        for command in EVERYTHING:
            asked = dispute.fork().when(command, at=dispute.now)
            problem = blocked.get(POSTED_NAMES[type(command)])
            if problem is not None:
                assert asked.last.problem == problem


def test_what_is_allowed_is_refused_at_most_for_its_content() -> None:
    for dispute in states():
        possible = allowed(dispute)
        for command in EVERYTHING:
            name = POSTED_NAMES[type(command)]
            if name in possible and BY[name][0] in possible[name][0]:
                problem = dispute.fork().when(command, at=dispute.now).last.problem
                assert problem is None or problem.code == "invalid"


def test_a_fresh_complaint_shows_who_may_do_what_until_when() -> None:
    dispute = filed()
    assert allowed(dispute) == {
        "claim_amended": (("complainant",), None),
        "evidence_submitted": (("complainant", "respondent", "platform"), None),
        "merchant_replied": (("respondent",), dispute.instant(hours(72))),
        "intervention_requested": (("respondent",), None),
        "withdrawn": (("complainant",), None),
        "expedited": (("complainant",), None),
        "messaged": (("complainant", "respondent", "platform"), None),
        "evidence_rejected": (("platform",), None),
        "assigned": (("platform",), None),
        "linked": (("platform",), None),
        "noted": (("platform",), None),
        "deadline_extended": (("platform",), None),
    }


def test_what_only_one_side_must_wait_for_is_shown_as_blocked_with_the_instant_it_opens() -> None:
    dispute = filed()
    early = blocked_events(dispute.case, dispute.in_force.type_of("not_received"))["intervention_requested"]
    assert (early.code, early.opens_at) == ("not_yet", dispute.instant(hours(72)))
    open_to_all = filed().when(OFFER, at=hours(1)).passes(days(10))
    assert allowed(open_to_all)["intervention_requested"] == (
        ("complainant", "respondent"),
        open_to_all.instant(days(16)),
    )
    assert "intervention_requested" not in blocked_events(
        open_to_all.case, open_to_all.in_force.type_of("not_received")
    )


def test_who_must_act_follows_the_state() -> None:
    who = [required_action_by(dispute.case) for dispute in states()]
    assert who == [
        ("platform",),
        ("respondent",),
        ("complainant",),
        ("complainant",),
        ("platform",),
        (),
        ("platform",),
        ("respondent",),
        ("respondent",),
        ("complainant",),
        ("respondent",),
        (),
    ]


def names(dispute: Dispute) -> dict[str, Instant | None]:
    rules = dispute.in_force.type_of(dispute.case.type, dispute.case.subtype)
    return {one.type: one.due_at for one in allowed_events(dispute.case, rules)}


def test_an_advance_is_offered_only_where_the_policy_knows_one_and_its_recovery_only_where_one_is_owed() -> None:
    assert "advance_paid" not in names(complaint())
    paid = complaint({"advance.up_to": 10_000}).when(PAY_ADVANCE, at=hours(1)).then("advance_paid")
    assert "advance_paid" in names(paid)
    assert "recovered" not in names(paid)
    withdrawn = paid.when(WITHDRAW, at=hours(2))
    assert names(withdrawn)["recovered"] == withdrawn.instant(days(3) + hours(2))
    assert "advance_paid" not in names(withdrawn)


def test_what_a_clock_runs_against_is_shown_with_its_end() -> None:
    review = complaint({"intervention.steps_in_within": {"days": 2}}).when(REFUSE, at=hours(0))
    shown = names(review)
    assert (shown["assigned"], shown["ruled"]) == (review.instant(days(2)), review.instant(days(3)))
    shown = names(review.when(replace(REFUND, rule="ruling"), at=hours(0)))
    assert shown["appealed"] == shown["ruling_accepted"] == review.instant(days(7))
    handled = complaint({"follow_up": {"within": {"days": 7}}}).when(AGREE, at=hours(1)).when(REFUNDED, at=hours(1))
    assert names(handled)["followed_up"] == handled.instant(days(7) + hours(1))


def test_the_end_is_offered_once_what_is_owed_has_run_out_and_what_is_blocked_cites_its_clause() -> None:
    agreed = complaint().when(AGREE, at=hours(0))
    assert "closed" not in names(agreed.passes(days(3)))
    blocked = blocked_events(agreed.case, agreed.in_force.type_of("plain"))["closed"]
    assert (blocked.code, blocked.opens_at) == ("not_yet", agreed.instant(days(3)))
    assert blocked.clause is not None
    assert "closed" in names(agreed.passes(days(3) + TICK))
