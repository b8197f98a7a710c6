"""A case in words: what happened, who is next and until when, which clocks run; for a reader, in both languages."""

from __future__ import annotations

from datetime import timedelta

from case_events.core import words
from case_events.core.case import Case, Deadline
from case_events.core.events import (
    Accepted,
    Appealed,
    ClaimAmended,
    DeadlineExtended,
    Dismissed,
    Escalated,
    Event,
    EvidenceRequested,
    Filed,
    History,
    InterventionRequested,
    MerchantReplied,
    Recorded,
    Remedied,
    Returned,
    Ruled,
)
from case_events.core.gates import RETURN_STEPS, missing_evidence, required_action_by, running_clock
from case_events.core.policy import ComplaintType, Text
from case_events.core.telling import Cast, cast_of, outcome, owed, told
from case_events.core.timeouts import (
    AcceptanceTimedOut,
    AppealWindowExpired,
    EvidenceTimedOut,
    InterventionWindowExpired,
    MerchantResponseTimedOut,
    NegotiationStalled,
    RemedyTimedOut,
    ReturnTimedOut,
    RulingTimedOut,
    TimedOut,
)
from case_events.core.values import CaseId, Clock, ClockParty, EventId, Instant, Side, Value, Who, Word
from case_events.core.vocabulary import called

LATE = timedelta(minutes=1)
"""A timeout written later than this says so."""


class Named(Value, frozen=True, kw_only=True):
    """A word of ours and what it is called."""

    word: Word
    zh: str
    en: str


class Clause(Value, frozen=True, kw_only=True):
    """The clause of the pinned policy that an entry goes by."""

    clause: str
    zh: str
    en: str


class Until(Value, frozen=True, kw_only=True):
    """A clock in words, with its exact instant beside."""

    kind: Word
    party: ClockParty
    due_at: Instant
    provisional: bool
    minimum_notice: bool
    zh: str
    en: str


class Entry(Value, frozen=True, kw_only=True):
    """One event in words; ``clocks`` are those it started or moved."""

    version: int
    event_id: EventId
    type: str
    at: Instant
    occurred_at: Instant
    by: Who
    zh: str
    en: str
    rule: Clause | None
    clocks: tuple[Until, ...]


class Next(Value, frozen=True, kw_only=True):
    """Who must act (nobody must where both merely may), on which clock, and until when."""

    by: tuple[Side, ...]
    kind: Word
    party: ClockParty
    due_at: Instant
    provisional: bool
    zh: str
    en: str


class Timeline(Value, frozen=True, kw_only=True):
    """Everything a person at the desk wants to see of a case in one look."""

    case_id: CaseId
    number: str
    version: int
    title: Text
    status: Named
    outcome: Named | None
    entries: tuple[Entry, ...]
    next: Next | None
    deadlines: tuple[Until, ...]
    missing: tuple[str, ...]


def timeline(history: History, case: Case, rules: ComplaintType) -> Timeline:
    """The case in words; ``history`` may lack what its reader must not see."""
    cast = cast_of(case, rules)
    return Timeline(
        case_id=case.case_id,
        number=case.number,
        version=case.version,
        title=rules.title,
        status=_named(case.status, words.STATUSES[case.status]),
        outcome=_named(case.outcome, outcome(case.outcome)) if case.outcome else None,
        entries=tuple(_entry(one, case, rules, cast) for one in history),
        next=_next(case, cast),
        deadlines=tuple(_until(clock, words.RUNNING, cast) for clock in case.clocks),
        missing=missing_evidence(case),
    )


RULE_OF: dict[type[Event], str] = {
    Filed: "filing",
    Accepted: "acceptance",
    Dismissed: "acceptance",
    EvidenceRequested: "evidence",
    Escalated: "intervention",
    ClaimAmended: "reply",
    MerchantReplied: "reply",
    InterventionRequested: "intervention",
    Appealed: "appeal",
    Returned: "return_leg",
    Remedied: "remedy",
    AcceptanceTimedOut: "acceptance",
    EvidenceTimedOut: "evidence",
    MerchantResponseTimedOut: "reply",
    NegotiationStalled: "negotiation",
    InterventionWindowExpired: "intervention",
    ReturnTimedOut: "return_leg",
    RulingTimedOut: "ruling",
    AppealWindowExpired: "appeal",
    RemedyTimedOut: "remedy",
}
"""The clause each event goes by, where there is one; a ruling names its own."""


def _entry(one: Recorded, case: Case, rules: ComplaintType, cast: Cast) -> Entry:
    moved = isinstance(one.event, ClaimAmended | DeadlineExtended)
    started: tuple[Clock, ...] = getattr(one.event, "clocks", ())
    clocks = tuple(_until(clock, words.MOVED if moved else words.STARTED, cast) for clock in started)
    sentences = [*told(one.event, cast), *(Text(zh=clock.zh, en=clock.en) for clock in clocks)]
    if isinstance(one.event, TimedOut) and one.effective_at - one.event.due_at > LATE:
        sentences.append(words.say(words.LATE, at=words.clock_time(one.effective_at)))
    text = words.paragraph(*sentences)
    return Entry(
        version=one.version,
        event_id=one.event_id,
        type=one.name,
        at=one.effective_at,
        occurred_at=one.occurred_at,
        by=one.who,
        zh=text.zh,
        en=text.en,
        rule=_clause(one.event, case, rules),
        clocks=clocks,
    )


def _clause(event: Event, case: Case, rules: ComplaintType) -> Clause | None:
    name = event.rule if isinstance(event, Ruled) else RULE_OF.get(type(event))
    text = rules.clauses.get(name) if name else None
    if text is None:
        return None
    return Clause(clause=case.policy.clause(f"{case.type}.{name}"), zh=text.zh, en=text.en)


def _until(clock: Clock | Deadline, sentence: Text, cast: Cast) -> Until:
    kind = cast.say(words.CLOCKS[clock.kind])
    filled = words.say(sentence, clock=kind, due=words.clock_time(clock.due_at), notes=_notes(clock))
    text = words.paragraph(filled)
    return Until(
        kind=clock.kind,
        party=clock.party,
        due_at=clock.due_at,
        provisional=clock.provisional,
        minimum_notice=clock.minimum_notice,
        zh=text.zh,
        en=text.en,
    )


def _next(case: Case, cast: Cast) -> Next | None:
    """What is asked of whom, by the earliest clock that runs; nothing of anybody once the case is closed."""
    if case.status == "closed" or not case.clocks:
        return None
    asked = running_clock(case, "evidence") if case.status == "evidence_requested" else None
    clock = asked or case.clocks[0]
    sentence = words.NEXT[_asked_for(case, clock)]
    what = cast.say(
        sentence,
        owed=owed(case.remedy, case.owed) if case.remedy else "",
        asked=cast.side(clock.party),
        kinds=words.listed([called(kind) for kind in missing_evidence(case)]),
    )
    text = words.paragraph(words.say(words.UNTIL, what=what, due=words.clock_time(clock.due_at), notes=_notes(clock)))
    return Next(
        by=required_action_by(case),
        kind=clock.kind,
        party=clock.party,
        due_at=clock.due_at,
        provisional=clock.provisional,
        zh=text.zh,
        en=text.en,
    )


def _asked_for(case: Case, clock: Deadline) -> str:
    """The name of the sentence that says what is asked in this state."""
    if case.status == "waiting_for_return":
        return f"{case.status}.{RETURN_STEPS[clock.kind]}"
    unlocked = case.status == "waiting_for_complainant" and case.intervention_open
    return f"{case.status}.unlocked" if unlocked else case.status


def _notes(clock: Clock | Deadline) -> Text:
    """Why a due time is not like others, where it is not."""
    notes = [words.PROVISIONAL] if clock.provisional else []
    notes += [words.NOTICED] if clock.minimum_notice else []
    return Text(zh="".join(note.zh for note in notes), en="".join(note.en for note in notes))


def _named(word: str, text: Text) -> Named:
    return Named(word=word, zh=text.zh, en=text.en)
