"""The OpenAPI document is made from what is read and sent, so it is complete and true."""

import re
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from fastapi.routing import APIRoute
from httpx import AsyncClient
from jsonschema import Draft202012Validator

from case_api.documents import asyncapi
from case_api.documents.delivered import HEADERS
from case_api.documents.openapi import SENT
from case_api.documents.rights import right_of
from case_api.refusals.kinds import KINDS
from case_events.core.commands import POSTED
from case_events.core.events import EVENTS
from case_events.spelling import spelling
from case_scheduler.webhooks.sending import CONTENT_TYPE
from tests import rights
from tests.api import documented
from tests.api.house import AGREE, House, complaint, filed, post


@pytest.fixture(scope="module")
def document(house: House) -> dict[str, Any]:
    made: dict[str, Any] = house.app.openapi()
    return made


def refs(node: Any) -> set[str]:
    """Every $ref and mapping in the document."""
    if isinstance(node, dict):
        found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        if "discriminator" in node:
            found |= set(node["discriminator"].get("mapping", {}).values())
        return found.union(*(refs(inner) for inner in node.values()))
    return set().union(*(refs(inner) for inner in node)) if isinstance(node, list) else set()


def faults(document: dict[str, Any], name: str, value: Any) -> list[str]:
    return documented.faults(document, {"$ref": f"#/components/schemas/{name}"}, value)


def test_every_body_can_be_asked_how_its_words_are_spelled(document: dict[str, Any]) -> None:
    operations = [said for path in document["paths"].values() for said in path.values() if isinstance(said, dict)]
    read = set().union(*(refs(said.get("requestBody", {})) for said in operations))
    kinds = [kind for kind in SENT if f"#/components/schemas/{kind.__name__}" in read]
    assert len(kinds) > len(OPERATORS_BODIES)
    for kind in kinds:
        spelling(kind)  # it raises for data of a kind it cannot ask
    assert {kind.__name__ for kind in kinds} >= OPERATORS_BODIES


OPERATORS_BODIES = {"NewHold", "Release", "NewOutage", "NewYear", "NewKey", "Rotation", "NewWebhook", "WebhookChange"}


async def test_it_is_served_and_shown(house: House, document: dict[str, Any]) -> None:
    nobody = house.caller(None)
    answer = await nobody.get("/openapi.json")
    assert answer.json() == document
    assert (answer.headers["content-type"], answer.status_code) == ("application/json", 200)
    assert (await nobody.get("/asyncapi.json")).json() == asyncapi.document()
    assert "swagger" in (await nobody.get("/docs")).text
    assert (await nobody.post("/openapi.json")).status_code == 405


async def test_it_is_made_once_and_stays_of_a_size_that_a_browser_takes(house: House, document: dict[str, Any]) -> None:
    assert house.app.openapi() is document
    assert len((await house.caller(None).get("/openapi.json")).content) < SIZE_MAX


SIZE_MAX = 1_500_000
"""Bytes; every event stands in it as a posting, a record, a CloudEvent and a webhook."""


WRITING = {"POST", "PUT", "PATCH"}
BODILESS = {"freeze_clock", "unfreeze_clock", "test_webhook", "resume_webhook", "revoke_key"}
"""What is posted with nothing to say."""


def test_it_is_a_sound_document(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPI.model_validate(document)
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"[a-zA-Z0-9._-]+", name)
        if name.rpartition(".")[0] in ("", "Policy") or name.endswith(".ruled"):  # the others differ by their words
            Draft202012Validator.check_schema(schema)
    for ref in refs(document):
        place: Any = document
        for step in ref.removeprefix("#/").split("/"):
            assert step in place, ref
            place = place[step]


def test_every_route_is_in_it_with_its_problems(house: House, document: dict[str, Any]) -> None:
    routes = [route for route in house.app.routes if isinstance(route, APIRoute)]
    assert set(document["paths"]) == {route.path for route in routes}
    names = []
    for route in routes:
        for method in route.methods or ():
            said = document["paths"][route.path][method.lower()]
            names.append(said["operationId"])
            assert said["summary"]
            assert ("security" in said) == (not route.path.startswith("/v1/"))
            assert ("requestBody" in said) == (method in ("POST", "PATCH") and said["operationId"] not in BODILESS)
            for status, response in said["responses"].items():
                media = set(response["content"])
                assert (media == {"application/problem+json"}) == (int(status) >= 400), (route.path, status)
    assert len(set(names)) == len(names)


def test_each_operation_says_whose_keys_it_is_for(house: House, document: dict[str, Any]) -> None:
    """As the roles table of tests/rights.py has it, to which the running app is held."""
    for name, said in documented.operations({**document, "webhooks": {}}):
        roles = rights.OPERATIONS[name].roles.split()
        if roles == [rights.ANYBODY]:
            assert "x-roles" not in said, name
            assert said["security"] == [], name
        else:
            assert set(said["x-roles"]) == set(roles), name
            assert all(role in said["description"] for role in roles)
    assert document["security"] == [{"key": []}, {"token": []}]


def test_an_endpoint_that_asked_for_two_rights_would_be_refused() -> None:
    async def torn(door: Any, request: Any) -> None:
        await door.caller(request, "file")
        await door.caller(request, "operate")

    async def certain(door: Any, request: Any) -> None:
        await door.caller(request, "operate")

    async def public(request: Any) -> None:
        """It reads a file."""

    with pytest.raises(ValueError, match="torn asks for file and operate"):
        right_of(torn)
    assert (right_of(certain), right_of(public)) == ("operate", None)


def test_every_tag_says_what_it_is_about(document: dict[str, Any]) -> None:
    used = {tag for _, said in documented.operations(document) for tag in said["tags"]}
    assert used == {tag["name"] for tag in document["tags"]}, "openapi.TAGS has one line for each"
    assert all(tag["description"] for tag in document["tags"])


def test_each_event_is_a_webhook(document: dict[str, Any]) -> None:
    assert set(document["webhooks"]) == {*EVENTS, "webhook_test"}
    for word, item in document["webhooks"].items():
        said = item["post"]
        named = {ref["$ref"].rsplit("/", 1)[1] for ref in said["parameters"]}
        assert named == {"webhook-id", "webhook-timestamp", "webhook-signature"} <= set(HEADERS), word
        assert {"2XX", "410", "default"} <= set(said["responses"])
        assert set(said["requestBody"]["content"]) == {CONTENT_TYPE.decode()}


def test_what_is_made_leads_to_what_can_be_done_with_it(document: dict[str, Any]) -> None:
    """Each link names an operation there is and every name of its path, and nothing else."""
    paths = {said["operationId"]: path for path, item in document["paths"].items() for said in methods(item)}
    found: dict[str, set[str]] = {}
    for name, said in documented.operations({**document, "webhooks": {}}):
        for response in said["responses"].values():
            for link in response.get("links", {}).values():
                found.setdefault(name, set()).add(link["operationId"])
                named = {key for key in link["parameters"] if "." not in key}
                assert named == set(re.findall(r"{(\w+)}", paths[link["operationId"]])), link
    assert found["file_case"] >= {"get_case", "get_events", "get_timeline", "get_dossier", "post_event", "put_evidence"}
    assert found["make_clock"] >= {"get_clock", "advance_clock", "freeze_clock"}
    assert found["place_hold"] == {"get_hold", "release_hold"}
    assert found["create_key"] >= {"get_key", "rotate_key", "revoke_key"}
    assert found["make_webhook"] >= {"get_webhook", "rotate_webhook", "list_attempts"}
    assert found["put_evidence"] == {"get_evidence"}


def methods(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [said for name, said in item.items() if name in documented.METHODS]


async def test_a_link_leads_there(storefront: AsyncClient, document: dict[str, Any]) -> None:
    case = await filed(storefront)
    links = document["paths"]["/v1/cases"]["post"]["responses"]["201"]["links"]
    reading = {item["get"]["operationId"]: path for path, item in document["paths"].items() if "get" in item}
    for name in links.keys() & reading.keys():
        where = links[name]["parameters"]["case_id"].removeprefix("$response.body#/")
        answer = await storefront.get(reading[name].replace("{case_id}", case[where]))
        assert answer.status_code == 200, name


def test_every_status_a_problem_can_have_is_said_somewhere(document: dict[str, Any]) -> None:
    told = str(document["paths"])
    for code in set(KINDS) - {"method_not_allowed"}:
        assert f"`{code}`" in told, code


def test_each_event_that_is_posted_or_recorded_has_its_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for prefix, kinds in (("Posting", POSTED), ("EventView", EVENTS)):
        assert set(schemas[prefix]["discriminator"]["mapping"]) == set(kinds)
        for name, kind in kinds.items():
            data = schemas[f"{prefix}.{name}"]["properties"]["data"]
            assert data == {"$ref": f"#/components/schemas/{kind.__name__}"}


async def test_what_is_sent_and_answered_fits_it(storefront: AsyncClient, document: dict[str, Any]) -> None:
    body = complaint()
    assert not faults(document, "File", body)
    assert not faults(document, "Posting", AGREE)
    assert faults(document, "Posting", {**AGREE, "data": {"decision": "dance"}})
    case = await filed(storefront)
    step = (await post(storefront, case, AGREE)).json()
    path = f"/v1/cases/{case['case_id']}"
    assert not faults(document, "CaseView", case)
    assert not faults(document, "StepView", step)
    for name, where in {
        "EventPage": f"{path}/events",
        "Timeline": f"{path}/timeline",
        "CaseView": f"{path}?explain=true",
        "CasePage": "/v1/cases",
        "DeadlinePage": "/v1/deadlines",
        "Counts": "/v1/stats",
        "FeedPage": "/v1/events",
        "PolicyPage": "/v1/policies",
        "Policy.PolicyView": "/v1/policies/taobao@2026.1",
        "ProblemView": "/v1/cases?x=1",
        "ProblemWords": "/problems/stale",
        "Readiness": "/readyz",
    }.items():
        assert not faults(document, name, (await storefront.get(where)).json()), name
