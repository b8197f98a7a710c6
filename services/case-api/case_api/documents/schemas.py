"""The schemas of the API's documents, made from the Structs that are read and sent; one for each event besides."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from case_api.documents.ingesting_operations import cloud_event_schemas
from case_api.requests.headers import KEY_MAX
from case_api.requests.items import ITEMS_MAX
from case_api.requests.uploads import UPLOAD_SCHEMA
from case_api.views.policies import PolicyView
from case_events.core.canonical import schema_hook
from case_events.core.commands import BY, POSTED
from case_events.core.events import EVENTS
from case_events.outgoing.cloudevents import type_of

REF = "#/components/schemas/{name}"
POLICY_REF = "#/components/schemas/Policy.{name}"


def schemas(sent: Iterable[type]) -> dict[str, Any]:
    """Every schema by its name: of ``sent``, and for each event of its posting, its record and its CloudEvent."""
    kinds = (*sent, *POSTED.values(), *EVENTS.values())
    _, found = msgspec.json.schema_components(kinds, schema_hook=schema_hook, ref_template=REF)
    # A policy's tables share names with events and commands (each has its appeal), so they have a space of their own.
    _, rules = msgspec.json.schema_components([PolicyView], schema_hook=schema_hook, ref_template=POLICY_REF)
    found |= {f"Policy.{name}": _as_sent(schema) for name, schema in rules.items()}
    found["Upload"] = UPLOAD_SCHEMA
    found |= _batch(found["File"], found["Posting"])
    found |= _by_type("Posting", found["Posting"], POSTED)
    found |= _by_type("EventView", found["EventView"], EVENTS)
    found |= cloud_event_schemas(found)
    for word, by in BY.items():
        found[f"Posting.{word}"]["x-by"] = list(by)
    found["CaseAuditOrBundle"] = {"anyOf": [ref("CaseAudit"), ref("Dossier")]}
    return found | {f"CloudEvent.{word}": _cloud_event(word) for word in EVENTS}


def ref(name: str) -> dict[str, str]:
    """What stands where the schema with this name is meant."""
    return {"$ref": REF.format(name=name)}


def meaning(kind: type) -> str:
    """What a Struct's docstring says first."""
    said, _, _ = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")
    return said.replace("\n", " ").replace("``", "`")


def _as_sent(schema: Any) -> Any:
    """Read, a span has one member; sent, it has them all, the others null: that is what the digest was taken of."""
    if isinstance(schema, dict):
        return {name: _as_sent(said) for name, said in schema.items() if name not in ("minProperties", "maxProperties")}
    return schema


def _batch(filing: dict[str, Any], posting: dict[str, Any]) -> dict[str, Any]:
    """A batch and its results: an item is a filing or a posting, with what a single one says beside its body."""
    key = {"id": {"type": "string", "pattern": f"^[ -~]{{1,{KEY_MAX}}}$"}}
    read = {"if_match": {"type": "integer", "minimum": 0}}
    case = {"case_id": {"type": "string", "format": "uuid"}}
    about = {**posting, "title": "A step", "properties": {**posting["properties"], **key, **read, **case}}
    items = [
        {**filing, "title": "A filing", "properties": {**filing["properties"], **key, **read}},
        {**about, "required": [*posting["required"], "case_id"]},
    ]
    return {
        "Batch": {"type": "array", "minItems": 1, "maxItems": ITEMS_MAX, "items": {"anyOf": items}},
        "BatchResults": {"type": "array", "items": ref("BatchResult")},
    }


def _by_type(name: str, general: dict[str, Any], kinds: Mapping[str, type]) -> dict[str, Any]:
    """``general`` once for each event: its type is that word and its data that event's; and any one of them."""
    found: dict[str, Any] = {}
    for word, kind in kinds.items():
        own = {**general["properties"], "type": {"const": word}, "data": ref(kind.__name__)}
        found[f"{name}.{word}"] = {
            **general,
            "title": f"{name} {word}",
            "description": meaning(kind),
            "properties": own,
        }
    mapping = {word: REF.format(name=f"{name}.{word}") for word in kinds}
    found[name] = {
        "description": general.get("description", ""),
        "oneOf": [ref(one) for one in found],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return found


def _cloud_event(word: str) -> dict[str, Any]:
    """A CloudEvent that carries this event and no other."""
    own = {"type": {"const": type_of(word)}, "data": ref(f"EventView.{word}")}
    return {"title": f"CloudEvent {word}", "allOf": [ref("CloudEvent"), {"type": "object", "properties": own}]}
