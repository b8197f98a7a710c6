"""What opens by itself is written with the step that opens it, or neither is (domain B1)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid5

import asyncpg
from msgspec.structs import replace

from case_events.core.commands import File, Posted
from case_events.core.events import Filed, Noted
from case_events.core.plan import Request, Step, World
from case_events.core.values import CaseId, Instant, Problem
from case_events.ledger.audit.audit import verify
from case_events.ledger.database import Ledger
from case_events.ledger.opened import with_opened
from case_events.ledger.queries import read_case
from tests import examples
from tests.ledger.desk import Desk, on_tmall, stored

ON_THEIR_WAY: tuple[Posted, ...] = (examples.ACCEPT, examples.AGREE, examples.ADDRESS, examples.SHIPPED)


def insured(clock: UUID | None) -> File:
    filing = on_tmall("quality", "quality", clock=clock, demand="return_and_refund")
    assert filing.order is not None
    return replace(filing, order=replace(filing.order, merchant_promises=("shipping_insurance",)))


async def sent_back(desk: Desk, filing: File) -> CaseId:
    case_id = await desk.filed(filing)
    for command in ON_THEIR_WAY:
        actor = {"actor": examples.MERCHANT} if command is examples.ADDRESS else {}
        await desk.post(case_id, command, **actor)
    return case_id


async def received(desk: Desk, case_id: CaseId, *, dry_run: bool = False) -> Step:
    return await desk.ask(examples.RECEIVED, case_id, actor=examples.MERCHANT, key="received", dry_run=dry_run)


def claim_of(case_id: CaseId) -> CaseId:
    return uuid5(case_id, "insurance")


async def test_the_receipt_and_the_claim_it_opens_are_written_together(
    desk: Desk, ledger: Ledger, superuser: asyncpg.Connection
) -> None:
    clock = await desk.clock()
    case_id = await sent_back(desk, insured(clock))
    step = await received(desk, case_id)
    assert [one.name for one in step.answer] == ["returned"]
    claim = await read_case(ledger, claim_of(case_id))
    assert claim is not None
    filed = claim.history[0]
    assert isinstance(filed.event, Filed)
    assert step.case is not None
    assert (claim.case.type, claim.case.kind, claim.case.status) == (
        "shipping_insurance",
        "insurance",
        "waiting_for_respondent",
    )
    assert (claim.case.external_ref, claim.case.test_clock) == (step.case.number, clock)
    assert (filed.who, filed.client, filed.asked) == ("platform", "caselog", None)
    both = [await stored(superuser, one) for one in (case_id, claim_of(case_id))]
    written = [
        await superuser.fetchval("SELECT tx FROM events WHERE event_id = $1", rows[-1]["event_id"]) for rows in both
    ]
    assert written[0] == written[1]


async def test_the_same_receipt_asked_again_opens_nothing_more(desk: Desk, superuser: asyncpg.Connection) -> None:
    case_id = await sent_back(desk, insured(None))
    first, again = await received(desk, case_id), await received(desk, case_id)
    assert (again.replayed, again.answer) == (True, first.answer)
    claims = "SELECT count(*) FROM cases WHERE type = 'shipping_insurance' AND external_ref = $1"
    assert first.case is not None
    assert await superuser.fetchval(claims, first.case.number) == 1


async def test_the_claim_that_a_case_has_opened_stays_the_only_one(desk: Desk, ledger: Ledger) -> None:
    case_id = await sent_back(desk, insured(None))
    rehearsed = await received(desk, case_id, dry_run=True)
    assert len(rehearsed.opens) == 1
    await received(desk, case_id)

    async def judged_by(_: Request) -> World | Problem:
        raise AssertionError("nothing more is filed")

    async with ledger.connection() as connection:
        assert await with_opened(connection, ledger.vault, rehearsed, judged_by) == (rehearsed, ())


async def test_receipts_of_many_cases_at_once_open_a_claim_each(desk: Desk, ledger: Ledger) -> None:
    cases = await asyncio.gather(*(sent_back(desk, insured(None)) for _ in range(5)))
    steps = await asyncio.gather(*(received(desk, case_id) for case_id in cases))
    assert [step.problem for step in steps] == [None] * 5
    for case_id in cases:
        assert await read_case(ledger, claim_of(case_id)) is not None


async def test_a_dry_run_opens_nothing(desk: Desk, ledger: Ledger) -> None:
    case_id = await sent_back(desk, insured(None))
    step = await received(desk, case_id, dry_run=True)
    assert len(step.opens) == 1
    assert await read_case(ledger, claim_of(case_id)) is None


async def test_a_claim_that_is_already_open_is_noted_and_the_receipt_stands(desk: Desk, ledger: Ledger) -> None:
    clock = await desk.clock()
    filing = insured(clock)
    case_id = await sent_back(desk, filing)
    dry = await received(desk, case_id, dry_run=True)
    (opening,) = dry.opens
    by_hand = await desk.filed(opening, actor=examples.MERCHANT)
    step = await received(desk, case_id)
    assert [one.name for one in step.answer] == ["returned", "noted"]
    noted = step.answer[1].event
    assert isinstance(noted, Noted)
    assert noted.text.startswith("shipping_insurance: already_open.")
    assert await read_case(ledger, claim_of(case_id)) is None
    again = await received(desk, case_id)
    assert (again.replayed, again.answer, again.case) == (True, step.answer, step.case)
    assert by_hand != claim_of(case_id)


async def test_a_claim_that_cannot_be_written_takes_the_receipt_with_it(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    """As a crash between the two would: here the database says no to one of them until the trigger goes."""
    case_id = await sent_back(desk, insured(None))
    version = await superuser.fetchval("SELECT version FROM streams WHERE case_id = $1", case_id)
    function = f"""
    CREATE FUNCTION no_claim() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.case_id = '{claim_of(case_id)}' THEN RETURN NULL; END IF; RETURN NEW; END $$
    """
    await superuser.execute(function)
    await superuser.execute("CREATE TRIGGER no_claim BEFORE INSERT ON streams FOR EACH ROW EXECUTE FUNCTION no_claim()")
    try:
        refused = await received(desk, case_id)
        assert refused.problem is not None
        assert refused.problem.code == "busy"
        assert await superuser.fetchval("SELECT version FROM streams WHERE case_id = $1", case_id) == version
        assert await superuser.fetchval("SELECT count(*) FROM events WHERE case_id = $1", claim_of(case_id)) == 0
    finally:
        await superuser.execute("DROP TRIGGER no_claim ON streams")
        await superuser.execute("DROP FUNCTION no_claim")
    assert (await received(desk, case_id)).problem is None
    assert await superuser.fetchval("SELECT count(*) FROM events WHERE case_id = $1", claim_of(case_id)) == 1


async def test_the_insurer_s_silence_concedes_the_claim(desk: Desk, ledger: Ledger) -> None:
    clock = await desk.clock()
    case_id = await sent_back(desk, insured(clock))
    await received(desk, case_id)
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(hours=72) + 2 * examples.TICK))
    await desk.fire_clocked()
    claim = await read_case(ledger, claim_of(case_id))
    assert claim is not None
    assert claim.case.outcome == "conceded"
    assert (await verify(ledger)).findings == ()
