"""Where the examples stand in the OpenAPI document: all of them once, and a name of one wherever it shows something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from case_api.documents import examples
from case_api.documents.operations import OPERATIONS
from case_api.refusals.kinds import KINDS

HERE = "#/components/examples/"
PROBLEM, CLOUD_EVENT = "Problem", "CloudEvent"
SEVERAL = {"Posting": examples.postings, "CloudEventIn": examples.cloud_events_in}
"""Schemas that have an example for each event, and those."""
EITHER = {"CaseOrStep": ("CaseView", "StepView"), "CaseAuditOrBundle": ("CaseAudit", "Dossier")}
"""Schemas that are one of several others, and have their examples."""


def all_of_them() -> dict[str, Any]:
    """Every example by its name, for the document's components."""
    named: dict[str, Any] = {**examples.bodies(), **examples.answers()}
    apart: dict[str, Mapping[str, Any]] = {PROBLEM: examples.refusals(), CLOUD_EVENT: examples.delivered()}
    for prefix, some in (apart | {name: made() for name, made in SEVERAL.items()}).items():
        named |= {f"{prefix}.{name}": one for name, one in some.items()}
    return {name: {"value": one} for name, one in named.items()}


def added(described: dict[str, Any]) -> dict[str, Any]:
    """The operation with examples of its body and of its answers; what has none is left as it is."""
    name = described["operationId"]
    whole = {**described, "responses": {}}
    if "requestBody" in described:
        body = described["requestBody"]
        content = {
            media: _shown(said, _plain(name, media), examples.bodies()) for media, said in body["content"].items()
        }
        whole["requestBody"] = {**body, "content": content}
    for status, response in described["responses"].items():
        content = {media: _answered(said, name, status, media) for media, said in response["content"].items()}
        whole["responses"][status] = {**response, "content": content}
    return whole


def _answered(said: dict[str, Any], name: str, status: str, media: str) -> dict[str, Any]:
    if int(status) < 400:
        return _shown(said, _plain(name, media), examples.answers())
    codes = (*OPERATIONS[name].refusals, "internal")
    of_status = [code for code in codes if str(KINDS[code].status) == status and code in examples.refusals()]
    return {**said, "examples": {code: _named(f"{PROBLEM}.{code}") for code in of_status}}


def _shown(said: dict[str, Any], plain: str, known: dict[str, Any]) -> dict[str, Any]:
    """Examples are kept by the schema's name; what has none that has a name is ``plain``."""
    schema = said.get("schema", {})
    kept = schema["$ref"].rsplit("/", 1)[-1] if "$ref" in schema else plain
    if kept in SEVERAL:
        return {**said, "examples": {word: _named(f"{kept}.{word}") for word in SEVERAL[kept]()}}
    names = [one for one in EITHER.get(kept, (kept,)) if one in known]
    return {**said, "examples": {one: _named(one) for one in names}} if names else said


def _plain(name: str, media: str) -> str:
    """The name of an example that is no JSON of ours: the operation's, and the kind of text it is."""
    return f"{name}.{media.rsplit('/', 1)[-1]}"


def _named(name: str) -> dict[str, str]:
    return {"$ref": f"{HERE}{name}"}
