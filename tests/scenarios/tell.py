"""A timeline as lines of text, from its JSON: for the demonstration's reader and for the checked-in examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

Language = Literal["zh", "en"]
LABELS: dict[Language, dict[str, str]] = {
    "zh": {"status": "状态", "outcome": "结果", "next": "下一步", "rule": "依据", "deadlines": "计时"},
    "en": {"status": "Status", "outcome": "Outcome", "next": "Next", "rule": "Rule", "deadlines": "Deadlines"},
}


def lines(timeline: dict[str, Any], language: Language) -> Iterator[str]:
    """The case told from top to bottom in one language; instants of the margin are exact and UTC."""
    labels = LABELS[language]
    yield f"{timeline['number']}  {timeline['title'][language]}"
    for entry in timeline["entries"]:
        yield f"{entry['version']:>3}  {entry['at']}  {entry['type']}"
        yield f"     {entry[language]}"
        if entry["rule"]:
            yield f"     {labels['rule']}: {entry['rule'][language]} ({entry['rule']['clause']})"
    yield f"{labels['status']}: {timeline['status'][language]}"
    if timeline["outcome"]:
        yield f"{labels['outcome']}: {timeline['outcome'][language]}"
    if timeline["next"]:
        yield f"{labels['next']}: {timeline['next'][language]}"
    for deadline in timeline["deadlines"]:
        yield f"{labels['deadlines']}: {deadline[language]}"
