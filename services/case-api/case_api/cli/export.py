"""`caselog export`: every case that a question is about, on stdout or in a file; cut off, it goes on where it was."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Literal
from uuid import UUID

import typer

from case_api.cli.outcomes import Denied, Misused, Silence
from case_api.cli.printing import refused

PATH = "/v1/export/cases"
AGAIN_S = 2.0
SILENT_S_MAX = 60.0
"""A service that is away for longer is given up."""
Words = Annotated[str | None, typer.Option(help="As GET /v1/cases has it.")]


def export(  # noqa: PLR0917 - typer gives them by name
    form: Annotated[Literal["ndjson", "csv"], typer.Option("--format", help="JSON on lines, or a table.")] = "ndjson",
    full: Annotated[bool, typer.Option("--full", help="Whole cases, not their items of a list; ndjson only.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to write it; none: stdout.")] = None,
    after: Annotated[UUID | None, typer.Option(help="Go on after this case, without a table's first line.")] = None,
    status: Words = None,
    stage: Words = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only complaints of this type.")] = None,
    marketplace: Words = None,
    merchant_id: Words = None,
    buyer_id: Words = None,
    order_id: Words = None,
    department: Words = None,
    assignee: Words = None,
    priority: Annotated[int | None, typer.Option(help="Only cases of this priority.")] = None,
    due_before: Annotated[str | None, typer.Option(help="Such an export cannot be taken up again.")] = None,
    updated_after: Words = None,
    kind: Words = None,
    subtype: Words = None,
    group: Annotated[UUID | None, typer.Option(help="Only the cases of this collective matter.")] = None,
) -> None:
    """Write every case that the filters leave, the newest first. The filters are those of GET /v1/cases.

    Ended with exit code 0 it is whole. Cut off it goes on by itself, for a minute; given up, it says how to go on.
    """
    filters: dict[str, object] = {
        "status": status,
        "stage": stage,
        "type": type_,
        "marketplace": marketplace,
        "merchant_id": merchant_id,
        "buyer_id": buyer_id,
        "order_id": order_id,
        "department": department,
        "assignee": assignee,
        "priority": priority,
        "due_before": due_before,
        "updated_after": updated_after,
        "kind": kind,
        "subtype": subtype,
        "group": group,
        "full": "true" if full else None,
    }
    said = {name: str(value) for name, value in filters.items() if value is not None}
    writing = _Writing(output, form, None if after is None else str(after))
    with writing:
        _take(writing, said)
    refused(f"{writing.cases} cases")


class _Writing:
    """What was written so far: how many cases, and the last of them; a table's first line is written once.

    A file is opened when there is something to write: what is refused leaves it as it was.
    """

    def __init__(self, output: Path | None, form: str, last: str | None) -> None:
        self.form = form
        self.cases = 0
        self.last = last
        self.heard_at = time.monotonic()
        self._output = output
        self._opened: IO[bytes] | None = None
        self._headed = last is not None
        self._mode = "wb" if last is None else "ab"

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self._opened is not None and self._output is not None:
            self._opened.close()

    def take(self, pieces: Iterable[bytes]) -> None:
        """Write one answer, as far as it comes."""
        try:
            for place, record in enumerate(_records(pieces, self.form)):
                self.heard_at = time.monotonic()
                if self.form == "csv" and place == 0:
                    self._write(b"" if self._headed else record)
                    self._headed = True
                    continue
                self._write(record)
                self.cases, self.last = self.cases + 1, _case_of(record, self.form)
            self._write(b"")
        finally:
            if self._opened is not None:
                self._opened.flush()

    def _write(self, record: bytes) -> None:
        if self._opened is None:
            self._opened = self._open()
        self._opened.write(record)

    def _open(self) -> IO[bytes]:
        try:
            return sys.stdout.buffer if self._output is None else self._output.open(self._mode)
        except OSError as fault:
            raise Misused(f"--output: {fault}") from None


def _take(writing: _Writing, said: dict[str, str]) -> None:
    """Take it all, in as many answers as it needs. Raises Denied or Silence if it has to be given up."""
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    while True:
        try:
            writing.take(wire.stream(PATH, format=writing.form, after=writing.last, **said))
        except (Silence, Denied) as reason:
            gone = isinstance(reason, Denied) and not reason.busy
            goes_on = "due_before" not in said or writing.last is None
            if gone or not goes_on or time.monotonic() - writing.heard_at > SILENT_S_MAX:
                if writing.cases:
                    how = f"to go on: --after {writing.last}" if goes_on else "it has to begin anew"
                    refused(f"cut off after {writing.cases} cases; {how}")
                raise
            refused(f"{reason}; trying again")
        else:
            return
        time.sleep(AGAIN_S)


def _records(pieces: Iterable[bytes], form: str) -> Iterator[bytes]:
    """Whole lines; in a table what is between quotes may have line ends of its own. What was cut off is none."""
    left = record = b""
    for piece in pieces:
        *lines, left = (left + piece).split(b"\n")
        for line in lines:
            record += line + b"\n"
            if form == "csv" and record.count(b'"') % 2:
                continue
            yield record
            record = b""


def _case_of(record: bytes, form: str) -> str:
    return record.partition(b",")[0].strip(b'"').decode() if form == "csv" else str(json.loads(record)["case_id"])
