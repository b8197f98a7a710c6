"""Does a body have the shape of one of our Structs? If not, every fault is named at once.

msgspec reads fast and names the first fault; only when something is wrong is the body checked again against the JSON
Schema made from the very same Struct, which names it all.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

from case_events.core.canonical import decode_hook, schema_hook
from case_events.core.values import Fault, Instant
from case_events.spelling import spelling

FAULTS_MAX = 100
LIST_MAX = 250
"""What comes behind so many items of a list is not looked at again: no list of ours may be so long."""
STEP_MAX = 200
"""Characters of a name in a pointer."""
DETAIL_MAX = 300
AN_INSTANT = "an instant with a zone, of the years 1970 to 2999, like 2026-01-31T08:00:00Z"
T = TypeVar("T")


class Misshapen(ValueError):
    """The body is JSON but not of the shape asked for; ``faults`` names everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults))
        self.faults = faults


class Shape(Generic[T]):
    """What data from outside must be to become a ``wanted``, a Struct of ours."""

    def __init__(self, wanted: type[T]) -> None:
        self._wanted = wanted
        self._decoder = msgspec.json.Decoder(wanted, dec_hook=decode_hook)
        self._well_spelled = spelling(wanted)

    def decode(self, body: bytes | msgspec.Raw) -> T:
        """A JSON ``body``, fast.

        Raises msgspec.DecodeError, UnicodeDecodeError or RecursionError; ``convert`` tells all that is wrong with it.
        """
        return self._checked(self._decoder.decode(body))

    def convert(self, value: Any, at: str = "") -> T:
        """Plain JSON data. Raises Misshapen with every fault, pointers starting with ``at``."""
        try:
            return self._checked(msgspec.convert(value, self._wanted, dec_hook=decode_hook))
        except msgspec.ValidationError as first:
            raise Misshapen(self._faults(value, at, str(first))) from first

    def _checked(self, found: T) -> T:
        if not self._well_spelled(found):
            raise msgspec.ValidationError("a word is misspelled")
        return found

    def _faults(self, value: Any, at: str, first: str) -> tuple[Fault, ...]:
        found: dict[tuple[str, str], Fault] = {}
        for error in self._validator.iter_errors(_shortened(value)):
            for fault in itertools.islice(_told(error, at), FAULTS_MAX):
                found.setdefault((fault.pointer, fault.detail), fault)
            if len(found) >= FAULTS_MAX:
                break
        return tuple(found.values()) or (_first(first, at),)

    @functools.cached_property
    def _validator(self) -> Draft202012Validator:
        schema = msgspec.json.schema(self._wanted, schema_hook=schema_hook)
        validator: Draft202012Validator = VALIDATOR(schema, format_checker=FORMATS)
        return validator


_MADE: dict[type, Shape[Any]] = {}


def shape_of(wanted: type[T]) -> Shape[T]:
    """The shape of a Struct, made once."""
    shape = _MADE.get(wanted)
    if shape is None:
        shape = _MADE[wanted] = Shape(wanted)
    return shape


def convert(value: Any, wanted: type[T], at: str = "") -> T:
    """``value`` (plain JSON data) as a ``wanted``. Raises Misshapen with every fault, pointers starting with ``at``."""
    return shape_of(wanted).convert(value, at)


def _shortened(value: Any) -> Any:
    """The value with each list cut at ``LIST_MAX``, which is longer than any may be.

    Of a union all that is wrong with each item is worked out before the first fault is told.
    """
    match value:
        case list():
            return [_shortened(one) for one in value[:LIST_MAX]]
        case dict():
            return {name: _shortened(one) for name, one in value.items()}
        case _:
            return value


def _told(error: Any, at: str) -> list[Fault]:
    """One fault per missing or unknown field; the innermost faults of a union's only fitting branch."""
    pointer = at + "".join(f"/{escaped(str(part))}" for part in error.absolute_path)
    if error.validator == "required":
        return [Fault(pointer=f"{pointer}/{escaped(name)}", detail="missing") for name in _missing(error)]
    if error.validator == "additionalProperties":
        unknown = [name for name in error.instance if name not in error.schema.get("properties", {})]
        return [Fault(pointer=f"{pointer}/{escaped(name)}", detail="no such field") for name in unknown]
    if error.validator == "anyOf":
        deeper = _of_its_kind(error)
        inner = list(dict.fromkeys(fault for one in deeper for fault in _told(one, at)))
        if inner and len({one.schema_path[0] for one in deeper}) == 1:
            return inner
        kinds = sorted({_kind(one.schema) for one in error.context})
        return [Fault(pointer=pointer, detail=f"one of {', '.join(kinds)}")]
    return [Fault(pointer=pointer, detail=_detail(error))]


def _missing(error: Any) -> list[str]:
    return [name for name in error.validator_value if name not in error.instance]


def _detail(error: Any) -> str:
    """What is wrong, without what was sent where that is long: it would take the place of the reason."""
    match error.validator:
        case "format":
            return f"{error.instance!r:.100} is not {MEANT[error.validator_value]}"
        case "maxLength":
            return f"is longer than {error.validator_value} characters"
        case "maxItems":
            return f"has more than {error.validator_value} items"
        case _:
            said: str = error.message
            return said if len(said) <= DETAIL_MAX else f"{said[: DETAIL_MAX // 3]} … {said[-DETAIL_MAX // 2 :]}"


def _of_its_kind(error: Any) -> list[Any]:
    """What is wrong by those branches of a union that are of the value's own JSON type."""
    others = {one.schema_path[0] for one in error.context if _is_other_kind(one) and not one.relative_path}
    return [one for one in error.context if one.schema_path[0] not in others] or [
        one for one in error.context if one.schema.get("type") != "null"
    ]


def _is_other_kind(error: Any) -> bool:
    """Words are of another kind than anything but a text."""
    return error.validator == "type" or (error.validator == "enum" and not isinstance(error.instance, str))


def _kind(schema: Any) -> str:
    return str(schema.get("type", "string" if "enum" in schema else "object"))


def _first(message: str, at: str) -> Fault:
    """msgspec's own fault, for what the schema cannot say."""
    told, _, path = message.partition(" - at `$")
    steps = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", path)
    return Fault(pointer=at + "".join(f"/{escaped(name or index)}" for name, index in steps), detail=told)


def escaped(name: str) -> str:
    """A step of a pointer (RFC 6901, section 3); of a very long name the beginning."""
    return name[:STEP_MAX].replace("~", "~0").replace("/", "~1")


def _required(_: Any, names: list[str], value: Any, __: Any) -> Iterator[ValidationError]:
    """One error for all that is missing: the library has one for each, and each would name them all."""
    if isinstance(value, dict) and any(name not in value for name in names):
        yield ValidationError("missing")


VALIDATOR = extend(Draft202012Validator, {"required": _required})  # type: ignore[no-untyped-call]
FORMATS = FormatChecker(formats=())
MEANT = {
    "date-time": AN_INSTANT,
    "date": "a date, like 2026-01-31",
    "duration": "a duration of days and shorter, like P3D or PT72H",
    "uuid": "a UUID",
}
"""The formats that are looked at, in words."""


@FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or Instant.parse(value) is not None


@FORMATS.checks("date", raises=msgspec.ValidationError)
def _is_day(value: object) -> bool:
    return not isinstance(value, str) or msgspec.convert(value, date) is not None


@FORMATS.checks("duration", raises=msgspec.ValidationError)
def _is_duration(value: object) -> bool:
    return not isinstance(value, str) or msgspec.convert(value, timedelta) is not None


@FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or UUID(value) is not None
