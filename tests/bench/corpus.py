"""Cases in bulk: planned histories written many times over, each under an id of its own, by the real codec and COPY.

Every row is as the ledger itself would have written it, sealed and chained: all of it replays and verifies.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from multiprocessing import get_context
from operator import attrgetter
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from msgspec.structs import replace

from case_events.core.events import Filed, History
from case_events.core.evolve import fold
from case_events.ledger.codec import GENESIS, Row, rows_of
from case_events.ledger.marks import Mark, marks_of
from case_events.ledger.read_models import CASE_COLUMNS, DEADLINE_COLUMNS, case_row, deadline_rows
from case_events.ledger.reserving import reservation
from case_events.ledger.sealing import Vault

BATCH = 250
"""Cases in one transaction."""
PART = 2_000
"""Cases that a process writes before it is given more."""
WORKERS = min(4, os.cpu_count() or 1)

ENVELOPE = "case_id version event_id occurred_at effective_at recorded_at who agent client correlation causation asked"
KEPT = "type schema payload payload_hash hash"
KEY = ("key_id", "case_id", "side", "wrapped")
Vary = Callable[[Filed, int], Filed]
"""What makes one copy's filing its own; the number is never the same twice."""
Tables = dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]]
"""Table → its columns and its rows."""


async def write(
    url: str, master_key: bytes, histories: Sequence[History], count: int, vary: Vary, *, first: int = 0
) -> list[UUID]:
    """Write so many cases, the histories in turn, by several processes; their ids.

    ``url``: the owner's login. ``vary``: a function of a module, called with numbers from ``first`` on.
    """
    parts = [range(start, min(start + PART, first + count)) for start in range(first, first + count, PART)]
    work = partial(_write_part, url, master_key, tuple(histories), vary)
    if len(parts) == 1:
        return await asyncio.to_thread(work, parts[0])
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()
        written = await asyncio.gather(*(loop.run_in_executor(pool, work, part) for part in parts))
    return list(chain.from_iterable(written))


def _write_part(url: str, master_key: bytes, histories: tuple[History, ...], vary: Vary, numbers: range) -> list[UUID]:
    return asyncio.run(_written(url, Vault(master_key), histories, vary, numbers))


async def _written(url: str, vault: Vault, histories: tuple[History, ...], vary: Vary, numbers: range) -> list[UUID]:
    made: list[UUID] = []
    connection = await asyncpg.connect(url)
    try:
        for start in range(0, len(numbers), BATCH):
            tables: Tables = {}
            some = numbers[start : start + BATCH]
            made += [_add(tables, histories[number % len(histories)], vary, number, vault) for number in some]
            async with connection.transaction():
                for table, (columns, rows) in tables.items():
                    await connection.copy_records_to_table(table, columns=columns, records=rows)
    finally:
        await connection.close()
    return made


def _add(tables: Tables, planned: History, vary: Vary, number: int, vault: Vault) -> UUID:
    """One case more, in all the tables a commit writes to. The ids of its events are unique per case and stay."""
    case_id = uuid4()
    filed = planned[0].event
    assert isinstance(filed, Filed), "a history starts with its filing"
    first = replace(planned[0], case_id=case_id, event=vary(filed, number))
    history = (first, *(replace(one, case_id=case_id) for one in planned[1:]))
    case, keys = fold(history), vault.new_keys(case_id)
    assert case is not None, "something happened"
    rows = rows_of(history, GENESIS, keys, vault)
    _put(tables, "streams", STREAM, [(case_id, rows[-1].recorded.version, rows[-1].hash, history[-1].recorded_at)])
    _put(tables, "events", (*ENVELOPE.split(), *KEPT.split()), map(_event, rows))
    _put(tables, "cases", CASE_COLUMNS, [_values(case_row(case), CASE_COLUMNS)])
    clocks = deadline_rows(case)
    _put(
        tables,
        "deadlines",
        (*DEADLINE_COLUMNS, "next_try_at"),
        ((*_values(one, DEADLINE_COLUMNS), one.due_at) for one in clocks),
    )
    _put(tables, "subject_keys", KEY, (_values(key, KEY) for key in keys))
    if case.stage != "closed":
        assert isinstance(first.event, Filed), "varied, it is still a filing"
        _put(tables, "open_complaints", ("reservation", "case_id"), [(reservation(first.event, vault), case_id)])
    marks = marks_of(fold(history[:1]), history[1:], case, vault)
    _put(tables, "credit_marks", Mark.__struct_fields__, (_values(mark, Mark.__struct_fields__) for mark in marks))
    return case_id


STREAM = ("case_id", "version", "head_hash", "recorded_at")
_envelope = attrgetter(*ENVELOPE.split())
_kept = attrgetter(*KEPT.split())


def _event(row: Row) -> tuple[Any, ...]:
    return (*_envelope(row.recorded), *_kept(row))


def _values(value: object, columns: Sequence[str]) -> tuple[Any, ...]:
    return tuple(getattr(value, column) for column in columns)


def _put(tables: Tables, table: str, columns: tuple[str, ...], rows: Any) -> None:
    tables.setdefault(table, (columns, []))[1].extend(rows)
