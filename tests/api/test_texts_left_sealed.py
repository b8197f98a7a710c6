"""Who wants minimal answers leaves texts sealed, for itself alone: nobody is ever shown a sealed one."""

from __future__ import annotations

from uuid import UUID

from httpx import AsyncClient

from case_events.ledger.recent import Recent
from case_events.ledger.sealing import MARK
from tests.api.house import BUYER, PROOF, REFUND, House, filed, happened
from tests.api.listening import number, sequencer
from tests.api.test_batch import BATCH, about
from tests.examples import FILING

WORDS = FILING.description
VIEWS = ("", "/events", "/timeline")
"""Not the dossier: it has the payloads as they are stored, for whoever computes the chain."""
LISTS = ("/v1/cases", "/v1/events", "/v1/deadlines")


async def test_no_answer_shows_a_sealed_text(house: House, storefront: AsyncClient, platform: AsyncClient) -> None:
    case = await filed(storefront)
    path, ledger = f"/v1/cases/{case['case_id']}", house.app.state.door.ledger
    ledger.recent = Recent()  # as if another process had written it
    brought = about(case, happened("evidence_submitted", BUYER, evidence=PROOF))
    items = [brought, about(case, REFUND), about(case, happened("expedited", BUYER), if_match=1)]
    told = [
        await storefront.post(BATCH, json=items, headers=headers)
        for headers in ({"Prefer": "return=minimal"}, {"Prefer": "return=minimal"}, {})
    ]
    assert [one.json()[0]["status"] for one in told] == [201, 201, 201], "recorded, and twice told again"
    assert WORDS in told[2].text, "who asks for all of it is shown the texts"
    async with sequencer(house.database) as numbering:
        await number(numbering)
    told += [await platform.get(path + view) for view in VIEWS]
    assert WORDS in told[3].text
    told += [await platform.get(listed) for listed in LISTS]
    assert [one.request.url for one in told if MARK in one.text] == []


async def test_what_a_brief_asker_leaves_behind_is_sealed(house: House, storefront: AsyncClient) -> None:
    case = await filed(storefront)
    recent = house.app.state.door.ledger.recent = Recent()
    item = about(case, happened("evidence_submitted", BUYER, evidence=PROOF))
    await storefront.post(BATCH, json=[item], headers={"Prefer": "return=minimal"})
    kept = recent.of(UUID(case["case_id"]), opened=False)
    assert kept is not None
    assert MARK in repr(kept.history[0].event), "or the test before this one shows nothing"
