"""The demonstration: every scenario lived through on a running Caselog in seconds, and told.

``python -m tests.scenarios.demo [--url http://127.0.0.1:8080] [--lang zh|en|both]``. Where none answers, one is
started on a free port in a temporary folder and stopped again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Iterator

import httpx
from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from caselog_client import CaselogError, Unreachable
from tests.scenarios.perform import Performance, perform
from tests.scenarios.script import Scenario, Step, scenarios
from tests.scenarios.tell import Language, lines
from tests.serving import answers, serving

URL = "http://127.0.0.1:8080"
console = Console()


def main() -> int:
    """Exit code 0 when every scenario went as it is told."""
    parser = argparse.ArgumentParser(description="Live through the scenarios on a running Caselog and tell them.")
    parser.add_argument("--url", help=f"a running Caselog; else {URL}, and where none answers one is started")
    parser.add_argument("--lang", choices=("zh", "en", "both"), default="both", help="the language of the timelines")
    said = parser.parse_args()
    languages: tuple[Language, ...] = ("zh", "en") if said.lang == "both" else (said.lang,)
    with _caselog(said.url) as url:
        try:
            return asyncio.run(_show(url, languages))
        except Unreachable as gone:
            raise SystemExit(f"no Caselog answers at {url}: {gone}") from gone


async def _show(url: str, languages: tuple[Language, ...]) -> int:
    failed = 0
    async with httpx.AsyncClient(base_url=url) as http:
        for name, scenario in scenarios().items():
            try:
                told = await _live_through(scenario, http)
            except Unreachable:
                raise
            except (AssertionError, CaselogError) as wrong:
                failed += 1
                console.print(f"[red]{name}: not as it is told[/red]: {escape(str(wrong))}", highlight=False)
            else:
                _tell(scenario, told, languages)
    console.print(f"{len(scenarios()) - failed} of {len(scenarios())} disputes went as they are told.", highlight=False)
    return 1 if failed else 0


async def _live_through(scenario: Scenario, http: httpx.AsyncClient) -> Performance:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(scenario.title.en, total=None)

        def watch(step: Step) -> None:
            says = f"{step.says.zh} {step.says.en}" if step.says else ""
            progress.update(task, description=f"{step.at}  {says}")

        return await perform(scenario, http, watch=watch)


def _tell(scenario: Scenario, told: Performance, languages: tuple[Language, ...]) -> None:
    sources = [Text(f"{one.seed}「{one.passage}」 {', '.join(one.rules)}", style="dim") for one in scenario.tells]
    for language in languages:
        story = [_indented(line) for line in lines(told.timeline, language)]
        title = scenario.title.zh if language == "zh" else scenario.title.en
        console.print(Panel(Group(*sources, "", *story), title=title, subtitle=told.case_id))


def _indented(line: str) -> Padding:
    """A line that keeps its margin when it is wrapped."""
    text = line.lstrip()
    return Padding(Text(text), (0, 0, 0, len(line) - len(text)))


@contextlib.contextmanager
def _caselog(url: str | None) -> Iterator[str]:
    """The Caselog to use: the one named, the one that answers at the usual place, or one of our own for the while."""
    if url is not None or answers(URL):
        yield url or URL
        return
    with console.status("Starting a Caselog of our own"):
        started = contextlib.ExitStack()
        running = started.enter_context(serving())
    with started:
        yield running.url


if __name__ == "__main__":
    raise SystemExit(main())
