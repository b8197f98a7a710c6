"""The event streams of one process: one reader of the feed for all of them, and for each a bounded queue of its own.

A stream that is behind reads pages of the feed itself, at the pace it is taken at, and joins the others when it has
reached their reader. One whose queue overflows is behind again. So nobody waits for anybody, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import structlog

from case_api.streams.frames import PIECE_BYTES, Frame, farewell, frames_of, greeting, heartbeat, pieces_of
from case_events.core.viewer import Viewer
from case_events.ledger.connection import UNAVAILABLE, Connection
from case_events.ledger.database import Ledger
from case_events.ledger.feed import reader
from case_events.ledger.feed.reader import BeyondFeed, UnreadableEvent

HEARTBEAT_S = 15.0
"""A caller who hears nothing for much longer than this knows that the line is dead."""
CHECK_S = 5.0
"""How often a stream asks whether its key is still good."""
POLL_S = 1.0
"""The reader looks this often even if it is told nothing."""
AWAY_S = 1.0
"""A pause while Postgres is away."""
STREAMS_MAX = 600
STREAMS_PER_CLIENT_MAX = 50
PAGE = 100
"""Events a stream that is behind reads at once."""
PAGES_AT_ONCE = 2
"""Streams that are behind read no more pages at once, so that requests find a connection."""
LIVE_MAX = 500
"""Events the reader passes on at once."""
QUEUE_MAX = 1_000
QUEUE_BYTES_MAX = 4_000_000
"""What may wait in a stream's queue; more, and it is behind."""
STOPPING = "this process is stopping"
SET_BACK = "the feed was set back to %d"

log = structlog.get_logger("case_api.streaming")


class Fanout:
    """The one reader, and the streams it reads for; it holds a connection while there are any."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.streams: set[Stream] = set()
        self.position: int | None = None
        """How far the reader is; None while it is not reading."""
        self._seen: tuple[int, bytes] | None = None
        """The last event that was passed on, by its position and hash."""
        self.paging = asyncio.Semaphore(PAGES_AT_ONCE)
        self._wanted = asyncio.Event()
        self._heard = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Fanout:
        self._reader = asyncio.create_task(self._read(), name="feed")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        assert self._reader is not None, "it was entered"
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    def close(self) -> None:
        """End every stream: their callers come back, to another process or to this one started again."""
        self._closed = True
        self._end_all(STOPPING)

    def full(self, client: str) -> str | None:
        """Why there is no room for another stream of this client, if there is none."""
        if len(self.streams) >= STREAMS_MAX:
            return f"{STREAMS_MAX} streams are open here."
        theirs = sum(stream.client == client for stream in self.streams)
        return f"{theirs} streams of yours are open here." if theirs >= STREAMS_PER_CLIENT_MAX else None

    def add(self, stream: Stream) -> None:
        self.streams.add(stream)
        self._wanted.set()
        if self._closed:
            stream.end(STOPPING)

    def remove(self, stream: Stream) -> None:
        self.streams.discard(stream)
        self._heard.set()

    def _end_all(self, why: str) -> None:
        for stream in self.streams:
            stream.end(why)

    async def _read(self) -> None:
        """The outermost loop: it ends with the process."""
        while True:
            await self._wanted.wait()
            try:
                async with reader.listening(self.ledger, self._heard.set) as connection:
                    await self._follow(connection)
                continue
            except BeyondFeed as beyond:
                log.warning("feed_set_back", head=beyond.head, position=self.position)
                self.position = self._seen = None
                self._end_all(SET_BACK % beyond.head)
            except UNAVAILABLE as error:
                log.warning("database_away", error=f"{type(error).__name__}: {error}")
            except Exception as fault:  # noqa: BLE001 - the outermost loop: it logs and goes on
                self._unreadable(fault)
            await asyncio.sleep(AWAY_S)

    def _go_past(self, event: UnreadableEvent) -> None:
        """Each stream finds out by itself whether the event is for it, and ends before it if it is."""
        log.error("event_unreadable", position=event.position, case_id=str(event.case_id), why=event.why)
        self.position = event.position
        for stream in self.streams:
            if stream.joined:
                stream.offer(None, event.position)

    def _unreadable(self, fault: Exception) -> None:
        """A fault of ours: whoever comes back may meet a process that has it not."""
        frames = traceback.format_tb(fault.__traceback__)
        log.error("feed_not_read", fault=type(fault).__name__, position=self.position, frames=frames)
        self._end_all("the feed cannot be read here")

    async def _follow(self, connection: Connection) -> None:
        """Pass on whatever comes, while anybody listens."""
        if self.position is None:
            self.position, self._seen = await reader.head(connection), None
        if self._seen is not None and not await reader.stands(connection, *self._seen):
            raise BeyondFeed(await reader.head(connection))  # it has grown past here again, by other events
        while self.streams:
            self._heard.clear()
            while await self._pass_on(connection, self.position):
                pass  # as long as there is more at once
            await _set_within(self._heard, POLL_S)
        self._wanted.clear()
        self.position = None

    async def _pass_on(self, connection: Connection, after: int) -> bool:
        """One batch to everybody who joined; True if there is more."""
        viewers = tuple({stream.viewer for stream in self.streams if stream.joined})
        try:
            live = await reader.read_live(connection, self.ledger.vault, after, viewers=viewers, limit=LIVE_MAX)
        except UnreadableEvent as event:
            self._go_past(event)
            return True
        frames = dict[Viewer, list[Frame]]()
        for viewer, told in live.told.items():
            frames[viewer] = await frames_of(told)
            if told:
                self._seen = max(self._seen or (0, b""), (told[-1].position, told[-1].hash))
            await asyncio.sleep(0)
        # From here on nothing waits: a stream joins before all of this batch or after all of it.
        self.position = live.through
        for stream in self.streams:
            if stream.joined:
                stream.offer(frames.get(stream.viewer), live.through)
        return live.through - after == LIVE_MAX


class Stream:
    """One caller's stream, from behind ``after``. ``allowed`` says whether the key still opens what it opened."""

    def __init__(
        self,
        fanout: Fanout,
        viewer: Viewer,
        types: tuple[str, ...] | None,
        after: int,
        *,
        client: str,
        allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        self.viewer = viewer
        self.client = client
        self.joined = False
        self.position = after
        """Everything up to here was sent, or is not for this stream."""
        self._fanout = fanout
        self._types = types
        self._allowed = allowed
        self._queue = deque[Frame]()
        self._bytes = 0
        self._through = after
        self._arrived = asyncio.Event()
        self._ended: str | None = None

    def offer(self, frames: Iterable[Frame] | None, through: int) -> None:
        """What came next; None where it was not read for this viewer, who joined while it was read."""
        wanted = None if frames is None else [one for one in frames if self._wants(one)]
        if wanted is None or not self._has_room(wanted):
            self.joined = False
            self._queue.clear()
            self._bytes = 0
        else:
            self._queue += wanted
            self._bytes += sum(len(one.sent) for one in wanted)
            self._through = max(self._through, through)
        if wanted or not self.joined:
            self._arrived.set()

    def _wants(self, frame: Frame) -> bool:
        return frame.position > self._through and (self._types is None or frame.name in self._types)

    def _has_room(self, frames: list[Frame]) -> bool:
        more = sum(len(one.sent) for one in frames)
        return len(self._queue) + len(frames) <= QUEUE_MAX and self._bytes + more <= QUEUE_BYTES_MAX

    def end(self, why: str) -> None:
        """Say why, and close; what was not sent yet is there for who comes back."""
        self._ended = self._ended or why
        self._arrived.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """What goes over the wire, until it is ended."""
        yield greeting(self.position)
        now = asyncio.get_running_loop().time
        heard_at = checked_at = now()
        while self._ended is None:
            if now() - checked_at >= CHECK_S:
                checked_at = now()
                await self._check()
            until = min(heard_at + HEARTBEAT_S, checked_at + CHECK_S)
            frames = await (self._from_queue(until - now()) if self.joined else self._from_page())
            for piece in pieces_of(frames):
                yield piece
            if frames:
                heard_at = now()
            elif now() - heard_at >= HEARTBEAT_S:
                heard_at = now()
                yield heartbeat(self.position)
        yield farewell(self._ended, self.position)

    async def _check(self) -> None:
        try:
            if not await self._allowed():
                self.end("this key does not open this stream any more")
        except UNAVAILABLE:
            return  # nothing can be read meanwhile, either

    async def _from_queue(self, within_s: float) -> list[Frame]:
        if not self._queue:
            await _set_within(self._arrived, within_s)
        self._arrived.clear()
        frames = list[Frame]()
        size = 0
        while self._queue and size < PIECE_BYTES:
            frames.append(self._queue.popleft())
            size += len(frames[-1].sent)
        self._bytes -= size
        if self.joined:
            self.position = frames[-1].position if self._queue else self._through
        return frames

    async def _from_page(self) -> list[Frame]:
        """The next page, and join the others when it reaches their reader."""
        try:
            async with self._fanout.paging, self._fanout.ledger.connection() as connection:
                vault = self._fanout.ledger.vault
                page = await reader.read(
                    connection, vault, self.position, viewer=self.viewer, types=self._types, limit=PAGE
                )
        except UNAVAILABLE:
            await self._pause(AWAY_S)
            return []
        except BeyondFeed as beyond:
            self.end(SET_BACK % beyond.head)
            return []
        except UnreadableEvent as event:
            self.end(str(event))
            return []
        frames = await frames_of(page.told)
        still, self.position = self.position == page.next, page.next
        reading_at = self._fanout.position
        if reading_at is not None and self.position >= reading_at:
            self.joined, self._through = True, self.position
        elif still:
            await self._pause(AWAY_S)  # the reader has not begun yet
        return frames

    async def _pause(self, seconds: float) -> None:
        self._arrived.clear()
        if self._ended is None:
            await _set_within(self._arrived, seconds)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        return
