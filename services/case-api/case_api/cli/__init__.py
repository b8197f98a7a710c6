"""The command line: what an operator types. Each command is in a module here, read when it is asked for."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from case_api.cli.audit import audit
from case_api.cli.calendar import calendar
from case_api.cli.cases import case, post, queue
from case_api.cli.clocks import clock
from case_api.cli.evidence import evidence
from case_api.cli.export import export
from case_api.cli.feed import feed
from case_api.cli.import_ import import_history
from case_api.cli.keys import keys
from case_api.cli.outcomes import EPILOG, REFUSED, SILENT, USAGE, Denied, Misused, Silence
from case_api.cli.policies import policies
from case_api.cli.premises import CannotStart
from case_api.cli.printing import AsJson, as_json, lines, refused
from case_api.cli.rebuild import rebuild
from case_api.cli.reset import reset
from case_api.cli.scheduler import scheduler
from case_api.cli.seed import seed
from case_api.cli.verify import verify
from case_api.cli.webhooks import webhooks
from case_api.cli.words import refusal

app = typer.Typer(
    name="caselog",
    help="Caselog: the record of e-commerce disputes.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would print passwords
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - `caselog --help` answers sooner without

        lines(f"caselog {version('caselog')}")
        raise typer.Exit


@app.callback()
def caselog(
    version: Annotated[
        bool, typer.Option("--version", help="Say which release this is.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Caselog: the record of e-commerce disputes."""


@app.command("up")
def up_command() -> None:
    """Start everything: an embedded Postgres unless CASELOG_DATABASE_URL names one, the API and the schedulers."""
    from case_api.cli.up import up  # noqa: PLC0415 - `caselog --help` answers sooner without

    up()


@app.command("migrate")
def migrate_command(json_wanted: AsJson = False) -> None:
    """Bring the tables of CASELOG_MIGRATION_URL to this version."""
    from case_api.cli.migrate import migrate  # noqa: PLC0415 - `caselog --help` answers sooner without

    version = migrate()
    if json_wanted:
        as_json({"tables": version})


for group, name in ((keys, "keys"), (policies, "policies"), (case, "case"), (clock, "clock"), (audit, "audit")):
    app.add_typer(group, name=name)
app.add_typer(evidence, name="evidence")
app.add_typer(scheduler, name="scheduler")
app.add_typer(calendar, name="calendar")
app.add_typer(webhooks, name="webhooks")
app.command("queue")(queue)
app.command("feed")(feed)
app.command("export")(export)
app.command("post")(post)
app.command("seed")(seed)
app.command("rebuild")(rebuild)
app.command("reset")(reset)
app.command("import")(import_history)
app.command("verify")(verify)


def _say_how_they_end(group: typer.Typer) -> None:
    for command in group.registered_commands:
        command.epilog = EPILOG
    for inner in group.registered_groups:
        assert inner.typer_instance is not None, "it was added here"
        inner.epilog = EPILOG
        _say_how_they_end(inner.typer_instance)


_say_how_they_end(app)


def main() -> None:
    """What the script `caselog` runs; what went wrong is said in words, not in a traceback, and by the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # GBK has no ¥, and ASCII no 退款
    try:
        try:
            _typed()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # now, and not when nobody is left to say that it failed
    except OSError as fault:
        if not isinstance(fault, BrokenPipeError):
            refused(f"cannot go on: {fault}")
        # What could not be written is not tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(REFUSED) from None


def _typed() -> None:
    try:
        app()
    except Denied as denied:
        if "--json" in sys.argv:
            as_json(denied.problem)
        refused(*refusal(denied.problem), named=False)
        raise SystemExit(SILENT if denied.busy else REFUSED) from None
    except CannotStart as reason:
        refused(str(reason))
        raise SystemExit(REFUSED) from None
    except Misused as reason:
        refused(str(reason))
        raise SystemExit(USAGE) from None
    except Silence as reason:
        refused(str(reason))
        raise SystemExit(SILENT) from None
    except ValueError as fault:
        if type(fault).__name__ != "ValidationError":  # pydantic's: a setting; named so, because importing it is slow
            raise
        refused(f"a setting cannot be read: {fault}")
        raise SystemExit(USAGE) from None
