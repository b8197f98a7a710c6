"""How a stream is written: server-sent events, whose id is the position that a caller comes back with.

An id without data is no event, and yet a caller keeps it: what a stream skipped need not be looked at again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from case_events.ledger.feed.reader import Told
from case_events.outgoing.cloudevents import cloud_event
from case_events.outgoing.form import encoded

RETRY_MS = 2_000
"""How long a caller waits before it comes back, maybe to another process."""
AT_ONCE = 100
"""Events written in one go."""
PIECE_BYTES = 65_536
"""What is sent at once, unless a single event is larger."""


class Frame(NamedTuple):
    """One event as it goes over the wire; encoded once for all who see it alike."""

    position: int
    name: str
    sent: bytes


def frame_of(told: Told) -> Frame:
    """The event as a server-sent event: its position is the id that a caller comes back with."""
    name = told.recorded.name
    data = encoded(cloud_event(told))
    return Frame(told.position, name, b"id: %d\nevent: %s\ndata: %s\n\n" % (told.position, name.encode(), data))


async def frames_of(told: Iterable[Told]) -> list[Frame]:
    """The events as they are sent; now and then others have their turn."""
    frames = list[Frame]()
    for one in told:
        frames.append(frame_of(one))
        if not len(frames) % AT_ONCE:
            await asyncio.sleep(0)
    return frames


def greeting(position: int) -> bytes:
    """The first that is sent: where it begins, so that a caller who is cut off at once comes back to there."""
    return b"retry: %d\nid: %d\n\n" % (RETRY_MS, position)


def heartbeat(position: int) -> bytes:
    """Still here, and everything up to here is done with."""
    return b": still here\nid: %d\n\n" % position


def farewell(why: str, position: int) -> bytes:
    """The last that is sent: why it ends, and where to go on."""
    return b": %s; go on after %d\nid: %d\n\n" % (why.encode(), position, position)


def pieces_of(frames: Iterable[Frame]) -> Iterator[bytes]:
    """As few writes as may be, none of them long."""
    waiting, size = list[bytes](), 0
    for frame in frames:
        if waiting and size + len(frame.sent) > PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
        waiting.append(frame.sent)
        size += len(frame.sent)
    if waiting:
        yield b"".join(waiting)
