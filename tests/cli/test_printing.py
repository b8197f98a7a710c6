"""What stands on a terminal: as it was written, steering nothing, and sums as people write them."""

import pytest

from case_api.cli import words
from case_api.cli.printing import as_json, json_line, lines, refused, table

STEERS = "a\x1b[2Jb\x9b31mc\rd\x00"
SEEN = r"a\x1b[2Jb\x9b31mc\x0dd\x00"


def test_what_somebody_wrote_steers_no_terminal_wherever_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    lines(STEERS)
    refused(STEERS)
    refused(STEERS, named=False)
    table(("one",), [(STEERS,)])
    said = capsys.readouterr()
    assert (said.out.count(SEEN), said.err.count(SEEN)) == (2, 2)
    as_json({"text": STEERS})
    json_line(STEERS)
    told = capsys.readouterr().out
    assert not {one for text in (said.out, said.err, told) for one in text} & {"\x1b", "\x9b", "\r", "\x00"}


def test_what_somebody_wrote_is_no_markup_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    table(("one",), [("[red]a[/red] :smile: [link=x]b[/]",)])
    assert "[red]a[/red] :smile: [link=x]b[/]" in capsys.readouterr().out


@pytest.mark.parametrize(("amount", "shown"), [(12905, "CNY 129.05"), (5, "CNY 0.05"), (0, "CNY 0.00")])
def test_a_sum_is_told_to_the_fen(amount: int, shown: str) -> None:
    assert words.money({"amount": amount, "currency": "CNY"}) == shown
