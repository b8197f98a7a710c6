"""A stream of events being read: what comes over the wire becomes events, and where to go on is known at any time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from caselog_client.feed import FeedEvent
from caselog_client.problems import Unreadable
from caselog_client.reading import FEED

PATH = f"{FEED}/stream"
SILENCE_S = 45.0
"""A service that is there says so every 15 seconds."""
AGAIN_S = 1.0
"""A stream that ended is asked for again after this long, at the least."""
EVENT_BYTES_MAX = 16_000_000
"""No event is longer; what is, is no Caselog's."""


class Following:
    """Where a follower stands; ``position`` is None until the service has said where now is."""

    path = PATH
    can_go_on = True

    def __init__(self, after: int | None, types: Sequence[str], seen: str | None) -> None:
        """``seen``: of the last event that was read, whatever the position has come to since."""
        self.position = after
        self._seen = seen
        self._params = {"after": "now" if after is None else str(after)}
        if types:
            self._params["types"] = ",".join(types)
        self._left = b""

    def begin(self) -> tuple[dict[str, str], dict[str, str]]:
        """The parameters of the next request, and the header that says where to go on.

        Whatever of the last answer was not whole is forgotten.
        """
        self._left = b""
        params = self._params if self._seen is None else {**self._params, "seen": self._seen}
        return params, {} if self.position is None else {"Last-Event-ID": str(self.position)}

    def took(self, piece: bytes) -> Iterator[FeedEvent]:
        """The events that are whole with this piece, none of them twice. Raises Unreadable."""
        # Lines end in a line feed here and nowhere else: text may have other characters that look like one.
        *blocks, self._left = (self._left + piece).split(b"\n\n")
        if len(self._left) > EVENT_BYTES_MAX:
            raise Unreadable(f"{PATH}: an event without end")
        for block in blocks:
            event = self._read(block)
            if event is not None:
                yield event

    def is_whole(self) -> bool:
        """A stream has no end: one that ended is asked for again."""
        return False

    def _read(self, block: bytes) -> FeedEvent | None:
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
        try:
            position = int(fields[b"id"]) if b"id" in fields else None
            event = msgspec.json.decode(fields[b"data"], type=FeedEvent) if b"data" in fields else None
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as fault:
            raise Unreadable(f"{PATH}: {fault}") from fault
        if position is None or (self.position is not None and position <= self.position):
            return None
        self.position = position
        self._seen = self._seen if event is None else event.seen
        return event
