"""Cases as a table: the columns of an export, in their order, and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

import msgspec

from case_api.views.lists import CaseItem
from case_events.outgoing.form import encoded

CSV = "text/csv"
COLUMNS = (
    "case_id",
    "number",
    "version",
    "stage",
    "status",
    "outcome",
    "type",
    "reason",
    "marketplace",
    "kind",
    "subtype",
    "group",
    "interventions",
    "order_id",
    "complainant_role",
    "complainant_id",
    "respondent_role",
    "respondent_id",
    "amount",
    "currency",
    "department",
    "assignee",
    "priority",
    "next_due_at",
    "external_ref",
    "test_clock",
    "filed_at",
    "updated_at",
    "closed_at",
)
"""New ones come at the end. Money is in minor units; what is null is an empty cell."""
PARTIES = ("complainant", "respondent")
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
"""What makes a spreadsheet calculate, or run, what somebody wrote (OWASP, "CSV Injection")."""
ESCAPE = "'"
"""Stands before such a cell, and before one that begins with it: who takes one away has what was written."""


def heads() -> bytes:
    """The first line."""
    return _written([COLUMNS])


def rows_of(items: Iterable[CaseItem]) -> bytes:
    """A line for each (RFC 4180)."""
    return _written([_cell(said) for said in _said(item)] for item in items)


def _said(item: CaseItem) -> list[Any]:
    said: dict[str, Any] = msgspec.json.decode(encoded(item))
    for name in PARTIES:
        said |= {f"{name}_role": said[name]["role"], f"{name}_id": said[name]["id"]}
    said |= said["amount"]
    return [said[name] for name in COLUMNS]


def _cell(said: Any) -> Any:
    return f"{ESCAPE}{said}" if isinstance(said, str) and said.startswith((*FORMULA, ESCAPE)) else said


def _written(rows: Iterable[Iterable[Any]]) -> bytes:
    page = io.StringIO()
    # Every cell in quotes: where a program takes ; or a tab for what parts cells, they are still one.
    csv.writer(page, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return page.getvalue().encode()
