"""Statistics: how many cases there are by status, type and outcome, and how often the platform was called in."""

from __future__ import annotations

from typing import Any

from case_events.core.values import Value
from case_events.core.viewer import EVERYTHING, MERCHANT, Viewer
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger

MERCHANTS_MAX = 50
"""Merchants that are counted one by one: those with the most interventions."""
DIMENSIONS = ("status", "type", "outcome")

MINE = """
SELECT c.case_id, c.status, c.type, c.outcome, m.id AS merchant FROM cases c CROSS JOIN LATERAL (
    SELECT CASE WHEN c.respondent_role = '{merchant}' THEN c.respondent_id
        WHEN c.complainant_role = '{merchant}' THEN c.complainant_id END AS id
) AS m WHERE {where}
"""
COUNTED = """
SELECT status, type, outcome, grouping(status, type, outcome) AS level, count(*) AS cases FROM ({mine}) AS mine
GROUP BY GROUPING SETS ((status), (type), (outcome), ())
"""
INTERVENED = """
SELECT merchant, count(*) AS interventions, count(DISTINCT case_id) AS cases
FROM ({mine}) AS mine JOIN events e USING (case_id)
WHERE e.type = 'intervention_requested' AND merchant IS NOT NULL
GROUP BY merchant ORDER BY interventions DESC, merchant LIMIT {limit}
"""
TOTAL = "SELECT count(*) FROM ({mine}) AS mine JOIN events e USING (case_id) WHERE e.type = 'intervention_requested'"


class MerchantCount(Value, frozen=True, kw_only=True):
    """How often the platform was called in, whatever came of it (domain N7), and in how many of a merchant's cases."""

    merchant_id: str
    interventions: int
    cases: int


class Counts(Value, frozen=True, kw_only=True):
    """How many cases there are, and of which kinds; ``merchants``: those with the most interventions."""

    cases: int
    by_status: dict[str, int]
    by_type: dict[str, int]
    by_outcome: dict[str, int]
    interventions: int
    merchants: tuple[MerchantCount, ...]


async def count_cases(ledger: Ledger, *, merchant_id: str | None = None, viewer: Viewer = EVERYTHING) -> Counts:
    """The counts of the viewer's cases, or of one merchant's among them."""
    arguments: list[Any] = []
    mine = MINE.format(merchant=MERCHANT, where=_where(arguments, merchant_id, viewer))
    async with ledger.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        # Counting everything is the one thing here that is done best by reading the table from end to end.
        await connection.execute("SET LOCAL enable_seqscan = on; SET LOCAL plan_cache_mode = force_custom_plan")
        groups = await connection.fetch(COUNTED.format(mine=mine), *arguments)
        merchants = await connection.fetch(INTERVENED.format(mine=mine, limit=MERCHANTS_MAX), *arguments)
        interventions = await _total(connection, mine, arguments)
    # A group that is not by a dimension has its bit set: status is the highest of three.
    by_status, by_type, by_outcome, whole = ([row for row in groups if row["level"] == level] for level in (3, 5, 6, 7))
    return Counts(
        cases=whole[0]["cases"],
        by_status={row["status"]: row["cases"] for row in by_status},
        by_type={row["type"]: row["cases"] for row in by_type},
        by_outcome={row["outcome"]: row["cases"] for row in by_outcome if row["outcome"] is not None},
        interventions=interventions,
        merchants=tuple(
            MerchantCount(merchant_id=row["merchant"], interventions=row["interventions"], cases=row["cases"])
            for row in merchants
        ),
    )


def _where(arguments: list[Any], merchant_id: str | None, viewer: Viewer) -> str:
    conditions = []
    for ids in (viewer.merchants, None if merchant_id is None else (merchant_id,)):
        if ids is not None:
            arguments.append(list(ids))
            given = f"ANY (${len(arguments)}::text[])"
            sides = (f"(c.{side}_role = '{MERCHANT}' AND c.{side}_id = {given})" for side in SIDES)
            conditions.append(f"({' OR '.join(sides)})")
    if viewer.marketplaces is not None:
        arguments.append(list(viewer.marketplaces))
        conditions.append(f"c.marketplace = ANY (${len(arguments)}::text[])")
    return " AND ".join(conditions) or "true"


SIDES = ("respondent", "complainant")


async def _total(connection: Connection, mine: str, arguments: list[Any]) -> int:
    return int(await connection.fetchval(TOTAL.format(mine=mine), *arguments))
