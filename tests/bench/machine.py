"""What the machine spent: CPU seconds of our processes, and how busy it was with other work."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from case_events.collecting import collect_rarely
from tests.bench.load import Run

TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Measured:
    """One run: how fast it went, and the CPU of the service and of Postgres for each thing done.

    ``other_share``: what neither we nor anything we started used of the machine meanwhile.
    """

    run: Run
    service_us: float
    postgres_us: float
    other_share: float

    @property
    def cpu_us(self) -> float:
        return self.service_us + self.postgres_us


class Meter:
    """Measures runs: the service is a process we started, or (None) this one and all it started but Postgres."""

    def __init__(self, postgres_pid: int, service_pid: int | None = None) -> None:
        self._postgres, self._service = postgres_pid, service_pid

    async def measure(self, work: Awaitable[Run]) -> Measured:
        """Await the work, and what it cost. What looking costs is left out of it."""
        before = self._spent()
        own, busy, began = time.process_time(), _machine_s(), time.perf_counter()
        run = await work
        passed, busy, own = time.perf_counter() - began, _machine_s() - busy, time.process_time() - own
        started, postgres, service = (now - was for now, was in zip(self._spent(), before, strict=True))
        ours = own + started
        if self._service is None:
            service = ours - postgres
        other = max(0.0, busy - ours) / (passed * CORES)
        return Measured(run, service / run.count * 1e6, postgres / run.count * 1e6, other)

    def _spent(self) -> tuple[float, float, float]:
        """Seconds so far: of all that this process started, of Postgres, and of the service."""
        parents = _parents()
        started = _cpu_s(parents, os.getpid()) - time.process_time()
        return started, _cpu_s(parents, self._postgres), _cpu_s(parents, self._service) if self._service else 0.0


def _cpu_s(parents: Mapping[int, int], root: int) -> float:
    """The CPU seconds of a process and all that descend from it, those that are over included."""
    family = {root}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return sum(_own_and_reaped_s(pid) for pid in family)


def _parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields:
            found[int(entry.name)] = int(fields[1])
    return found


def _own_and_reaped_s(pid: int) -> float:
    """A process's own time, and that of its children which have ended: a database session is one that ends."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / TICKS if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields after the command's name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _machine_s() -> float:
    """Everything but idle and waiting for disks."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]))
    return (sum(fields[:3]) + sum(fields[5:8])) / TICKS


@contextmanager
def collected_rarely() -> Iterator[None]:
    """This process looks for cycles as a service's own does."""
    before = gc.get_threshold()
    collect_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
