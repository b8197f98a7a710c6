"""`caselog audit`: is the record what was written, and is everything anyone reads rebuilt from it?"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from uuid import UUID

import typer

from case_api.cli.outcomes import REFUSED, STOPPED, Misused
from case_api.cli.printing import AsJson, as_json, lines, refused

if TYPE_CHECKING:
    from case_api.cli.auditors import Watch
    from case_events.ledger.audit.audit import Verdict
    from case_events.ledger.audit.chosen import Selection
    from case_events.ledger.audit.verifying import Finding
    from case_events.ledger.database import Ledger

Cases = Annotated[list[UUID] | None, typer.Option(help="Only this case; may be said more than once.")]
Merchant = Annotated[str | None, typer.Option(help="Only the cases against this merchant.")]
Since = Annotated[
    str | None, typer.Option(help="Only cases recorded in since this instant (RFC 3339).", metavar="INSTANT")
]
Report = Annotated[Path | None, typer.Option(help="Write the verdict in JSON into this file.")]

audit = typer.Typer(help="Verify the record.", no_args_is_help=True)


@audit.callback()
def group() -> None:
    """Verify the record."""


@audit.command("verify")
def verify_command(
    case: Cases = None,
    merchant: Merchant = None,
    since: Since = None,
    *,
    jobs: Annotated[int | None, typer.Option(help="How many processes share it; default: one per core.", min=1)] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Where it is kept how far it is; if the file is there, it goes on from that.")
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Compare the feed with these, which `caselog audit checkpoint` took.")
    ] = None,
    report: Report = None,
    json_wanted: AsJson = False,
) -> None:
    """Verify every case and the feed, or only some cases: the chain, and that all that is read follows from it.

    Exit code 1 if something is not as it was written.
    """
    import msgspec  # noqa: PLC0415 - `caselog --help` answers sooner without

    from case_api.cli.auditors import write_whole  # noqa: PLC0415 - the same

    selection = chosen(case, merchant, since)
    check_report(report, checkpoints)
    try:
        verdict = _verdict(selection, jobs or _cores(), resume, checkpoints)
    except KeyboardInterrupt:
        refused("stopped" + (f"; the same command goes on from {resume}" if resume else ""))
        raise typer.Exit(STOPPED) from None
    told = msgspec.json.encode(verdict)
    if json_wanted:
        sys.stdout.buffer.write(told + b"\n")
    else:
        _tell(verdict)
    if report is not None:
        write_whole(report, told + b"\n")
    end(found=bool(verdict.findings), nothing=not (selection.everything or verdict.cases or verdict.findings))


@audit.command("checkpoint")
def checkpoint_command(
    file: Annotated[Path, typer.Argument(help="Where checkpoints are kept; made if it is not there.", metavar="FILE")],
    json_wanted: AsJson = False,
) -> None:
    """Add the newest checkpoint to a file, to be kept where nobody can write who owns the database.

    `caselog audit verify --checkpoints FILE` finds with it whatever was changed since, even by who computed all anew.
    """
    from case_api.cli import checkpoints  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_api.cli.reach import plain, with_connection  # noqa: PLC0415 - the same
    from case_events.ledger.proving.checkpoints import Contradicted  # noqa: PLC0415 - the same
    from case_events.ledger.proving.nodes import Missing  # noqa: PLC0415 - the same

    before = next(reversed(checkpoints.read(file)), None)
    try:
        taken = with_connection(lambda connection: checkpoints.newer(connection, before))
    except (Contradicted, Missing) as fault:
        refused(f"nothing was added: {fault}; `caselog audit verify --checkpoints {file}` tells more")
        raise typer.Exit(REFUSED) from None
    if taken is not None:
        checkpoints.append(file, taken)
    latest = taken or before
    if json_wanted:
        as_json(plain(latest))
    elif latest is None:
        lines("there is no checkpoint yet: a scheduler takes one every few minutes")
    else:
        added = "added" if taken else "there is none newer yet"
        lines(f"position {checkpoints.position(latest)}, taken {latest.taken_at.rfc3339()}: {added}")


@audit.command("key")
def key_command() -> None:
    """Say the public key by which checkpoints are known to be this installation's."""
    from case_api.cli.reach import with_ledger  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.proof.note import spelled  # noqa: PLC0415 - the same

    async def key(ledger: Ledger, _: object) -> str:
        return spelled(ledger.vault.verifying)

    lines(with_ledger(key))


def chosen(cases: list[UUID] | None, merchant: str | None, since: str | None) -> Selection:
    """The cases that fit everything that was said. Raises Misused."""
    from case_events.core.values import Instant  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.audit.chosen import Selection  # noqa: PLC0415 - the same

    try:
        at = None if since is None else Instant.parse(since)
    except (ValueError, OverflowError) as fault:
        raise Misused(f"--since: {fault}") from None
    return Selection(cases=tuple(sorted(set(cases))) if cases else None, merchant=merchant, since=at)


def check_report(report: Path | None, read: Path | None = None) -> None:
    """Before hours of work, not after them; nor is what is ``read`` written over. Raises Misused."""
    if report is None:
        return
    if not report.parent.is_dir():
        raise Misused(f"--report: there is no folder {report.parent}")
    if read is not None and report.exists() and read.exists() and report.samefile(read):
        raise Misused("--report: this is the file that is to be read")


def end(*, found: bool, nothing: bool) -> NoReturn:
    """By the exit code, what was found; and that ``nothing`` was looked at, which proves nothing."""
    if nothing:
        refused("nothing was verified: there is no such case")
    raise typer.Exit(REFUSED if found or nothing else 0)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _verdict(selection: Selection, jobs: int, resume: Path | None, file: Path | None) -> Verdict:
    # Imported here, so that `caselog up` need not read the whole ledger before it starts Postgres.
    from case_api.cli import checkpoints  # noqa: PLC0415
    from case_api.cli.auditor import Orders  # noqa: PLC0415
    from case_api.cli.auditors import audited  # noqa: PLC0415
    from case_api.cli.reach import in_words, refuse_newer, whereabouts  # noqa: PLC0415
    from case_api.settings import Settings  # noqa: PLC0415
    from case_events.ledger.audit.digests import Digest  # noqa: PLC0415
    from case_events.ledger.proving.checkpoints import Checkpoint  # noqa: PLC0415

    if file is not None and not file.exists():
        raise Misused(f"--checkpoints: there is no {file}")
    kept = () if file is None else checkpoints.read(file)

    async def run() -> Verdict:
        async with whereabouts(Settings()) as (url, master_key):
            await refuse_newer(url)
            with _watched() as watch:
                roots = tuple(one for one in kept if isinstance(one, Checkpoint))
                digests = tuple(one for one in kept if isinstance(one, Digest))
                orders = Orders(url=url, master_key=master_key, selection=selection, checkpoints=roots)
                return await audited(orders, jobs, resume, watch, digests)

    with in_words():
        return asyncio.run(run())


@contextmanager
def _watched() -> Iterator[Watch]:
    """A bar on the terminal, where there is one."""
    if not sys.stderr.isatty():
        yield lambda _, __: None
        return
    from rich.console import Console  # noqa: PLC0415 - `caselog --help` answers sooner without
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - the same

    told = TextColumn("{task.completed:,.0f} of {task.total:,.0f} events")
    with Progress(BarColumn(), told, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("verifying")
        yield lambda events, of: bar.update(task, completed=events, total=max(events, of))


def _tell(verdict: Verdict) -> None:
    from rich.console import Console  # noqa: PLC0415 - `caselog --help` answers sooner without

    console = Console(highlight=False)
    for finding in verdict.findings:
        console.print(f"[red]{_where(finding)}[/red]: {finding.what}", soft_wrap=True)
    verified = f"{verdict.cases} cases, {verdict.events} events, {verdict.positions} positions of the feed verified"
    if verdict.checkpoints:
        verified += f", {verdict.checkpoints} checkpoints compared"
    found = f"{len(verdict.findings) + verdict.more} findings" if verdict.findings else "clean"
    more = f", {verdict.more} of them not told" if verdict.more else ""
    console.print(f"{verified}: {found}{more}", soft_wrap=True)


def _where(finding: Finding) -> str:
    if finding.case_id is None:
        return "the database" if finding.position is None else f"position {finding.position}"
    return f"case {finding.case_id}" + (f" version {finding.version}" if finding.version else "")
