"""Statistics: how many cases there are by status, type and outcome, and how often the platform was called in."""

from __future__ import annotations

from typing import Any

from case_events.core.values import Instant, Value
from case_events.core.viewer import EVERYTHING, MERCHANT, Viewer
from case_events.ledger.database import Ledger
from case_events.ledger.lists.lists import merchants_of, party_is

MERCHANTS_MAX = 50
"""Merchants that are counted one by one: those with the most interventions."""
MINE = """
SELECT c.status, c.type, c.outcome, c.kind, c.interventions, m.id AS merchant FROM cases c CROSS JOIN LATERAL (
    SELECT CASE WHEN c.respondent_role = '{merchant}' THEN c.respondent_id
        WHEN c.complainant_role = '{merchant}' THEN c.complainant_id END AS id
) AS m WHERE {where}
"""
COUNTED = """
SELECT status, type, outcome, kind, grouping(status, type, outcome, kind) AS level, count(*) AS cases,
    sum(interventions) AS interventions
FROM ({mine}) AS mine GROUP BY GROUPING SETS ((status), (type), (outcome), (kind), ())
"""
INTERVENED = """
SELECT merchant, sum(interventions) AS interventions, count(*) AS cases,
    count(*) FILTER (WHERE outcome = 'upheld') AS upheld,
    count(*) FILTER (WHERE outcome = 'partly_upheld') AS partly_upheld,
    count(*) FILTER (WHERE outcome = 'rejected') AS rejected
FROM ({mine}) AS mine WHERE interventions > 0 AND merchant IS NOT NULL
GROUP BY merchant ORDER BY interventions DESC, merchant LIMIT {limit}
"""


class Counted(Value, frozen=True, kw_only=True):
    """Which cases are counted: those that fit all that is said.

    ``merchant_id``: a party of the case, on either side, and one of the viewer's own where that is limited.
    ``filed_from``, ``filed_before``: a period, with its first instant and without its last, so that the counts of
    periods that follow each other add up.
    """

    merchant_id: str | None = None
    marketplace: str | None = None
    type: str | None = None
    filed_from: Instant | None = None
    filed_before: Instant | None = None


ALL = Counted()


class MerchantCount(Value, frozen=True, kw_only=True):
    """How often the platform was called in, whatever came of it (domain N7), and in how many of a merchant's cases.

    ``upheld``, ``partly_upheld``, ``rejected``: what came of those cases, where the platform has ruled for good.
    """

    merchant_id: str
    interventions: int
    cases: int
    upheld: int
    partly_upheld: int
    rejected: int


class Counts(Value, frozen=True, kw_only=True):
    """How many cases there are, and of which kinds; ``merchants``: those with the most interventions."""

    cases: int
    by_status: dict[str, int]
    by_type: dict[str, int]
    by_outcome: dict[str, int]
    by_kind: dict[str, int]
    interventions: int
    merchants: tuple[MerchantCount, ...]


async def count_cases(ledger: Ledger, counted: Counted = ALL, *, viewer: Viewer = EVERYTHING) -> Counts:
    """The counts of the viewer's cases that fit: what it costs grows with how many these are."""
    arguments: list[Any] = []
    mine = MINE.format(merchant=MERCHANT, where=_where(arguments, counted, viewer))
    async with ledger.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        # Counting everything is the one thing here that is done best by reading the table from end to end.
        await connection.execute("SET LOCAL enable_seqscan = on; SET LOCAL plan_cache_mode = force_custom_plan")
        groups = await connection.fetch(COUNTED.format(mine=mine), *arguments)
        merchants = await connection.fetch(INTERVENED.format(mine=mine, limit=MERCHANTS_MAX), *arguments)
    # A group that is not by a dimension has its bit set: status is the highest of four.
    by_status, by_type, by_outcome, by_kind, whole = (
        [row for row in groups if row["level"] == level] for level in (7, 11, 13, 14, 15)
    )
    return Counts(
        cases=whole[0]["cases"],
        by_status={row["status"]: row["cases"] for row in by_status},
        by_type={row["type"]: row["cases"] for row in by_type},
        by_outcome={row["outcome"]: row["cases"] for row in by_outcome if row["outcome"] is not None},
        by_kind={row["kind"]: row["cases"] for row in by_kind},
        interventions=whole[0]["interventions"] or 0,
        merchants=tuple(
            MerchantCount(merchant_id=row["merchant"], **{name: row[name] for name in COUNTED_OF_MERCHANT})
            for row in merchants
        ),
    )


def _where(arguments: list[Any], counted: Counted, viewer: Viewer) -> str:
    conditions = []
    for condition, value in (
        ("c.marketplace = ${}::text", counted.marketplace),
        ("c.type = ${}::text", counted.type),
        ("c.filed_at >= ${}::timestamptz", counted.filed_from),
        ("c.filed_at < ${}::timestamptz", counted.filed_before),
    ):
        if value is not None:
            arguments.append(value)
            conditions.append(condition.format(len(arguments)))
    # Of somebody else's merchant nothing is counted: who complained anonymously would be found by asking for them.
    if (ids := merchants_of(counted.merchant_id, viewer)) is not None:
        arguments.append(list(ids))
        conditions.append(party_is(MERCHANT, f"${len(arguments)}::text[]", "c."))
    if viewer.marketplaces is not None:
        arguments.append(list(viewer.marketplaces))
        conditions.append(f"c.marketplace = ANY (${len(arguments)}::text[])")
    return " AND ".join(conditions) or "true"


COUNTED_OF_MERCHANT = MerchantCount.__struct_fields__[1:]
