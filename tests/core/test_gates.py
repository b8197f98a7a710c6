"""What stands in an event's way beside the status: clocks that ran out or still run, and what is not there."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from case_events.core.case import (
    BroughtEvidence,
    Deadline,
    Rating,
    RequestedEvidence,
    Status,
    Undo,
)
from case_events.core.commands import BY
from case_events.core.gates import (
    allowed_events,
    blocked_events,
    refusal,
    required_action_by,
    too_early,
)
from case_events.core.missing import missing_evidence
from case_events.core.stages import CLOCK_OF
from case_events.core.terms import Reply
from case_events.core.values import ERASED, ClockParty, Instant, Recovery
from tests.core.standing import CARRIER, KINDS, OWED_BACK, RULES, RULING, clock, day, standing
from tests.examples import BUYER, MERCHANT, proof, yuan

OPEN: set[Status] = set(get_args(Status)) - {"closed"}


def test_the_step_of_the_return_shows_its_own_clock_and_whose_it_is() -> None:
    steps: tuple[tuple[str, ClockParty], ...] = (
        ("return_address", "respondent"),
        ("return_shipment", "complainant"),
        ("return_receipt", "respondent"),
    )
    for on, (kind, party) in enumerate(steps, 11):
        case = standing("waiting_for_return", clocks=(clock("evidence"), clock(kind, party, on)))
        shown = {one.type: (one.by, one.due_at) for one in allowed_events(case, RULES)}
        assert shown["returned"] == ((party,), day(on))
        assert required_action_by(case) == (party,)


def test_every_other_event_shows_its_sides_and_its_own_clock_whatever_else_runs() -> None:
    for status in sorted(OPEN):
        case = standing(status)
        runs = {one.kind: one.due_at for one in case.clocks}
        for shown in allowed_events(case, RULES):
            if shown.type != "returned":
                until = runs[CLOCK_OF[shown.type]] if shown.type in CLOCK_OF else None
                assert (shown.by, shown.due_at) == (BY[shown.type], until), shown.type


GOES_FOR_GOOD = {
    "response": ("merchant_replied", "respondent_replied"),
    "intervention": ("intervention_requested",),
    "appeal": ("appealed", "ruling_accepted"),
}


def test_what_was_possible_until_its_clock_ran_out_says_until_when() -> None:
    every = tuple(clock(kind, on=on) for on in (3, 4) for kind in KINDS)
    case = standing(
        "closed", expired=(*every, clock("negotiation", on=9)), posts=(), rating=Rating(score=4, comment=None)
    )
    passed = {name for names in GOES_FOR_GOOD.values() for name in names}
    for name in set(BY) - {"noted", "subject_erased"}:
        problem = refusal(name, case, RULES)
        assert problem is not None
        found = (problem.code, problem.due_at)
        assert found == (("deadline_passed", day(4)) if name in passed else ("not_allowed_now", None)), name
    for kind, names in GOES_FOR_GOOD.items():
        others = standing("closed", expired=tuple(one for one in every if one.kind != kind))
        for name in names:
            problem = refusal(name, others, RULES)
            assert problem is not None
            assert problem.code == "not_allowed_now"


PLATFORMS_OWN = BroughtEvidence(by="platform", evidence=proof(9))
UNDO = Undo(event_id=RULING.event_id, kind="response", party="respondent", was=standing("waiting_for_merchant"))
STANDS_IN_THE_WAY: list[tuple[str, Status, dict[str, Any], dict[str, Any]]] = [
    # the event, the status, what stands in its way, and what does not
    ("settled", "waiting_for_complainant", {"offer": None}, {}),
    ("withdrawn", "under_review", {"rulings": (RULING,)}, {}),
    ("withdrawn", "waiting_for_merchant", {"forged_by": ("respondent", "complainant")}, {"forged_by": ("respondent",)}),
    ("merchant_replied", "waiting_for_merchant", {"respondent": CARRIER}, {}),
    ("respondent_replied", "waiting_for_respondent", {}, {"respondent": CARRIER}),
    ("expedited", "under_review", {"expedites": 2}, {"expedites": 1}),
    ("expedited", "under_review", {"expedites": 3}, {"expedites": 0}),
    ("evidence_rejected", "under_review", {"evidence": ()}, {}),
    (
        "evidence_rejected",
        "under_review",
        {"evidence": (PLATFORMS_OWN,)},
        {"evidence": (PLATFORMS_OWN, BroughtEvidence(by="respondent", evidence=proof(2)))},
    ),
    ("recovered", "waiting_for_recovery", {"recoveries": ()}, {}),
    ("rated", "closed", {"rating": Rating(score=1, comment=None)}, {}),
    ("rated", "closed", {"complainant": replace(BUYER, id=ERASED)}, {"respondent": replace(MERCHANT, id=ERASED)}),
    (
        "subject_erased",
        "closed",
        {"complainant": replace(BUYER, id=ERASED), "respondent": replace(MERCHANT, id=ERASED)},
        {"complainant": replace(BUYER, id=ERASED)},
    ),
    ("timeout_reversed", "under_review", {"undo": None}, {"undo": UNDO}),
    ("deadline_extended", "under_review", {"clocks": ()}, {"clocks": (clock("ruling"),)}),
]


@pytest.mark.parametrize(
    ("name", "status", "stands", "goes"), STANDS_IN_THE_WAY, ids=[one[0] for one in STANDS_IN_THE_WAY]
)
def test_what_the_status_allows_may_still_have_something_in_its_way(
    name: str, status: Status, stands: dict[str, Any], goes: dict[str, Any]
) -> None:
    rules = replace(RULES, intervention=replace(RULES.intervention, expedites=2))
    problem = refusal(name, standing(status, **stands), rules)
    assert problem is not None
    assert problem.code == "not_allowed_now"
    assert refusal(name, standing(status, **goes), rules) is None


def test_an_advance_needs_a_policy_that_knows_one() -> None:
    case = standing("under_review")
    assert refusal("advance_paid", case, RULES) is None
    assert refusal("advance_paid", case, replace(RULES, advance=None)) is not None


def test_a_ruling_can_be_put_right_while_it_waits_to_stand_or_to_be_done() -> None:
    ruled = {"rulings": (RULING,), "posts": ()}
    found = {status for status in OPEN if refusal("corrected", standing(status, **ruled), RULES) is None}
    assert found == {"appealable", "waiting_for_return", "waiting_for_remedy", "waiting_for_recovery"}
    assert refusal("corrected", standing("closed", **ruled), RULES) is not None
    for status in found:
        assert refusal("corrected", standing(status, posts=()), RULES) is not None


REMEDY, BACK = clock("remedy", "respondent", 5), clock("recovery", "complainant", 8)
THEIRS = clock("recovery", "respondent", 9)
ENDS: list[tuple[tuple[Deadline, ...], tuple[Deadline, ...], int | None]] = [
    # what runs, what ran out once, and the day from which the platform may end the case
    ((REMEDY, BACK), (), 8),
    ((BACK, REMEDY), (), 8),
    ((REMEDY, BACK), (BACK,), 5),
    ((REMEDY, BACK), (THEIRS,), 8),
    ((REMEDY, BACK), (REMEDY,), 8),
    ((REMEDY, BACK), (REMEDY, BACK), None),
    ((BACK, THEIRS), (BACK,), 9),
    ((REMEDY, clock("ruling", on=20)), (REMEDY,), None),
]


@pytest.mark.parametrize(("running", "late", "opens"), ENDS)
def test_the_platform_ends_a_case_once_each_clock_of_what_is_owed_has_run_out(
    running: tuple[Deadline, ...], late: tuple[Deadline, ...], opens: int | None
) -> None:
    problem = refusal("closed", standing("waiting_for_remedy", clocks=running, expired=late), RULES)
    assert (problem.code if problem else None) == ("not_yet" if opens else None)
    if opens:
        assert problem is not None
        assert problem.opens_at == day(opens)


def early(reply: Reply | None, *clocks: Deadline) -> tuple[str, Instant | None] | None:
    case = standing("waiting_for_merchant", clocks=clocks, intervention_open=False)
    problem = too_early(case, "complainant", replace(RULES, reply=reply))
    return None if problem is None else (problem.code, problem.opens_at)


def test_a_complainant_waits_for_the_earliest_of_silence_and_stall() -> None:
    reply, talks, turn = RULES.reply, clock("negotiation", "both", 11), clock("response", "respondent", 5)
    assert reply is not None
    concedes = replace(reply, on_timeout="concede")
    assert early(reply, talks, turn) == ("not_yet", day(5))
    assert early(reply, talks, replace(turn, due_at=day(12))) == ("not_yet", day(11))
    assert early(concedes, talks, turn) == ("not_yet", day(11))
    assert early(None, talks, turn) == ("not_yet", day(11))
    assert early(concedes, turn) == ("not_yet", None)
    assert early(replace(reply, on_timeout="unlock"), turn) == ("not_yet", day(5))


def test_a_respondent_and_whoever_has_the_right_already_need_not_wait() -> None:
    shut = standing("waiting_for_merchant", intervention_open=False)
    assert too_early(shut, "respondent", RULES) is None
    assert too_early(shut, "complainant", RULES) is not None
    assert too_early(standing("waiting_for_merchant"), "complainant", RULES) is None
    by = {one.type: one.by for one in allowed_events(shut, RULES)}
    assert by["intervention_requested"] == ("respondent",)
    blocked = blocked_events(shut, RULES)["intervention_requested"]
    assert (blocked.code, blocked.opens_at) == ("not_yet", day(4))
    assert blocked.clause is not None
    gone = blocked_events(standing("under_review", intervention_open=False), RULES)["intervention_requested"]
    assert gone.code == "not_allowed_now"


def test_who_accepted_a_ruling_neither_appeals_nor_accepts_it_again() -> None:
    by = {one.type: one.by for one in allowed_events(standing("appealable", accepted_by=("complainant",)), RULES)}
    assert (by["appealed"], by["ruling_accepted"]) == (("respondent",), ("respondent",))


def asked(party: ClockParty, *kinds: str, back: Status | None = "under_review") -> RequestedEvidence:
    return RequestedEvidence(party=party, kinds=kinds, back=back)


def test_whose_evidence_the_case_waits_for_must_act_not_whose_is_only_required() -> None:
    clocks = (clock("ruling"), clock("evidence", "complainant", 6), clock("evidence", "respondent", 7))
    both = (asked("complainant", "photo", back=None), asked("respondent", "invoice"))
    assert required_action_by(standing("evidence_requested", clocks=clocks, requested=both)) == ("respondent",)
    assert required_action_by(standing("evidence_requested", clocks=clocks, requested=both[:1])) == ()
    shared = (clock("evidence", "both", 6),)
    assert required_action_by(standing("evidence_requested", clocks=shared, requested=(asked("both", "photo"),))) == ()
    assert required_action_by(standing("evidence_requested", clocks=(clocks[0],), requested=both)) == ()


def test_everybody_who_owes_the_platform_must_act() -> None:
    owed = (Recovery(party="complainant", amount=yuan(1)), OWED_BACK)
    assert required_action_by(standing("waiting_for_recovery", recoveries=owed)) == ("complainant", "respondent")
    assert required_action_by(standing("waiting_for_return", clocks=(clock("evidence", "complainant"),))) == ()


def test_what_is_missing_names_each_kind_whose_it_is_and_the_end_of_that_side_s_clock() -> None:
    clocks = (clock("response", "respondent", 4), clock("evidence", "complainant", 6), clock("ruling", "respondent", 9))
    requested = (asked("complainant", "photo", "video", back=None), asked("respondent", "invoice"))
    missing = missing_evidence(standing("under_review", clocks=clocks, requested=requested))
    assert [(one.kind, one.party, one.due_at) for one in missing] == [
        ("photo", "complainant", day(6)),
        ("video", "complainant", day(6)),
        ("invoice", "respondent", None),
    ]
    decided = standing("waiting_for_remedy", outcome="upheld", clocks=clocks, requested=requested)
    assert missing_evidence(decided) == ()
