"""The documents of the API in docs/ are what the code says today; AsyncAPI's is whole and sound besides."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from case_api.documents import asyncapi
from case_api.refusals.kinds import KINDS
from case_events.core.events import EVENTS
from tests.docs.contracts import DOCS, PAGES, problems_page


@pytest.mark.parametrize("name", PAGES)
def test_the_document_is_current(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: python -m tests.docs.contracts"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi.document()


def refs(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(refs(one) for one in node.values()))
    return set().union(*(refs(one) for one in node)) if isinstance(node, list) else set()


def test_every_reference_of_it_leads_somewhere(document: dict[str, Any]) -> None:
    for ref in refs(document):
        place: Any = document
        for step in ref.removeprefix("#/").split("/"):
            assert step in place, ref
            place = place[step]


def test_each_event_is_a_message_of_the_stream_and_of_webhooks(document: dict[str, Any]) -> None:
    assert document["asyncapi"] == "3.0.0"
    for operation, channel, words in (
        ("streamEvents", "stream", set(EVENTS)),
        ("deliverEvents", "webhooks", {*EVENTS, "webhook_test"}),
    ):
        assert document["operations"][operation]["action"] == "send"
        assert set(document["channels"][channel]["messages"]) == words
        assert len(document["operations"][operation]["messages"]) == len(words)
    assert document["channels"]["stream"]["address"] == "/v1/events/stream"


def test_its_schemas_are_such_as_it_knows_and_its_examples_fit_them(document: dict[str, Any]) -> None:
    """AsyncAPI's own schemas are JSON Schema of draft 7: beside a reference nothing else is read."""
    registry = Registry().with_resource("urn:api", DRAFT7.create_resource(document))
    for schema in document["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
        assert "discriminator" not in schema, "an AsyncAPI discriminator is a string, ours is none"
    for word in EVENTS:
        message = document["components"]["messages"][word]
        validator = Draft7Validator({"$ref": f"urn:api{message['payload']['$ref']}"}, registry=registry)
        for example in message["examples"]:
            assert not list(validator.iter_errors(example["payload"])), word
            wrong = {**example["payload"], "type": "caselog.unheard_of.v1"}
            assert list(validator.iter_errors(wrong)), "a message of another type is another message"


def test_every_problem_has_its_section() -> None:
    page = problems_page()
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == list(KINDS)
    for section in page.split("\n## ")[1:]:
        assert "```json" in section, section.partition("\n")[0]
        assert re.search(r"[\u4e00-\u9fff]", section.partition("What to do**")[2])
