"""What is said of the command line is what it does today: every command, every option, every exit code."""

from __future__ import annotations

from case_api.cli.outcomes import EPILOG, MEANINGS, STOPPED
from tests.docs.command_line import PAGE, commands, page


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
