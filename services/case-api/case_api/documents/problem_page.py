"""What a refusal's code means, as a page for people: Chinese and English beside each other, nothing fetched."""

from __future__ import annotations

from functools import cache

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from case_api.documents.operations import OPERATIONS
from case_api.views.policies import ProblemWords
from case_events.outgoing.form import encoded

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
"""It fetches nothing, runs nothing, and stands in no frame; its style is its own."""
EVERYWHERE = ("internal", "method_not_allowed", "not_found")
"""What any address may answer, known or not."""


def page(words: ProblemWords) -> bytes:
    """One HTML document in UTF-8."""
    return _template().render(p=words, example=shown(words), operations=met_at(words.code)).encode()


def shown(words: ProblemWords) -> str:
    """The example as it is sent, on as many lines as it has members."""
    return "" if words.example is None else msgspec.json.format(encoded(words.example), indent=2).decode()


def met_at(code: str) -> tuple[str, ...]:
    """The operations that may refuse with this code; none are named where all of them may."""
    if code in EVERYWHERE:
        return ()
    found = tuple(sorted(name for name, said in OPERATIONS.items() if code in said.refusals))
    protected = [name for name, said in OPERATIONS.items() if not said.public]
    return () if len(found) >= len(protected) else found


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("case_api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("problem.html")
