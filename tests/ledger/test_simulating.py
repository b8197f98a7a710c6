"""Recorded cases under another policy: they come out as they were under their own, and nothing at all is written."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from case_events.core.commands import Erase, Note
from case_events.core.policy import InForce
from case_events.core.retelling import RefusedStep
from case_events.core.simulating import Simulated, shown_to, simulated_for
from case_events.core.values import CaseId, Instant, Party
from case_events.core.viewer import Viewer
from case_events.ledger import simulating
from case_events.ledger.bulk.held import release
from case_events.ledger.clock.claims import CLAIM_LIVE
from case_events.ledger.clock.firing import fire
from case_events.ledger.database import Ledger
from case_events.ledger.lists.lists import Wanted, list_cases
from case_events.ledger.simulating import Chosen, Page, simulated
from case_events.ledger.store import load as load_cases
from case_events.policies import load
from tests import examples
from tests.ledger.desk import Desk, a_filing, contents
from tests.ledger.history import DAY, HOUR, told
from tests.ledger.test_importing import CLIENT, case_of, imported

OWN = load(examples.taobao_text())
SHORTER = examples.policy(
    ("open_period = { hours = 48 }", "open_period = { hours = 24 }"),
    ("final_period = { hours = 24 }", "final_period = { hours = 1 }"),
    examples.SILENCE_CONCEDES,
    examples.STALL_ESCALATES,
)
HISTORY = (
    (2 * DAY, examples.REFUSE),
    (3 * DAY, examples.ASSIGN),
    (4 * DAY, examples.PART_REFUND),
    (4 * DAY + HOUR, examples.APPEAL),
    (5 * DAY, examples.REFUND),
    (6 * DAY, examples.REFUNDED),
)


async def of(ledger: Ledger, candidate: InForce, *case_ids: CaseId, **said: object) -> Page:
    return await simulated(ledger, candidate, Chosen(case_ids=case_ids), limit=200, **said)  # type: ignore[arg-type]


async def test_an_imported_case_comes_out_as_it_was_and_differs_by_another_policy(
    ledger: Ledger, scheduler: Ledger
) -> None:
    lines = [*told("sim-whole", HISTORY), *told("sim-silent", ()), *told("sim-agreed", [(HOUR, examples.AGREE)])]
    assert all(one.problem is None for one in (await imported(ledger, lines)).values())
    cases = [case_of(ref) for ref in ("sim-whole", "sim-silent", "sim-agreed")]
    for _ in range(2):  # before what had run out is written, and after
        page = await of(ledger, OWN, *cases)
        assert {one.case_id: (one.differences, one.refused) for one in page.items} == dict.fromkeys(cases, ((), ()))
        async with ledger.connection() as connection:
            await release(connection, CLIENT)
        await fire(scheduler, CLAIM_LIVE)
    found = {one.case_id: one for one in (await of(ledger, SHORTER, *cases)).items}
    whole, silent, agreed = (found[case_id] for case_id in cases)
    assert whole.recorded.outcome == "upheld"
    assert whole.simulated is not None
    assert whole.simulated.outcome == "conceded"
    assert [one.type for one in whole.refused] == ["merchant_replied", "ruled", "appealed", "ruled"]
    assert silent.simulated is not None
    assert (silent.recorded.outcome, silent.simulated.outcome) == (None, "conceded")
    assert "outcome" not in agreed.differences


async def test_nothing_is_written(ledger: Ledger, desk: Desk, superuser: asyncpg.Connection) -> None:
    case_id = await desk.filed(a_filing())
    before = await contents(superuser)
    assert (await of(ledger, SHORTER, case_id)).items[0].differences == ("due_times",)
    assert await contents(superuser) == before


async def test_a_page_ends_where_its_work_does_and_the_next_goes_on(
    ledger: Ledger, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulating, "PARCEL", 2)
    monkeypatch.setattr(simulating, "WORK_S_MAX", 0)
    merchant = Party(role="merchant", id="m-paged")
    cases = [await desk.filed(a_filing(respondent=merchant)) for _ in range(5)]
    for chosen in (Chosen(merchant_id="m-paged"), Chosen(case_ids=tuple(cases))):
        found, sizes, after = list[CaseId](), list[int](), None
        for _ in range(len(cases)):
            page = await simulated(ledger, OWN, chosen, limit=4, after=after)
            found += [one.case_id for one in page.items]
            sizes.append(len(page.items))
            after = page.after
            if after is None:
                break
        assert found == cases[::-1]
        assert max(sizes) == 1


async def test_others_have_their_turn_while_a_long_case_is_told(
    ledger: Ledger, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, began, ended = await desk.filed(a_filing()), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def long(*said: Any) -> Simulated:
        loop.call_soon_threadsafe(began.set)
        assert ended.wait(10), "nobody else had a turn"
        return simulated_for(*said)

    monkeypatch.setattr(simulating, "simulated_for", long)
    page = asyncio.create_task(of(ledger, OWN, case_id))
    await asyncio.wait_for(began.wait(), 10)
    ended.set()
    assert [one.case_id for one in (await page).items] == [case_id]


async def test_a_period_has_its_first_instant_and_not_its_last(ledger: Ledger, desk: Desk) -> None:
    merchant = Party(role="merchant", id="m-period")
    cases = [await desk.filed(a_filing(respondent=merchant)) for _ in range(3)]
    listed = await list_cases(ledger, Wanted(merchant_id="m-period"), limit=3)
    at = [one.filed_at for one in reversed(listed.rows)]

    async def filed(since: Instant | None, before: Instant | None) -> list[CaseId]:
        chosen = Chosen(merchant_id="m-period", filed_from=since, filed_before=before)
        page = await simulated(ledger, OWN, chosen, limit=2)
        found = list(page.items)
        while page.after is not None:
            page = await simulated(ledger, OWN, chosen, limit=2, after=page.after)
            found += page.items
        return [one.case_id for one in found]

    assert await filed(at[1], None) == [cases[2], cases[1]]
    assert await filed(None, at[2]) == [cases[1], cases[0]]
    assert await filed(at[1], at[2]) == [cases[1]]
    assert await filed(Instant.of(at[2] + timedelta(seconds=1)), None) == []


async def test_other_marketplaces_and_what_the_viewer_does_not_see_are_not_there(ledger: Ledger, desk: Desk) -> None:
    case_id = await desk.filed(a_filing())
    elsewhere = replace(OWN, policy=replace(OWN.policy, marketplace="tmall"))
    assert (await of(ledger, elsewhere, case_id)).items == ()
    for viewer, there in ((Viewer(merchants=("m-1",)), 1), (Viewer(merchants=("m-2",)), 0)):
        assert len((await of(ledger, OWN, case_id, viewer=viewer)).items) == there
        chosen = Chosen(type="not_received")
        page = await simulated(ledger, OWN, chosen, viewer=viewer, limit=200)
        assert (case_id in [one.case_id for one in page.items]) == bool(there)


async def test_a_step_that_is_not_for_the_viewer_is_not_named(ledger: Ledger, desk: Desk) -> None:
    """Of a note of the desk to itself a merchant is not even told that it could not have been put right."""
    case_id = await desk.filed(a_filing())
    noted = await desk.post(case_id, Note(text="Rang the buyer.", internal=True))
    await desk.post(case_id, replace(examples.CORRECT, event=noted.answer[0].event_id))
    async with ledger.connection() as connection:
        history = (await load_cases(connection, [case_id], ledger.vault))[case_id].history
    found = (await of(ledger, OWN, case_id)).items[0]
    refused = RefusedStep(version=3, type="corrected", code="invalid", rule=None)
    found = replace(found, refused=(refused,), differences=("refused", "amount"))
    assert shown_to(found, history, Viewer()) == found
    merchant = shown_to(found, history, Viewer(merchants=("m-1",)))
    assert (merchant.refused, merchant.differences) == ((), ("amount",))


async def test_an_erased_case_comes_out_as_it_was(ledger: Ledger, desk: Desk) -> None:
    case_id = await desk.filed(a_filing())
    await desk.post(case_id, examples.AGREE)
    await desk.post(case_id, examples.REFUNDED)
    await desk.post(case_id, Erase(subject="complainant", basis="retention_expired"))
    found = (await of(ledger, OWN, case_id)).items[0]
    assert (found.recorded.status, found.differences, found.refused) == ("closed", (), ())
