"""The dossier as a page that people read and print: Chinese and English beside each other, nothing fetched."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from case_api.dossier.making import Dossier
from case_events.core import words
from case_events.core.values import ERASED, Instant, Money
from case_events.core.viewer import WITHHELD


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
    environment.filters |= {"instant": _instant, "money": _money, "said": _said}
    return environment.get_template("dossier.html")


def _instant(at: Instant | None) -> str:
    """To the microsecond, in UTC, as the record has it."""
    return "—" if at is None else at.rfc3339()


def _money(amount: Money | None) -> str:
    return "—" if amount is None else words.money(amount)


def _said(text: Any) -> str:
    """What a person wrote, or that it is gone or kept back, in both languages."""
    if text in (None, msgspec.UNSET):
        return "—"
    if text in (ERASED, WITHHELD):
        gone = words.quoted(text)
        return f"{gone.zh} {gone.en}"
    return str(text)
