"""Replaying in bulk, with texts left sealed: the same states, as far as any list or clock shows them."""

from __future__ import annotations

import asyncpg
import pytest

from case_events.core.events import EVENTS, Filed
from case_events.core.evolve import CHANGES, fold
from case_events.core.values import ERASED
from case_events.ledger.codec import UnknownEvent
from case_events.ledger.database import Ledger
from case_events.ledger.identifiers import uuid7
from case_events.ledger.read_models import case_row, deadline_rows
from case_events.ledger.replaying import replay
from case_events.ledger.sealing import BrokenSeal
from case_events.ledger.store import load
from tests.ledger.desk import Desk, a_filing, one_of_each


def test_every_event_but_the_first_has_its_change() -> None:
    assert set(CHANGES) == set(EVENTS.values()) - {Filed}


async def test_a_replay_shows_in_lists_and_clocks_what_the_whole_histories_show(ledger: Ledger) -> None:
    ids = list((await one_of_each(Desk(ledger))).values())
    async with ledger.connection() as connection:
        replayed = await replay(connection, [*ids, uuid7()], ledger.vault)
        loaded = await load(connection, ids, ledger.vault)
    assert set(replayed) == set(ids)
    for case_id, case in replayed.items():
        whole = fold(loaded[case_id].history)
        assert whole is not None
        assert case_row(case) == case_row(whole)
        assert deadline_rows(case) == deadline_rows(whole)
        assert case.description.startswith("sealed:"), "what nobody asked for was not opened"


async def test_an_id_that_is_longer_sealed_than_an_id_may_be_is_opened_all_the_same(ledger: Ledger) -> None:
    filing = a_filing()
    long = type(filing.complainant)(role="buyer", id="b" * 200)
    case_id = await Desk(ledger).filed(a_filing(complainant=long), actor=long)
    async with ledger.connection() as connection:
        case = (await replay(connection, [case_id], ledger.vault))[case_id]
    assert case.complainant == long


async def test_an_erased_party_is_replayed_as_erased(ledger: Ledger, superuser: asyncpg.Connection) -> None:
    case_id = await Desk(ledger).filed()
    await superuser.execute(
        "UPDATE subject_keys SET wrapped = NULL, erased_at = now() WHERE case_id = $1 AND side = 'complainant'", case_id
    )
    async with ledger.connection() as connection:
        case = (await replay(connection, [case_id], ledger.vault))[case_id]
    assert (case.complainant.id, case.respondent.id != ERASED) == (ERASED, True)


async def test_what_cannot_be_read_is_refused(ledger: Ledger, superuser: asyncpg.Connection) -> None:
    case_id, other = await Desk(ledger).filed(), await Desk(ledger).filed()
    await superuser.execute("ALTER TABLE events DISABLE TRIGGER append_only")
    await superuser.execute("UPDATE events SET schema = 99 WHERE case_id = $1", case_id)
    await superuser.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER append_only")
    await superuser.execute("DELETE FROM subject_keys WHERE case_id = $1", other)
    async with ledger.connection() as connection:
        with pytest.raises(UnknownEvent, match="schema version 99"):
            await replay(connection, [case_id], ledger.vault)
        with pytest.raises(BrokenSeal):
            await replay(connection, [other], ledger.vault)
