"""What is asked of a case, and by whom: a body becomes an asking, and a step what its caller may see of it."""

from __future__ import annotations

from msgspec.structs import replace

from case_api.callers.auth import RIGHTS, acting, check_may_post, check_may_speak, speaks_for_the_platform, viewer_of
from case_api.door import Door
from case_api.refusals import problems
from case_api.refusals.problems import Refused
from case_api.requests import bodies
from case_api.views.cases import StepView, case_view
from case_events.core.case import Case
from case_events.core.commands import File
from case_events.core.events import History
from case_events.core.evolve import as_shown
from case_events.core.gates import allowed_events
from case_events.core.plan import Step
from case_events.core.values import ERASED, CaseId, Fault, Party, Problem
from case_events.core.viewer import EVERYTHING, Viewer, files_open_to, seen
from case_events.ledger.callers.keys import Caller
from case_events.ledger.erasing import erasures_in
from case_events.ledger.judging import NO_SUCH_CASE
from case_events.ledger.queries import read_case
from case_events.ledger.steps import Asking
from case_events.outgoing.events import event_view

JUDGING = ("ruled", "settled")
"""Events that judge what was read: they need If-Match (428 without)."""
EXPLAINED = ("not_allowed_now", "deadline_passed", "not_yet")
"""Refusals that say what could be posted instead."""


def asking_to_file(door: Door, caller: Caller, body: bytes, key: str | None, read: int | None) -> Asking:
    """The filing in ``body``, asked by this caller under its idempotency ``key``. Refused if it may not."""
    command = bodies.understood(body, File)
    if command.test_clock is not None and not door.sandbox:
        fault = Fault(pointer="/test_clock", detail="there are no test clocks in production")
        raise Refused(problems.invalid(fault))
    _check_may_file(caller, command)
    by_platform = caller.role == "platform"
    return Asking(
        command=command,
        actor=Party(role="platform", id=caller.name) if by_platform else command.complainant,
        client=caller.client,
        key=key,
        body=body,
        agent=caller.name if by_platform else None,
        occurred_at=command.occurred_at,
        if_match=read,
    )


def asking_to_post(caller: Caller, case_id: CaseId, body: bytes, key: str | None, read: int | None) -> Asking:
    """What ``body`` says happened in the case, asked by this caller on the version it ``read``."""
    happened = bodies.posting(
        body, lambda name: check_may_post(caller, name), needs_actor=not speaks_for_the_platform(caller)
    )
    actor, agent = acting(caller, happened.actor)
    if happened.name in JUDGING and read is None:
        detail = f"{happened.name} judges what was read: send If-Match with the ETag of the case."
        raise Refused(Problem(code="precondition_required", detail=detail))
    return Asking(
        command=happened.command,
        actor=actor,
        client=caller.client,
        case_id=case_id,
        key=key,
        body=body,
        agent=agent,
        occurred_at=happened.occurred_at,
        if_match=read,
    )


async def asking_for(
    door: Door, caller: Caller, case_id: CaseId | None, body: bytes, key: str | None, read: int | None
) -> Asking:
    """A step of the case, or without one a filing, as something that may be either. Refused if the caller may not."""
    if case_id is not None:
        await check_exists(door, caller, case_id)
        return asking_to_post(caller, case_id, body, key, read)
    if caller.role not in RIGHTS["file"]:
        raise Refused(Problem(code="forbidden", detail=f"A key with the role {caller.role} may not file."))
    return asking_to_file(door, caller, body, key, read)


async def step_view(door: Door, caller: Caller, step: Step) -> StepView:
    """A step that was not refused, as this caller may see it."""
    answer, case = await _seen(door, caller, step)
    after = case_view(case, await door.book_of(case), desk=viewer_of(caller).desk)
    return StepView(events=tuple(event_view(one) for one in answer), case=after)


def _check_may_file(caller: Caller, command: File) -> None:
    """A limited key files in its marketplaces and as its merchants, never as a buyer; only the platform as itself."""
    if command.complainant.role == "platform" and caller.role != "platform":
        raise Refused(Problem(code="forbidden", detail="The platform's own cases are filed with its own key (F14)."))
    if caller.marketplaces is not None and command.marketplace not in caller.marketplaces:
        detail = f"This key is limited to {', '.join(caller.marketplaces)}."
        raise Refused(Problem(code="forbidden", detail=detail))
    check_may_speak(caller, command.complainant)


async def check_exists(door: Door, caller: Caller, case_id: CaseId) -> None:
    """For a limited key there are only its own cases; for others the write path itself finds out."""
    viewer = viewer_of(caller)
    limited = viewer.merchants is not None or viewer.marketplaces is not None
    if limited and await read_case(door.ledger, case_id, viewer=viewer) is None:
        raise Refused(NO_SUCH_CASE)


async def _seen(door: Door, caller: Caller, step: Step) -> tuple[History, Case]:
    """The step's events and the case after it as the caller may see them."""
    assert step.case is not None, "a step that was not refused has a case"
    viewer = viewer_of(caller)
    if erasures_in(step.answer):
        # What was erased is still in the memory of whoever judged it; a dry run has nothing else.
        reading = await read_case(door.ledger, step.case_id, version=step.case.version, viewer=viewer)
        if reading is not None:
            return tuple(one for one in reading.history if one in step.answer), reading.case
    if viewer.merchants is None and (viewer.desk or not _has_notes(step.case)):
        return step.answer, step.case
    first = step.events[0].version if step.events else step.case.version + 1
    reading = None
    if first > 1:
        reading = await read_case(door.ledger, step.case_id, version=first - 1)
    history = (*(reading.history if reading else ()), *step.events)
    shown_to = seen(history, viewer)
    case, answered = as_shown(step.case, shown_to), {one.version for one in step.answer}
    assert case is not None, "who may post to a case sees it"
    return tuple(one for one in shown_to if one.version in answered), case


async def files_erased(door: Door, step: Step) -> None:
    """Where the step erased a side, its files are gone before anybody is told so; asked again, it is made sure again.

    Who asks again without a key is refused, and it is made sure all the same. Refused with ``store_unavailable`` while
    the store of files is away.
    """
    if not (erasures_in(step.answer) or (step.problem is not None and _is_erased(step.case))):
        return
    reading = await read_case(door.ledger, step.case_id)
    await door.evidence.clear(step.case_id, files_open_to(reading.history, EVERYTHING) if reading else ())


def _is_erased(case: Case | None) -> bool:
    return case is not None and case.stage == "closed" and ERASED in (case.complainant.id, case.respondent.id)


def _has_notes(case: Case) -> bool:
    """Whether the desk may have written something in the case that it keeps to itself."""
    return bool(case.marks or case.outside) or any(post.type == "noted" for post in case.posts)


async def why_refused(door: Door, viewer: Viewer, step: Step) -> Problem:
    """The problem of a refused step; where the state of the case forbids it, with what could be posted instead.

    Who read an older version is told of what they may see of what happened since.
    """
    problem = step.problem
    assert problem is not None, "a step without a problem has a case"
    if problem.missed and viewer != EVERYTHING:
        reading = await read_case(door.ledger, step.case_id, viewer=viewer)
        shown = {one.version for one in reading.history} if reading else ()
        problem = replace(problem, missed=tuple(one for one in problem.missed if one["version"] in shown))
    if problem.code in EXPLAINED and step.case is not None:
        allowed = allowed_events(step.case, (await door.book_of(step.case)).rules)
        problem = replace(problem, allowed_events=allowed)
    return problem
