"""The dossier as a page that people read and print: Chinese and English beside each other, nothing fetched."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from case_api.dossier.making import Dossier
from case_events.core import vocabulary, words
from case_events.core.values import CHINA, Instant, Money


def page(dossier: Dossier) -> bytes:
    """One HTML document in UTF-8; everything anybody wrote is escaped."""
    return _template().render(d=dossier).encode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("case_api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "instant": _instant,
        "due": _due,
        "money": _money,
        "said": _said,
        "called": _called,
        "side": _side,
    }
    return environment.get_template("dossier.html")


def _instant(at: Instant) -> str:
    """To the microsecond, in China time, as the sentences beside it are; the page has the record's UTC beneath."""
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S.%f} UTC+8"


def _due(at: Instant) -> str:
    """A due time: midnight is the 24:00 of the day that ends with it, as the sentence beside it says."""
    said = words.clock_time(at).zh
    return f"{said} UTC+8" if said.endswith("24:00") else _instant(at)


def _called(word: str) -> str:
    """What a word of the domain is called, in both languages; what has one name for both stands once."""
    text = vocabulary.called(word)
    return text.zh if text.zh == text.en else f"{text.zh} {text.en}"


def _side(side: str) -> str:
    """Who did it: a side of the case, the platform, or the clock."""
    text = vocabulary.SIDES.get(side) or words.PARTIES[side]
    return f"{text.zh} {text.en}"


def _money(amount: Money | None) -> str:
    return "—" if amount is None else words.money(amount)


def _said(text: Any) -> str:
    """What a person wrote, or that it is gone or kept back, in both languages."""
    if text in (None, msgspec.UNSET):
        return "—"
    if (gone := words.absent(str(text))) is not None:
        return f"{gone.zh} {gone.en}"
    return str(text)
