"""Writes docs/command-line.md from the commands themselves: `python -m tests.docs.command_line`; a test compares."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

import typer

from case_api.cli import app
from case_api.cli.outcomes import MEANINGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "command-line.md"
WORDS: dict[object, str] = {str: "TEXT", int: "N", float: "NUMBER", UUID: "UUID", Path: "FILE"}
HEAD = """\
# The command line

Written from the commands themselves by `python -m tests.docs.command_line`; do not edit.

`caselog --help` names every command, `caselog COMMAND --help` its options, and each that answers something takes
`--json`: one JSON document on stdout, and nothing else there. Words for people go to stdout, why not to stderr. Which
commands go to the database and which call a running API is in [Running it](running.md#the-command-line); the settings
are in the [Reference](reference.md#settings).

## How it ends

A script goes by the exit code. It never has to read the words.

"""
AFTERWARDS = """
A command whose output nobody reads to its end (`caselog feed | head`) ends with 1 and without a word.

## Completion

    caselog --install-completion     # for the shell it is typed in: bash, zsh, fish or PowerShell; then open a new one
    caselog --show-completion        # prints it, to be put where your system keeps such things

It completes commands, options and the words an option chooses from; it asks no service.
"""


def page() -> str:
    """The whole page."""
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in MEANINGS.items())
    sections = "\n".join(_section(name, command) for name, command in commands())
    return f"{HEAD}| exit code | means |\n| --- | --- |\n{codes}{AFTERWARDS}\n## The commands\n\n{sections}"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command there is, with its whole name, in the order of the help."""
    yield from _below("caselog", typer.main.get_command(app))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, one in inner.items():
        yield from _below(f"{name} {word}", one)


def _section(name: str, command: Any) -> str:
    arguments = [one for one in command.params if not one.opts[0].startswith("-")]
    options = [one for one in command.params if one.opts[0].startswith("-") and not one.hidden]
    words = [name, *(_usage(one) for one in arguments), *(f"{one.opts[0]} …" for one in options if one.required)]
    words += ["[OPTIONS]"] if any(not one.required for one in options) else []
    rows = [*(_row(f"`{_word(one)}`", one) for one in arguments), *(_row(_flag(one), one) for one in options)]
    table = "".join(rows)
    return f"### `{' '.join(words)}`\n\n{_said(command.help)}\n" + (f"\n| | |\n| --- | --- |\n{table}" if table else "")


def _row(what: str, parameter: Any) -> str:
    said = _said(parameter.help or "")
    if parameter.default not in (None, False, (), []) and not callable(parameter.default):
        said += f" Default: `{parameter.default}`."
    return f"| {what} | {said.replace('|', chr(92) + '|')} |\n"


def _flag(option: Any) -> str:
    names = ", ".join(f"`{one}`" for one in (*option.opts, *option.secondary_opts))
    return names if option.is_flag else f"{names} `{_word(option)}`".replace("|", "\\|")


def _usage(argument: Any) -> str:
    word = _word(argument) + ("…" if argument.nargs != 1 else "")
    return word if argument.required else f"[{word}]"


def _word(parameter: Any) -> str:
    """What stands in its place: its own word, or one for its type."""
    return str(parameter.metavar or _of_type(parameter.type_descriptor.annotation) or parameter.name.upper())


def _of_type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "|".join(map(str, get_args(annotation)))
    if get_origin(annotation) in (list, tuple, Union, types.UnionType):
        return next(filter(None, map(_of_type, _but_none(get_args(annotation)))), "")
    return WORDS.get(annotation, "")


def _but_none(kinds: Iterable[object]) -> Iterable[object]:
    return (kind for kind in kinds if kind is not type(None))


def _said(words: str) -> str:
    return " ".join((words or "").replace("``", "`").split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
