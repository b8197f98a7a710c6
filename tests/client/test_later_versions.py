"""What a later Caselog adds is no fault of the client's: unknown members and new words."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from caselog_client import AsyncCaselog, Caselog
from tests.client.filings import complaint
from tests.client.wire import Stranger
from tests.serving import Serving

KEY = {"Authorization": "Bearer dev-storefront"}

CASE = """case_id number version stage status outcome type reason marketplace policy order complainant respondent demand
amount offer rulings department assignee priority evidence missing_evidence deadlines required_action_by allowed_events
external_ref filed_at updated_at closed_at
subtype kind channel facts complainant_entity respondent_entity late marks previous group instance accepted_by takedown
advances recoveries freight_by shipment interventions forged_by outside rating"""
"""The members of a case: as api.md lists them, and those added since."""


def sent(url: str) -> Any:
    """The JSON as the service sends it."""
    return httpx.get(url, headers=KEY).json()


def grown(value: Any) -> Any:
    """The same JSON with a member nobody knows in every object."""
    if isinstance(value, dict):
        return {name: grown(one) for name, one in value.items()} | {"since_2030": {"new": [1.5]}}
    return [grown(one) for one in value] if isinstance(value, list) else value


def _told(json: Any) -> AsyncCaselog:
    transport = httpx.ASGITransport(Stranger(httpx.Response(200, json=json)))
    return AsyncCaselog("http://caselog", "a-key", http=httpx.AsyncClient(transport=transport))


async def test_unknown_members_anywhere_are_ignored(storefront: Caselog, caselog: Serving) -> None:
    case = storefront.file(complaint())
    where = f"{caselog.url}/v1/cases/{case.case_id}"
    as_sent = sent(where)
    assert await _told(grown(as_sent)).case(case.case_id) == case
    told = sent(f"{where}/timeline")
    assert await _told(grown(told)).timeline(case.case_id) == storefront.timeline(case.case_id)


async def test_new_words_are_words(storefront: Caselog, caselog: Serving) -> None:
    case = storefront.file(complaint())
    as_sent = sent(f"{caselog.url}/v1/cases/{case.case_id}")
    later = {**as_sent, "status": "waiting_for_the_moon", "required_action_by": ["the_moon"]}
    read = await _told(later).case(case.case_id)
    assert (read.status, read.required_action_by) == ("waiting_for_the_moon", ("the_moon",))
    assert msgspec.structs.replace(read, status=case.status, required_action_by=case.required_action_by) == case


async def test_what_a_viewer_may_not_see_is_none(storefront: Caselog, caselog: Serving) -> None:
    case = storefront.file(complaint())
    as_sent = sent(f"{caselog.url}/v1/cases/{case.case_id}")
    del as_sent["complainant"]
    assert (await _told(as_sent).case(case.case_id)).complainant is None


def test_every_member_that_the_contract_names_has_its_place(storefront: Caselog, caselog: Serving) -> None:
    case = storefront.file(complaint())
    assert set(CASE.split()) <= set(sent(f"{caselog.url}/v1/cases/{case.case_id}")), "the service sends them"
    assert set(CASE.split()) <= set(case.__struct_fields__)
