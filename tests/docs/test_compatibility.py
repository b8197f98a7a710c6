"""The API as it is today keeps every promise of the last release; and each rule is shown to be able to say no."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.docs.compatibility import broken
from tests.docs.contracts import last_released, openapi_document, without_words

Change = Callable[[Any], Any]


def test_nothing_of_the_last_release_is_broken() -> None:
    assert broken(last_released(), openapi_document()) == []


def test_what_is_kept_of_a_release_is_all_that_can_be_broken() -> None:
    kept, today = without_words(openapi_document()), openapi_document()
    assert broken(kept, today) == broken(today, kept) == []
    assert len(str(kept)) < len(str(today)) / 2
    assert "description" in kept["components"]["schemas"]["File"]["properties"], "a name of ours is no word for people"
    kept["components"]["schemas"]["File"]["properties"].pop("description")
    assert broken(today, kept)


def small() -> dict[str, Any]:
    """A document with one of everything the rules speak of."""
    word = {"type": "string", "maxLength": 9, "pattern": "^[a-z]+$"}
    asked = {
        "type": "object",
        "required": ["kind"],
        "additionalProperties": False,
        "properties": {
            "kind": {"enum": ["agree", "refuse"]},
            "reason": {"anyOf": [word, {"type": "null"}]},
            "amount": {"type": "integer", "minimum": 0, "maximum": 100},
            "tags": {"type": "array", "items": word, "maxItems": 3},
            "free": {},
        },
    }
    told = {
        "type": "object",
        "required": ["id", "state"],
        "properties": {
            "id": {"type": "string"},
            "state": {"enum": ["open", "shut"]},
            "at": {"type": "string"},
            "event": {"$ref": "#/components/schemas/Event"},
            "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
    }
    event = {
        "oneOf": [{"$ref": "#/components/schemas/Filed"}, {"$ref": "#/components/schemas/Ruled"}],
        "discriminator": {"propertyName": "type"},
    }
    shown = {"application/json": {"schema": {"$ref": "#/components/schemas/Told"}}}
    answer = {"headers": {"ETag": {}}, "content": shown}
    posted = {
        "parameters": [{"name": "dry_run", "in": "query", "schema": {"type": "boolean"}}],
        "requestBody": {
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Asked"}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            }
        },
        "responses": {"201": answer, "409": {"content": {}}},
    }
    named = {"type": "object", "properties": {"type": {"const": "filed"}}}
    return {
        "paths": {"/things": {"post": posted, "get": {"responses": {"200": answer}}}},
        "components": {
            "schemas": {
                "Asked": asked,
                "Told": told,
                "Event": event,
                "Filed": named,
                "Ruled": {"type": "object", "properties": {"type": {"const": "ruled"}}},
            }
        },
    }


def asked(document: Any) -> Any:
    return document["components"]["schemas"]["Asked"]


def told(document: Any) -> Any:
    return document["components"]["schemas"]["Told"]


def posted(document: Any) -> Any:
    return document["paths"]["/things"]["post"]


LATER = {"name": "why", "in": "query", "schema": {"type": "string"}}
BREAKING: dict[str, tuple[Change, str]] = {
    "a path is gone": (lambda d: d["paths"].pop("/things"), "POST /things: removed"),
    "an operation is gone": (lambda d: d["paths"]["/things"].pop("get"), "GET /things: removed"),
    "a parameter is gone": (lambda d: posted(d)["parameters"].clear(), "the parameter dry_run is gone"),
    "a parameter takes less": (
        lambda d: posted(d)["parameters"][0].update(schema={"const": True}),
        "?dry_run: the value any other is not taken",
    ),
    "a new parameter must be said": (
        lambda d: posted(d)["parameters"].append({**LATER, "required": True}),
        "the parameter why is required now",
    ),
    "a parameter must be said": (
        lambda d: posted(d)["parameters"][0].update(required=True),
        "the parameter dry_run is required now",
    ),
    "a body must be sent": (lambda d: posted(d)["requestBody"].update(required=True), "a body is required now"),
    "a media type is not taken": (
        lambda d: posted(d)["requestBody"]["content"].pop("application/x-ndjson"),
        "the media type application/x-ndjson is gone",
    ),
    "a status is gone": (lambda d: posted(d)["responses"].pop("409"), "the answer 409 is gone"),
    "a header is gone": (lambda d: posted(d)["responses"]["201"]["headers"].clear(), "the header ETag is gone"),
    "an answer's media type is gone": (
        lambda d: posted(d)["responses"]["201"]["content"].clear(),
        "201: the media type application/json is gone",
    ),
    "a property is gone from an answer": (lambda d: told(d)["properties"].pop("at"), "/at: the property is gone"),
    "a property may be absent": (lambda d: told(d).update(required=["id"]), "/state: may be absent now"),
    "a closed enumeration grew": (
        lambda d: told(d)["properties"]["state"]["enum"].append("ajar"),
        "the value ajar is new in a closed enumeration",
    ),
    "a closed enumeration was opened": (
        lambda d: told(d)["properties"].update(state={"type": "string"}),
        "the value any other is new",
    ),
    "a member may be null": (
        lambda d: told(d)["properties"].update(at={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "the alternative null is new in a closed union",
    ),
    "a member is of another type": (
        lambda d: told(d)["properties"].update(id={"type": "integer"}),
        "may be integer now",
    ),
    "an event is gone": (
        lambda d: d["components"]["schemas"]["Event"]["oneOf"].pop(),
        "the alternative Ruled is gone",
    ),
    "a property is not taken": (lambda d: asked(d)["properties"].pop("amount"), "/amount: the property is gone"),
    "a property must be sent": (lambda d: asked(d)["required"].append("reason"), "/reason: required now"),
    "a new property must be sent": (
        lambda d: (asked(d)["properties"].update(new={}), asked(d)["required"].append("new")),
        "/new: required now",
    ),
    "a value is not taken": (
        lambda d: asked(d)["properties"]["kind"]["enum"].remove("refuse"),
        "the value refuse is not taken",
    ),
    "a null is not taken": (
        lambda d: asked(d)["properties"].update(reason=asked(d)["properties"]["reason"]["anyOf"][0]),
        "the alternative null is gone",
    ),
    "what was free is typed": (
        lambda d: asked(d)["properties"].update(free={"type": "string"}),
        "/free: any is not taken any more",
    ),
    "a number must be smaller": (lambda d: asked(d)["properties"]["amount"].update(maximum=9), "maximum is 9 now"),
    "a number must be greater": (lambda d: asked(d)["properties"]["amount"].update(minimum=1), "minimum is 1 now"),
    "a text must be shorter": (
        lambda d: asked(d)["properties"]["reason"]["anyOf"][0].update(maxLength=3),
        "maxLength is 3 now",
    ),
    "a list must be filled": (lambda d: asked(d)["properties"]["tags"].update(minItems=1), "minItems is 1 now"),
    "an item is written otherwise": (
        lambda d: asked(d)["properties"]["tags"]["items"].update(pattern="^x$"),
        "the pattern is another",
    ),
}
FREE: dict[str, Change] = {
    "an operation": lambda d: d["paths"].update({"/more": {"get": {"responses": {}}}}),
    "a parameter": lambda d: posted(d)["parameters"].append(LATER),
    "a media type": lambda d: posted(d)["requestBody"]["content"].update({"text/csv": {}}),
    "a status": lambda d: posted(d)["responses"].update({"429": {}}),
    "a property of an answer": lambda d: told(d)["properties"].update(new={"type": "string"}),
    "a property that may be sent": lambda d: asked(d)["properties"].update(new={"type": "string"}),
    "a value that is taken": lambda d: asked(d)["properties"]["kind"]["enum"].append("offer"),
    "a null that is taken": lambda d: asked(d)["properties"].update(
        amount={"anyOf": [{"type": "integer"}, {"type": "null"}]}
    ),
    "an event": lambda d: d["components"]["schemas"]["Event"]["oneOf"].append(
        {"type": "object", "title": "Closed", "properties": {}}
    ),
    "room in a text": lambda d: asked(d)["properties"]["reason"]["anyOf"][0].update(maxLength=99),
    "a promise": lambda d: told(d)["required"].append("at"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_client_is_found(name: str) -> None:
    change, said = BREAKING[name]
    later = copy.deepcopy(small())
    change(later)
    assert any(said in line for line in broken(small(), later)), broken(small(), later)


@pytest.mark.parametrize("name", FREE)
def test_adding_is_free(name: str) -> None:
    later = copy.deepcopy(small())
    FREE[name](later)
    assert broken(small(), later) == []
