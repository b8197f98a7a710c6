"""The command line: what an operator types. Each command is in a module here, read when it is asked for."""

from __future__ import annotations

import sys

import typer

from case_api.cli.audit import audit
from case_api.cli.calendar import calendar
from case_api.cli.cases import case, post, queue
from case_api.cli.clocks import clock
from case_api.cli.feed import feed
from case_api.cli.import_ import import_history
from case_api.cli.keys import keys
from case_api.cli.outcomes import EPILOG, REFUSED, SILENT, USAGE, Denied, Misused, Silence
from case_api.cli.policies import policies
from case_api.cli.premises import CannotStart
from case_api.cli.printing import AsJson, as_json, refused
from case_api.cli.rebuild import rebuild
from case_api.cli.scheduler import scheduler
from case_api.cli.seed import seed
from case_api.cli.words import refusal

AWAY = 503
"""Of the refusals the one that says: the same again, in a moment."""

app = typer.Typer(
    name="caselog",
    help="Caselog: the record of e-commerce disputes.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables would print passwords
)


@app.callback()
def caselog() -> None:
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
    app.add_typer(group, name=name, epilog=EPILOG)
app.add_typer(scheduler, name="scheduler", epilog=EPILOG)
app.add_typer(calendar, name="calendar", epilog=EPILOG)
app.command("queue", epilog=EPILOG)(queue)
app.command("feed", epilog=EPILOG)(feed)
app.command("post", epilog=EPILOG)(post)
app.command("seed", epilog=EPILOG)(seed)
app.command("rebuild", epilog=EPILOG)(rebuild)
app.command("import", epilog=EPILOG)(import_history)


def main() -> None:
    """What the script `caselog` runs; what went wrong is said in words, not in a traceback, and by the exit code."""
    try:
        app()
    except Denied as denied:
        if "--json" in sys.argv:
            as_json(denied.problem)
        refused(*refusal(denied.problem), named=False)
        raise SystemExit(SILENT if denied.status == AWAY else REFUSED) from None
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
