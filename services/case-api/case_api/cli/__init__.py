"""The command line: what an operator types. Each command is one module here, named in COMMANDS."""

import sys

import typer

from case_api.cli.audit import audit
from case_api.cli.migrate import migrate
from case_api.cli.premises import CannotStart
from case_api.cli.up import up

COMMANDS = (up, migrate)

app = typer.Typer(
    name="caselog",
    help="Caselog: the record of e-commerce disputes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables would print passwords
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(audit, name="audit")


@app.callback()
def caselog() -> None:
    """Caselog: the record of e-commerce disputes."""


def main() -> None:
    """What the script `caselog` runs; what the operator must change is said in words, not in a traceback."""
    try:
        app()
    except CannotStart as reason:
        print(f"caselog: {reason}", file=sys.stderr)  # noqa: T201 - this is the door to a person
        raise SystemExit(1) from None
