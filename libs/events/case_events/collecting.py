"""How often Python's collector looks for cycles: rarely, for what a step makes is frozen, and gone when it is done."""

from __future__ import annotations

import gc

COLLECT_AFTER = 50_000
"""Cycles are looked for after so many new objects. After Python's 700 most of them are steps under way, looked at in
vain again and again: an eighth of all CPU, and pauses of 60 ms to go through everything that was ever loaded. After
ten thousand it still is a fiftieth: so many are what sixty requests, or one pass of a scheduler, hold."""


def collect_rarely() -> None:
    """Once, when a process has loaded what it needs: that stays, and is never gone through."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
