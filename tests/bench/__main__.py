"""`python -m tests.bench [NAME ...]`: measures, prints tables, and writes the figures into .caselog/bench.json."""

from __future__ import annotations

import argparse
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog
import uvloop
from rich.console import Console

from tests.bench import (
    backlog,
    batch,
    feed,
    fire,
    growth,
    hooks,
    http,
    idle,
    late,
    library,
    looking,
    peers,
    reading,
    rebuild,
    replay,
    verify,
)
from tests.bench.contest import Figures
from tests.bench.figures import keep, tell
from tests.bench.house import House, Missing, a_house
from tests.bench.scale import MILLION, REPETITIONS, Scale

RESULT = Path(".caselog/bench.json")
WIDTH = 130

Benchmark = Callable[[House, Scale, Console], Awaitable[Figures]]
BENCHMARKS: dict[str, Benchmark] = {
    "http": http.measure,
    "reading": reading.measure,
    "library": library.measure,
    "batch": batch.measure,
    "replay": replay.measure,
    "verify": verify.measure,
    "rebuild": rebuild.measure,
    "feed": feed.measure,
    "growth": growth.measure,
    "fire": fire.measure,
    "lateness": late.measure,
    "due": looking.measure,
    "idle": idle.measure,
    "backlog": backlog.measure,
    "webhooks": hooks.measure,
}
"""Every benchmark by the name that ONLY= takes; each makes its own database in the house, and removes it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; 1 when something could not be measured."""
    asked = asked_for(arguments)
    # What is measured tells of every pass; printed between the tables it is noise, and it costs.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if asked.peers:
        peers.install()
    scale = Scale(repetitions=asked.repetitions, growth=asked.growth, verify=asked.verify, size=asked.size)
    return uvloop.run(_measured(asked.names or list(BENCHMARKS), scale))


def asked_for(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What the command line says. Raises SystemExit for a name that no benchmark has."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, help="of each contender (5)")
    parser.add_argument("--growth", type=int, default=MILLION, help="events in the grown table (1000000)")
    parser.add_argument("--verify", type=int, default=MILLION, help="events that are verified (1000000)")
    parser.add_argument("--size", type=float, default=1.0, help="of everything, 1 for a real measurement")
    parser.add_argument("--peers", action="store_true", help="install the extra `bench` first")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return asked


async def _measured(names: Sequence[str], scale: Scale) -> int:
    console, figures, failed = Console(width=WIDTH), Figures(), list[str]()
    async with a_house() as house:
        for name in names:
            try:
                found = await BENCHMARKS[name](house, scale, console)
            except Missing as missing:
                console.print(f"[red]{name} was not measured: {missing}[/red]")
                failed.append(name)
            except Exception:  # noqa: BLE001 - the outermost loop: the other benchmarks go on
                console.print(f"{name} was not measured:\n{traceback.format_exc()}", markup=False, style="red")
                failed.append(name)
            else:
                figures |= found
                if scale.size == 1:  # of another size they are no measurement
                    keep(RESULT, found)
    tell(console, figures)
    if failed:
        console.print(f"[red]not measured: {', '.join(failed)}[/red]")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
