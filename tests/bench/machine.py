"""What the machine spent: CPU seconds of our processes, and how busy it was with other work."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """CPU seconds so far: of some processes and their children, and of the whole machine."""

    ours_s: float
    machine_s: float

    def since(self, before: Spent) -> Spent:
        return Spent(self.ours_s - before.ours_s, self.machine_s - before.machine_s)


def spent(*roots: int) -> Spent:
    """The CPU spent by these processes and all that descend from them, and by everybody."""
    parents = _parents()
    ours = set(roots)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in ours} - ours
        ours |= more
        grown = bool(more)
    return Spent(sum(_cpu(pid) for pid in ours), _machine())


def _parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields:
            found[int(entry.name)] = int(fields[1])
    return found


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:13])) / TICKS if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields after the command's name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _machine() -> float:
    """Everything but idle and waiting for disks."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]))
    return (sum(fields[:3]) + sum(fields[5:8])) / TICKS
