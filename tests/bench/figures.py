"""The figures that have a goal: which benchmark gives each, and what it must reach."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

DIGITS = 3


class Goal(NamedTuple):
    """``least``: the figure is to be at least this; else at most. ``stretch``: what would be better still."""

    benchmark: str
    least: bool
    figure: float
    stretch: float | None = None

    def reached(self, measured: float) -> bool:
        return measured >= self.figure if self.least else measured <= self.figure

    def said(self) -> str:
        sign = "≥" if self.least else "≤"
        stretch = f" ({sign} {self.stretch:,g})" if self.stretch else ""
        return f"{sign} {self.figure:,g}{stretch}"


GOALS: dict[str, Goal] = {
    "http_step_rate_vs_floor_c32": Goal("http", least=True, figure=0.8, stretch=1.0),
    "http_step_cpu_vs_floor_c32": Goal("http", least=False, figure=1.3, stretch=1.0),
    "http_step_rate_vs_floor_c64": Goal("http", least=True, figure=0.8, stretch=1.0),
    "http_step_cpu_vs_floor_c64": Goal("http", least=False, figure=1.3, stretch=1.0),
    "library_step_vs_pgbench": Goal("library", least=True, figure=0.35, stretch=0.5),
    "library_step_vs_eventsourcing": Goal("library", least=True, figure=6),
    "batch_vs_single": Goal("batch", least=True, figure=5),
    "replay_events_per_s": Goal("replay", least=True, figure=200_000),
    "fold_events_per_s": Goal("replay", least=True, figure=500_000),
    "verify_1m_s": Goal("verify", least=False, figure=20),
    "feed_lag_p99_ms": Goal("feed", least=False, figure=50),
    "growth_append_cpu_ratio": Goal("growth", least=False, figure=1.3),
    "growth_read_cpu_ratio": Goal("growth", least=False, figure=1.3),
    "fire_vs_floor": Goal("fire", least=True, figure=0.3, stretch=0.5),
    "fire_vs_procrastinate": Goal("fire", least=True, figure=8),
    "fire_vs_pgqueuer": Goal("fire", least=True, figure=1.5),
    "lateness_p99_ms": Goal("lateness", least=False, figure=50),
    "due_lookup_1m_ms": Goal("due", least=False, figure=5),
    "idle_core_share": Goal("idle", least=False, figure=0.01),
    "backlog_api_p99_ratio": Goal("backlog", least=False, figure=2),
}


def keep(path: Path, figures: Mapping[str, float]) -> None:
    """Put the figures into the file, beside those of benchmarks that were run before."""
    path.parent.mkdir(exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    rounded = {name: round(figure, DIGITS) for name, figure in figures.items()}
    path.write_text(json.dumps(known | rounded, indent=2, sort_keys=True) + "\n")


def tell(console: Console, measured: Mapping[str, float]) -> None:
    """Print each figure that has a goal and was measured, beside its goal."""
    table = Table(title="what must be reached", title_justify="left")
    for head in ("", "measured", "goal (stretch)", ""):
        table.add_column(head, justify="right" if head else "left")
    for name, goal in GOALS.items():
        if name in measured:
            verdict = "reached" if goal.reached(measured[name]) else "[red]missed[/red]"
            table.add_row(name, f"{measured[name]:,.2f}", goal.said(), verdict)
    if table.row_count:
        console.print(table)
