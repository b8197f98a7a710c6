"""Links of the OpenAPI document: where an answer leads, so that a reader, or a tester, can go on from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Paths = dict[str, dict[str, Any]]
METHODS = ("get", "post", "put", "patch", "delete")
PER_CASE = "case_id"
MORE: dict[str, dict[str, str]] = {
    "put_evidence": {"get_evidence": "$response.body#/evidence/sha256"},
    "find_cases": {"get_case": "$response.body#/items/0/case_id", "get_timeline": "$response.body#/items/0/case_id"},
    "find_deadlines": {"get_case": "$response.body#/items/0/case_id"},
    "read_feed": {"get_case": "$response.body#/items/0/subject"},
    "find_clocks": {"get_clock": "$response.body#/items/0/id"},
    "list_outages": {"get_outage": "$response.body#/items/0/id"},
    "list_webhooks": {"get_webhook": "$response.body#/items/0/id"},
    "list_keys": {"get_key": "$response.body#/items/0/key_id"},
    "list_holds": {"get_hold": "$response.body#/items/0/id"},
}
"""Operation → where else it leads, and what of its answer is the last thing the other's path names."""


def linked(paths: Paths, schemas: dict[str, Any]) -> Paths:
    """The same paths, each 2xx answer saying where it leads.

    What a POST makes leads to everything below it: the thing that a path names in braces is the answer's member of
    that name, else its ``id``, wherever in the answer it stands.
    """
    by_id = {said["operationId"]: (path, said) for path, _, said in _operations(paths)}
    for path, method, said in _operations(paths):
        found = _below(path, paths, said, schemas) if method == "post" else {}
        for name, what in MORE.get(said["operationId"], {}).items():
            if name in by_id:
                found[name] = _further(path, by_id[name][0], what)
        for status, response in said["responses"].items():
            if found and status in ("200", "201"):
                response["links"] = {
                    name: {"operationId": name, "parameters": parameters} for name, parameters in found.items()
                }
    return paths


def _operations(paths: Paths) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in paths.items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _below(path: str, paths: Paths, said: dict[str, Any], schemas: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What stands at ``path`` with one more name in braces behind it, and below that nothing else to be named."""
    members = _members(said, schemas)
    found = {}
    for other, _, there in _operations(paths):
        named = re.match(rf"{re.escape(path)}/{{(\w+)}}(?:/[^{{}}]*)?$", other)
        what = named and members.get(named[1], members.get("id"))
        if named and what:
            parameters = _further(path, other, f"$response.body#{what}")
            if named[1] == PER_CASE and any(one["name"] == "If-Match" for one in there["parameters"]):
                parameters["header.If-Match"] = "$response.header.ETag"
            found[there["operationId"]] = parameters
    return found


def _members(said: dict[str, Any], schemas: dict[str, Any]) -> dict[str, str]:
    """Where the members of a 201 stand, by their names: at its top, or the id of the one thing it is about."""
    content = said["responses"].get("201", {}).get("content", {}).get("application/json", {})
    top = _properties(content.get("schema"), schemas)
    inner = [
        f"/{outer}/{name}"
        for outer, schema in top.items()
        for name in ("id", f"{outer}_id")
        if name in _properties(schema, schemas)
    ]
    about = {"id": inner[0]} if len(inner) == 1 else {}
    return about | {name: f"/{name}" for name, schema in top.items() if not _properties(schema, schemas)}


def _properties(schema: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(schema, dict) or "$ref" not in schema:
        return {}
    found: dict[str, Any] = schemas.get(schema["$ref"].rsplit("/", 1)[1], {}).get("properties", {})
    return found


def _further(path: str, other: str, what: str) -> dict[str, str]:
    """The names both paths share are the ones it was asked with; the last one of the other is ``what``."""
    *shared, last = re.findall(r"{(\w+)}", other)
    return {name: f"$request.path.{name}" for name in shared if f"{{{name}}}" in path} | {last: what}
