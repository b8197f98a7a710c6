"""What every simulation is held to: under the policy it was filed under, a case comes out as it was recorded."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core.events import Corrected, Event, Filed, History, TimeoutReversed
from case_events.core.plan import Moment, World
from case_events.core.retelling import retell
from case_events.core.simulating import simulate
from case_events.core.timeouts import DeadlineApproaching, TimedOut
from case_events.core.values import Instant
from tests import examples as ex
from tests.spec import Dispute


def world_of(dispute: Dispute) -> World:
    moment = Moment(recorded_at=dispute.now, effective_at=dispute.now)
    return World(in_force=dispute.in_force, calendar=dispute.calendar, moment=moment, outages=dispute.outages)


def essence(history: History) -> list[tuple[Instant, Event]]:
    """Everything but who the parties are, reminders, and what follows from their number: versions and timeouts' ids."""
    return [(one.effective_at, _bare(one.event)) for one in history if not isinstance(one.event, DeadlineApproaching)]


def _bare(event: Event) -> Event:
    match event:
        case Filed():
            return replace(event, complainant=ex.BUYER, respondent=ex.MERCHANT)
        case TimedOut():
            return replace(event, set_by=1)
        case TimeoutReversed():
            return replace(event, event=ex.REVERSE.event)
        case Corrected():
            return replace(event, version=1)
        case _:
            return event


def is_as_recorded(dispute: Dispute) -> None:
    dispute = dispute.fork().passes(dispute.now)  # a guessed day that was confirmed when it was over runs out now
    again = retell(dispute.history, world_of(dispute), dispute.in_force, lambda _: dispute.outages)
    assert again.refused == ()
    assert essence(again.history) == essence(dispute.history)
    found = simulate(dispute.history, world_of(dispute), dispute.in_force, lambda _: dispute.outages)
    assert found.differences == ()
    assert found.simulated == found.recorded
