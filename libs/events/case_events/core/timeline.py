"""A case in words: what happened, who is next and until when, which clocks run; for a reader, in both languages."""

from __future__ import annotations

from datetime import timedelta

from case_events.core import platform_words, words
from case_events.core.case import Case, Deadline
from case_events.core.cast import Cast, cast_of, outcome, owed, sums
from case_events.core.changes import REMINDER, turn
from case_events.core.clock_telling import clock as clock_named
from case_events.core.contesting import may_contest
from case_events.core.deadlines import overdue_since
from case_events.core.events import (
    ClaimAmended,
    Corrected,
    DeadlineExtended,
    Event,
    History,
    Recorded,
    clocks_of,
)
from case_events.core.gates import asked_clock, required_action_by
from case_events.core.grounds import ground_of
from case_events.core.missing import Missing, missing_evidence
from case_events.core.policy import ComplaintType
from case_events.core.stages import RETURN_STEPS
from case_events.core.telling import told
from case_events.core.timeouts import TimedOut
from case_events.core.values import IMPORT, CaseId, Clock, ClockParty, EventId, Instant, Side, Text, Value, Who, Word
from case_events.core.vocabulary import called

LATE = timedelta(minutes=1)
"""A timeout written later than this says so."""
BESIDE = ("evidence", "recovery", "follow_up")
"""Clocks that run beside the one a case waits for, unless it waits for them."""

BESIDE_ANOTHERS = ("recovery", "intervention")
"""Clocks of a side that may be next at the same time as another."""


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


class Lacking(Value, frozen=True, kw_only=True, rename={"party": "from"}):
    """Evidence that was asked for and is not there: whose it is, and until when it may be brought."""

    kind: Word
    party: ClockParty
    due_at: Instant | None
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
    missing: tuple[Lacking, ...]


def timeline(history: History, case: Case, rules: ComplaintType) -> Timeline:
    """The case in words; ``history`` may lack what its reader must not see."""
    cast, unwritten = cast_of(case, rules), _unwritten(history, case)
    return Timeline(
        case_id=case.case_id,
        number=case.number,
        version=case.version,
        title=rules.title,
        status=_named(case.status, words.STATUSES[case.status]),
        outcome=_named(case.outcome, outcome(case.outcome)) if case.outcome else None,
        entries=_entries(history, case, rules, cast),
        next=_next(case, rules, cast, unwritten),
        deadlines=tuple(_running(clock, case, cast, unwritten) for clock in case.clocks),
        missing=tuple(_lacking(one, cast) for one in missing_evidence(case)),
    )


def _unwritten(history: History, case: Case) -> frozenset[Deadline]:
    """Clocks that are provisional only because the timeout that set them is not written yet: its event is sure."""
    sure = {
        (one.version, clock.kind, clock.party)
        for one in history
        for clock in clocks_of(one.event)
        if not clock.provisional
    }
    return frozenset(one for one in case.clocks if one.provisional and (one.set_by, one.kind, one.party) in sure)


def _entries(history: History, case: Case, rules: ComplaintType, cast: Cast) -> tuple[Entry, ...]:
    """One entry per event; what was put right later says by which."""
    righted = {one.event.version: one.version for one in history if isinstance(one.event, Corrected)}
    return tuple(_entry(one, righted.get(one.version), case, rules, cast) for one in history)


def _entry(one: Recorded, righted: int | None, case: Case, rules: ComplaintType, cast: Cast) -> Entry:
    moved = isinstance(one.event, ClaimAmended | DeadlineExtended)
    started = [clock for clock in clocks_of(one.event) if not clock.kind.endswith(REMINDER)]
    clocks = tuple(_until(clock, words.MOVED if moved else words.STARTED, cast) for clock in started)
    sentences = [*told(one.event, cast), *(Text(zh=clock.zh, en=clock.en) for clock in clocks)]
    if isinstance(one.event, TimedOut) and one.effective_at - one.event.due_at > LATE:
        sentences.append(words.say(words.LATE, at=words.clock_time(one.effective_at)))
    if one.client.startswith(IMPORT):
        sentences.append(words.IMPORTED)
    if righted is not None:
        sentences.append(words.say(platform_words.CORRECTED, version=righted))
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
    name = ground_of(event, rules.clauses)
    if name is None:
        return None
    text = rules.clauses[name]
    return Clause(clause=case.policy.clause(f"{case.type}.{name}"), zh=text.zh, en=text.en)


def _running(clock: Deadline, case: Case, cast: Cast, unwritten: frozenset[Deadline]) -> Until:
    return _until(clock, words.RUNNING, cast, _notes(clock, unwritten, overdue_since(case, clock)))


def _until(clock: Clock | Deadline, sentence: Text, cast: Cast, notes: Text | None = None) -> Until:
    kind = clock_named(clock.kind, cast, cast.side(clock.party))
    filled = words.say(sentence, clock=kind, due=words.clock_time(clock.due_at), notes=notes or _notes(clock))
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


def _lacking(one: Missing, cast: Cast) -> Lacking:
    until = words.say(words.UNTIL_WHEN, due=words.clock_time(one.due_at)) if one.due_at else ""
    text = words.paragraph(words.say(words.MISSING, side=cast.side(one.party), kind=called(one.kind), until=until))
    return Lacking(kind=one.kind, party=one.party, due_at=one.due_at, zh=text.zh, en=text.en)


def _next(case: Case, rules: ComplaintType, cast: Cast, unwritten: frozenset[Deadline]) -> Next | None:
    """What is asked of whom, by the earliest clock it waits for; nothing of anybody once the case is closed."""
    if case.status == "closed" or not case.clocks:
        return None
    by = required_action_by(case)
    clock = _waited_for(case, by)
    theirs = [one for one in case.clocks if one.party in by and one.party != clock.party]
    also = [one for one in theirs if one.kind in BESIDE_ANOTHERS]
    text = words.paragraph(*[_what_is_asked(one, case, rules, cast, unwritten) for one in (clock, *also)])
    return Next(
        by=by,
        kind=clock.kind,
        party=clock.party,
        due_at=clock.due_at,
        provisional=clock.provisional,
        zh=text.zh,
        en=text.en,
    )


def _what_is_asked(
    clock: Deadline, case: Case, rules: ComplaintType, cast: Cast, unwritten: frozenset[Deadline]
) -> Text:
    """What the side of this clock is to do, and until when."""
    what = cast.say(
        words.NEXT[_asked_for(case, rules, clock)],
        owed=owed(case.remedy, case.owed) if case.remedy else "",
        asked=cast.side(_asked_of(case, rules, clock)),
        kinds=words.listed([called(one.kind) for one in missing_evidence(case) if one.party == clock.party]),
        recovery=sums(tuple(one for one in case.recoveries if one.party == clock.party)),
    )
    notes = _notes(clock, unwritten, overdue_since(case, clock))
    return words.say(words.UNTIL, what=what, due=words.clock_time(clock.due_at), notes=notes)


def _asked_of(case: Case, rules: ComplaintType, clock: Deadline) -> ClockParty:
    """Whose clock it is; where only one side may still contest a ruling, that one."""
    left = may_contest(case, rules) if case.status == "appealable" else ()
    return left[0] if len(left) == 1 else clock.party


def _waited_for(case: Case, by: tuple[Side, ...]) -> Deadline:
    """The clock of whoever is next; the talks may be over before the respondent's turn is, or the other way round."""
    asked = asked_clock(case) if case.status == "evidence_requested" else None
    beside = set(BESIDE) - {case.status.removeprefix("waiting_for_")}
    waited = [clock for clock in case.clocks if clock.kind not in beside] or case.clocks
    return asked or next((clock for clock in waited if clock.party in by), waited[0])


def _asked_for(case: Case, rules: ComplaintType, clock: Deadline) -> str:
    """The name of the sentence that says what is asked in this state."""
    if case.status == "waiting_for_return" and clock.kind in RETURN_STEPS:
        return f"{case.status}.{RETURN_STEPS[clock.kind]}"
    if clock.kind == "recovery":
        return "waiting_for_recovery"
    if clock.kind == "response":
        return turn(case.respondent)
    if clock.kind == "assignment":
        return "under_review.assignment"
    if case.status == "appealable":
        return _to_be_contested(case, rules)
    unlocked = case.status == "waiting_for_complainant" and case.intervention_open
    return f"{case.status}.unlocked" if unlocked else case.status


def _to_be_contested(case: Case, rules: ComplaintType) -> str:
    """By whom the ruling may still be contested, and whether that takes new evidence."""
    left = may_contest(case, rules)
    if not left:
        return "appealable.nobody"
    name = "appealable" if rules.appeal.needs_evidence else "appealable.without_evidence"
    return name if len(left) > 1 else f"{name}.one_side"


def _notes(clock: Clock | Deadline, unwritten: frozenset[Deadline] = frozenset(), since: Instant | None = None) -> Text:
    """Why a due time is not like others, where it is not."""
    notes = [words.UNWRITTEN if clock in unwritten else words.PROVISIONAL] if clock.provisional else []
    notes += [words.NOTICED] if clock.minimum_notice else []
    notes += [words.say(words.OVERDUE, since=words.clock_time(since))] if since else []
    return Text(zh="".join(note.zh for note in notes), en="".join(note.en for note in notes))


def _named(word: str, text: Text) -> Named:
    return Named(word=word, zh=text.zh, en=text.en)
