"""`caselog audit verify`: is the record what was written, and is everything anyone reads rebuilt from it?"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from case_api.cli.printing import AsJson

if TYPE_CHECKING:
    from case_api.settings import Settings
    from case_events.ledger.audit import Verdict

FOUND = 1
"""The exit code when something is not as it was written."""

audit = typer.Typer(help="Verify the record.", no_args_is_help=True)


@audit.callback()
def group() -> None:
    """Verify the record."""


@audit.command("verify")
def verify_command(
    case: Annotated[UUID | None, typer.Option(help="Only this case.")] = None,
    json_wanted: AsJson = False,
) -> None:
    """Verify every case: hashes and chain, and that events, cases and deadlines agree. Exit code 1 if they do not."""
    import msgspec  # noqa: PLC0415 - `caselog --help` answers sooner without

    from case_api.settings import Settings  # noqa: PLC0415 - the same

    verdict = asyncio.run(_verdict(Settings(), case))
    if json_wanted:
        sys.stdout.buffer.write(msgspec.json.encode(verdict) + b"\n")
    else:
        _tell(verdict)
    raise typer.Exit(FOUND if verdict.findings else 0)


async def _verdict(settings: Settings, case: UUID | None) -> Verdict:
    # Imported here, so that `caselog up` need not read the whole ledger before it starts Postgres.
    from case_api.cli.reach import reached  # noqa: PLC0415
    from case_events.ledger.audit import verify  # noqa: PLC0415

    async with reached(settings) as ledger:
        return await verify(ledger, case)


def _tell(verdict: Verdict) -> None:
    from rich.console import Console  # noqa: PLC0415 - `caselog --help` answers sooner without

    console = Console(highlight=False)
    for finding in verdict.findings:
        where = f"case {finding.case_id}" + (f" version {finding.version}" if finding.version else "")
        console.print(f"[red]{where}[/red]: {finding.what}", soft_wrap=True)
    verified = f"{verdict.cases} cases, {verdict.events} events verified"
    console.print(f"{verified}: {len(verdict.findings)} findings" if verdict.findings else f"{verified}: clean")
