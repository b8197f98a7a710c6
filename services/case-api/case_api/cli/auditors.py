"""The processes that share an audit, and how far it has come: kept in a file, so that it can be gone on with."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from case_api.cli.auditor import Orders, examined, said
from case_api.cli.offspring import dies_with_parent
from case_api.cli.outcomes import SILENT, Misused, Silence
from case_api.cli.premises import CannotStart
from case_events.core.canonical import decode_hook, encode_hook
from case_events.core.values import Sha256, Value
from case_events.ledger.audit.audit import Done, Piece, Verdict, beyond, database, plan, with_whole
from case_events.ledger.audit.chosen import Selection
from case_events.ledger.audit.digests import Digest, differing
from case_events.ledger.audit.guards import unguarded
from case_events.ledger.audit.kept import open_connection

JOBS_MAX = 64
ALONE = 3
"""With no more pieces than these, further processes take longer to start than to help."""
LINE_MAX = 64 * 1024 * 1024
"""Bytes of a verdict: some findings for each event of a parcel."""
SAVED_EVERY_S = 2.0
END_S = 5.0

Examine = Callable[[Piece], Awaitable[Verdict]]


Watch = Callable[[int, int], None]
"""Is told how many events are verified, and of how many."""


class State(Value, frozen=True, kw_only=True):
    """What the file says: of which audit of which database, and how far it is; ``roots``: those it is compared with."""

    database: str
    selection: Selection
    roots: tuple[Sha256, ...] = ()
    done: Done


async def audited(
    orders: Orders, jobs: int, file: Path | None, watch: Watch, digests: Sequence[Digest] = ()
) -> Verdict:
    """The verdict on what is ordered, by ``jobs`` processes; how far it is stands in ``file`` until it is done.

    ``digests``: what the feed is compared with in the end. Raises Misused for a file of another audit, CannotStart,
    Silence, or one of UNAVAILABLE.
    """
    connection = await open_connection(orders.url)
    try:
        state = _begun(await database(connection), orders, file)
        left = await plan(connection, orders.selection, state.done, compared=bool(orders.checkpoints))
        course = Course(state, left.pieces, file)

        def take(number: int, verdict: Verdict) -> None:
            course.take(number, verdict)
            watch(course.state.done.verdict.events, left.events)

        try:
            if jobs == 1 or len(left.pieces) <= ALONE:
                await share(left.pieces, [partial(examined, connection, orders=orders)], take)
            else:
                async with auditors(min(jobs, len(left.pieces), JOBS_MAX), orders) as those:
                    await share(left.pieces, those, take)
        finally:
            course.save()
        found = [*await unguarded(connection), *await differing(connection, digests)]
        verdict = with_whole(course.state.done.verdict, found, len(orders.checkpoints) + len(digests))
    finally:
        await connection.close()
    course.forget()
    return verdict


def _begun(here: str, orders: Orders, file: Path | None) -> State:
    """Where the audit goes on: what one that was stopped has left in ``file``, or the beginning."""
    roots = tuple(one.root for one in orders.checkpoints)
    begun = State(database=here, selection=orders.selection, roots=roots, done=Done())
    if file is None or not file.exists():
        return begun
    try:
        state = msgspec.json.decode(file.read_bytes(), type=State, dec_hook=decode_hook)
    except (OSError, msgspec.MsgspecError) as fault:
        raise Misused(f"--resume: {file} cannot be read: {fault}") from None
    if msgspec.structs.replace(begun, done=state.done) != state:
        which = "of other cases, compared with other checkpoints, or of another database"
        raise Misused(f"--resume: {file} is of another audit: {which}")
    return state


class Course:
    """How far an audit has come. Pieces come back in any order; what counts is the beginning that is whole."""

    def __init__(self, state: State, pieces: Iterable[Piece], file: Path | None) -> None:
        """``file``: where it is written every few seconds; None: nowhere."""
        self.state = state
        self._pieces = list(pieces)
        self._back: dict[int, Verdict] = {}
        self._next = 0
        self._file = file
        self._saved_at = time.monotonic()

    def take(self, number: int, verdict: Verdict) -> None:
        """The verdict on the piece with this number, from 0."""
        self._back[number] = verdict
        while self._next in self._back:
            done = beyond(self.state.done, self._pieces[self._next], self._back.pop(self._next))
            self.state = msgspec.structs.replace(self.state, done=done)
            self._next += 1
        if time.monotonic() - self._saved_at >= SAVED_EVERY_S:
            self.save()

    def save(self) -> None:
        if self._file is not None:
            write_whole(self._file, msgspec.json.encode(self.state, enc_hook=encode_hook))
        self._saved_at = time.monotonic()

    def forget(self) -> None:
        """It is done: the next audit begins at the beginning."""
        if self._file is not None:
            self._file.unlink()


def write_whole(file: Path, content: bytes) -> None:
    """Write the file so that it has the old content or the new, and never half of it. Raises Misused."""
    beside = file.with_name(f"{file.name}.new")
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
    except OSError as fault:
        raise Misused(f"{file} cannot be written: {fault}") from None


async def share(pieces: Iterable[Piece], those: Iterable[Examine], take: Callable[[int, Verdict], None]) -> None:
    """Have the pieces examined by all of ``those`` at once, each taking the next when it is done with one."""
    left = iter(enumerate(pieces))

    async def work(examine: Examine) -> None:
        for number, piece in left:
            take(number, await examine(piece))

    tasks = [asyncio.create_task(work(one)) for one in those]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def auditors(count: int, orders: Orders) -> AsyncIterator[list[Examine]]:
    """So many processes that examine pieces, until the block ends."""
    processes: list[asyncio.subprocess.Process] = []
    try:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "case_api.cli.auditor",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LINE_MAX,
                start_new_session=True,  # the terminal's Ctrl-C is for the parent
                preexec_fn=dies_with_parent(signal.SIGKILL),
            )
            processes.append(process)
            _stdin(process).write(said(orders))
        yield [_asking(process) for process in processes]
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()  # it only reads
        await asyncio.gather(*(asyncio.wait_for(one.wait(), END_S) for one in processes))


def _asking(process: asyncio.subprocess.Process) -> Examine:
    async def examine(piece: Piece) -> Verdict:
        assert process.stdout is not None, "it was started with a pipe"
        try:
            _stdin(process).write(msgspec.json.encode(piece) + b"\n")
            await _stdin(process).drain()
            line = await process.stdout.readline()
        except (BrokenPipeError, ConnectionResetError):
            line = b""
        if not line:
            raise await _ended(process)
        return msgspec.json.decode(line, type=Verdict)

    return examine


async def _ended(process: asyncio.subprocess.Process) -> Exception:
    code = await asyncio.wait_for(process.wait(), END_S)
    if code == SILENT:
        return Silence("the database went away in the middle of the audit")
    return CannotStart(f"a process of the audit ended with {code}")


def _stdin(process: asyncio.subprocess.Process) -> asyncio.StreamWriter:
    assert process.stdin is not None, "it was started with a pipe"
    return process.stdin
