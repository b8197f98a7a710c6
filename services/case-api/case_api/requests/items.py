"""The items of a batch and the lines of an import: each is a body with a few names of its own beside."""

from __future__ import annotations

import io
import itertools
import re
from typing import Any

import msgspec

from case_api.refusals.problems import Refused, invalid
from case_api.requests.headers import KEY_MAX, VERSION_DIGITS_MAX
from case_api.requests.parameters import uuid_of
from case_events.core.values import CaseId, Fault, Problem

ITEMS_MAX = 1_000
"""Items of one batch (api.md, "Cases")."""
COMMAS_MAX = 1_000_000
"""In as many bytes as a batch may have no items of ours have so many: the list is not even taken apart."""

_APART = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_KEY = re.compile(rf"[\x20-\x7e]{{1,{KEY_MAX}}}")
_TAG = re.compile(rf'"?(0|[1-9][0-9]{{0,{VERSION_DIGITS_MAX - 1}}})"?')


def items_of(body: bytes, *, lines: bool) -> list[bytes]:
    """The items of a batch as they came: a JSON list, or one on each of the ``lines``; empty lines are none.

    Refused: no list (400), more than ITEMS_MAX or none at all (422).
    """
    if lines:
        items = list(itertools.islice((line for line in io.BytesIO(body) if line.strip()), ITEMS_MAX + 1))
    elif body.count(b",") > COMMAS_MAX:
        raise _too_many(f"more than {COMMAS_MAX} values")
    else:
        try:
            items = [bytes(item) for item in _LIST.decode(body)]
        except _UNREADABLE:
            raise Refused(Problem(code="malformed", detail="The body is not a JSON list in UTF-8.")) from None
    if not 1 <= len(items) <= ITEMS_MAX:
        raise _too_many("more" if lines and items else str(len(items)))
    return items


def _too_many(count: str) -> Refused:
    return Refused(invalid(Fault(pointer="", detail=f"1 to {ITEMS_MAX} items; these are {count}")))


def apart(said: bytes, *names: str) -> tuple[dict[str, Any], bytes]:
    """What an item says under these ``names``, and the body that is left, written as closely as JSON can be.

    What is no object is left as it is, for the reading of the body to refuse in its words.
    """
    try:
        members = _APART.decode(said)
        own = {name: msgspec.json.decode(members.pop(name)) for name in names if name in members}
    except _UNREADABLE:
        return {}, said
    return own, msgspec.json.encode(members)


def key_of(said: Any) -> str | None:
    """An item's own Idempotency-Key."""
    if said is None:
        return None
    if not isinstance(said, str) or not _KEY.fullmatch(said):
        detail = f"id is the item's Idempotency-Key: 1 to {KEY_MAX} printable ASCII characters."
        raise Refused(Problem(code="malformed", detail=detail))
    return said


def version_of(said: Any) -> int | None:
    """The version an item was judged on: a number, or the ETag that was read."""
    if said is None:
        return None
    tag = _TAG.fullmatch(str(said)) if isinstance(said, str | int) and not isinstance(said, bool) else None
    if tag is None:
        raise Refused(Problem(code="malformed", detail="if_match is the version that was read, as in 7."))
    return int(tag[1])


def case_id_of(said: Any) -> CaseId:
    """The case an item is about."""
    return uuid_of(said if isinstance(said, str) else "")
