"""`caselog import`: the history of another system, a file of lines, recorded through the same rules."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import msgspec
import typer

from case_api.cli.audit import check_report
from case_api.cli.outcomes import REFUSED, Misused
from case_api.cli.printing import AsJson, as_json, lines

if TYPE_CHECKING:
    from case_events.core.values import Instant, Problem
    from case_events.ledger.connection import Connection
    from case_events.ledger.database import Ledger

AT_ONCE = 2_000
"""Lines in memory at once."""
SOURCE_MAX = 64
TOLD_EVERY = 50
"""Without a terminal to draw on, progress is a line after so many times AT_ONCE."""


class Summary(msgspec.Struct, kw_only=True):
    """What became of a file."""

    lines: int = 0
    recorded: int = 0
    known: int = 0
    refused: int = 0
    events: int = 0
    seconds: float = 0.0
    dry_run: bool = False


def import_history(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="One JSON object a line.")],
    source: Annotated[str, typer.Option(help="What the file's ids belong to; the same each time it is run.")],
    report: Annotated[Path | None, typer.Option(help="Write every refused line and why to this file.")] = None,
    watched_until: Annotated[
        str | None, typer.Option(help="The file says everything until then: what ran out by then did so in its time.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge every line and record nothing.")] = False,
    json_wanted: AsJson = False,
) -> None:
    """Record the history of another system, judged at the instants it happened at. Killed, it is run again and goes on.

    Exit code 1 if a line was refused; the others are recorded.
    """
    if not (0 < len(source) <= SOURCE_MAX and source.isascii() and source.isprintable()):
        raise Misused(f"--source is 1 to {SOURCE_MAX} printable ASCII characters")
    until = _instant(watched_until)
    check_report(report, file)
    from case_api.cli.reach import with_ledger  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.clock import calendars  # noqa: PLC0415 - the same
    from case_events.ledger.readable import refuse_other_key, refuse_unreadable  # noqa: PLC0415 - the same

    async def work(ledger: Ledger, connection: Connection) -> Summary:
        await refuse_unreadable(connection)
        await refuse_other_key(connection, ledger.vault)
        await calendars.refresh(ledger)
        with file.open("rb") as said, _written_to(report) as refusals:
            telling = _Telling(file.stat().st_size, refusals)
            return await _imported(ledger, connection, said, telling, source=source, until=until, dry_run=dry_run)

    summary = with_ledger(work)
    if json_wanted:
        as_json(msgspec.to_builtins(summary))
    else:
        lines(*_told(summary, report))
    raise typer.Exit(REFUSED if summary.refused else 0)


def _instant(said: str | None) -> Instant | None:
    from case_events.core.values import Instant  # noqa: PLC0415 - `caselog --help` answers sooner without

    try:
        return Instant.parse(said) if said is not None else None
    except (ValueError, OverflowError):
        raise Misused("--watched-until is an instant with a zone, like 2026-01-31T08:00:00Z") from None


def _written_to(report: Path | None) -> AbstractContextManager[IO[bytes] | None]:
    return nullcontext() if report is None else report.open("wb")


async def _imported(
    ledger: Ledger,
    connection: Connection,
    said: IO[bytes],
    telling: _Telling,
    *,
    source: str,
    until: Instant | None,
    dry_run: bool,
) -> Summary:
    """The whole file; in one transaction that is taken back if it is a ``dry_run``."""
    from case_events.core.values import IMPORT  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.bulk.held import release, run_out  # noqa: PLC0415 - the same

    began, client = time.monotonic(), f"{IMPORT}{source}"
    transaction = connection.transaction() if dry_run else None
    if transaction is not None:
        await transaction.start()
    try:
        with telling:
            for chunk in _chunks(said):
                await _record(ledger, connection, source, chunk, telling)
        if until is not None:
            telling.summary.events += await run_out(ledger, connection, client, until)
        await release(connection, client)
    finally:
        if transaction is not None and not connection.is_closed():
            await transaction.rollback()
    telling.summary.seconds = round(time.monotonic() - began, 3)
    telling.summary.dry_run = dry_run
    return telling.summary


async def _record(
    ledger: Ledger, connection: Connection, source: str, chunk: list[tuple[int, bytes]], telling: _Telling
) -> None:
    from case_api.ingestion.history import line_of  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_api.refusals.problems import Refused  # noqa: PLC0415 - the same
    from case_events.ledger.bulk.importing import Told, record  # noqa: PLC0415 - the same

    asked, told = [], dict[int, Told]()
    for number, said in chunk:
        try:
            asked.append(line_of(number, said))
        except Refused as refused:
            told[number] = Told(problem=refused.problem)
    told |= await record(ledger, connection, source, asked)
    for number, said in chunk:
        telling.of(number, said, told[number].problem, events=told[number].events, replayed=told[number].replayed)
    telling.moved(sum(len(said) for _, said in chunk))


def _chunks(said: IO[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    """The lines with their numbers, AT_ONCE at a time; empty ones are left out, and too long ones cut short."""
    from case_api.ingestion.history import LINE_MAX  # noqa: PLC0415 - `caselog --help` answers sooner without

    chunk: list[tuple[int, bytes]] = []
    number = 0
    while line := said.readline(LINE_MAX + 2):
        number += 1
        rest = line
        while not rest.endswith(b"\n") and (rest := said.readline(LINE_MAX)):
            pass
        if line.strip():
            chunk.append((number, line.rstrip(b"\r\n")))
        if len(chunk) == AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


class _Telling:
    """Where a file stands: the summary so far, the report of what was refused, and the bar."""

    def __init__(self, size: int, refusals: IO[bytes] | None) -> None:
        from rich.console import Console  # noqa: PLC0415 - `caselog --help` answers sooner without
        from rich.progress import Progress  # noqa: PLC0415 - the same

        self.summary = Summary()
        self._refusals = refusals
        self._chunks = 0
        self._bar = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
        self._task = self._bar.add_task("lines", total=size)

    def __enter__(self) -> None:
        self._bar.start()

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def of(self, number: int, said: bytes, problem: Problem | None, *, events: int, replayed: bool) -> None:
        """What became of one line."""
        summary = self.summary
        summary.lines += 1
        summary.events += events
        summary.known += replayed
        summary.recorded += problem is None and not replayed
        if problem is not None:
            summary.refused += 1
            self._report(number, said, problem)

    def _report(self, number: int, said: bytes, problem: Problem) -> None:
        from case_api.ingestion.history import named  # noqa: PLC0415 - the same
        from case_api.refusals import problems  # noqa: PLC0415 - `caselog --help` answers sooner without
        from case_events.outgoing.form import encoded  # noqa: PLC0415 - the same

        if self._refusals is not None:
            own = named(said)
            refused = {"line": number, **own, "problem": problems.view(problem)}
            self._refusals.write(encoded(refused) + b"\n")

    def moved(self, by: int) -> None:
        """So many bytes further."""
        self._chunks += 1
        self._bar.advance(self._task, by)
        if self._refusals is not None:
            self._refusals.flush()
        if self._bar.disable and self._chunks % TOLD_EVERY == 0:
            print(f"{self.summary.lines} lines", file=sys.stderr, flush=True)  # noqa: T201 - progress, for a person


def _told(summary: Summary, report: Path | None) -> Iterator[str]:
    rate = summary.events / summary.seconds if summary.seconds else 0.0
    yield f"{summary.lines} lines: {summary.recorded} recorded, {summary.known} known, {summary.refused} refused"
    yield f"{summary.events} events in {summary.seconds:.1f} s ({rate:.0f} a second)"
    if summary.dry_run:
        yield "It was a dry run: nothing was kept."
    if summary.refused:
        yield f"Why, line by line: {report}" if report else "--report FILE says why, line by line."
