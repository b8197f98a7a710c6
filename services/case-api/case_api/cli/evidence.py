"""`caselog evidence`: are the files what was brought, and which of them does nobody want?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from case_api.cli.audit import Cases, Merchant, Report, Since, check_report, chosen, end
from case_api.cli.outcomes import Silence
from case_api.cli.printing import AsJson, as_json, lines

if TYPE_CHECKING:
    from case_api.evidence.collecting import Collected
    from case_api.evidence.store import EvidenceStore
    from case_api.evidence.verifying import Finding, Verdict
    from case_events.ledger.database import Ledger

MEBIBYTE = 1 << 20

Done = TypeVar("Done")
Tell = Callable[[int], None]

evidence = typer.Typer(help="The files of evidence.", no_args_is_help=True)


@evidence.callback()
def group() -> None:
    """The files of evidence."""


@evidence.command("verify")
def verify_command(
    case: Cases = None,
    merchant: Merchant = None,
    since: Since = None,
    jobs: Annotated[int, typer.Option(help="How many files are read at once.", min=1, max=64)] = 8,
    report: Report = None,
    json_wanted: AsJson = False,
) -> None:
    """Read every file that evidence names, and compare it with the digest that the record has of it.

    Exit code 1 if one is missing, is another, or was to be erased.
    """
    import msgspec  # noqa: PLC0415 - `caselog --help` answers sooner without

    from case_api.cli.auditors import write_whole  # noqa: PLC0415 - the same
    from case_api.evidence.verifying import verify  # noqa: PLC0415 - the same

    selection = chosen(case, merchant, since)
    check_report(report)
    verdict = _done("cases verified", lambda ledger, store, tell: verify(ledger, store, selection, jobs, tell))
    told = msgspec.json.encode(verdict) + b"\n"
    if json_wanted:
        sys.stdout.buffer.write(told)
    else:
        lines(*_verdict(verdict))
    if report is not None:
        write_whole(report, told)
    end(found=bool(verdict.findings), nothing=not (selection.everything or verdict.cases or verdict.findings))


@evidence.command("collect")
def collect_command(
    older_than: Annotated[int, typer.Option(help="Days since a file was uploaded.", min=1, max=36_500)] = 30,
    dry_run: Annotated[bool, typer.Option(help="Only tell what would be deleted.")] = False,
    json_wanted: AsJson = False,
) -> None:
    """Delete the files that were uploaded so long ago and that no evidence has named since."""
    from case_api.cli.reach import plain  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_api.evidence.collecting import collect  # noqa: PLC0415 - the same

    before = datetime.now(UTC) - timedelta(days=older_than)
    collected = _done(
        "files looked at", lambda ledger, store, tell: collect(ledger, store, before, dry_run=dry_run, watch=tell)
    )
    if json_wanted:
        as_json(plain(collected))
    else:
        lines(*_collected(collected))


def _done(counting: str, work: Callable[[Ledger, EvidenceStore, Tell], Awaitable[Done]]) -> Done:
    from case_api.cli.reach import in_words, reached  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_api.evidence.store import configured  # noqa: PLC0415 - the same
    from case_api.refusals.problems import Refused  # noqa: PLC0415 - the same
    from case_api.settings import Settings  # noqa: PLC0415 - the same

    async def run() -> Done:
        settings = Settings()
        async with reached(settings) as ledger:
            with _watched(counting) as tell:
                return await work(ledger, configured(settings), tell)

    with in_words():
        try:
            return asyncio.run(run())
        except Refused as away:
            raise Silence(away.problem.detail) from None


@contextmanager
def _watched(counting: str) -> Iterator[Tell]:
    """How many it is already, on the terminal, where there is one."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - `caselog --help` answers sooner without
    from rich.progress import Progress, SpinnerColumn, TextColumn  # noqa: PLC0415 - the same

    told = TextColumn("{task.completed:,.0f} {task.description}")
    with Progress(SpinnerColumn(), told, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(counting, total=None)
        yield lambda count: bar.update(task, completed=count)


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield from map(_finding, verdict.findings)
    found = f"{len(verdict.findings) + verdict.more} findings" if verdict.findings else "clean"
    more = f", {verdict.more} of them not told" if verdict.more else ""
    read = f"{verdict.files} files ({_size(verdict.bytes)}) of {verdict.cases} cases verified"
    elsewhere = f", {verdict.elsewhere} more lie elsewhere" if verdict.elsewhere else ""
    yield f"{read}{elsewhere}: {found}{more}"


def _finding(finding: Finding) -> str:
    version = f" version {finding.version}" if finding.version else ""
    return f"case {finding.case_id}{version}: {finding.what}" + (f": {finding.sha256}" if finding.sha256 else "")


def _collected(collected: Collected) -> Iterator[str]:
    done = "would be deleted" if collected.dry_run else "deleted"
    halves = f", {collected.halves} of them halves of uploads that never ended" if collected.halves else ""
    yield f"{collected.files} of {collected.looked_at} old files ({_size(collected.bytes)}) {done}{halves}"
    if collected.unknown:
        yield f"{collected.unknown} lie under what is no readable case here, and stay"


def _size(count: int) -> str:
    return f"{count / MEBIBYTE:,.1f} MiB"
