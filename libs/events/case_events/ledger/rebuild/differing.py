"""What a rebuild would change: the rows of ``cases`` and ``deadlines`` as they are, against the shadow tables.

Only cases are compared whose shadow has the version of their stream; one that has moved on is compared once it was
built again. What is told names cases, columns and instants, and never what stands in a row of a person.
"""

from __future__ import annotations

from collections.abc import Sequence

from case_events.core.values import CaseId, Instant, Value
from case_events.ledger.connection import Connection
from case_events.ledger.read_models import CASE_COLUMNS, DEADLINE_COLUMNS
from case_events.ledger.rebuild.shadows import SCHEMA

EXAMPLES = 3
"""Cases that are named for each way in which rows differ."""
EARLIER_MAX = 20
"""Deadlines that would become earlier, as many as are named."""
KEY = ("case_id", "kind", "party", "set_by")
MISSING = "the row is missing"
TOO_MANY = "the row should not be there"


def _columns(names: Sequence[str]) -> str:
    """The names of the columns in which o and n differ, as an array."""
    ways = ", ".join(f"CASE WHEN o.{name} IS DISTINCT FROM n.{name} THEN '{name}' END" for name in names)
    return f"array_remove(ARRAY[{ways}]::text[], NULL)"


def _listed(clock: str) -> str:
    """The condition that a case's test clock, if it has one, was not deleted; what is hidden has no rows."""
    return f"({clock} IS NULL OR {clock} NOT IN (SELECT id FROM test_clocks WHERE deleted_at IS NOT NULL))"


def _told(pairs: str) -> str:
    """How often, and where for example, each way of differing is found."""
    return f"""
SELECT ways, count(*) AS rows, (array_agg(case_id ORDER BY case_id))[1:{EXAMPLES}] AS examples
FROM ({pairs}) AS pairs WHERE cardinality(ways) > 0 GROUP BY ways ORDER BY rows DESC, ways
"""


CASES = _told(f"""
    SELECT n.case_id, CASE WHEN o.case_id IS NULL THEN ARRAY['{MISSING}'] ELSE {_columns(CASE_COLUMNS[1:])} END AS ways
    FROM {SCHEMA}.cases n JOIN streams s USING (case_id, version) LEFT JOIN cases o USING (case_id)
    WHERE {_listed("n.test_clock")}
    UNION ALL
    SELECT o.case_id, ARRAY['{TOO_MANY}'] FROM cases o
    WHERE NOT EXISTS (SELECT FROM streams s WHERE s.case_id = o.case_id)
""")
DEADLINES = _told(f"""
    SELECT case_id, CASE WHEN o.due_at IS NULL THEN ARRAY['{MISSING}'] WHEN n.due_at IS NULL THEN ARRAY['{TOO_MANY}']
        ELSE {_columns(DEADLINE_COLUMNS[len(KEY) :])} END AS ways
    FROM deadlines o FULL JOIN {SCHEMA}.deadlines n USING ({", ".join(KEY)})
    LEFT JOIN streams s USING (case_id) LEFT JOIN {SCHEMA}.cases c USING (case_id)
    WHERE s.version IS NOT DISTINCT FROM c.version AND (n.due_at IS NULL OR {_listed("n.test_clock")})
""")
COMPARED = (("cases", CASES), ("deadlines", DEADLINES))
EARLIEST = """
SELECT case_id, kind, party, min(due_at) AS due_at FROM {table}
WHERE $1::uuid[] IS NULL OR case_id = ANY($1) GROUP BY case_id, kind, party
"""
EARLIER = f"""
SELECT case_id, o.kind, o.party, o.due_at AS was, n.due_at AS becomes
FROM ({EARLIEST.format(table="deadlines")}) AS o
JOIN ({EARLIEST.format(table=f"{SCHEMA}.deadlines")}) AS n USING (case_id, kind, party)
JOIN {SCHEMA}.cases c USING (case_id) JOIN streams s USING (case_id, version)
WHERE n.due_at < o.due_at ORDER BY case_id, o.kind, o.party LIMIT {EARLIER_MAX}
"""


class Difference(Value, frozen=True, kw_only=True):
    """So many rows differ in just these columns (or are missing, or too many); some of their cases."""

    table: str
    columns: tuple[str, ...]
    rows: int
    examples: tuple[CaseId, ...]


class Earlier(Value, frozen=True, kw_only=True):
    """A running deadline that the events put earlier than it now stands."""

    case_id: CaseId
    kind: str
    party: str
    was: Instant
    becomes: Instant


async def differences(connection: Connection) -> tuple[Difference, ...]:
    """Every way in which rows would change, the most frequent first. Reads the whole tables."""
    found = [(table, row) for table, sql in COMPARED for row in await connection.fetch(sql)]
    return tuple(
        Difference(table=table, columns=tuple(row["ways"]), rows=row["rows"], examples=tuple(row["examples"]))
        for table, row in found
    )


async def earlier(connection: Connection, only: Sequence[CaseId] | None = None) -> tuple[Earlier, ...]:
    """The running deadlines that would become earlier, of all cases or only of these; at most ``EARLIER_MAX``."""
    return tuple(Earlier(**dict(row)) for row in await connection.fetch(EARLIER, only))
