"""Whatever the OpenAPI document shows as an example is true: it fits its schema, is understood, and can be posted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient

from case_api.documents import examples
from case_api.refusals.kinds import KINDS
from case_api.requests import bodies
from case_events.core.commands import BY, POSTED
from case_events.core.events import EVENTS
from tests.api.documented import contents, example, faults, operations
from tests.api.house import House, complaint, filed, post

UNSHOWN = ("text/html", "*/*")
"""Pages for people, and files as they were sent."""


@pytest.fixture(scope="module")
def document(house: House) -> dict[str, Any]:
    made: dict[str, Any] = house.app.openapi()
    return made


def test_everything_that_is_sent_and_answered_is_shown(document: dict[str, Any]) -> None:
    bare = [
        f"{name} {where} {media}"
        for name, operation in operations(document)
        for where, media, said in contents(operation)
        if media not in UNSHOWN and not said.get("examples")
    ]
    assert not bare, "add an example of its schema to case_api/documents/examples/bodies.json or answers.json"


@pytest.mark.parametrize(
    ("kept", "all_of_them"),
    [("postings", POSTED), ("recorded", EVENTS), ("refusals", KINDS), ("cloud_events_in", {"filed": 0, **POSTED})],
)
def test_each_event_and_each_problem_has_its_example(kept: str, all_of_them: dict[str, Any]) -> None:
    assert set(getattr(examples, kept)()) == set(all_of_them), f"the examples lack one of {kept}, or have one more"


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    seen, wrong = set[str](), []
    for name, operation in operations(document):
        for where, _, said in contents(operation):
            for shown in said.get("examples", {}).values():
                place = f"{said.get('schema')} {shown['$ref']}"
                if place not in seen:
                    seen.add(place)
                    found = faults(document, said.get("schema", {}), example(document, shown))
                    wrong += [f"{name} {where} {shown['$ref']} {fault}" for fault in found]
    assert not wrong
    assert len(seen) > len(POSTED) + len(EVENTS) + len(KINDS)


def test_no_example_is_kept_for_nothing(document: dict[str, Any]) -> None:
    told = json.dumps(document["paths"]) + json.dumps(document["webhooks"])
    for name in set(document["components"]["examples"]) - {"Problem.method_not_allowed"}:  # it is met where nothing is
        assert f'"#/components/examples/{name}"' in told, f"nothing shows {name}"


def test_an_example_that_does_not_fit_would_be_found(document: dict[str, Any]) -> None:
    posting = document["paths"]["/v1/cases/{case_id}/events"]["post"]["requestBody"]["content"]["application/json"]
    reply = example(document, posting["examples"]["merchant_replied"])
    assert not faults(document, posting["schema"], reply)
    assert faults(document, posting["schema"], {**reply, "data": {"decision": "dance"}})
    assert faults(document, posting["schema"], {**reply, "type": "settled"})


@pytest.mark.parametrize("word", POSTED)
def test_each_posting_is_understood_as_its_command(word: str) -> None:
    said = examples.postings()[word]
    side_posts = BY[word] != ("platform",)
    assert ("actor" in said) == side_posts
    understood = bodies.posting(json.dumps(said).encode(), lambda _: None, needs_actor=side_posts)
    assert isinstance(understood.command, POSTED[word])


async def test_the_filing_is_taken(storefront: AsyncClient) -> None:
    """With an order of today: a complaint has to be filed in time."""
    order = complaint()["order"]
    answer = await storefront.post("/v1/cases", json={**examples.bodies()["File"], "order": order})
    assert answer.status_code == 201, answer.text


BY_THEMSELVES = (
    *("messaged", "evidence_submitted", "claim_amended", "withdrawn", "merchant_replied", "expedited"),
    *("noted", "assigned", "linked"),
)
"""What can follow a filing at once."""
ON_THE_WAY = (
    *("evidence_submitted", "evidence_rejected", "merchant_replied", "escalated"),
    *("ruled", "appealed", "ruled", "remedied", "rated"),
)
"""From a refusal to the end, one after the other."""


@pytest.mark.parametrize("word", BY_THEMSELVES)
async def test_what_can_follow_a_filing_is_taken(house: House, word: str) -> None:
    case = await filed(house.caller("storefront"))
    assert await taken(house, case, word) == word


async def test_the_common_path_is_walked_by_its_examples(house: House) -> None:
    case = await filed(house.caller("storefront"))
    for word in ON_THE_WAY:
        assert await taken(house, case, word) == word


async def taken(house: House, case: dict[str, Any], word: str) -> str:
    """Post the example of ``word``; the word of the event it recorded. It happened now."""
    said = {name: value for name, value in examples.postings()[word].items() if name != "occurred_at"}
    client = house.caller("storefront" if "actor" in said else "platform")
    version = (await client.get(f"/v1/cases/{case['case_id']}")).headers["etag"]
    answer = await post(client, case, said, if_match=version)
    assert answer.status_code == 201, f"{word} at {datetime.now(UTC)}: {answer.text}"
    return str(answer.json()["events"][0]["type"])
