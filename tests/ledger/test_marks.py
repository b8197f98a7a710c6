"""Marks against complainants (domain A2) and what else a filing must know of other cases (domain F8, F14)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from asyncpg.exceptions import InsufficientPrivilegeError
from msgspec.structs import replace

from case_events.core.commands import Correct, Correction, Dismiss, File, Rule
from case_events.core.events import Filed
from case_events.core.plan import Step
from case_events.core.values import CaseId, Instant, Party, Penalty
from case_events.ledger.audit.audit import verify
from case_events.ledger.database import Ledger
from case_events.ledger.reserving import reservation
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import Desk, a_filing, a_report, on_tmall
from tests.ledger.test_append import committed, judged

MALICIOUS = Dismiss(reason="恶意投诉。", malicious=True)
CREDIT_MARK = Penalty(kind="credit_mark", on="complainant")
REFUSED_AT = 3
WINDOW = timedelta(days=365)
"""Tmall's: so many marks in so long, and nothing more is taken from that complainant."""


def buyer(name: str) -> Party:
    return Party(role="buyer", id=name)


def quality(who: Party, clock: UUID | None, at: Instant | None = None, **said: Any) -> File:
    return on_tmall("quality", "quality", complainant=who, clock=clock, at=at, **said)


async def dismissed(desk: Desk, who: Party, clock: UUID | None, at: Instant | None = None) -> CaseId:
    case_id = await desk.filed(quality(who, clock, at))
    await desk.post(case_id, MALICIOUS)
    return case_id


async def marks_at_filing(desk: Desk, filing: File) -> int:
    step = await desk.ask(filing, dry_run=True)
    assert step.problem is None, step.problem
    (filed, *_) = (one.event for one in step.events)
    assert isinstance(filed, Filed)
    return filed.marks


async def rows(superuser: asyncpg.Connection, case_id: CaseId) -> list[tuple[int, bool]]:
    found = await superuser.fetch("SELECT * FROM credit_marks WHERE case_id = $1 ORDER BY version", case_id)
    return [(row["version"], row["given"]) for row in found]


async def test_a_malicious_complaint_marks_its_complainant_and_another_s_does_not(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    clock = await desk.clock()
    case_id = await dismissed(desk, buyer("zhang"), clock)
    honest = await desk.filed(quality(buyer("zhang"), clock))
    await desk.post(honest, examples.DISMISS)
    assert await rows(superuser, case_id) == [(2, True)]
    assert await rows(superuser, honest) == []
    assert await marks_at_filing(desk, quality(buyer("zhang"), clock)) == 1
    assert await marks_at_filing(desk, quality(buyer("li"), clock)) == 0


async def test_whoever_has_the_policy_s_number_of_marks_is_refused_until_the_first_is_over(desk: Desk) -> None:
    clock = await desk.clock()
    for number in range(REFUSED_AT):
        assert await marks_at_filing(desk, quality(buyer("wang"), clock)) == number
        await dismissed(desk, buyer("wang"), clock)
    refused = (await desk.ask(quality(buyer("wang"), clock))).problem
    assert refused is not None
    assert refused.code == "not_eligible"
    await desk.advance(clock, Instant.of(examples.NOON + WINDOW))
    last = Instant.of(examples.NOON + WINDOW)
    still = (await desk.ask(quality(buyer("wang"), clock, last))).problem
    assert still is not None, "the last instant of the window is in it"
    over = Instant.of(examples.NOON + WINDOW + examples.TICK)
    await desk.advance(clock, over)
    assert await marks_at_filing(desk, quality(buyer("wang"), clock, over)) == 0


async def test_a_dismissal_that_comes_too_late_marks_nobody(desk: Desk, superuser: asyncpg.Connection) -> None:
    overtaken, other = [await desk.filed(quality(buyer("cao"), None)) for _ in range(2)]
    judgements = [await judged(desk, MALICIOUS, case_id) for case_id in (overtaken, other)]
    await desk.post(overtaken, examples.WITHDRAW, actor=buyer("cao"))
    assert await committed(desk, *judgements) == {other}
    assert (await rows(superuser, overtaken), await rows(superuser, other)) == ([], [(2, True)])


async def test_marks_under_one_test_clock_say_nothing_about_another_or_about_real_complaints(desk: Desk) -> None:
    clock, other = await desk.clock(), await desk.clock()
    await dismissed(desk, buyer("zhao"), clock)
    for elsewhere in (other, None):
        assert await marks_at_filing(desk, quality(buyer("zhao"), elsewhere)) == 0
    await dismissed(desk, buyer("zhao"), None)
    assert await marks_at_filing(desk, quality(buyer("zhao"), None)) == 1


async def test_a_policy_that_counts_no_marks_is_told_of_none(desk: Desk) -> None:
    filing = a_filing(complainant=buyer("qian"), marketplace="taobao")
    clock = await desk.clock()
    await dismissed(desk, buyer("qian"), clock)
    assert await marks_at_filing(desk, replace(filing, test_clock=None)) == 0


async def ruled(desk: Desk, who: Party, clock: UUID, *penalties: Penalty) -> tuple[CaseId, Step]:
    case_id = await desk.filed(on_tmall("not_received", "not_received", complainant=who, clock=clock))
    await desk.post(case_id, examples.REFUSE)
    return case_id, await desk.post(case_id, verdict(*penalties))


def verdict(*penalties: Penalty) -> Rule:
    return replace(examples.REJECT, penalties=penalties)


async def test_a_ruling_may_mark_the_complainant_and_a_correction_takes_the_mark_back(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    clock = await desk.clock()
    case_id, step = await ruled(desk, buyer("sun"), clock, CREDIT_MARK)
    assert await marks_at_filing(desk, quality(buyer("sun"), clock)) == 1
    correction = Correct(event=step.answer[0].event_id, fields=Correction(penalties=()), reason="误判。")
    corrected = await desk.post(case_id, correction)
    version = corrected.answer[0].version
    assert await rows(superuser, case_id) == [(step.answer[0].version, True), (version, False)]
    assert await marks_at_filing(desk, quality(buyer("sun"), clock)) == 0


async def test_the_same_mark_in_a_second_ruling_is_one_mark(desk: Desk, superuser: asyncpg.Connection) -> None:
    clock = await desk.clock()
    case_id, step = await ruled(desk, buyer("zhou"), clock, CREDIT_MARK)
    await desk.post(case_id, examples.APPEAL, actor=buyer("zhou"))
    await desk.post(case_id, verdict(CREDIT_MARK))
    assert await rows(superuser, case_id) == [(step.answer[0].version, True)]
    assert await marks_at_filing(desk, quality(buyer("zhou"), clock)) == 1


async def test_a_second_ruling_without_the_mark_takes_it_back_and_a_warning_is_none(desk: Desk) -> None:
    clock = await desk.clock()
    case_id, _ = await ruled(desk, buyer("wu"), clock, CREDIT_MARK)
    await desk.post(case_id, examples.APPEAL, actor=buyer("wu"))
    await desk.post(case_id, verdict(Penalty(kind="warning")))
    assert await marks_at_filing(desk, quality(buyer("wu"), clock)) == 0


async def test_marks_are_written_by_the_services_and_changed_by_nobody(
    desk: Desk, module_database: Database, superuser: asyncpg.Connection
) -> None:
    case_id = await dismissed(desk, buyer("zheng"), await desk.clock())
    changes = ("UPDATE credit_marks SET given = false", "DELETE FROM credit_marks", "TRUNCATE credit_marks")
    for url in (module_database.app, module_database.scheduler, module_database.superuser):
        connection = await asyncpg.connect(url)
        for change in changes:
            with pytest.raises(InsufficientPrivilegeError):
                await connection.execute(change)
        await connection.close()
    assert await rows(superuser, case_id) == [(2, True)]
    kept = await superuser.fetchval("SELECT complainant FROM credit_marks WHERE case_id = $1", case_id)
    assert b"zheng" not in kept


async def test_a_complaint_that_takes_up_a_closed_one_is_linked_to_it_and_an_open_one_is_named(desk: Desk) -> None:
    """Domain F14."""
    first = quality(buyer("feng"), await desk.clock())
    case_id = await desk.filed(first)
    again = replace(first, previous=case_id, type="description", reason="not_as_described")
    refused = (await desk.ask(again)).problem
    assert refused is not None
    assert (refused.code, refused.location) == ("already_open", f"/v1/cases/{case_id}"), refused.errors
    await desk.post(case_id, examples.DISMISS)
    stranger = (await desk.ask(replace(again, complainant=buyer("chen")))).problem
    nobody = (await desk.ask(replace(again, previous=UUID(int=5)))).problem
    for problem in (stranger, nobody):
        assert problem is not None
        assert [fault.pointer for fault in problem.errors] == ["/previous"]
    step = await desk.ask(again)
    assert step.case is not None
    assert step.case.previous == case_id


async def test_a_complaint_that_was_resolved_is_not_taken_up_again(desk: Desk) -> None:
    """Domain F14: only an unresolved one is, and a report's is told apart by its listing."""
    first = a_filing(amount=examples.yuan(129))
    case_id = await desk.filed(first)
    await desk.post(case_id, examples.AGREE)
    await desk.post(case_id, examples.REFUNDED)
    refused = (await desk.ask(replace(first, previous=case_id))).problem
    assert refused is not None
    assert (refused.code, refused.location) == ("not_eligible", None)

    report_id = await desk.filed(a_report("l-1"))
    elsewhere = (await desk.ask(replace(a_report("l-2"), previous=report_id))).problem
    assert elsewhere is not None
    assert [fault.pointer for fault in elsewhere.errors] == ["/previous"]
    same = (await desk.ask(replace(a_report("l-1"), previous=report_id))).problem
    assert same is not None
    assert same.code == "already_open"


async def test_one_report_of_a_listing_is_open_at_a_time_for_each_who_reports(desk: Desk) -> None:
    """Domain F8: a report is about no order."""
    case_id = await desk.filed(a_report("l-7"))
    again = (await desk.ask(a_report("l-7"))).problem
    assert again is not None
    assert (again.code, again.location) == ("already_open", f"/v1/cases/{case_id}")
    await desk.filed(a_report("l-8"))
    await desk.filed(a_report("l-7", complainant=buyer("chu")))


def test_without_a_listing_the_respondent_is_what_a_complaint_is_about(ledger: Ledger) -> None:
    report, vault = a_report(None), ledger.vault
    elsewhere = replace(report, respondent=Party(role="merchant", id="m-2"))
    assert reservation(report, vault) != reservation(elsewhere, vault)
    assert reservation(report, vault) == reservation(replace(report, description="…"), vault)
    assert reservation(a_report("m-1"), vault) != reservation(report, vault)


async def test_afterwards_the_record_is_verified(ledger: Ledger) -> None:
    assert (await verify(ledger)).findings == ()
