"""A scenario played in memory: the same rules as the service's, a pretended clock, no database and no network."""

from __future__ import annotations

import functools

import msgspec
from msgspec.structs import replace

from case_api.views.cases import case_view
from case_events.core.calendar import Calendar, after
from case_events.core.canonical import encode_hook
from case_events.core.case import Case
from case_events.core.commands import POSTED, File
from case_events.core.events import Dismissed, Ruled
from case_events.core.others import Facts, previous_of
from case_events.core.policy import InForce
from case_events.core.promises import Rulebook
from case_events.core.values import Instant, Party, Problem
from case_events.policies import load, shipped
from case_events.shape import Misshapen, convert
from tests.scenarios.checking import check_reads, check_refusal, running
from tests.scenarios.sayings import Names
from tests.scenarios.script import Expected, Scenario, State, Step, Table, party
from tests.spec import TEST_CLOCK, Dispute

RUN = "1"


@functools.cache
def in_force(marketplace: str) -> InForce:
    """The policy that is shipped for a marketplace. Raises KeyError where there is none."""
    return {one.policy.marketplace: one for one in map(load, shipped())}[marketplace]


def rehearse(scenario: Scenario, in_force: InForce, calendar: Calendar) -> Dispute:
    """Plays it to the end and checks every expectation. Raises AssertionError at the first that fails."""
    return _Rehearsal(scenario, in_force, calendar).play()


class _Rehearsal:
    """One playing in memory: every dispute that was filed, the last of them the one the story is about."""

    def __init__(self, scenario: Scenario, in_force: InForce, calendar: Calendar) -> None:
        self.scenario, self.in_force, self.calendar = scenario, in_force, calendar
        self.disputes: list[Dispute] = []
        self.body: Table = {}
        self.state, self.seen = State(), 0

    def play(self) -> Dispute:
        scenario = self.scenario
        for attempt in scenario.attempts:
            body = scenario.body(RUN, attempt.change, attempt.without)
            check_refusal(scenario, attempt.refused, self._file(body, scenario.starts_at))
        problem = self._file(scenario.body(RUN), scenario.starts_at)
        check_refusal(scenario, scenario.refused, problem)
        if scenario.filed is not None:
            self._check(scenario.filed)
        for step in scenario.steps:
            self._step(step)
        return self.disputes[-1] if self.disputes else self._new()

    def _step(self, step: Step) -> None:
        at, problem = self.scenario.instant(step.at), None
        for dispute in self.disputes:
            dispute.passes(at)
        if step.file is not None:
            change = step.file.change | ({"previous": str(self.told.case_id)} if step.file.previous else {})
            problem = self._file(self.scenario.body(RUN, change, step.file.without), at)
        if step.post is not None:
            problem = self._post(step, at)
        check_refusal(self.scenario, step.refused, problem)
        self._check(step)

    def _post(self, step: Step, at: Instant) -> Table | None:
        post = step.post
        assert post is not None, "asked for"
        actor = post.actor or party(post.by, self.body)
        try:
            command = convert(self.scenario.whole(post.data, self._names()), POSTED[post.type], "/data")
        except Misshapen as misshapen:
            return _told(Problem(code="invalid", detail="", errors=misshapen.faults))
        self.told.when(command, by=convert(actor, Party), at=at)
        return _told(self.told.last.problem)

    def _file(self, body: Table, at: Instant) -> Table | None:
        """The problem, or None: the story goes on with the new dispute."""
        try:
            filing = convert(dict(body), File)
        except Misshapen as misshapen:
            return _told(Problem(code="invalid", detail="", errors=misshapen.faults))
        dispute = self._new(self._facts(filing, at))
        dispute.file(replace(filing, test_clock=TEST_CLOCK), at=at)
        if dispute.last.problem is None:
            self.disputes.append(dispute)
            self.body, self.state, self.seen = dict(body), State(), 0
        return _told(dispute.last.problem)

    def _new(self, facts: Facts | None = None) -> Dispute:
        name = f"{self.scenario.title.en} {len(self.disputes)}"
        return Dispute(self.in_force, self.calendar, facts or Facts(number="C-1"), name)

    def _facts(self, filing: File, at: Instant) -> Facts:
        """What the ledger would know of the other complaints of this scenario."""
        own = [one.case for one in self.disputes if one.case.complainant == filing.complainant]
        order_id = _order_id(filing)
        same = [one for one in own if order_id and (one.type, _order_id(one)) == (filing.type, order_id)]
        before = next((one for one in own if one.case_id == filing.previous), None)
        return Facts(
            number=f"C-{len(self.disputes) + 1}",
            open_complaint=next((one.case_id for one in same if one.status != "closed"), None),
            marks=sum(_marked(one, filing.complainant, self.in_force, self.calendar, at) for one in self.disputes),
            previous=previous_of(before, closed=before.status == "closed") if before else None,
        )

    @property
    def told(self) -> Dispute:
        assert self.disputes, "nothing was filed"
        return self.disputes[-1]

    def _names(self) -> Names:
        case = self.told.case
        return Names(
            run=RUN,
            complainant=case.complainant.id,
            respondent=case.respondent.id,
            order=case.order.order_id if case.order else "",
            case=str(case.case_id),
            number=case.number,
            events={one.name: str(one.event_id) for one in self.told.history},
        )

    def _check(self, expected: Expected) -> None:
        """Every expectation after a step, the same as ``perform`` has of the HTTP answers."""
        if not self.disputes:
            assert expected.recorded == (), "nothing was filed"
            return
        dispute, case = self.told, self.told.case
        assert tuple(one.name for one in dispute.history[self.seen :]) == expected.recorded
        self.seen = len(dispute.history)
        self.state = self.scenario.state_after(expected, self.state)
        clocks = running((clock.kind, clock.party, clock.due_at) for clock in case.clocks)
        assert (case.status, case.stage, case.outcome) == (self.state.status, self.state.stage, self.state.outcome)
        assert clocks == self.state.deadlines
        assert case.priority == self.state.priority
        if expected.reads or expected.lacks:
            rules = self.in_force.type_of(case.type, case.subtype)
            policy = self.in_force.policy
            book = Rulebook(rules=rules, minimum_notice=policy.minimum_notice, calendar=self.calendar, policy=policy)
            view = _plain(case_view(case, book, desk=True))
            check_reads(self.scenario, self._names(), expected.reads, expected.lacks, view)


def _order_id(about: File | Case) -> str | None:
    return about.order.order_id if about.order else None


def _marked(dispute: Dispute, complainant: Party, in_force: InForce, calendar: Calendar, now: Instant) -> bool:
    """Whether this dispute marks the complainant now (domain A2): the last word on it, in the policy's window."""
    given, credit = None, in_force.policy.credit
    for one in dispute.history if dispute.case.complainant == complainant else ():
        if isinstance(one.event, Dismissed | Ruled):
            malicious = isinstance(one.event, Dismissed) and one.event.malicious
            marks = malicious or any(penalty.kind == "credit_mark" for penalty in one.event.penalties)
            given = one.effective_at if marks else None
    return given is not None and credit is not None and now <= after(given, credit.window, calendar)[0]


def _plain(value: object) -> Table:
    """As the JSON it is sent as."""
    told: Table = msgspec.json.decode(msgspec.json.encode(value, enc_hook=encode_hook))
    return told


def _told(problem: Problem | None) -> Table | None:
    return None if problem is None else _plain(problem)
