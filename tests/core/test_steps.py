"""One step of a case: under which ids, of whom, from what and when each event is recorded, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid5

import pytest
from msgspec.structs import replace

from case_events.core.commands import File, Posted
from case_events.core.events import History, Noted
from case_events.core.others import Facts
from case_events.core.plan import Moment, Request, Step, World, claimed_ahead, not_opened, plan, plan_timeouts
from case_events.core.values import Fault, Instant, Party, Problem
from tests import examples as ex
from tests.spec import TEST_CLOCK, filed, given, hours

CASE, KEY = UUID(int=1), UUID(int=2)
FILED_AT = ex.NOON
SILENT = Instant.of(FILED_AT + timedelta(hours=72))
"""The merchant has 48 hours, and 24 more: its silence is over after that (domain N1)."""
OURS = UUID("5d9c7a52-6a1f-5f0e-9e63-0c1f3b8f7a11")
"""The name space of the ids of all timeouts ever written."""


def world(effective: Instant, recorded: Instant | None = None) -> World:
    moment = Moment(recorded_at=recorded or effective, effective_at=effective)
    return World(in_force=ex.policy(), calendar=ex.calendar(), moment=moment, facts=Facts(number="C-1"))


def request(command: File | Posted, actor: Party, **how: object) -> Request:
    asked = Request(case_id=CASE, command=command, actor=actor, client="storefront-1", event_id=KEY)
    return replace(asked, **how)


def opened(clocked: bool = False) -> History:
    command = replace(ex.FILING, test_clock=TEST_CLOCK) if clocked else ex.FILING
    return plan((), request(command, ex.BUYER, event_id=UUID(int=9)), world(FILED_AT)).events


def asked(command: Posted, actor: Party, at: Instant, history: History | None = None, **how: object) -> Step:
    return plan(history or opened(), request(command, actor, **how), world(at))


def after_noon(count: float) -> Instant:
    return Instant.of(FILED_AT + timedelta(hours=count))


def test_all_events_of_a_step_tell_who_asked_through_whom_and_what_caused_them() -> None:
    history, effective, recorded, claimed = opened(), after_noon(3), after_noon(3.5), after_noon(2)
    how = {"agent": "agent-7", "asked": b"digest", "occurred_at": claimed}
    first, second = plan(history, request(ex.AGREE, ex.MERCHANT, **how), world(effective, recorded)).answer
    assert (first.name, second.name) == ("merchant_replied", "settled")
    for one in (first, second):
        assert (one.case_id, one.who, one.client, one.agent) == (CASE, "respondent", "storefront-1", "agent-7")
        assert (one.effective_at, one.recorded_at, one.occurred_at) == (effective, recorded, claimed)
        assert one.correlation == KEY
    assert (first.version, second.version) == (2, 3)
    assert (first.event_id, second.event_id) == (KEY, uuid5(KEY, "1"))
    assert (first.causation, second.causation) == (None, KEY)
    assert (first.asked, second.asked) == (b"digest", None)


def test_a_step_tells_the_case_before_and_after_it_and_that_it_is_no_replay() -> None:
    step = asked(ex.AGREE, ex.MERCHANT, after_noon(1))
    assert step.before is not None
    assert step.case is not None
    assert (step.case_id, step.before.version, step.case.version) == (CASE, 1, 3)
    assert (step.problem, step.replayed, step.opens) == (None, False, ())
    assert step.events == step.answer


def test_the_first_step_has_no_case_before_it_and_starts_at_version_one() -> None:
    step = plan((), request(ex.FILING, ex.BUYER), world(FILED_AT))
    assert step.before is None
    assert [(one.version, one.who, one.agent) for one in step.answer] == [(1, "complainant", None)]
    assert (step.answer[0].event_id, step.answer[0].causation) == (KEY, None)


@pytest.mark.parametrize(("actor", "who"), [(ex.PLATFORM, "platform"), (ex.BUYER, "complainant")])
def test_a_filing_is_recorded_as_sent_by_the_platform_or_by_its_complainant(actor: Party, who: str) -> None:
    """Domain B1: what opens by itself is sent by the platform for its complainant."""
    filing = replace(ex.FILING, complainant=ex.BUYER)
    step = plan((), request(filing, actor), world(FILED_AT))
    assert [one.who for one in step.answer] == [who]


def test_what_ran_out_is_recorded_by_the_clock_itself_as_of_its_due_time() -> None:
    later = Instant.of(SILENT + timedelta(minutes=5))
    history = opened()
    step = plan_timeouts(history, world(later))
    first, second = step.events
    assert (first.name, second.name) == ("merchant_response_timed_out", "intervention_requested")
    for one in (first, second):
        assert (one.who, one.client, one.agent, one.asked) == ("scheduler", "caselog", None, None)
        assert (one.occurred_at, one.effective_at, one.recorded_at) == (SILENT, later, later)
        assert one.correlation == first.event_id
    assert first.event_id == uuid5(OURS, f"{CASE}/response/respondent/1")
    assert second.event_id == uuid5(first.event_id, "1")
    assert (first.causation, second.causation) == (history[0].event_id, first.event_id)
    assert (step.case_id, step.answer) == (CASE, step.events)
    assert step.before is not None
    assert step.before.version == 1


def test_the_due_instant_itself_is_in_time_and_nothing_is_recorded_then() -> None:
    step = plan_timeouts(opened(), world(SILENT))
    assert (step.events, step.answer, step.problem) == ((), (), None)
    assert step.case == step.before
    assert len(plan_timeouts(opened(), world(Instant.of(SILENT + ex.TICK))).events) == 2


def test_a_clock_set_by_what_another_clock_caused_names_that_as_its_cause() -> None:
    """The desk's clock starts when silence brings the platform in; two working days later it has run out too."""
    dispute = filed().passes(hours(24 * 8))
    ran_out = [one for one in dispute.history if one.name == "ruling_timed_out"]
    assert ran_out
    brought_in = next(one for one in dispute.history if one.name == "intervention_requested")
    assert ran_out[0].causation == brought_in.event_id
    assert ran_out[0].event_id == uuid5(OURS, f"{dispute.case_id}/ruling/platform/{brought_in.version}")
    assert len({one.event_id for one in dispute.history}) == len(dispute.history)


def test_under_a_test_clock_each_timeout_takes_effect_the_instant_after_it_was_due() -> None:
    later, recorded = Instant.of(SILENT + timedelta(hours=1)), Instant.of(FILED_AT + timedelta(minutes=1))
    step = plan_timeouts(opened(clocked=True), world(later, recorded))
    out = [one for one in step.events if one.name in ("merchant_response_timed_out", "intervention_requested")]
    assert [one.effective_at for one in out] == [Instant.of(SILENT + ex.TICK)] * 2
    assert [one.recorded_at for one in out] == [recorded] * 2
    assert [one.occurred_at for one in out] == [SILENT] * 2


def test_what_is_asked_too_late_is_refused_and_what_was_overdue_is_recorded_all_the_same() -> None:
    step = asked(ex.AGREE, ex.MERCHANT, Instant.of(SILENT + ex.TICK))
    assert step.problem is not None
    assert step.problem.code == "deadline_passed"
    assert [one.name for one in step.events] == ["merchant_response_timed_out", "intervention_requested"]
    assert step.answer == ()
    assert step.case is not None
    assert step.case.version == 3
    assert step.problem.rule is not None
    assert step.problem.rule.startswith("taobao@2026.1#")
    assert step.problem.clause is not None


def test_what_follows_what_was_overdue_has_the_versions_after_it() -> None:
    step = asked(ex.NOTE, ex.PLATFORM, Instant.of(SILENT + ex.TICK))
    assert [(one.version, one.name) for one in step.events] == [
        (2, "merchant_response_timed_out"),
        (3, "intervention_requested"),
        (4, "noted"),
    ]
    assert [one.name for one in step.answer] == ["noted"]


@pytest.mark.parametrize(("missed", "recorded", "busy"), [(1_000, 1_000, False), (1_001, 1_000, True)])
def test_a_step_lets_a_thousand_clocks_run_out_and_leaves_the_rest_for_the_next(
    missed: int, recorded: int, busy: bool
) -> None:
    """Nobody accepts it: the clock is over after 24 hours, and every 12 hours from then on."""
    accepting = replace(world(FILED_AT), in_force=ex.policy(ex.WITH_ACCEPTANCE))
    filing = request(replace(ex.FILING, test_clock=TEST_CLOCK), ex.BUYER, event_id=UUID(int=9))
    history = plan((), filing, accepting).events
    at = after_noon(24 + 12 * (missed - 1) + 1)
    late = replace(accepting, moment=Moment(recorded_at=at, effective_at=at))
    step = plan(history, request(ex.NOTE, ex.PLATFORM), late)
    assert [one.name for one in step.events].count("acceptance_timed_out") == recorded
    if busy:
        assert step.problem is not None
        assert (step.problem.code, step.answer, len(step.events)) == ("busy", (), recorded)
        rest = plan_timeouts((*history, *step.events), late)
        assert [one.version for one in rest.events] == [recorded + 2]
    else:
        assert [one.name for one in step.answer] == ["noted"]


def test_who_read_an_older_version_is_told_exactly_what_came_since() -> None:
    history = opened()
    offered = asked(ex.OFFER, ex.MERCHANT, after_noon(1), history, event_id=UUID(int=3)).events
    noted = asked(ex.NOTE, ex.PLATFORM, after_noon(2), (*history, *offered), event_id=UUID(int=4)).events
    step = asked(ex.TAKE_THE_OFFER, ex.BUYER, after_noon(3), (*history, *offered, *noted), if_match=2)
    assert step.problem is not None
    assert (step.problem.code, step.problem.current_version) == ("stale", 3)
    assert step.problem.detail == "The case is at version 3, not 2."
    missed = {"version": 3, "type": "noted", "event_id": str(UUID(int=4)), "effective_at": after_noon(2)}
    assert step.problem.missed == (missed,)
    assert step.events == ()


def test_a_filing_that_expects_nothing_to_be_there_is_taken() -> None:
    assert plan((), request(ex.FILING, ex.BUYER, if_match=0), world(FILED_AT)).problem is None
    stale = plan((), request(ex.FILING, ex.BUYER, if_match=1), world(FILED_AT)).problem
    assert stale is not None
    assert (stale.code, stale.current_version, stale.missed) == ("stale", 0, ())


def test_the_same_key_answers_as_then_and_another_body_under_it_says_nothing_of_the_case() -> None:
    history = opened()
    first = asked(ex.AGREE, ex.MERCHANT, after_noon(1), history, asked=b"one")
    later = asked(ex.NOTE, ex.PLATFORM, after_noon(2), (*history, *first.events), event_id=UUID(int=5))
    whole = (*history, *first.events, *later.events)
    again = asked(ex.AGREE, ex.MERCHANT, after_noon(9), whole, asked=b"one")
    assert (again.replayed, again.answer, again.events) == (True, first.answer, ())
    assert again.case == again.before == first.case
    assert again.case is not None
    assert again.case_id == CASE
    other = asked(ex.REFUSE, ex.MERCHANT, after_noon(9), whole, asked=b"two")
    assert (other.case, other.before, other.answer, other.replayed) == (None, None, (), False)
    assert other.problem is not None
    assert (other.problem.code, other.case_id) == ("id_reused", CASE)


@pytest.mark.parametrize(
    ("command", "actor", "told"),
    [
        (ex.AGREE, ex.BUYER, "merchant_replied is for the respondent of this case to post."),
        (ex.WITHDRAW, ex.MERCHANT, "withdrawn is for the complainant of this case to post."),
        (ex.NOTE, ex.MERCHANT, "noted is for the platform of this case to post."),
        (ex.APPEAL, ex.PLATFORM, "appealed is for the complainant or respondent of this case to post."),
        (ex.WITHDRAW, Party(role="merchant", id="b-1"), "withdrawn is for the complainant of this case to post."),
    ],
)
def test_what_is_anothers_to_post_says_whose_it_is(command: Posted, actor: Party, told: str) -> None:
    step = asked(command, actor, after_noon(1))
    assert step.problem is not None
    assert (step.problem.code, step.problem.detail) == ("forbidden", told)
    assert (step.events, step.case_id) == ((), CASE)
    assert step.case is not None
    assert step.case == step.before


def test_anybody_at_the_platform_acts_for_it_and_a_party_for_its_own_side() -> None:
    for actor, who in ((Party(role="platform", id="p-77"), "platform"), (ex.MERCHANT, "respondent")):
        assert [one.who for one in asked(ex.EVIDENCE, actor, after_noon(1)).answer] == [who]


def test_of_no_case_nothing_can_be_asked() -> None:
    step = plan((), request(ex.NOTE, ex.PLATFORM), world(FILED_AT))
    assert step.problem is not None
    assert (step.problem.code, step.case, step.before, step.events) == ("not_found", None, None, ())
    assert step.case_id == CASE


def test_claims_run_at_most_five_minutes_ahead() -> None:
    five = timedelta(minutes=5)
    assert [
        claimed_ahead(Instant.of(FILED_AT + shift), FILED_AT) for shift in (-five, 0 * five, five, five + ex.TICK)
    ] == [False, False, False, True]


def test_each_complaint_that_could_not_be_opened_leaves_its_own_note_and_the_others_stay() -> None:
    step = asked(ex.NOTE, ex.PLATFORM, after_noon(1), agent="agent-7", asked=b"digest")
    first, second = ex.FILING, replace(ex.FILING, type="shipping_insurance")
    step = replace(step, opens=(first, second))
    faults = (Fault(pointer="/order", detail="missing"), Fault(pointer="/amount", detail="too much"))
    refused = Problem(code="invalid", detail="It is wrong.", errors=faults)
    once = not_opened(step, second, refused)
    assert once.opens == (first,)
    (note,) = once.answer[len(step.answer) :]
    assert isinstance(note.event, Noted)
    assert note.event.text == "shipping_insurance: invalid. It is wrong. /order: missing; /amount: too much"
    assert note.event.internal
    assert (note.event_id, note.version) == (uuid5(KEY, "1"), step.answer[-1].version + 1)
    assert (note.agent, note.asked, note.who, note.client) == (None, None, "platform", "caselog")
    twice = not_opened(once, first, replace(refused, errors=(), detail="长" * 5_000))
    assert (twice.opens, len(twice.events)) == ((), len(step.events) + 2)
    last = twice.events[-1]
    assert isinstance(last.event, Noted)
    assert last.event.text == ("not_received: invalid. " + "长" * 5_000)[:4000]
    assert (last.event_id, last.causation, last.version) == (uuid5(KEY, "2"), KEY, note.version + 1)
    assert twice.case is not None
    assert (twice.case.version, twice.answer) == (last.version, (*once.answer, last))


def test_a_storefront_that_claims_nothing_is_taken_to_mean_the_instant_that_judged() -> None:
    step = given().file(ex.FILING).when(ex.OFFER, at=hours(4)).last
    assert [one.occurred_at for one in step.answer] == [after_noon(4)]
