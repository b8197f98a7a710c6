"""A line that is cut in the worst moment: Postgres has committed and said so, and whoever asked never hears it.

It stands between some of the writers and schedulers and Postgres, and passes everything on, until it is told to cut.
Then it waits for the next commit that wrote an event, keeps the server's answer to itself and breaks the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

HOST = "127.0.0.1"
READ = 65_536
MESSAGE_MAX = 64_000_000
WRITES = b"INSERT INTO events"
"""What the text of a statement says that records something."""
COMMITTED = b"COMMIT\x00"


class Cutter:
    """How many connections are still to be cut, and how many were."""

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.cuts = 0
        self._server_port = server_port
        self._wanted = 0

    def arm(self, cuts: int = 1) -> None:
        """Cut the connections of the next so many commits."""
        self._wanted += cuts

    def takes(self) -> bool:
        """Whether this commit is one that is cut."""
        if not self._wanted:
            return False
        self._wanted -= 1
        self.cuts += 1
        return True

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Stand between one client and the server until either is gone."""
        try:
            server, to_server = await asyncio.open_connection(HOST, self._server_port)
        except OSError:
            to_client.transport.abort()
            return
        line = _Line(self)
        pumps = [
            asyncio.create_task(_pumped(client, to_server, line.asked)),
            asyncio.create_task(_pumped(server, to_client, line.answered)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for writer in (to_client, to_server):
                writer.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)


class _Cut(Exception):
    """Nothing more is passed on."""


class _Line:
    """One connection's conversation, as far as it must be understood: which answers tell of a commit."""

    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        self._asked, self._answered = _Messages(greeting=True), _Messages()
        self._statements: dict[bytes, bool] = {}
        self._running = False
        """Whether the statement that runs writes events."""
        self._open = False
        """Whether the open transaction has."""
        self._held: list[bytes] = []
        self._committed = False

    def asked(self, data: bytes) -> bytes:
        """What the client says; all of it is passed on."""
        for kind, message in self._asked.add(data):
            match kind:
                case b"P":  # Parse: the name of the statement, and its text
                    name, _, rest = message[5:].partition(b"\x00")
                    self._statements[name] = WRITES in rest
                case b"B":  # Bind: the portal, and the statement that will run in it
                    _, _, rest = message[5:].partition(b"\x00")
                    self._running = self._statements.get(rest.partition(b"\x00")[0], False)
                case b"Q":
                    self._running = WRITES in message
                case _:
                    pass
        return data

    def answered(self, data: bytes) -> bytes:
        """What the client is told of what the server says. Raises _Cut instead of telling of a commit it is to lose."""
        passed = []
        for kind, message in self._answered.add(data):
            self._held.append(message)
            if kind == b"C":
                self._committed = message[5:] == COMMITTED
                self._open = self._open or self._running
            elif kind == b"Z":  # ready for the next: what was held is complete
                self._settled(message[5:6])
                passed += self._held
                self._held = []
            elif not (self._running or self._committed):  # in a transaction a client may ask on before it is ready
                passed += self._held
                self._held = []
        return b"".join(passed)

    def _settled(self, state: bytes) -> None:
        """``I``: no transaction is open, so that whatever was written is committed, unless it was rolled back."""
        wrote = self._open and (self._committed or self._running)
        if state == b"I":
            self._open = False
            if wrote and self._cutter.takes():
                raise _Cut
        self._running = self._committed = False


class _Messages:
    """Whole messages of Postgres's protocol out of whatever pieces they come in."""

    def __init__(self, *, greeting: bool = False) -> None:
        self._rest = b""
        self._greeting = greeting
        """The first message of a client has no kind."""

    def add(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """The messages that are now complete: the kind of each, and all of it."""
        self._rest += data
        found, at = [], 0
        while True:
            head = 4 if self._greeting else 5
            if len(self._rest) < at + head:
                break
            size = int.from_bytes(self._rest[at + head - 4 : at + head], "big") + head - 4
            assert size <= MESSAGE_MAX, "this is not Postgres's protocol"
            if len(self._rest) < at + size:
                break
            kind = b"" if self._greeting else self._rest[at : at + 1]
            found.append((kind, self._rest[at : at + size]))
            self._greeting = False
            at += size
        self._rest = self._rest[at:]
        return found


async def _pumped(source: asyncio.StreamReader, to: asyncio.StreamWriter, through: object) -> None:
    assert callable(through)
    with suppress(OSError, _Cut):
        while data := await source.read(READ):
            to.write(through(data))
            await to.drain()


@asynccontextmanager
async def cutting(server_port: int) -> AsyncIterator[Cutter]:
    """A cutter before the server on this loopback port, until the block ends."""
    cutter = Cutter(server_port)
    listening = await asyncio.start_server(cutter.serve, HOST, 0)
    cutter.port = listening.sockets[0].getsockname()[1]
    try:
        yield cutter
    finally:
        listening.close()
