"""How often a process of ours looks for cycles: rarely, for what it makes is gone when a step is done, and frozen."""

from __future__ import annotations

import gc

COLLECT_AFTER = 10_000
"""Cycles are looked for after so many new objects. After Python's 700 most of them are steps under way, looked at in
vain again and again: an eighth of all CPU, and pauses of 60 ms to go through everything that was ever loaded."""
COLLECT_AFTER_PASSES = 50_000
"""The same in a scheduler: two passes of 200 cases hold more than ten thousand, and all of it was looked at in vain."""


def collect_rarely(after: int = COLLECT_AFTER) -> None:
    """Once, when a process has loaded what it needs: that stays, and is never gone through."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(after)
