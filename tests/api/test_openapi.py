"""The OpenAPI document is made from what is read and sent, so it is complete and true."""

import re
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from fastapi.routing import APIRoute
from httpx import AsyncClient
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from case_api.problems import KINDS
from case_events.core.commands import POSTED
from case_events.core.events import EVENTS
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
    registry = Registry().with_resource("urn:api", DRAFT202012.create_resource(document))
    validator = Draft202012Validator({"$ref": f"urn:api#/components/schemas/{name}"}, registry=registry)
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


async def test_it_is_served_and_shown(house: House, document: dict[str, Any]) -> None:
    assert (await house.caller(None).get("/openapi.json")).json() == document
    assert "swagger" in (await house.caller(None).get("/docs")).text


BODILESS = {"freeze_clock", "unfreeze_clock"}
"""What is posted with nothing to say."""


def test_it_is_a_sound_document(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPI.model_validate(document)
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"[a-zA-Z0-9._-]+", name)
        Draft202012Validator.check_schema(schema)
    for ref in refs(document):
        assert ref.removeprefix("#/components/schemas/") in document["components"]["schemas"], ref


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
            assert ("requestBody" in said) == (method == "POST" and said["operationId"] not in BODILESS)
            for status, response in said["responses"].items():
                media = set(response["content"])
                assert (media == {"application/problem+json"}) == (int(status) >= 400), (route.path, status)
    assert len(set(names)) == len(names)


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
