"""What one scheduler counts and measures, for Prometheus.

Of itself it tells what it did; of the clock as a whole every scheduler tells what it last read, so that any of them
may be asked. What was never read is not a number, which is less and more than nothing; how long it was not read, and
nothing was done, is told from the start: whoever never gets ready must be heard of too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from case_events.core.values import Instant
from case_events.ledger.clock.firing import Fired
from case_events.ledger.clock.holds import KINDS
from case_events.ledger.clock.lateness import OTHER, Lateness
from case_events.ledger.clock.overview import Overview
from case_events.ledger.feed.sequencing import FeedState
from case_events.ledger.webhooks.attempts import OUTCOMES
from case_events.ledger.webhooks.endpoints import STATES
from case_events.ledger.webhooks.measured import Standing
from case_scheduler.clock.timeouts import Sweeper
from case_scheduler.pulse import Pulse

LATE_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0, 86400.0)
PASS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
WELL, ILL = "done", "failed"


class Meters:
    """What one process has counted."""

    def __init__(self) -> None:
        self.lateness = Lateness()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._count()
        self._measure_itself()
        self._measure_all()

    def _count(self) -> None:
        self._cases = self._counter("firing_cases", "Cases claimed by passes, by what became of them.", "result")
        self._events = self._counter("firing_events", "Events written by passes.")
        self._passes = self._histogram("firing_pass_seconds", "How long a pass that claimed something took.", PASS_S)
        self._late = self._histogram(
            "firing_lateness_seconds", "How long after their legal instants timeouts were written.", LATE_S, "kind"
        )
        self._jobs = self._counter("upkeep_jobs", "Jobs of upkeep that ended here.", "name", "result")
        self._rounds = self._counter(
            "collective_rounds", "Rounds in which collective complaints were linked.", "result"
        )
        self._sent = self._counter("webhook_attempts", "Webhooks that this scheduler sent, by outcome.", "outcome")
        for outcome in OUTCOMES:
            self._sent.labels(outcome)

    def _measure_itself(self) -> None:
        self._sweep_age = self._gauge("sweep_age_seconds", "Since a sweep that did not fail in all it tried, or began.")
        self._tick_age = self._gauge("feed_tick_age_seconds", "Since its sequencer last had its turn, or it began.")
        self._batch = self._gauge("firing_batch_cases", "Cases that this scheduler takes at once.")
        self._offset = self._gauge("clock_offset_seconds", "The database's clock less this host's, at the last look.")
        self._paused = self._gauge("clock_paused", "1 while this scheduler fires nothing because clocks disagree.")

    def _measure_all(self) -> None:
        self._measured = self._gauge("measured_timestamp_seconds", "When all that follows was last read; 0: never.")
        self._measured.set(0)
        self._lag = self._gauge("watermark_lag_seconds", "How far the watermark is behind; 5 to 11 when all is well.")
        self._breached = self._gauge("watermark_breached", "1 while a live deadline before it is unprocessed.")
        self._overdue = self._gauge("deadlines_overdue", "Live deadlines that have passed; counted up to 10000.")
        self._oldest = self._gauge("deadlines_overdue_oldest_seconds", "How long ago the oldest of them passed.")
        self._unheld = self._gauge(
            "deadlines_waiting_seconds",
            "How long ago the one should have been tried that nobody put off and is not yet.",
        )
        self._held = self._gauge("deadlines_held", "Of them, those that a hold or an import puts off.")
        self._failed = self._gauge("deadlines_failed", "Of them, those that were tried in vain.")
        self._failing = self._gauge("deadlines_failing", "Of them, those tried in vain again and again; up to 20.")
        self._provisional = self._gauge("deadlines_provisional", "Deadlines on guessed days, which do not fire.")
        self._next_guess = self._gauge("deadlines_provisional_next_seconds", "Until the first live one of them passes.")
        self._days = self._gauge("calendar_days_left", "Days for which working days are published.")
        self._holds = self._gauge("holds_in_force", "Holds that operators placed.")
        self._running = self._gauge("schedulers_running", "Schedulers that were seen just now.")
        self._head = self._gauge("feed_head", "The last position of the feed.")
        self._waiting = self._gauge("feed_waiting_seconds", "How long an event has waited for its position.")
        self._undelivered = self._gauge("webhook_waiting", "Events that wait for a webhook to be sent again.")
        self._parked = self._gauge("webhook_parked", "Of them, those that cannot be read: each must be mended.")
        self._behind = self._gauge("webhook_lag_seconds", "Age of the oldest event an active endpoint has not got.")
        self._left_alone = self._gauge("webhook_endpoints_failing", "Active endpoints that are left alone for a while.")
        self._endpoints = Gauge(
            "caselog_webhook_endpoints", "Webhook endpoints, by state.", ["state"], registry=self._registry
        )

    def exposed(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)

    def watch(self, pulse: Pulse, jobs: Iterable[str] = ()) -> None:
        """Ask it whenever somebody asks for what this scheduler says of itself. ``jobs``: those of upkeep."""
        for job in jobs:
            for result in (WELL, ILL):
                self._jobs.labels(job, result)  # there from the start: who counts the increase must see the first one
        self._sweep_age.set_function(pulse.unswept_s)
        self._tick_age.set_function(pulse.unticked_s)
        self._offset.set_function(lambda: _number(pulse.offset_ms) / 1000)
        self._paused.set_function(lambda: float(pulse.paused is not None))

    def watch_sweeps(self, sweeper: Sweeper) -> None:
        """Ask it how much it takes at once."""
        self._batch.set_function(lambda: float(sweeper.pace.batch))

    def fired(self, fired: Fired) -> None:
        """A pass claimed something."""
        self.lateness.add(fired.late)
        self._passes.observe(fired.took_s)
        self._events.inc(fired.events)
        for kind, late_s in fired.late:
            self._late.labels(kind if kind in KINDS else OTHER).observe(late_s)
        for result, cases in (
            ("written", fired.written),
            ("busy", fired.busy),
            ("stale", fired.stale),
            ("conflict", fired.conflicts),
            ("held", fired.put_off),
            ("failed", len(fired.failed)),
        ):
            self._cases.labels(result).inc(cases)

    def upkept(self, job: str, well: bool) -> None:
        """A job of upkeep ended here."""
        self._jobs.labels(job, WELL if well else ILL).inc()

    def linked(self, well: bool) -> None:
        """A round in which collective complaints are linked ended."""
        self._rounds.labels(WELL if well else ILL).inc()

    def sent(self, outcome: str) -> None:
        """A webhook was sent, or was not."""
        self._sent.labels(outcome).inc()

    def saw_webhooks(self, standing: Standing) -> None:
        """How webhooks are as a whole."""
        self._undelivered.set(standing.waiting)
        self._parked.set(standing.parked)
        self._behind.set(standing.lag_s)
        self._left_alone.set(standing.failing)
        for state in STATES:
            self._endpoints.labels(state).set(standing.endpoints[state])

    def saw(self, seen: Overview, feed: FeedState) -> None:
        """How the clock and the feed are as a whole."""
        overdue = seen.overdue
        self._measured.set(time.time())
        self._lag.set(_number(seen.watermark.lag_s))
        self._breached.set(seen.watermark.breached)
        self._overdue.set(overdue.count)
        self._oldest.set(_since(overdue.oldest[0].due_at, seen.now) if overdue.oldest else 0)
        self._unheld.set(_since(seen.waiting_since, seen.now) if seen.waiting_since else 0)
        self._held.set(overdue.held)
        self._failed.set(overdue.failed)
        self._failing.set(len(overdue.failing))
        self._provisional.set(seen.calendar.provisional)
        nearest = seen.calendar.nearest_due_at
        self._next_guess.set(math.nan if nearest is None else -_since(nearest, seen.now))
        self._days.set(seen.calendar.days_left)
        self._holds.set(len(seen.holds))
        self._running.set(sum(one.running for one in seen.schedulers))
        self._head.set(feed.head)
        self._waiting.set(_since(feed.waiting_since, feed.now) if feed.waiting_since is not None else 0)

    def _counter(self, name: str, means: str, *labels: str) -> Counter:
        return Counter(f"caselog_{name}", means, labels, registry=self._registry)

    def _histogram(self, name: str, means: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"caselog_{name}", means, labels, registry=self._registry, buckets=buckets)

    def _gauge(self, name: str, means: str) -> Gauge:
        gauge = Gauge(f"caselog_{name}", means, registry=self._registry)
        gauge.set(math.nan)
        return gauge


def _number(said: float | None) -> float:
    return math.nan if said is None else said


def _since(at: Instant, now: Instant) -> float:
    return (now - at).total_seconds()
