"""A contest: ours and its floors measured in turn, in one run, and told as a table and as ratios of medians."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.bench.machine import Measured

BUSY_SHARE = 0.2
"""Of the machine: with more of it used by others, the figures are not to be trusted."""

Figures = dict[str, float]
Contender = Callable[[int], Awaitable[Measured]]
"""One run of one contender; the number of the repetition says which of what was prepared it uses (0 warms up)."""


@dataclass(frozen=True)
class Contest:
    """What was measured, by contender, in the order of the repetitions."""

    results: Mapping[str, list[Measured]]

    def median(self, name: str, of: Callable[[Measured], float]) -> float:
        return statistics.median(map(of, self.results[name]))

    def rate(self, name: str) -> float:
        """Things done in a second."""
        return self.median(name, lambda one: one.run.rate)

    def cpu_us(self, name: str) -> float:
        return self.median(name, lambda one: one.cpu_us)

    def rate_ratio(self, ours: str, base: str) -> float:
        """The median, over the repetitions, of our rate by the other's in the same repetition."""
        return self._ratio(ours, base, lambda one: one.run.rate)

    def cpu_ratio(self, ours: str, base: str) -> float:
        """The same of the CPU for each thing done, service and Postgres together."""
        return self._ratio(ours, base, lambda one: one.cpu_us)

    def _ratio(self, ours: str, base: str, of: Callable[[Measured], float]) -> float:
        pairs = zip(self.results[ours], self.results[base], strict=True)
        return statistics.median(of(a) / max(of(b), 1e-9) for a, b in pairs)

    @property
    def other_share(self) -> float:
        """The most of the machine that anybody else used in any run."""
        return max(one.other_share for runs in self.results.values() for one in runs)

    def tell(self, console: Console, title: str, unit: str) -> None:
        """Print the table, and a warning when the machine was not ours."""
        table = Table(title=f"{title}, medians of {min(map(len, self.results.values()))}", title_justify="left")
        for head in ("", f"{unit}/s", "from", "to", "p50 ms", "p99 ms", "service µs", "Postgres µs", "other work %"):
            table.add_column(head, justify="right" if head else "left")
        for name, runs in self.results.items():
            table.add_row(name, *_cells(runs))
        console.print(table)
        if self.other_share > BUSY_SHARE:
            console.print(
                f"[yellow]other work took up to {self.other_share:.0%} of the machine: distrust this[/yellow]"
            )


def _cells(runs: list[Measured]) -> list[str]:
    rates = [one.run.rate for one in runs]
    latencies = [statistics.median(one.run.percentile_ms(share) for one in runs) for share in (0.5, 0.99)]
    costs = [statistics.median(one.service_us for one in runs), statistics.median(one.postgres_us for one in runs)]
    other = max(one.other_share for one in runs) * 100
    return [
        *(f"{rate:,.0f}" for rate in (statistics.median(rates), min(rates), max(rates))),
        *(f"{figure:,.2f}" if figure else "-" for figure in latencies),
        *(f"{figure:,.1f}" for figure in costs),
        f"{other:.0f}",
    ]


async def contest(contenders: Mapping[str, Contender], repetitions: int) -> Contest:
    """Let each run in turn, once to warm up and then so often; every other time in the opposite order."""
    results: dict[str, list[Measured]] = {name: [] for name in contenders}
    for number in range(repetitions + 1):
        for name in contenders if number % 2 else tuple(contenders)[::-1]:
            measured = await contenders[name](number)
            if number:
                results[name].append(measured)
    return Contest(results)
