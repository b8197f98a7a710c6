"""What of an older OpenAPI document a newer one breaks: whoever was built against the old one must not notice.

A request that was taken is taken still, and an answer holds still what it held; adding is free. Enumerations of words
are open (api.md), so a union that a discriminator tells apart may grow in answers too; a closed one may not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Side = Literal["request", "response"]
METHODS = ("get", "put", "post", "patch", "delete")
CEILINGS = ("maximum", "maxLength", "maxItems")
FLOORS = ("minimum", "minLength", "minItems")


def broken(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Every promise of ``old`` that ``new`` does not keep, in a line each."""
    return sorted(set(_Comparison(old, new).of_paths()))


@dataclass
class _Comparison:
    old: dict[str, Any]
    new: dict[str, Any]
    seen: set[tuple[str, str, Side]] = field(default_factory=set)

    def of_paths(self) -> Iterator[str]:
        for path, item in self.old["paths"].items():
            for method in METHODS:
                if method not in item:
                    continue
                where, there = f"{method.upper()} {path}", self.new["paths"].get(path, {})
                if method not in there:
                    yield f"{where}: removed"
                else:
                    shared, now = item.get("parameters", []), there.get("parameters", [])
                    yield from self.of_parameters(where, shared, now)
                    yield from self.of_operation(where, item[method], there[method])

    def of_operation(self, where: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
        yield from self.of_parameters(where, old.get("parameters", []), new.get("parameters", []))
        before, after = old.get("requestBody", {}), new.get("requestBody", {})
        if after.get("required") and not before.get("required"):
            yield f"{where}: a body is required now"
        yield from self.of_content(f"{where} body", before.get("content", {}), after.get("content", {}), "request")
        for status, response in old["responses"].items():
            now = new["responses"].get(status)
            if now is None:
                yield f"{where}: the answer {status} is gone"
                continue
            for name in response.get("headers", {}):
                if name not in now.get("headers", {}):
                    yield f"{where} {status}: the header {name} is gone"
            said, says = response.get("content", {}), now.get("content", {})
            yield from self.of_content(f"{where} {status}", said, says, "response")

    def of_parameters(self, where: str, old: list[Any], new: list[Any]) -> Iterator[str]:
        before = {(one["in"], one["name"]): one for one in old}
        after = {(one["in"], one["name"]): one for one in new}
        for key, one in after.items():
            if one.get("required") and not before.get(key, {}).get("required"):
                yield f"{where}: the parameter {key[1]} is required now"
        for key, one in before.items():
            if key not in after:
                yield f"{where}: the parameter {key[1]} is gone"
            else:
                yield from self.of_schemas(f"{where} ?{key[1]}", one["schema"], after[key]["schema"], "request")

    def of_content(self, where: str, old: dict[str, Any], new: dict[str, Any], side: Side) -> Iterator[str]:
        for media, said in old.items():
            if media not in new:
                yield f"{where}: the media type {media} is gone"
            else:
                yield from self.of_schemas(where, said.get("schema", {}), new[media].get("schema", {}), side)

    def of_schemas(self, where: str, old: Any, new: Any, side: Side) -> Iterator[str]:
        if "$ref" in old and "$ref" in new:
            pair = (old["$ref"], new["$ref"], side)
            if pair in self.seen:
                return
            self.seen.add(pair)
        old, new = _resolved(self.old, old), _resolved(self.new, new)
        before, after = _alternatives(old), _alternatives(new)
        if before == [old] and after == [new]:
            yield from self.of_one(where, old, new, side)
        else:
            yield from self.of_unions(where, before, after, side, is_open="discriminator" in old)

    def of_unions(self, where: str, old: list[Any], new: list[Any], side: Side, *, is_open: bool) -> Iterator[str]:
        """In a request each old alternative has one that takes it, in an answer each new one was there before."""
        must, may = (old, new) if side == "request" or is_open else (new, old)
        for one in must:
            partner = self.partner(one, may, forward=must is old, by_name=is_open)
            if partner is None:
                what = "is gone" if must is old else "is new in a closed union"
                yield f"{where}: the alternative {_name(one)} {what}"
            else:
                pair = (one, partner) if must is old else (partner, one)
                yield from self.of_schemas(where, *pair, side)

    def partner(self, one: Any, others: list[Any], *, forward: bool, by_name: bool) -> Any:
        mine, theirs = (self.old, self.new) if forward else (self.new, self.old)
        named = [other for other in others if _name(other) == _name(one)]
        if by_name:
            return next(iter(named), None)
        kind = _types(_resolved(mine, one))
        alike = [other for other in others if kind <= _types(_resolved(theirs, other)) or "any" in _types(other)]
        return next(iter(named or alike), None)

    def of_one(self, where: str, old: Any, new: Any, side: Side) -> Iterator[str]:
        old, new = _resolved(self.old, old), _resolved(self.new, new)
        yield from _of_types(where, old, new, side)
        yield from _of_values(where, old, new, side)
        if side == "request":
            yield from _of_bounds(where, old, new)
        yield from self.of_properties(where, old, new, side)
        for inside in ("items", "additionalProperties"):
            before, after = old.get(inside), new.get(inside)
            if isinstance(before, dict) and isinstance(after, dict):
                yield from self.of_schemas(f"{where}/*", before, after, side)
        for number, (before, after) in enumerate(zip(old.get("allOf", []), new.get("allOf", []), strict=False)):
            yield from self.of_schemas(f"{where}&{number}", before, after, side)

    def of_properties(self, where: str, old: Any, new: Any, side: Side) -> Iterator[str]:
        required, wanted = set(old.get("required", [])), set(new.get("required", []))
        before, after = old.get("properties", {}), new.get("properties", {})
        if side == "request":
            yield from (f"{where}/{name}: required now" for name in sorted(wanted - required))
        else:
            yield from (f"{where}/{name}: may be absent now" for name in sorted((required & set(after)) - wanted))
        for name, schema in before.items():
            if name in after:
                yield from self.of_schemas(f"{where}/{name}", schema, after[name], side)
            elif side == "response" or new.get("additionalProperties") is False:
                yield f"{where}/{name}: the property is gone"


def _resolved(document: dict[str, Any], schema: Any) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def _alternatives(schema: Any) -> list[Any]:
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return list(schema[word])
    return [schema]


def _name(schema: Any) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    return str(schema.get("title") or schema.get("const") or schema.get("type") or "any")


def _types(schema: Any) -> frozenset[str]:
    """The JSON types it may be; of a constant or an enumeration those of its values."""
    if "type" in schema:
        said = schema["type"]
        return frozenset([said] if isinstance(said, str) else said)
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    names: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    return frozenset(names[type(one)] for one in values) if values is not None else frozenset(["any"])


def _of_types(where: str, old: Any, new: Any, side: Side) -> Iterator[str]:
    before, after = _types(old), _types(new)
    lost, won = before - after, after - before
    if "number" in after:
        lost -= {"integer"}
    if side == "request" and lost and "any" not in after:
        yield f"{where}: {', '.join(sorted(lost))} is not taken any more"
    if side == "response" and won and "any" not in before and not (won == {"integer"} and "number" in before):
        yield f"{where}: may be {', '.join(sorted(won))} now"


def _of_values(where: str, old: Any, new: Any, side: Side) -> Iterator[str]:
    before, after = (one.get("enum", [one["const"]] if "const" in one else None) for one in (old, new))
    if side == "request" and after is not None:
        lost = [one for one in before or ["any other"] if one not in after]
        yield from (f"{where}: the value {one} is not taken any more" for one in lost)
    if side == "response" and before is not None:
        won = [one for one in after or ["any other"] if one not in before]
        yield from (f"{where}: the value {one} is new in a closed enumeration" for one in won)


def _of_bounds(where: str, old: Any, new: Any) -> Iterator[str]:
    for word in CEILINGS:
        if new.get(word, float("inf")) < old.get(word, float("inf")):
            yield f"{where}: {word} is {new[word]} now"
    for word in FLOORS:
        lowest = float("-inf") if word == "minimum" else 0
        if new.get(word, lowest) > old.get(word, lowest):
            yield f"{where}: {word} is {new[word]} now"
    if new.get("pattern") not in (None, old.get("pattern")):
        yield f"{where}: the pattern is another"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{where}: other properties are not taken any more"
