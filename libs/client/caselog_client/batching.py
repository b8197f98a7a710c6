"""Many at once: what is asked in one request, each with a key of its own, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from caselog_client.problems import ProblemError, Unreadable, kind_of
from caselog_client.values import Complaint, Party, View
from caselog_client.views import Case, Problem, Step

BATCH = "/v1/events:batch"
ITEMS_MAX = 1_000


class Posting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened next in a case, to be posted with others. ``id``: its idempotency key; without it one is made.

    ``if_match``: the version that was judged.
    """

    case_id: UUID | str
    type: str
    data: Mapping[str, Any] = {}
    actor: Party | None = None
    occurred_at: datetime | None = None
    if_match: int | None = None
    id: str | None = None


Item = Complaint | Posting | Mapping[str, Any]
"""A filing or a step; as a mapping it may have an ``id`` of its own, which makes it safe to ask again another day."""


class Result(View, frozen=True, kw_only=True):
    """What became of one item: ``problem`` says why it was refused; else there is its ``step``, or a filing's case.

    ``replayed``: it had been recorded under this ``id`` before.
    """

    status: int
    id: str | None = None
    location: str | None = None
    etag: str | None = None
    replayed: bool = False
    body: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def refused(self) -> bool:
        return self.status >= 400

    @property
    def problem(self) -> ProblemError | None:
        """The refusal, as it would have been raised for a single request."""
        if not self.refused:
            return None
        problem = self._read(Problem)
        return kind_of(problem)(problem)

    @property
    def step(self) -> Step | None:
        """Of a posting: the events and the case after them."""
        return None if self.refused or not self._has_events() else self._read(Step)

    @property
    def case(self) -> Case | None:
        """The case after it."""
        if self.refused:
            return None
        case: Case = self._read(Step).case if self._has_events() else self._read(Case)
        return case

    def _has_events(self) -> bool:
        return "events" in self._read(dict[str, msgspec.Raw])

    def _read(self, of: Any) -> Any:
        try:
            return msgspec.json.decode(self.body, type=of)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise Unreadable(f"{self.status}, but not a {of}: {fault}") from fault


def body_of(items: Sequence[Item]) -> list[Any]:
    """The body of a batch; every item has a key, so asking again is safe. Raises ValueError: too many or none."""
    if not 1 <= len(items) <= ITEMS_MAX:
        raise ValueError(f"a batch has 1 to {ITEMS_MAX} items, not {len(items)}")
    return [_keyed(item) for item in items]


def _keyed(item: Item) -> dict[str, Any]:
    if isinstance(item, msgspec.Struct):
        said = {name: value for name, value in msgspec.structs.asdict(item).items() if value is not None}
    else:
        said = dict(item)
    return {"id": str(uuid4()), **said}
