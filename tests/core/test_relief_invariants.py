"""What holds of relief in every history: it never shortens, comes once, ends, and does not depend on our lag."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from case_events.core.deadlines import overdue
from case_events.core.events import DeadlineExtended, History, Outage, Recorded
from case_events.core.evolve import evolve, fold
from case_events.core.spans import Span
from case_events.core.terms import Relief
from case_events.core.values import Instant
from tests import examples as ex
from tests.core.tales import Tale, ask, begun, tales, wake
from tests.core.test_invariants import course, promises
from tests.spec import Dispute

thorough = settings(max_examples=40, deadline=None, derandomize=True)
RELIEF = Relief(last=Span(hours=30))
Troubles = list[tuple[timedelta, timedelta]]
"""How long after the filing each outage began, and how long it lasted."""
troubles = st.lists(
    st.tuples(st.timedeltas(timedelta(0), timedelta(days=25)), st.timedeltas(timedelta(minutes=1), timedelta(days=4))),
    min_size=1,
    max_size=4,
)


def told(tale: Tale, found: Troubles, *, punctual: bool | None) -> Dispute:
    """The tale under a policy with relief, with outages; ``punctual`` as in ``tales``."""
    dispute, at = begun(tale, clocked=False), tale.start
    dispute.in_force = replace(dispute.in_force, policy=replace(dispute.in_force.policy, relief=RELIEF))
    dispute.outages = tuple(
        Outage(id=UUID(int=number), began_at=Instant.of(at + after), ended_at=Instant.of(at + after + lasts))
        for number, (after, lasts) in enumerate(sorted(found), 1)
    )
    for number, one in enumerate(tale.asks):
        at = Instant.of(at + one.gap)
        if punctual is not False:
            wake(dispute, at, ex.TICK if punctual else one.lag)
        ask(dispute, one, number, at)
    dispute.passes(Instant.of(at + timedelta(days=20)))
    assert overdue(dispute.case, dispute.now) is None, "a clock that has run out stops, or is moved"
    return dispute


def reliefs(history: History) -> list[tuple[Recorded, DeadlineExtended, Outage]]:
    return [
        (one, one.event, one.event.outage)
        for one in history
        if isinstance(one.event, DeadlineExtended) and one.event.outage is not None
    ]


@thorough
@given(tales, troubles)
def test_relief_never_shortens_and_never_gives_more_than_the_outages_took(tale: Tale, found: Troubles) -> None:
    dispute = told(tale, found, punctual=False)
    given_back = dict[tuple[str, str, int], timedelta]()
    for one, event, outage in reliefs(dispute.history):
        before = fold(dispute.history[: one.version - 1])
        assert before is not None
        (clock,) = [c for c in before.clocks if (c.kind, c.party) == (event.kind, event.party)]
        after = evolve(before, one)
        (moved,) = [c for c in after.clocks if (c.kind, c.party) == (event.kind, event.party)]
        assert clock.due_at < moved.due_at == event.due_at
        assert moved.due_at > outage.ended_at or outage.ended_at < clock.due_at
        assert (moved.set_by, moved.provisional, event.party != "platform") == (one.version, False, True)
        gift = event.due_at - clock.due_at
        assert gift <= outage.ended_at - outage.began_at
        earlier = given_back.pop((clock.kind, clock.party, clock.set_by), timedelta(0))
        given_back[event.kind, event.party, one.version] = earlier + gift
    span = max(one.ended_at for one in dispute.outages) - min(one.began_at for one in dispute.outages)
    assert all(gift <= span for gift in given_back.values())


@thorough
@given(tales, troubles)
def test_an_outage_is_given_back_once_to_each_promise(tale: Tale, found: Troubles) -> None:
    dispute = told(tale, found, punctual=None)
    relieved_for = dict[int, set[UUID]]()
    for one, event, outage in reliefs(dispute.history):
        before = fold(dispute.history[: one.version - 1])
        assert before is not None
        (clock,) = [c for c in before.clocks if (c.kind, c.party) == (event.kind, event.party)]
        known = relieved_for.get(clock.set_by, set())
        assert outage.id not in known
        relieved_for[one.version] = {*known, outage.id}


@thorough
@given(tales, troubles)
def test_with_the_same_outages_on_record_lag_never_changes_who_wins(tale: Tale, found: Troubles) -> None:
    """As without relief: only a minimum notice may make a difference, and it gives more time."""
    punctual = told(tale, found, punctual=True)
    for other in (told(tale, found, punctual=None), told(tale, found, punctual=False)):
        for one, same in zip(course(punctual), course(other), strict=False):
            due, later = promises(one), promises(same)
            if any(noticed for _, noticed in later.values()):
                assert all(later[clock][0] >= due[clock][0] for clock in due)
                break
            assert (one.name, due) == (same.name, later)
        else:
            assert (punctual.case.status, punctual.case.outcome) == (other.case.status, other.case.outcome)
            assert len(course(punctual)) == len(course(other))


def test_generated_histories_have_relief_in_them() -> None:
    """The invariants above are about something."""
    counted = 0

    @settings(thorough, max_examples=30)
    @given(tales, troubles)
    def count(tale: Tale, found: Troubles) -> None:
        nonlocal counted
        counted += len(reliefs(told(tale, found, punctual=False).history))

    count()
    assert counted >= 10
