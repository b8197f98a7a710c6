"""What is said of the command line is what it does today: every command, every option, every exit code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from case_api.cli import app
from case_api.cli.outcomes import EPILOG, MEANINGS, STOPPED
from tests.docs.command_line import PAGE, commands, page

ROOT = Path(__file__).resolve().parents[2]
TOLD = (ROOT / "README.md", ROOT / "docs", ROOT / "deploy", ROOT / "examples")
TYPED = re.compile(r"`caselog ([a-z][^`]*)`|^(?:#? {3,}|> ?)caselog ([a-z].*)", re.MULTILINE)


def test_the_page_of_the_command_line_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.docs.command_line"


def test_every_command_and_option_is_explained_and_says_how_it_ends() -> None:
    told = list(commands())
    assert len(told) >= 50
    for name, command in told:
        assert command.help, name
        assert command.epilog == EPILOG, name
        unsaid = [one.name for one in command.params if not one.help]
        assert unsaid == [], name


def test_the_help_names_every_exit_code_but_the_one_of_the_shell() -> None:
    assert [code for code in MEANINGS if f"{code} " not in EPILOG] == [STOPPED]


def told_to_type() -> Iterator[tuple[str, str]]:
    """Every command that somebody is told to type, and where."""
    for one in TOLD:
        for file in sorted(one.rglob("*.*")) if one.is_dir() else [one]:
            if file == PAGE or not file.is_file() or file.suffix == ".pyc":
                continue
            for quoted, line in TYPED.findall(file.read_text(encoding="utf-8")):
                typed = " ".join(quoted.split()) or line.split("  #")[0].split(" > ")[0].split(" | ")[0].strip()
                yield file.name, typed.replace("…", "X")


def test_what_the_docs_tell_somebody_to_type_is_understood() -> None:
    told = list(dict.fromkeys(told_to_type()))
    assert len(told) > 80
    for file, typed in told:
        command: Any = typer.main.get_command(app)
        words = shlex.split(typed)
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, f"{file}: caselog {typed}"
            command = command.commands[words.pop(0)]
        try:
            left = command.make_parser(command.make_context("caselog", [], resilient_parsing=True)).parse_args(words)[1]
        except Exception as fault:  # noqa: BLE001 - whatever the parser says of it
            pytest.fail(f"{file}: caselog {typed}: {fault}")
        assert left == [], f"{file}: caselog {typed}"
