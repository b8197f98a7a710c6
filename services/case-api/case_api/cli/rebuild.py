"""`caselog rebuild`: the lists and the clocks anew from the events, while the service runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from case_api.cli.outcomes import REFUSED
from case_api.cli.premises import CannotStart
from case_api.cli.printing import AsJson, as_json, lines, refused

if TYPE_CHECKING:
    from case_events.ledger.rebuild.rebuilding import Rebuilt, Tell

Jobs = Annotated[int, typer.Option(min=1, max=64, help="How many processes replay; a service beside needs cores too.")]


def rebuild(
    dry_run: Annotated[bool, typer.Option(help="Only tell what would change.")] = False,
    allow_earlier: Annotated[bool, typer.Option(help="Also put running deadlines earlier than they stand.")] = False,
    jobs: Jobs = 1,
    json_wanted: AsJson = False,
) -> None:
    """Rebuild the tables of cases and deadlines from the events, with the owner's login, while the service runs.

    They are switched to only when every case could be replayed and no running deadline would become earlier.
    Exit code 1 if they were not.
    """
    done = _done(dry_run=dry_run, allow_earlier=allow_earlier, jobs=jobs)
    if json_wanted:
        from case_api.cli.reach import plain  # noqa: PLC0415 - `caselog --help` answers sooner without

        as_json(plain(done))
    else:
        lines(*_told(done, dry_run=dry_run))
    if done.refused is not None:
        refused(f"nothing was changed: {done.refused}")
        raise typer.Exit(REFUSED)


def _done(*, dry_run: bool, allow_earlier: bool, jobs: int) -> Rebuilt:
    from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415 - `caselog --help` answers sooner without

    import asyncpg  # noqa: PLC0415 - `caselog --help` answers sooner without

    from case_api.cli import postgres  # noqa: PLC0415 - the same
    from case_api.cli.reach import in_words, refuse_newer, whereabouts  # noqa: PLC0415 - the same
    from case_api.settings import Settings  # noqa: PLC0415 - the same
    from case_events.ledger.rebuild import rebuilding  # noqa: PLC0415 - the same

    async def run() -> Rebuilt:
        async with whereabouts(Settings(), postgres.OWNER) as (url, master_key):
            await refuse_newer(url)
            with _watched() as tell:
                return await rebuilding.rebuild(
                    url, master_key=master_key, jobs=jobs, dry_run=dry_run, allow_earlier=allow_earlier, tell=tell
                )

    try:
        with in_words():
            return asyncio.run(run())
    except rebuilding.AlreadyRebuilding as reason:
        raise CannotStart(str(reason)) from None
    except asyncpg.InsufficientResourcesError as fault:
        raise CannotStart(f"the database has no room for it, and nothing was changed: {fault}") from None
    except BrokenProcessPool:
        raise CannotStart("one of the processes was killed, and nothing was changed; fewer --jobs need less") from None
    except asyncpg.InsufficientPrivilegeError as fault:
        raise CannotStart(f"the tables belong to another login ({fault}); set CASELOG_MIGRATION_URL") from None


@contextmanager
def _watched() -> Iterator[Tell | None]:
    """A bar for each phase on the terminal, where there is one."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - `caselog --help` answers sooner without
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - the same

    said = TextColumn("{task.description}")
    tasks: dict[str, TaskID] = {}
    with Progress(said, BarColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:

        def tell(phase: str, done: int, whole: int) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase)
            bar.update(tasks[phase], completed=done, total=whole)

        yield tell


def _told(done: Rebuilt, *, dry_run: bool) -> Iterator[str]:
    yield f"{done.cases} cases rebuilt from {done.events} events"
    for one in done.differences:
        examples = ", ".join(str(case_id) for case_id in one.examples)
        yield f"  {one.table}: {', '.join(one.columns)}: {one.rows} rows, as in {examples}"
    if not done.differences and not done.broken:
        yield "  nothing differs from what there was"
    for earlier in done.earlier:
        was, becomes = earlier.was.rfc3339(), earlier.becomes.rfc3339()
        yield f"  earlier: case {earlier.case_id}, {earlier.kind} of {earlier.party}: {was} to {becomes}"
    if done.writers_waited_s is not None:
        yield f"switched; writers waited {done.writers_waited_s * 1000:.0f} ms"
    elif dry_run and done.refused is None:
        yield "nothing was changed: it was a dry run"
