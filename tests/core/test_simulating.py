"""A recorded case under another policy: who would have been late, what would have come of it, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from case_events.core.commands import POSTED, Rule
from case_events.core.events import EVENTS, DeadlineExtended, Filed
from case_events.core.facts import ExtensionFacts, FilingFacts
from case_events.core.plan import OURSELVES
from case_events.core.policy import InForce
from case_events.core.recalling import BY_HAND
from case_events.core.retelling import EVENTS_MAX, RefusedStep
from case_events.core.simulating import RanOut, Simulated, simulate
from case_events.core.values import ERASED, Clock, Penalty
from tests.core.market import FILING, GOODS, PART_REFUND, REFUND, REJECT, complaint, market
from tests.core.retold import is_as_recorded, world_of
from tests.examples import (
    ACCEPT,
    ACCEPT_RULING,
    ADDRESS,
    AGREE,
    AMEND,
    APPEAL,
    ASK_FOR_PHOTOS,
    ASSIGN,
    BUYER,
    ERASE,
    MESSAGE,
    NOON,
    OFFER,
    PAY_ADVANCE,
    RECEIVED,
    REFUNDED,
    REFUSE,
    REVERSE,
    SHIPPED,
    TAKE_THE_OFFER,
    TICK,
    yuan,
)
from tests.spec import Dispute, days, hours

CONCEDES = {"reply.on_timeout": "concede"}


def pays(share: int) -> dict[str, Any]:
    """A part refund is this share of what was paid."""
    return {"types.plain.ruling.amounts": {"partial_refund": {"share_of": "paid", "basis_points": share}}}


def under(dispute: Dispute, rules: dict[str, Any] | None = None, **whole: Any) -> Simulated:
    """The dispute as it would have gone by these rules."""
    return by(dispute, market(rules, **whole))


def by(dispute: Dispute, candidate: InForce) -> Simulated:
    found = simulate(dispute.history, world_of(dispute), candidate, lambda _: ())
    assert found.differs == (found.differences != ())
    return found


def test_a_reply_that_was_in_time_comes_too_late_by_a_shorter_period() -> None:
    dispute = complaint(CONCEDES).when(REFUSE, at=days(2)).when(REJECT, at=days(3)).passes(days(30))
    found = under(dispute, CONCEDES | {"reply.open_period": {"days": 1}})
    assert (found.recorded.outcome, found.recorded.awarded) == ("rejected", yuan(0))
    assert found.simulated is not None
    assert (found.simulated.outcome, found.simulated.awarded) == ("conceded", yuan(129))
    assert (found.simulated.stage, found.simulated.status) == ("inquiry", "waiting_for_remedy")
    assert found.simulated.timeouts[0] == RanOut(
        kind="response", party="respondent", times=1, first_due_at=dispute.instant(days(1))
    )
    assert found.differences == ("refused", "outcome", "status", "amount", "timeouts", "due_times")
    reply, ruling = found.refused
    assert (reply.version, reply.type, reply.code, reply.rule) == (
        *(2, "merchant_replied", "deadline_passed"),
        "market@1#plain.reply",
    )
    assert (ruling.type, ruling.code) == ("ruled", "not_allowed_now")


def test_silence_that_was_a_concession_is_none_by_a_longer_period_and_nobody_speaks_who_did_not() -> None:
    dispute = complaint(CONCEDES).passes(days(3) + TICK).when(REFUNDED, at=days(4))
    found = under(dispute, CONCEDES | {"reply.open_period": {"days": 9}})
    assert found.recorded.outcome == "conceded"
    assert found.simulated is not None
    assert (found.simulated.outcome, found.simulated.status) == (None, "waiting_for_merchant")
    assert found.simulated.timeouts == ()
    assert [(one.kind, one.recorded, one.simulated) for one in found.due_times] == [
        ("response", dispute.instant(days(3)), dispute.instant(days(9))),
        ("remedy", dispute.instant(days(6)), None),
    ]


def test_a_period_that_nobody_needed_moves_due_times_alone() -> None:
    dispute = complaint().when(AGREE, at=days(1)).when(REFUNDED, at=days(2))
    found = under(dispute, {"reply.open_period": {"days": 2}})
    assert found.differences == ("due_times",)
    assert found.simulated == found.recorded


def test_what_could_not_have_been_filed_is_told_no_further() -> None:
    dispute = complaint().when(AGREE, at=days(1))
    found = under(dispute, {"reasons": ["broken"]})
    assert found.simulated is None
    assert found.differences == ("filing",)
    assert found.refused == (
        RefusedStep(version=1, type="filed", code="invalid", rule="market@1#filing", pointers=("/reason",)),
    )


def test_the_policys_figure_is_the_other_policys_figure_and_the_desks_own_sum_stays() -> None:
    ruled = complaint(whole=pays(1_000)).when(REFUSE, at=days(1))
    figure = replace(PART_REFUND, amount=replace(yuan(0), amount=1_290))
    by_the_figure = ruled.fork().when(figure, at=days(2)).passes(days(12))
    found = under(by_the_figure, **pays(2_000))
    assert (found.recorded.awarded.amount, found.simulated and found.simulated.awarded.amount) == (1_290, 2_580)
    assert found.differences == ("amount",)
    departing = replace(figure, amount=yuan(60), departs="情况特殊。")
    own = ruled.fork().when(departing, at=days(2)).passes(days(12))
    assert under(own, **pays(2_000)).differences == ()


def test_who_did_what_was_owed_does_what_is_owed() -> None:
    owed = replace(yuan(0), amount=1_290)
    dispute = complaint(whole=pays(1_000)).when(REFUSE, at=days(1)).when(replace(PART_REFUND, amount=owed), at=days(2))
    dispute.passes(days(9) + TICK).when(replace(REFUNDED, kind="partial_refund", amount=owed), at=days(10))
    assert dispute.case.status == "closed"
    found = under(dispute, **pays(2_000))
    assert found.refused == ()
    assert found.simulated is not None
    assert (found.simulated.status, found.simulated.awarded.amount) == ("closed", 2_580)


def test_a_penalty_that_the_clause_brought_is_what_it_brings_now() -> None:
    def brings(points: int) -> dict[str, Any]:
        return {"ruling.sanctions": {"ruling": [{"kind": "points", "points": points}]}}

    dispute = complaint(brings(6)).when(REFUSE, at=days(1))
    dispute.when(replace(REFUND, penalties=(Penalty(kind="points", points=6),)), at=days(2))
    assert dispute.last.problem is None
    assert under(dispute, brings(12)).refused == ()


def test_evidence_asked_for_in_the_policys_time_is_asked_for_in_the_other_policys_time() -> None:
    dispute = complaint({"evidence.within": {"days": 3}}).when(REFUSE, at=days(1))
    dispute.when(replace(ASK_FOR_PHOTOS, within=timedelta(days=5)), at=days(2))
    found = under(dispute, {"evidence.within": {"days": 4}})
    assert found.differences == ()
    other = complaint({"evidence.within": {"days": 3}}).when(REFUSE, at=days(1)).when(ASK_FOR_PHOTOS, at=days(2))
    (moved,) = under(other, {"evidence.within": {"days": 4}}).due_times
    assert (moved.kind, moved.simulated) == ("evidence", other.instant(days(6)))


def test_the_same_timeout_is_taken_back_where_there_is_one() -> None:
    dispute = complaint().passes(days(3) + TICK)
    first = next(one for one in dispute.history if one.who == "scheduler")
    dispute.when(replace(REVERSE, event=first.event_id), at=days(3) + hours(1))
    assert dispute.last.problem is None
    reminded = {"reminders": {"response": {"hours": 12}}}
    assert under(dispute, reminded).differences == ()
    (refused,) = under(dispute, {"reply.open_period": {"days": 9}}).refused
    assert (refused.type, refused.code) == ("timeout_reversed", "not_allowed_now")


def test_a_timeout_is_taken_back_until_the_instant_that_was_named() -> None:
    dispute = complaint().passes(days(3) + TICK)
    first = next(one for one in dispute.history if one.who == "scheduler")
    until = dispute.instant(days(6))
    dispute.when(replace(REVERSE, event=first.event_id, due_at=until), at=days(3) + hours(1))
    assert dispute.clock("response").due_at == until
    is_as_recorded(dispute)


def test_a_refund_is_of_what_is_claimed_there() -> None:
    """The claim was lowered when the platform would have been in already: it is ruled on as it was filed."""
    dispute = complaint().when(AMEND, at=days(2)).when(REFUSE, at=days(2)).when(lowered(REFUND), at=days(3))
    dispute.passes(days(11))
    assert dispute.case.outcome == "upheld"
    found = under(dispute, {"reply.open_period": {"days": 1}})
    assert [one.type for one in found.refused] == ["claim_amended", "merchant_replied"]
    assert found.simulated is not None
    assert (found.recorded.awarded, found.simulated.awarded) == (AMEND.amount, yuan(129))


def lowered(ruling: Rule) -> Rule:
    return replace(ruling, amount=AMEND.amount)


def test_an_advance_beyond_the_other_policys_sum_is_refused_and_what_follows_is_told_on() -> None:
    dispute = complaint({"advance.up_to": 10_000}).when(PAY_ADVANCE, at=hours(1)).when(AGREE, at=days(1))
    found = under(dispute, {"advance.up_to": 1_000})
    assert [(one.type, one.pointers) for one in found.refused] == [("advance_paid", ("/data/amount/amount",))]
    assert found.simulated is not None
    assert found.simulated.outcome == found.recorded.outcome == "settled"


def test_somebody_is_assigned_where_the_case_stands() -> None:
    dispute = complaint().when(REFUSE, at=days(1)).when(ASSIGN, at=days(2))
    found = under(dispute, {"intervention.department": "consumer_protection"})
    assert found.refused == ()


def test_what_is_erased_is_no_hindrance() -> None:
    dispute = complaint().when(AGREE, at=days(1)).when(MESSAGE, at=days(1)).when(REFUNDED, at=days(2))
    dispute.when(ERASE, at=days(3))
    assert dispute.last.problem is None
    filed = dispute.history[0].event
    assert isinstance(filed, Filed)
    erased = replace(filed, complainant=replace(BUYER, id=ERASED), description=ERASED)
    dispute.history = (replace(dispute.history[0], event=erased), *dispute.history[1:])
    found = under(dispute)
    assert (found.refused, found.differences) == ((), ())


def test_days_that_were_made_sure_were_asked_by_nobody() -> None:
    dispute = complaint().when(REFUSE, at=days(1))
    due = dispute.clock("ruling").due_at
    clock = Clock(kind="ruling", party="platform", due_at=due)
    made_sure = DeadlineExtended(
        kind="ruling", party="platform", due_at=due, reason="放假安排已公布。", clocks=(clock,)
    )
    last = dispute.history[-1]
    sure = replace(last, version=last.version + 1, event=made_sure, client=OURSELVES, who="platform")
    sure = replace(sure, event_id=ERASE_ID, correlation=ERASE_ID)
    dispute.history = (*dispute.history, sure)
    assert under(dispute).refused == ()


ERASE_ID = REVERSE.event


def test_a_complaint_that_is_always_anonymous_was_not_asked_to_be() -> None:
    dispute = complaint({"anonymity": "always"})
    assert dispute.case.anonymous
    assert under(dispute, {"anonymity": "never"}).differences == ()
    wished = complaint({"anonymity": "allowed"}, anonymous=True)
    (refused,) = under(wished, {"anonymity": "never"}).refused
    assert refused.pointers == ("/anonymous",)


def test_the_money_that_was_had_at_once_was_asked_for() -> None:
    terms = {"advance": {"up_to": 20_000, "instant_up_to": 15_000}}
    dispute = complaint(terms, instant_refund=True, facts=FilingFacts(trusted=True))
    assert dispute.case.advances
    assert under(dispute, terms).differences == ()
    (refused,) = under(dispute, {"advance": {"up_to": 20_000, "instant_up_to": 1_000}}).refused
    assert refused.pointers == ("/instant_refund",)


def test_a_dispute_of_many_steps_is_as_it_was_recorded() -> None:
    dispute = complaint(GOODS, demand="return_and_refund").when(OFFER, at=hours(1)).when(TAKE_THE_OFFER, at=hours(2))
    is_as_recorded(dispute)
    goods = complaint(GOODS, demand="return_and_refund").when(AGREE, at=hours(1))
    for hour, step in enumerate((ADDRESS, SHIPPED, RECEIVED), 2):
        goods.when(step, at=hours(hour), by="complainant" if step is SHIPPED else "respondent")
    is_as_recorded(goods)
    ruled = complaint().when(REFUSE, at=days(1)).when(REFUND, at=days(2)).when(APPEAL, at=days(3))
    is_as_recorded(ruled.when(REJECT, at=days(4)))
    accepted = complaint().when(REFUSE, at=days(1)).when(REFUND, at=days(2))
    is_as_recorded(accepted.when(ACCEPT_RULING, at=days(3)).when(ACCEPT_RULING, at=days(3), by="respondent"))


def test_what_was_written_late_is_late_there_too() -> None:
    """Who was given a minimum notice because of our lag has it in the simulation as well."""
    rules = {"reply.on_timeout": "unlock", "intervention.lapses_after": {"days": 2}}
    dispute = complaint(rules).passes(days(8))
    assert dispute.clock("intervention").minimum_notice
    is_as_recorded(dispute)
    assert under(dispute, rules | {"reply.open_period": {"days": 4}}).differences == ("due_times",)


def test_an_open_case_lives_until_now() -> None:
    dispute = complaint(CONCEDES).when(REFUSE, at=hours(1)).passes(days(1))
    found = under(dispute, CONCEDES | {"ruling.within": {"hours": 1}})
    assert found.simulated is not None
    assert [(one.kind, one.times) for one in found.simulated.timeouts] == [("ruling", 1)]


def test_a_case_whose_clocks_would_never_rest_is_told_so_far() -> None:
    dispute = complaint().when(REFUSE, at=days(1)).when(MESSAGE, at=days(2)).passes(days(3))
    found = under(dispute, {"ruling.within": {"seconds": 1}, "ruling.again_after": {"seconds": 1}})
    assert [(one.type, one.code) for one in found.refused] == [("messaged", "busy")]
    assert found.simulated is not None
    assert found.simulated.timeouts[0].times >= EVENTS_MAX - 10


@pytest.mark.parametrize("name", POSTED)
def test_every_word_of_a_command_is_recalled_from_its_event(name: str) -> None:
    """A new field of a command is in its event, or somebody says by hand where it comes from."""
    said = {
        **dict.fromkeys(EVENTS[name].__struct_fields__, ""),
        **{
            "advance_paid": {"amount": "", "recover_from": ""},
            "followed_up": {"amount": ""},
            "corrected": {"fields": ""},
            "timeout_reversed": {"due_at": ""},
            "evidence_requested": {"within": ""},
            "ruled": {"amount": ""},
        }.get(name, {}),
    }
    fields = set(POSTED[name].__struct_fields__)
    assert fields <= set(said)
    if fields - set(EVENTS[name].__struct_fields__):
        assert EVENTS[name] in BY_HAND


def test_what_is_filed_late_was_accepted_whatever_was_recorded_first() -> None:
    """The longer window comes before the acceptance (domain F3); one command recorded both."""
    late = {
        "acceptance": {"within": {"days": 1}, "again_after": {"days": 1}},
        "filing.extension": {"reasons": ["illness"], "within": {"days": 30}},
    }
    order = replace(FILING.order, succeeded_at=NOON - days(20)) if FILING.order else None
    wish = FilingFacts(extension=ExtensionFacts(reason="illness", explanation="住院。"))
    dispute = complaint(late, order=order, facts=wish).when(ACCEPT, at=hours(1))
    assert [one.name for one in dispute.history] == ["filed", "deadline_extended", "accepted"]
    is_as_recorded(dispute)
