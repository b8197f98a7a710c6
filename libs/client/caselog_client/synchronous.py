"""Caselog for code that waits: every method asks, tries again where that is safe, and answers a typed value."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from types import TracebackType

import httpx

from caselog_client import auditing, exporting, operating, reading, sandbox, simulating
from caselog_client import cases as of_cases
from caselog_client.asking import Id
from caselog_client.feed import FeedEvent
from caselog_client.following import Following
from caselog_client.line import Followed, Line, Room, asks, gathers, lists, reads, takes
from caselog_client.patience import Patience
from caselog_client.problems import StillAdvancing
from caselog_client.rooms import Keys, Webhooks
from caselog_client.views import TestClock


class Caselog(Room):
    """A Caselog at ``url``, called with ``key``. Any thread may use it.

    Every method raises ProblemError when the service refuses, Unreachable when no answer came within ``patience``, and
    Unreadable when what answered is no Caselog. ``http``: a client of yours to send with; it is not closed here.
    ``webhooks`` and ``keys`` are groups of methods of their own.
    """

    def __init__(
        self, url: str, key: str, *, patience: Patience | None = None, http: httpx.Client | None = None
    ) -> None:
        super().__init__(Line(url, key, patience, http))
        self.webhooks = Webhooks(self._line)
        self.keys = Keys(self._line)

    def __enter__(self) -> Caselog:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they are yours."""
        self._line.close()

    file = asks(of_cases.file)
    post = asks(of_cases.post)
    batch = asks(of_cases.batch)
    post_cloud_event = asks(of_cases.post_cloud_event)
    case = asks(of_cases.case)
    events = gathers(of_cases.events)
    timeline = asks(of_cases.timeline)
    case_deadlines = asks(of_cases.case_deadlines)
    dossier = asks(of_cases.dossier)
    cases = lists(of_cases.cases)
    export = reads(exporting.export)
    export_full = reads(exporting.export_full)
    export_csv = takes(exporting.export_csv)
    store_evidence = asks(of_cases.store_evidence)
    evidence_file = asks(of_cases.evidence_file)

    def feed(
        self, *, after: int = 0, types: Sequence[str] = (), limit: int = 100, seen: str | None = None
    ) -> Iterator[FeedEvent]:
        """Every event of every case that there is for this key, in the order of the feed, up to its end as it is now.

        Go on later with the ``position`` of the last one, and its ``seen``. ``types``: only these; ``limit``: the size
        of a page. Raises Invalid (a position that was never given, or an event that is there no more: the service's
        database was set back), Forbidden.
        """
        while True:
            page = self._line.ask(reading.feed(after, types, limit, seen))
            yield from page.items
            if page.next == after:
                return
            after = page.next

    def follow(self, *, after: int | None = 0, types: Sequence[str] = (), seen: str | None = None) -> Followed:
        """The same, and then each event as it comes, without end; when the line is lost it goes on where it was.

        ``after``: None for only what is still to come. Raises as ``feed`` does; Unreachable when the service is away
        for longer than ``patience`` lasts in all. Each event comes once while this runs; keep ``position`` and ``seen``
        to go on another day. Leave its block to hang up.
        """
        return Followed(self._line, Following(after, types, seen))

    audit_case = asks(auditing.audit_case)
    bundle = asks(auditing.bundle)
    checkpoints = lists(auditing.checkpoints)
    checkpoint = asks(auditing.checkpoint)
    deadlines = lists(reading.deadlines)
    stats = asks(reading.stats)
    policies = gathers(reading.policies)
    policy = asks(reading.policy)
    simulate = lists(simulating.simulate)
    scheduler = asks(reading.scheduler)
    holds = asks(reading.holds)
    outages = lists(reading.outages)
    journal = lists(reading.journal)
    place_hold = asks(operating.place_hold)
    hold = asks(operating.hold)
    release_hold = asks(operating.release_hold)
    declare_outage = asks(operating.declare_outage)
    outage = asks(operating.outage)
    made_late = lists(operating.made_late)
    calendars = asks(operating.calendars)
    calendar = asks(operating.calendar)
    load_calendar = asks(operating.load_calendar)
    load_notice = asks(operating.load_notice)
    readiness = asks(reading.readiness)
    create_clock = asks(sandbox.create_clock)
    clock = asks(sandbox.clock)
    clocks = lists(sandbox.clocks)
    clock_due = lists(sandbox.clock_due)
    freeze_clock = asks(sandbox.freeze_clock)
    unfreeze_clock = asks(sandbox.unfreeze_clock)
    delete_clock = asks(sandbox.delete_clock)

    def advance(self, clock_id: Id, *, to: datetime | None = None, by: timedelta | None = None) -> TestClock:
        """Move a test clock forward, to an instant or by a while; the schedulers then fire what is due.

        ``by`` counts from where the clock stands now. Raises Invalid (backwards, too far), NotFound, Forbidden.
        """
        if (to is None) == (by is None):
            raise ValueError("advance to an instant or by a while: one of them")
        stands = self.clock(clock_id) if to is None else None
        return self._line.ask(sandbox.advance_to(clock_id, sandbox.destination(stands, to, by)))

    def wait_until_ready(self, clock_id: Id, *, within_s: float = 30.0) -> TestClock:
        """Wait until everything due at the clock's instant has fired. Raises StillAdvancing after ``within_s``."""
        ends = time.monotonic() + within_s
        while True:
            stands = self.clock(clock_id)
            if stands.status == "ready":
                return stands
            if time.monotonic() + sandbox.POLL_S > ends:
                raise StillAdvancing(sandbox.why_not_ready(stands, within_s))
            time.sleep(sandbox.POLL_S)
