"""Writes the documents of the API into docs/: `python -m tests.docs.contracts`; a test holds them to be current.

`python -m tests.docs.contracts released` keeps what the next releases must not break: run it when one is made.
"""

from __future__ import annotations

import base64
import functools
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from case_api.app import create_app
from case_api.documents import asyncapi, examples, problem_page
from case_api.refusals.kinds import KINDS
from case_api.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
RELEASES = Path(__file__).resolve().parents[1] / "golden"
FOR_PEOPLE = ("description", "summary", "examples", "tags", "x-roles", "links", "webhooks")
OF_NAMES = ("properties", "schemas", "paths")
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
"""The app is made to be described, and never opened."""
HOW_PROBLEMS_ARE_SENT = (
    "Refusals are `application/problem+json` (RFC 9457) with a `code`, a `trace_id`, and what the problem is about. "
    "A running Caselog explains each at `/problems/<code>`: to a program as JSON, to a browser as a page."
)


@functools.cache
def openapi_document() -> dict[str, Any]:
    """The document of a sandbox, which has every operation there is."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "master.key"
        key.write_text(base64.b64encode(bytes(32)).decode(), encoding="ascii")
        settings = Settings(
            database_url=NOWHERE, master_key_file=key, data_dir=Path(folder), env="sandbox", evidence_url=None
        )
        return create_app(settings).openapi()


def last_released() -> dict[str, Any]:
    """The document of the last release, as it was kept."""
    newest = max(RELEASES.glob("openapi-*.json"), key=lambda path: [int(one) for one in re.findall(r"\d+", path.stem)])
    document: dict[str, Any] = json.loads(newest.read_text(encoding="utf-8"))
    return document


def without_words(node: Any, *, names: bool = False) -> Any:
    """The same without what is said to people. ``names``: its members are names of ours, and stay."""
    if isinstance(node, dict):
        kept = {name: one for name, one in node.items() if names or name not in FOR_PEOPLE}
        return {name: without_words(one, names=not names and name in OF_NAMES) for name, one in kept.items()}
    return [without_words(one) for one in node] if isinstance(node, list) else node


def keep_released() -> None:
    """Keep today's document as that of the release there is, a line for each path."""
    document = without_words(openapi_document())
    lines = [f"{json.dumps(path)}: {json.dumps(item, sort_keys=True)}" for path, item in document.pop("paths").items()]
    rest = json.dumps(document, ensure_ascii=False, sort_keys=True)[1:-1]
    text = "{" + rest + ', "paths": {\n' + ",\n".join(lines) + "\n}}\n"
    (RELEASES / f"openapi-{document['info']['version']}.json").write_text(text, encoding="utf-8")


def problems_page() -> str:
    """The page of all problems, one section for each code."""
    parts = [
        "# Problems",
        "Generated from the code by `python -m tests.docs.contracts`; do not edit.",
        HOW_PROBLEMS_ARE_SENT,
        *(_section(code) for code in KINDS),
    ]
    return "\n\n".join(parts) + "\n"


def _section(code: str) -> str:
    words = examples.words(code)
    operations = problem_page.met_at(code)
    when = ", ".join(f"`{one}`" for one in operations) if operations else "任何请求 any request"
    waiting = ["带有 `Retry-After`。 It has `Retry-After`."] if words.waiting_helps else []
    example = [f"```json\n{problem_page.shown(words)}\n```"] if words.example else []
    parts = [
        f"## {code}",
        f"**{words.status}** · {words.title}",
        words.zh,
        words.en,
        f"**何时出现 When it happens**：{when}",
        "**怎么办 What to do**",
        words.then.zh,
        words.then.en,
        *waiting,
        *example,
    ]
    return "\n\n".join(parts)


def written(document: dict[str, Any]) -> str:
    """As it is kept: a line for every member, in an order of its own."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


PAGES = {
    "openapi.json": lambda: written(openapi_document()),
    "asyncapi.json": lambda: written(asyncapi.document()),
    "problems.md": problems_page,
}
"""Every file, and what stands in it today."""


if __name__ == "__main__":
    if sys.argv[1:] == ["released"]:
        keep_released()
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
