"""How a command prints: plain JSON for machines on stdout, tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer

UNSEEN = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
"""What steers a terminal, as it can be read: some of what is printed was written by those whose dispute it is."""
ESCAPED = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}
"""The same in JSON, which escapes the others by itself."""
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
"""The option that every command has."""


def as_json(said: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(said, ensure_ascii=False, indent=2).translate(ESCAPED) + "\n")


def json_line(said: object) -> None:
    """One JSON document on a line of its own."""
    sys.stdout.write(json.dumps(said, ensure_ascii=False).translate(ESCAPED) + "\n")


def lines(*said: str) -> None:
    """Plain lines on stdout."""
    sys.stdout.write("".join(f"{line.translate(UNSEEN)}\n" for line in said))


def told(said: str) -> None:
    """What goes on meanwhile, for whoever waits, on stderr."""
    sys.stderr.write(f"caselog: {said}\n")
    sys.stderr.flush()


def refused(*said: str, named: bool = True) -> None:
    """Why not, in words on stderr."""
    plain = [line.translate(UNSEEN) for line in said]
    sys.stderr.write("".join(f"caselog: {line}\n" if named else f"{line}\n" for line in plain))


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]], *, title: str | None = None) -> None:
    """A table on stdout; piped into something it keeps every word whole."""
    from rich.console import Console  # noqa: PLC0415 - `caselog --help` answers sooner without
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    shown = Table(title=title, title_justify="left")
    for head in heads:
        shown.add_column(head, overflow="fold")
    for row in rows:
        # Text, not str: what people wrote is no markup of ours.
        shown.add_row(*(Text(str(cell).translate(UNSEEN)) for cell in row))
    console.print(shown)


PIPED_WIDTH = 200
