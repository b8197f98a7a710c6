"""What a process remembers of cases: never another state than the database has, and no text that was erased."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from case_events.core.commands import Correct, Correction
from case_events.core.events import Filed
from case_events.core.evolve import fold
from case_events.core.values import ERASED, CaseId, Penalty
from case_events.ledger import steps
from case_events.ledger.database import Ledger, open_ledger
from case_events.ledger.identifiers import uuid7
from case_events.ledger.queries import read_case
from case_events.ledger.recent import BYTES_OF_ONE_MAX, EVENTS_OF_ONE_MAX, Recent, Remembered
from case_events.ledger.sealing import SubjectKey
from case_events.ledger.store import Loaded, load
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, a_filing, one_of_each
from tests.ledger.erasing import erase


@pytest_asyncio.fixture
async def other(module_database: Database) -> AsyncIterator[Desk]:
    """A desk at another process: it shares the database and nothing else."""
    opened = await open_ledger(module_database.app, master_key=MASTER_KEY)
    yield Desk(opened)
    await opened.close()


async def read(ledger: Ledger, case_id: CaseId, recent: Recent | None) -> Loaded:
    async with ledger.connection() as connection:
        return (await load(connection, [case_id], ledger.vault, recent=recent))[case_id]


@pytest.fixture(autouse=True)
def remembering(ledger: Ledger) -> Iterator[None]:
    """Only here: a process remembers nothing unless it is told to."""
    ledger.recent = Recent()
    yield
    ledger.recent = None


def memory(ledger: Ledger) -> Recent:
    assert ledger.recent is not None
    return ledger.recent


def remembered(ledger: Ledger, case_id: CaseId) -> Remembered | None:
    return memory(ledger).of(case_id, opened=False)


async def test_what_is_remembered_is_what_would_be_read(ledger: Ledger, desk: Desk) -> None:
    for name, case_id in (await one_of_each(desk)).items():
        kept = remembered(ledger, case_id)
        assert kept is not None, name
        anew, at_hand = await read(ledger, case_id, None), await read(ledger, case_id, ledger.recent)
        assert (at_hand.history, at_hand.hashes, at_hand.head) == (anew.history, anew.hashes, anew.head)
        assert kept.history == anew.history[: len(kept.history)]
        assert at_hand.case == fold(anew.history)
        assert by_side(at_hand) == by_side(anew)


def by_side(loaded: Loaded) -> list[SubjectKey]:
    return sorted(loaded.keys, key=lambda key: key.side)


async def test_what_is_remembered_is_not_read_again(ledger: Ledger, desk: Desk) -> None:
    case_id = await desk.filed()
    await desk.post(case_id, examples.EVIDENCE)
    kept = remembered(ledger, case_id)
    assert kept is not None
    assert (await read(ledger, case_id, ledger.recent)).history is kept.history


async def test_who_reads_all_texts_while_a_step_is_judged_without_them_is_not_shown_them_sealed(
    ledger: Ledger, desk: Desk, other: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await other.filed()
    await other.post(case_id, examples.EVIDENCE)
    commit = steps.commit

    async def read_and_commit(*given: Any, **said: Any) -> set[CaseId]:
        await read_case(ledger, case_id)
        return await commit(*given, **said)

    monkeypatch.setattr(steps, "commit", read_and_commit)
    await desk.post(case_id, examples.REFUSE, brief=True)
    monkeypatch.undo()
    anew = await read(ledger, case_id, None)
    seen = await read_case(ledger, case_id)
    assert seen is not None
    assert (seen.history, seen.case) == (anew.history, fold(anew.history))


async def test_few_cases_with_very_long_texts_push_out_the_oldest_too(ledger: Ledger, desk: Desk) -> None:
    first, second = await desk.filed(), await desk.filed()
    kept = [remembered(ledger, case_id) for case_id in (first, second)]
    assert kept[0] is not None
    assert kept[1] is not None
    small = Recent(bytes_max=kept[0].size + kept[1].size - 1)
    small.keep(first, kept[0])
    small.keep(second, kept[1])
    assert small.of(first, opened=True) is None
    assert small.of(second, opened=True) is kept[1]
    small.forget(second)
    small.keep(first, kept[0])
    assert small.of(first, opened=True) is kept[0]
    small.keep(second, replace(kept[1], size=BYTES_OF_ONE_MAX + 1))
    assert small.of(second, opened=True) is None


async def test_what_another_process_did_meanwhile_is_seen(ledger: Ledger, desk: Desk, other: Desk) -> None:
    case_id = await desk.filed()
    await other.post(case_id, examples.EVIDENCE)
    assert (await read(ledger, case_id, ledger.recent)).history[-1].name == "evidence_submitted"
    step = await other.ask(examples.EVIDENCE, case_id)
    assert step.case is not None
    seen = await read_case(ledger, case_id)
    assert seen is not None
    assert seen.case == step.case
    assert seen.case.version == 3


async def test_a_state_that_was_never_committed_is_not_used(ledger: Ledger, desk: Desk, other: Desk) -> None:
    case_id = await desk.filed()
    planned = await desk.ask(examples.REFUSE, case_id, dry_run=True)
    kept = remembered(ledger, case_id)
    assert kept is not None
    hashes = ((b"p" * 32, b"h" * 32),) * len(planned.events)
    memory(ledger).add(planned, kept.known[1], kept.keys, hashes, 0)
    assert [one.name for one in (await read(ledger, case_id, ledger.recent)).history] == ["filed"]
    memory(ledger).add(planned, kept.known[1], kept.keys, hashes, 0)
    for _ in planned.events:
        await other.post(case_id, examples.EVIDENCE)
    names = [one.name for one in (await read(ledger, case_id, ledger.recent)).history]
    assert names == ["filed", *["evidence_submitted"] * len(planned.events)]


async def test_an_erased_text_is_not_remembered(ledger: Ledger, desk: Desk, other: Desk) -> None:
    case_id = await desk.filed()
    assert (await read(ledger, case_id, ledger.recent)).history
    await erase(other, case_id, "complainant")
    filed = (await read(ledger, case_id, ledger.recent)).history[0].event
    assert isinstance(filed, Filed)
    assert (filed.complainant.id, filed.description) == (ERASED, ERASED)
    kept = remembered(ledger, case_id)
    assert kept is not None
    assert examples.FILING.description not in repr(kept)


async def test_who_was_brief_leaves_texts_sealed_for_nobody_else(ledger: Ledger, desk: Desk, other: Desk) -> None:
    case_id = await other.filed()
    await other.post(case_id, examples.EVIDENCE)
    step = await desk.post(case_id, examples.REFUSE, brief=True)
    assert "sealed:" in repr(step.case), "or brief is not what it says"
    whole = await desk.post(case_id, examples.EVIDENCE)
    assert "sealed:" not in repr(whole)
    seen = await read_case(ledger, case_id)
    assert seen is not None
    assert "sealed:" not in repr(seen)


async def test_a_ruling_put_right_by_who_is_brief_keeps_its_words(ledger: Ledger, desk: Desk, other: Desk) -> None:
    case_id = await other.filed(a_filing(clock=await other.clock()))
    await other.post(case_id, examples.REFUSE)
    ruled = await other.post(case_id, examples.REJECT)
    right = Correct(
        event=ruled.answer[0].event_id,
        fields=Correction(penalties=(Penalty(kind="warning"),)),
        reason="漏写了处罚。",
    )
    await desk.post(case_id, right, brief=True)
    seen = await read_case(ledger, case_id)
    assert seen is not None
    assert seen.case.rulings[0].corrected_by is not None
    assert seen.case.rulings[0].reasons == examples.REJECT.reasons


async def test_who_was_not_asked_for_longest_is_forgotten_first(ledger: Ledger, desk: Desk) -> None:
    ids = [await desk.filed() for _ in range(3)]
    small = Recent(events_max=2)
    for case_id in ids:
        await read(ledger, case_id, small)
    await read(ledger, ids[1], small)
    await read(ledger, ids[0], small)
    assert [small.of(case_id, opened=True) is not None for case_id in ids] == [True, True, False]


async def test_a_very_long_case_pushes_nobody_out(ledger: Ledger, desk: Desk) -> None:
    case_id = await desk.filed()
    kept = remembered(ledger, case_id)
    assert kept is not None
    long = replace(kept, history=kept.history * (EVENTS_OF_ONE_MAX + 1))
    memory(ledger).keep(case_id, long)
    assert remembered(ledger, case_id) is None
    assert memory(ledger).of(uuid7(), opened=False) is None
