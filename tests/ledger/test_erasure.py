"""A destroyed key erases a person from the record, from everything derived from it, and breaks no proof."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.commands import Correct, Correction, Posted
from case_events.core.events import Filed, Noted
from case_events.core.plan import Step
from case_events.core.values import ERASED, CaseId, Evidence, Instant, Party
from case_events.ledger.audit.audit import verify
from case_events.ledger.audit.verifying import Finding
from case_events.ledger.bulk.together import submit_all
from case_events.ledger.clock.claims import CLAIM_CLOCKED
from case_events.ledger.clock.firing import fire
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.lists.lists import Wanted, list_cases
from case_events.ledger.queries import read_case
from case_events.ledger.recent import Recent
from case_events.ledger.sealing import Subject
from case_events.ledger.steps import Asking
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import CLIENT, MASTER_KEY, Desk, a_filing
from tests.ledger.erasing import erase
from tests.ledger.tampering import tampered
from tests.ledger.test_append import committed, judged

HAN = Party(role="buyer", id="han-meimei-4711")
LEI = Party(role="merchant", id="li-lei-0815")
HERS = (HAN.id, "我住在和平路十二号", "files.example/han/door.jpg", "还是没有收到")
HIS = (LEI.id, "本人在前台签收")
PROOF = Evidence(kind="photo", uri="https://files.example/han/door.jpg", sha256="a" * 64)


@pytest_asyncio.fixture
async def case_id(desk: Desk) -> CaseId:
    """A case in which both sides said who they are; its ruling is due under a test clock."""
    clock = await desk.clock()
    filing = a_filing(clock=clock, complainant=HAN, respondent=LEI, description=HERS[1], evidence=(PROOF,))
    case_id = await desk.filed(filing)
    refusal = examples.REFUSE.__class__(decision="refuse", reason=HIS[1])
    await desk.post(case_id, refusal, actor=LEI)
    more = examples.EVIDENCE.__class__(evidence=(Evidence(kind="text", uri=HERS[3], sha256="b" * 64),))
    await desk.post(case_id, more, actor=HAN)
    return case_id


async def found(superuser: asyncpg.Connection, words: tuple[str, ...]) -> dict[str, set[str]]:
    """In which tables each of the words can be read, as text or in bytes."""
    tables = await superuser.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    places: dict[str, set[str]] = {}
    for table in (row["tablename"] for row in tables):
        said = "\n".join(row["t"] for row in await superuser.fetch(f"SELECT t::text FROM {table} t"))  # noqa: S608
        for word in words:
            if word in said or word.encode().hex() in said:
                places.setdefault(word, set()).add(table)
    return places


async def test_only_the_ids_in_the_lists_can_be_read_without_the_keys(
    superuser: asyncpg.Connection, case_id: CaseId
) -> None:
    assert await found(superuser, (*HERS, *HIS)) == {HAN.id: {"cases"}, LEI.id: {"cases"}}


async def unsaid(desk: Desk, case_id: CaseId) -> list[str]:
    """All that an audit finds: sides whose keys were destroyed although no event says so."""
    found = [one.what.partition("'s key was destroyed, and no event says so") for one in await audit(desk, case_id)]
    assert all(said for _, said, _ in found), found
    return sorted(side.removeprefix("the ") for side, _, _ in found)


async def audit(desk: Desk, case_id: CaseId) -> tuple[Finding, ...]:
    return (await verify(desk.ledger, case_id)).findings


@pytest.mark.parametrize(("side", "gone", "left"), [("complainant", HERS, HIS), ("respondent", HIS, HERS)])
async def test_after_erasing_a_side_nothing_of_theirs_is_left_and_the_other_s_is(
    desk: Desk,
    superuser: asyncpg.Connection,
    case_id: CaseId,
    side: Subject,
    gone: tuple[str, ...],
    left: tuple[str, ...],
) -> None:
    before = await read_case(desk.ledger, case_id)
    await superuser.execute("DELETE FROM cases WHERE case_id <> $1", case_id)
    await erase(desk, case_id, side)
    assert await found(superuser, gone) == {}
    after = await read_case(desk.ledger, case_id)
    assert before is not None
    assert after is not None
    for word in (*gone, *left):
        assert word in repr(before.history), "it was there"
        assert (word in repr(after.history)) == (word in left)
        assert (word in repr(after.case)) == (word in repr(before.case) and word in left)
    assert after.hashes == before.hashes
    filed = after.history[0].event
    assert isinstance(filed, Filed)
    erased, kept = (filed.complainant, LEI) if side == "complainant" else (filed.respondent, HAN)
    assert erased.id == ERASED
    assert kept in (filed.complainant, filed.respondent)
    assert await unsaid(desk, case_id) == [side]


async def test_a_process_that_never_saw_the_key_reads_the_same(
    desk: Desk, module_database: Database, case_id: CaseId
) -> None:
    await erase(desk, case_id, "complainant")
    fresh = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=desk.ledger.calendar)
    try:
        there, here = await read_case(fresh, case_id), await read_case(desk.ledger, case_id)
    finally:
        await fresh.close()
    assert there is not None
    assert here is not None
    assert (there.case, there.history) == (here.case, here.history)


async def test_the_lists_show_who_is_erased_as_erased(desk: Desk, case_id: CaseId) -> None:
    await erase(desk, case_id, "complainant")
    rows = {row.case_id: row for row in (await list_cases(desk.ledger, Wanted(), limit=200)).rows}
    assert (rows[case_id].complainant_id, rows[case_id].respondent_id) == (ERASED, LEI.id)


async def test_nobody_is_taken_for_an_erased_party(desk: Desk, case_id: CaseId) -> None:
    await erase(desk, case_id, "complainant")
    for actor in (HAN, Party(role="buyer", id=ERASED)):
        refused = await desk.ask(examples.EVIDENCE, case_id, actor=actor, client=CLIENT)
        assert refused.problem is not None
        assert refused.problem.code == "forbidden"


async def test_the_clocks_of_an_erased_case_still_run_out(
    desk: Desk, scheduler: Ledger, superuser: asyncpg.Connection, case_id: CaseId
) -> None:
    for side in ("complainant", "respondent"):
        await erase(desk, case_id, side)
    clock = await superuser.fetchval("SELECT test_clock FROM cases WHERE case_id = $1", case_id)
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=30)))
    fired = await fire(scheduler, CLAIM_CLOCKED, only=case_id)
    assert (fired.claimed, fired.written) == ((case_id,), 1)
    reading = await read_case(desk.ledger, case_id)
    assert reading is not None
    assert reading.history[-1].name == "ruling_timed_out"
    assert await unsaid(desk, case_id) == ["complainant", "respondent"]


async def test_an_erased_complainant_does_not_keep_the_platform_from_ruling(desk: Desk, case_id: CaseId) -> None:
    await erase(desk, case_id, "complainant")
    await desk.post(case_id, examples.REJECT, actor=examples.PLATFORM)
    reading = await read_case(desk.ledger, case_id)
    assert reading is not None
    assert reading.case.rulings[-1].reasons == examples.REJECT.reasons
    assert await unsaid(desk, case_id) == ["complainant"]


@pytest.mark.parametrize(("side", "left"), [("complainant", True), ("respondent", False)])
async def test_a_party_s_words_that_the_platform_put_right_go_with_that_party(
    desk: Desk, case_id: CaseId, side: Subject, left: bool
) -> None:
    before = await read_case(desk.ledger, case_id)
    assert before is not None
    (reply,) = (one for one in before.history if one.name == "merchant_replied")
    put_right = Correct(event=reply.event_id, fields=Correction(text="李雷在前台签收"), reason="姓名有误。")
    await desk.post(case_id, put_right, actor=examples.PLATFORM)
    await erase(desk, case_id, side)
    after = await read_case(desk.ledger, case_id)
    assert after is not None
    assert ("李雷" in repr(after.history)) == left
    again = await desk.ask(put_right, case_id, actor=examples.PLATFORM)
    assert (again.problem is None) == left, "nothing more is recorded in an erased side's words"


async def test_where_both_sides_are_erased_nothing_more_is_written_about_them(desk: Desk, case_id: CaseId) -> None:
    for side in ("complainant", "respondent"):
        await erase(desk, case_id, side)
    refused = await desk.ask(examples.REJECT, case_id, actor=examples.PLATFORM)
    assert refused.problem is not None
    assert refused.problem.code == "not_allowed_now"


async def test_an_erasure_that_is_recorded_destroys_the_key_with_it_and_the_audit_knows(
    desk: Desk, superuser: asyncpg.Connection, case_id: CaseId
) -> None:
    await superuser.execute("DELETE FROM cases WHERE case_id <> $1", case_id)
    await desk.post(case_id, examples.WITHDRAW, actor=HAN)
    key = "SELECT wrapped FROM subject_keys WHERE case_id = $1 AND side = 'complainant'"
    hers = await superuser.fetchval(key, case_id)
    step = await desk.post(case_id, examples.ERASE, actor=examples.PLATFORM, key="erase her")
    assert [one.name for one in step.events] == ["subject_erased"]
    assert await found(superuser, HERS) == {}
    reading = await read_case(desk.ledger, case_id)
    assert reading is not None
    assert (reading.case.complainant.id, reading.case.respondent) == (ERASED, LEI)
    assert (await verify(desk.ledger, case_id)).findings == ()
    again = await desk.post(case_id, examples.ERASE, actor=examples.PLATFORM, key="erase her")
    assert (again.replayed, again.answer) == (True, step.answer)
    assert HAN.id not in repr(again)

    mark = f"INSERT INTO credit_marks VALUES ('{case_id}', 1, decode(repeat('00', 32), 'hex'), now(), true)"  # noqa: S608
    async with tampered(superuser, mark):
        (finding,) = (await verify(desk.ledger, case_id)).findings
    said = "the rows in credit_marks are not the marks that the event gives"
    assert (finding.version, finding.what) == (1, said), "whose it is cannot be told any more, and a filing gives none"

    back = "UPDATE subject_keys SET wrapped = $2, erased_at = NULL WHERE case_id = $1 AND wrapped IS NULL"
    await superuser.execute(back, case_id, hers)
    (finding,) = (await verify(desk.ledger, case_id)).findings
    said = "the complainant was erased, and the key is still there"
    assert (finding.version, finding.what) == (step.events[0].version, said)


async def test_an_erasure_that_comes_too_late_destroys_no_key(
    desk: Desk, superuser: asyncpg.Connection, case_id: CaseId
) -> None:
    await desk.post(case_id, examples.WITHDRAW, actor=HAN)
    erasing = await judged(desk, examples.ERASE, case_id)
    await desk.post(case_id, examples.NOTE)
    assert await committed(desk, erasing) == set()
    kept = "SELECT count(*) FROM subject_keys WHERE case_id = $1 AND wrapped IS NOT NULL"
    assert await superuser.fetchval(kept, case_id) == 2
    reading = await read_case(desk.ledger, case_id)
    assert reading is not None
    assert reading.case.complainant == HAN


async def test_an_erasure_forgets_what_its_process_remembers(desk: Desk, case_id: CaseId) -> None:
    desk.ledger.recent = Recent()
    try:
        await desk.post(case_id, examples.WITHDRAW, actor=HAN)
        assert desk.ledger.recent.of(case_id, opened=True) is not None
        await desk.post(case_id, examples.ERASE, actor=examples.PLATFORM)
        assert desk.ledger.recent.of(case_id, opened=False) is None
    finally:
        desk.ledger.recent = None


async def test_what_the_platform_writes_after_an_erasure_in_the_same_batch_can_be_read(
    desk: Desk, case_id: CaseId
) -> None:
    """It is sealed for the other side: the erased one's key is destroyed as soon as the batch is written."""
    asked: list[tuple[Posted, Party]] = [
        (examples.WITHDRAW, HAN),
        (examples.ERASE, examples.PLATFORM),
        (examples.NOTE, examples.PLATFORM),
    ]
    askings = {
        place: Asking(command=command, actor=actor, client=CLIENT, case_id=case_id, key=f"one {place}")
        for place, (command, actor) in enumerate(asked)
    }
    async for answers in submit_all(desk.ledger, askings):
        for step in answers.values():
            assert isinstance(step, Step)
            assert step.problem is None
    reading = await read_case(desk.ledger, case_id)
    assert reading is not None
    noted = reading.history[-1].event
    assert isinstance(noted, Noted)
    assert noted.text == examples.NOTE.text
    assert reading.case.description == ERASED
    assert (await verify(desk.ledger, case_id)).findings == ()
