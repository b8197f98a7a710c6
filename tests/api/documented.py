"""What tests ask of the API's documents: does this value fit that schema, and which examples stand where."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

METHODS = ("get", "put", "post", "patch", "delete")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation and webhook, by its id."""
    for place in ("paths", "webhooks"):
        for item in document[place].values():
            for method in METHODS:
                if method in item:
                    yield item[method]["operationId"], item[method]


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Whatever an operation sends or is answered: where (``body`` or the status), in which media, how described."""
    sides = [("body", operation.get("requestBody", {})), *operation["responses"].items()]
    for where, side in sides:
        for media, said in side.get("content", {}).items():
            yield where, media, said


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """Checks against ``schema``, which is plain or a reference into ``document``."""
    meant = {"$ref": f"urn:api{schema['$ref']}"} if "$ref" in schema else schema
    registry = _registry(_Document(document))
    return Draft202012Validator(meant, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)


class _Document:
    """A document that is equal to no other, so that what was made of one is found again."""

    def __init__(self, whole: dict[str, Any]) -> None:
        self.whole = whole

    def __hash__(self) -> int:
        return id(self.whole)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Document) and self.whole is other.whole


@functools.lru_cache(maxsize=4)
def _registry(document: _Document) -> Any:
    """Going through half a megabyte takes longer than any check."""
    return Registry().with_resource("urn:api", DRAFT202012.create_resource(document.whole)).crawl()


def faults(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with ``value``, in a word each."""
    return [f"{one.json_path}: {one.message[:200]}" for one in validator(document, schema).iter_errors(value)]


def example(document: dict[str, Any], shown: dict[str, Any]) -> Any:
    """The value behind an example, which is a reference to one of the document's."""
    name = shown["$ref"].removeprefix("#/components/examples/")
    return document["components"]["examples"][name]["value"]
