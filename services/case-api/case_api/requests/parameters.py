"""The query string on its way in: known names only, every fault named; and the opaque cursors of lists."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

import msgspec
from starlette.requests import Request

from case_api.refusals.problems import Refused, invalid
from case_events.core.canonical import canonical
from case_events.core.values import Fault, Instant, Problem
from case_events.shape import AN_INSTANT

LIMIT_MAX = 200
LIMIT_DEFAULT = 50
FEED_LIMIT_MAX = 1_000
FEED_LIMIT_DEFAULT = 100
POSITION_MAX = 10**15 - 1
TEXT_MAX = 200
PRIORITY_MAX = 10**6
CURSOR_MAX = 400
NO_CASE = UUID(int=0)
"""Stands in the cursor of a list of something else than cases."""
NO_CURSOR = "not a cursor of this list with these filters"
BOUND_BYTES = 8
"""How much of a digest binds a cursor to its list and filters."""

Key = tuple[Instant, UUID, str]
"""Where a page ends: an instant, a case, and whatever else tells two rows of that list apart."""

_EPOCH = Instant.parse("1970-01-01T00:00:00Z")
_MICROSECOND = timedelta(microseconds=1)
_WHOLE = re.compile(r"0|[1-9][0-9]{0,14}")
UUID_FORM = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CURSOR = re.compile(rf"[A-Za-z0-9_-]{{1,{CURSOR_MAX}}}={{0,2}}")
_WORD = re.compile(r"[a-z0-9_]{1,64}")


class Query:
    """The parameters of one request. Read them all, then call ``check``, which refuses with every fault at once."""

    def __init__(self, request: Request, *names: str) -> None:
        self._said: dict[str, str] = {}
        self._faults: list[Fault] = []
        if not request.scope["query_string"]:
            return
        for name, value in request.query_params.multi_items():
            if name not in names:
                known = f"the parameters here: {', '.join(names)}" if names else "nothing is asked with parameters here"
                self.fault(name, f"no such parameter; {known}")
            elif name in self._said:
                self.fault(name, "said more than once")
            else:
                self._said[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self._said

    def says(self, name: str, word: str) -> bool:
        """Is it this very word?"""
        return self._said.get(name) == word

    def fault(self, name: str, detail: str) -> None:
        self._faults.append(Fault(pointer=f"?{name}", detail=detail))

    def check(self) -> None:
        """Raise Refused if anything is wrong."""
        if self._faults:
            raise Refused(invalid(*self._faults))

    def flag(self, name: str) -> bool:
        said = self._said.get(name, "false")
        if said not in ("true", "false"):
            self.fault(name, "true or false")
        return said == "true"

    def whole(self, name: str, least: int, most: int) -> int | None:
        said = self._said.get(name)
        if said is None:
            return None
        if _WHOLE.fullmatch(said) and least <= int(said) <= most:
            return int(said)
        self.fault(name, f"a whole number from {least} to {most}")
        return None

    def limit(self, most: int = LIMIT_MAX, default: int = LIMIT_DEFAULT) -> int:
        """How many a page has: its ``limit``."""
        return self.whole("limit", 1, most) or default

    def instant(self, name: str) -> Instant | None:
        said = self._said.get(name)
        try:
            return None if said is None else Instant.parse(said)
        except (ValueError, OverflowError):
            self.fault(name, f"{AN_INSTANT} (a + is written %2B)")
            return None

    def one_of(self, name: str, words: tuple[str, ...]) -> str | None:
        said = self._said.get(name)
        if said is not None and said not in words:
            self.fault(name, f"one of {', '.join(words)}")
        return said

    def words(self, name: str, known: Collection[str]) -> tuple[str, ...] | None:
        """Words with commas between them; who says one that is not known is told which."""
        if name not in self._said:
            return None
        said = tuple(dict.fromkeys(self._said[name].split(",")))
        unknown = [one for one in said if one not in known]
        if unknown:
            self.fault(name, f"no such {name}: {', '.join(unknown)[:TEXT_MAX]}; known are {', '.join(known)}")
        return said

    def word(self, name: str) -> str | None:
        said = self._said.get(name)
        if said is not None and not _WORD.fullmatch(said):
            self.fault(name, "a word of lower-case letters, digits and _")
            return None
        return said

    def text(self, name: str) -> str | None:
        said = self._said.get(name)
        if said is not None and (not 1 <= len(said) <= TEXT_MAX or "\0" in said):
            self.fault(name, f"1 to {TEXT_MAX} characters, none of them NUL")
            return None
        return said

    def uuid(self, name: str) -> UUID | None:
        said = self._said.get(name)
        if said is not None and not UUID_FORM.fullmatch(said):
            self.fault(name, "a UUID")
            return None
        return None if said is None else UUID(said)

    def after(self, name: str, asked: object) -> Key | None:
        """Where the last page of the list that ``asked`` describes ended."""
        said = self._said.get(name)
        try:
            return None if said is None else place(said, asked)
        except (ValueError, OverflowError):
            self.fault(name, NO_CURSOR)
            return None

    def number_in(self, said: str, most: int) -> int | None:
        """A number that a cursor carries as a word; only who makes one up says another."""
        if _WHOLE.fullmatch(said) and int(said) <= most:
            return int(said)
        self.fault("cursor", NO_CURSOR)
        return None


def cursor(asked: object, at: Instant, case_id: UUID, more: str = "") -> str:
    """The opaque cursor of a page that ends here; it is good for the list that ``asked`` describes only."""
    microseconds = (at - _EPOCH) // _MICROSECOND
    raw = _bound(asked) + microseconds.to_bytes(8, "big", signed=True) + case_id.bytes + more.encode()
    return base64.urlsafe_b64encode(raw).decode()


def _bound(asked: object) -> bytes:
    return hashlib.sha256(type(asked).__name__.encode() + canonical(asked)).digest()[:BOUND_BYTES]


def place(said: str, asked: object) -> Key:
    """Where the page ended whose cursor this is. Raises ValueError or OverflowError for one of another list."""
    if not _CURSOR.fullmatch(said):
        raise ValueError("a cursor is base64url")
    try:
        raw = base64.urlsafe_b64decode(said)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    found, key = raw[:BOUND_BYTES], raw[BOUND_BYTES:]
    at, case_id, more = key[:8], key[8:24], key[24:]
    if found != _bound(asked) or len(case_id) != len(UUID(int=0).bytes) or b"\0" in more:
        raise ValueError("of another list")
    instant = _EPOCH + int.from_bytes(at, "big", signed=True) * _MICROSECOND
    return Instant.of(instant), UUID(bytes=case_id), more.decode()


def case_id_of(request: Request) -> UUID:
    """The case in the path; what is no UUID is no case (404)."""
    said = str(request.path_params["case_id"])
    return uuid_of(said)


def uuid_of(said: str) -> UUID:
    """An id from a path, in its usual form only."""
    if not UUID_FORM.fullmatch(said):
        raise Refused(Problem(code="not_found", detail="There is no such thing: its id would be a UUID."))
    return msgspec.convert(said, UUID)
