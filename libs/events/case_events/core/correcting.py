"""The rules of putting right what was posted by mistake: a ruling before it is carried out, or words at any time."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core import promises
from case_events.core.case import Case, Ruling
from case_events.core.changes import nothing_left, unpaid
from case_events.core.commands import Correct, Correction, Rule
from case_events.core.events import Closed, Corrected, Ruled
from case_events.core.gates import legible, refused_now, return_clock
from case_events.core.outcomes import Events, goods_go_back, invalid, left_to_do, owed_back
from case_events.core.promises import Rulebook
from case_events.core.ruling import ruling_faults, ruling_of
from case_events.core.stages import CORRECTABLE
from case_events.core.values import Fault, Instant, Liable, Money, Problem


def correct(command: Correct, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    """What was there stays visible; a corrected ruling must keep every rule a ruling keeps."""
    ruling = next((one for one in case.rulings if one.event_id == command.event), None)
    if ruling is not None:
        return _ruling(command, ruling, case, book, now)
    post = next((one for one in case.posts if one.event_id == command.event), None)
    if post is None:
        fault = Fault(pointer="/data/event", detail="no ruling and no words of this case that can be corrected")
        return invalid([fault], case, "ruling")
    if post not in legible(case):
        return refused_now("What an erased side wrote is not written anew.", "corrected", case)
    if command.fields != Correction(text=command.fields.text) or command.fields.text is None:
        return invalid([Fault(pointer="/data/fields", detail="text, and nothing else")], case, "ruling")
    return (Corrected(event=post.event_id, version=post.version, reason=command.reason, text=command.fields.text),)


def _ruling(command: Correct, ruling: Ruling, case: Case, book: Rulebook, now: Instant) -> Events | Problem:
    if ruling is not case.rulings[-1] or not _untouched(case, ruling, book):
        return refused_now("Only the last ruling, before anything was done on it, is corrected.", "corrected", case)
    fields = command.fields
    if fields.text is not None or fields == Correction():
        return invalid([Fault(pointer="/data/fields", detail="what was wrong in the ruling")], case, "ruling")
    wanted = _as_it_should_read(fields, ruling)
    faults = ruling_faults(wanted, case, book)
    if faults:
        moved = [replace(one, pointer=one.pointer.replace("/data/", "/data/fields/", 1)) for one in faults]
        return invalid(moved, case, "ruling")
    new = ruling_of(wanted, case, ruling.round, final=ruling.final)
    corrected = Corrected(event=ruling.event_id, version=ruling.version, reason=command.reason, ruling=new)
    if case.outcome is None:
        # Both sides have the whole window for the ruling as it now reads.
        return (replace(corrected, clocks=(promises.no_earlier(promises.appeal(now, book), case),)),)
    due = left_to_do(case, new.outcome, new.owed, now, book, liable=new.liable)
    new = replace(new, recoveries=due.recoveries)
    clocks = tuple(promises.no_earlier(clock, case) for clock in due.clocks)
    corrected = replace(corrected, ruling=new, clocks=clocks)
    return (corrected,) if due.clocks else (corrected, Closed(outcome=new.verdict))


def _untouched(case: Case, ruling: Ruling, book: Rulebook) -> bool:
    """Can the ruling still be put right: it may be appealed, or waits with nothing done on it yet?"""
    if case.outcome is None:
        return case.status == "appealable"
    back = owed_back(case, ruling.outcome, ruling.owed, ruling.liable)
    left = unpaid(ruling.owed, case.advances, back)
    as_decided = (ruling.verdict, left, back)
    goods, wanted = return_clock(case), goods_go_back(ruling.outcome, book)
    return (
        case.status in CORRECTABLE
        and not case.followed_up
        and (case.outcome, case.owed, case.recoveries) == as_decided
        and (case.remedy is None) == nothing_left(ruling.outcome, ruling.owed, left)
        and (goods.kind if goods else None) == ("return_address" if wanted else None)
    )


def _as_it_should_read(fields: Correction, ruling: Ruling) -> Rule:
    return Rule(
        outcome=fields.outcome or ruling.outcome,
        rule=fields.rule or ruling.rule,
        reasons=fields.reasons or ruling.reasons,
        amount=fields.amount or (None if fields.outcome else granted(ruling)),
        liable=shares(ruling) if fields.liable is None else fields.liable,
        penalties=ruling.penalties if fields.penalties is None else fields.penalties,
        evidence=ruling.evidence,
        departs=fields.departs or _still_departs(fields, ruling),
    )


def _still_departs(fields: Correction, ruling: Ruling) -> str | None:
    """Why the ruling differed from the policy's figures still holds where none of them is put right."""
    figures = (fields.outcome, fields.amount, fields.rule, fields.penalties)
    return ruling.departs if all(one is None for one in figures) else None


def shares(ruling: Ruling | Ruled) -> tuple[Liable, ...]:
    """Each side's share; what it comes to follows from the sum as it should read."""
    return tuple(replace(one, amount=None) for one in ruling.liable)


def granted(ruling: Ruling | Ruled) -> Money | None:
    """The sum the ruling spoke of: of what is shared out the whole, of which the complainant's share is not owed."""
    parts = [one.amount for one in ruling.liable if one.amount is not None]
    if not parts:
        return ruling.owed
    return replace(parts[0], amount=sum(part.amount for part in parts))
