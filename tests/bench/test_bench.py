"""The benchmarks themselves: what they promise to tell, that they measure what they say, and that each still runs."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from case_api.cli import postgres
from case_events.ledger.audit.audit import verify
from tests.bench import corpus, lives
from tests.bench.__main__ import BENCHMARKS, asked_for
from tests.bench.contest import Contender, Contest, contest
from tests.bench.figures import GOALS, keep, tell
from tests.bench.house import MASTER_KEY, House, Missing
from tests.bench.load import Run, each
from tests.bench.machine import Measured, Meter
from tests.bench.peers import Recorder
from tests.bench.scale import Scale

PROMISED = {
    *("http_step_rate_vs_floor_c32", "http_step_cpu_vs_floor_c32", "library_step_vs_pgbench"),
    *("library_step_vs_eventsourcing", "batch_vs_single", "replay_events_per_s", "fold_events_per_s", "verify_1m_s"),
    *("feed_lag_p99_ms", "growth_append_cpu_ratio", "growth_read_cpu_ratio"),
    *("fire_vs_floor", "fire_vs_procrastinate", "fire_vs_pgqueuer", "lateness_p99_ms", "due_lookup_1m_ms"),
    "idle_core_share",
}
"""What others read in .caselog/bench.json: never renamed."""
MEASURING = Path(__file__).resolve().parents[2] / "docs" / "measuring.md"
OF_A_PEER = {"library_step_vs_eventsourcing", "fire_vs_procrastinate", "fire_vs_pgqueuer"}
"""Left out without the extra `bench`."""
TINY = Scale(repetitions=1, growth=20_000, replay=8_000, size=0.01)
LEAST = Scale(repetitions=1, size=0.002)


@pytest.fixture
def house(postgres_server: postgres.Server, tmp_path: Path) -> House:
    return House(postgres_server, tmp_path)


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=130)


def test_every_promised_figure_has_a_goal_and_a_benchmark_that_gives_it() -> None:
    assert set(GOALS) >= PROMISED
    assert {goal.benchmark for goal in GOALS.values()} <= set(BENCHMARKS)


def test_every_benchmark_and_its_figures_are_explained() -> None:
    said = MEASURING.read_text(encoding="utf-8")
    rows = [line for line in said.splitlines() if line.startswith("| `")]
    assert {row.split("`")[1] for row in rows} == set(BENCHMARKS)
    for name, goal in GOALS.items():
        plain = name.replace("_c64", "_c32")  # one row for every number of connections
        (row,) = (row for row in rows if f"`{plain}`" in row)
        assert row.startswith(f"| `{goal.benchmark}`"), name
        assert f"{goal.figure:,g}" in row.rsplit("|", 2)[1], f"the goal of {name}"


def test_each_benchmark_can_be_asked_for_by_its_name_and_an_unknown_one_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert asked_for(list(BENCHMARKS)).names == list(BENCHMARKS)
    assert asked_for([]).names == [], "all of them"
    with pytest.raises(SystemExit):
        asked_for(["library", "libary"])
    assert "no benchmark is called libary; there are http, reading, library" in capsys.readouterr().err


def test_the_figures_of_one_benchmark_are_put_beside_those_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "made" / "bench.json"
    keep(path, {"feed_lag_p99_ms": 12.34567, "batch_vs_single": 5})
    keep(path, {"batch_vs_single": 6.5})
    assert json.loads(path.read_text()) == {"feed_lag_p99_ms": 12.346, "batch_vs_single": 6.5}


def test_a_figure_is_told_as_reached_or_missed(console: Console) -> None:
    tell(console, {"feed_lag_p99_ms": 51, "batch_vs_single": 5, "unknown": 1})
    lines = {line.split("│")[1].strip(): line for line in console.export_text().splitlines() if "│" in line}
    assert "missed" in lines["feed_lag_p99_ms"]
    assert "reached" in lines["batch_vs_single"]
    assert len(lines) == 2


def test_ratios_are_of_runs_of_the_same_repetition() -> None:
    """The machine was slow in the second repetition; medians of each by itself would give 1.8."""
    measured = Contest({"ours": [_run(100), _run(40), _run(90)], "floor": [_run(50), _run(20), _run(60)]})
    assert measured.rate_ratio("ours", "floor") == 2
    assert measured.rate("ours") == 90


@pytest.mark.parametrize(("share", "warned"), [(0.19, False), (0.21, True)])
def test_a_machine_that_others_use_is_told_of(console: Console, share: float, warned: bool) -> None:
    Contest({"ours": [_run(100), _run(100, other=share)]}).tell(console, "a contest", "steps")
    assert ("distrust" in console.export_text()) == warned


async def test_contenders_take_turns_and_the_first_round_is_not_counted() -> None:
    order: list[str] = []

    def contender(name: str) -> Contender:
        async def run(number: int) -> Measured:
            order.append(f"{name}{number}")
            return _run(number)

        return run

    measured = await contest({"a": contender("a"), "b": contender("b")}, 2)
    assert order == ["b0", "a0", "a1", "b1", "b2", "a2"]
    assert [one.run.count for one in measured.results["a"]] == [1, 2]


async def test_the_meter_counts_the_work_of_a_process_that_is_over_by_then(house: House) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"

    async def work() -> Run:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", burn)
        await process.wait()
        return Run(1, 1)

    async def rest() -> Run:
        await asyncio.sleep(0.1)
        return Run(1, 1)

    meter = Meter(house.postgres_pid)
    assert (await meter.measure(work())).service_us >= 280_000
    assert (await meter.measure(rest())).service_us < 100_000, "what looking costs is left out"


async def test_so_many_are_under_way_at_once_and_each_is_timed() -> None:
    async def nap(seconds: float) -> None:
        await asyncio.sleep(seconds)

    began = time.perf_counter()
    run = await each([0.05] * 8, 4, nap)
    assert 0.1 <= time.perf_counter() - began < 0.4
    assert run.count == 8
    assert run.percentile_ms(0.5) >= 50


async def test_what_is_measured_on_is_a_record_in_order(house: House) -> None:
    async with house.database() as database:
        await corpus.write(database.owner, MASTER_KEY, lives.mixed(12), 30, lives.of_other_parties)
        await corpus.write(database.owner, MASTER_KEY, (lives.five_events(),), 5, lives.under_another_order)
        async with database.ledger() as ledger:
            verdict = await verify(ledger)
    assert verdict.findings == ()
    assert verdict.cases == 35


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        *(("library", TINY), ("replay", TINY), ("growth", TINY)),
        *(("fire", LEAST), ("due", LEAST), ("reading", LEAST)),
    ],
)
async def test_a_benchmark_gives_its_figures_and_leaves_no_database(
    house: House, console: Console, name: str, scale: Scale
) -> None:
    figures = await BENCHMARKS[name](house, scale, console)
    assert figures
    assert set(figures) >= {figure for figure, goal in GOALS.items() if goal.benchmark == name} - OF_A_PEER
    async with house.database() as database, database.session() as session:
        left = await session.fetchval("SELECT count(*) FROM pg_database WHERE datname LIKE 'caselog_bench_%'")
    assert left == 1, "this one"


async def test_a_peer_that_is_not_installed_is_left_out_and_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "eventsourcing.postgres", None)
    async with house.database() as database:
        with pytest.raises(Missing, match="make bench PEERS=yes"):
            Recorder(database, 1)


def _run(count: int, other: float = 0.0) -> Measured:
    return Measured(Run(count, 1), service_us=1, postgres_us=1, other_share=other)
