"""An export being read: what comes over the wire becomes cases, and after which one to go on is known at any time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

import msgspec

from caselog_client.asking import Asked, params_of, read_bytes
from caselog_client.problems import Unreadable
from caselog_client.views import Case, CaseItem

EXPORT = "/v1/export/cases"
LINE_BYTES_MAX = 16_000_000
"""No case is longer; what is, is no Caselog's."""
V = TypeVar("V", bound=CaseItem | Case)


class Exporting(Generic[V]):
    """Where an export stands. One that is cut off goes on after the last case that arrived whole.

    Not by ``due_before``: what is listed by when it is due has moved since.
    """

    path = EXPORT

    def __init__(self, of: type[V], filters: Mapping[str, object]) -> None:
        self._params = params_of({**filters, "format": "ndjson", "full": of is Case or None})
        self._of = of
        self._left = b""
        self._after: str | None = None

    @property
    def can_go_on(self) -> bool:
        return self._after is None or "due_before" not in self._params

    def begin(self) -> tuple[dict[str, str], dict[str, str]]:
        """The parameters and headers of the next request."""
        self._left = b""
        return self._params if self._after is None else {**self._params, "after": self._after}, {}

    def took(self, piece: bytes) -> Iterator[V]:
        """The cases that are whole with this piece. Raises Unreadable."""
        *lines, self._left = (self._left + piece).split(b"\n")
        if len(self._left) > LINE_BYTES_MAX:
            raise Unreadable(f"{EXPORT}: a line without end")
        for line in lines:
            try:
                case = msgspec.json.decode(line, type=self._of)
            except (msgspec.DecodeError, UnicodeDecodeError) as fault:
                raise Unreadable(f"{EXPORT}: {fault}") from fault
            self._after = str(case.case_id)
            yield case

    def is_whole(self) -> bool:
        """An answer that has ended, as it should have: there is nothing more."""
        return True


def export(**filters: object) -> Exporting[CaseItem]:
    """Every case that passes the filters of ``GET /v1/cases``, in one answer that is read as it comes.

    For many: it costs the service less than pages do. When the line is lost it goes on after the last case that came.
    Raises Invalid, Forbidden, TooManyRequests (others export), Unreachable.
    """
    return Exporting(CaseItem, filters)


def export_full(**filters: object) -> Exporting[Case]:
    """The same with each case whole, as ``case`` reads it; slower by far."""
    return Exporting(Case, filters)


def export_csv(**filters: object) -> Asked[bytes]:
    """The same as a table, as it is sent, piece by piece; one that is cut off raises Unreachable and begins anew."""
    return Asked(method="GET", path=EXPORT, read=read_bytes, params=params_of({**filters, "format": "csv"}))
