"""A writer's diary: what it was told is done, line by line, in a file that outlives any kill -9 of the writer.

A line is written in one call, after the answer came: what stands in it was acknowledged.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from case_events.core.values import CaseId, EventId, Value

READ_MAX = 1_000_000
"""Bytes that a reader takes at a time."""


ENDED = "end-"
"""What the line about a course that is over begins with."""


class Told(Value, frozen=True, kw_only=True):
    """One acknowledgement, or refusal (``problem``): what was asked under which key, and what was recorded for it.

    ``replayed``: it had been recorded before; whoever asked first never heard. ``due``: until when the respondent has,
    for a filing.
    """

    key: str
    case: CaseId | None = None
    recorded: tuple[tuple[int, EventId], ...] = ()
    replayed: bool = False
    problem: str | None = None
    due: str | None = None


class Diary:
    """The diary of one writer, open for writing."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, told: Told) -> None:
        line = msgspec.json.encode(told) + b"\n"
        assert os.write(self._file, line) == len(line), "a line is written whole"

    def close(self) -> None:
        os.close(self._file)


class Reader:
    """Reads on in somebody's diary, from the beginning."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def more(self) -> Iterator[Told]:
        """What was written since the last look; half a line is left for the next."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read(READ_MAX)
        whole = data[: data.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.splitlines():
            yield _decoded(line)

    def all(self) -> Iterator[Told]:
        """Everything up to the end."""
        while found := list(self.more()):
            yield from found


_told = msgspec.json.Decoder(Told)


def _decoded(line: bytes) -> Told:
    return _told.decode(line)


def diary_of(folder: Path, writer: int) -> Path:
    """Where the diary of a writer lies."""
    return folder / f"writer-{writer}.diary"


class Progress:
    """How much of a run is over, from its writers' diaries."""

    def __init__(self, folder: Path, writers: int, courses: int) -> None:
        self._readers = [Reader(diary_of(folder, writer)) for writer in range(writers)]
        self._courses, self._over = courses, 0

    def share(self) -> float:
        """Of all courses, those that have come to their end."""
        for reader in self._readers:
            self._over += sum(told.key.startswith(ENDED) for told in reader.more())
        return self._over / self._courses


def told_of(case: UUID, key: str, answer: Any, **more: Any) -> Told:
    """The line about what was recorded under a key."""
    return Told(case=case, key=key, recorded=tuple((one.version, one.event_id) for one in answer), **more)
