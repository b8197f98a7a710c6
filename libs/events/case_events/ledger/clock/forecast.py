"""What will fire in the coming days, hour by hour, so that a herd is seen before it lands.

At tens of millions pending nobody counts them all. Of everybody's deadlines a sample of the table's pages is read, so
many at most however large it is, and counted up; of one merchant's the cases that were filed last.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from case_events.core.values import Instant, Value
from case_events.core.viewer import MERCHANT
from case_events.ledger.clock.watermark import LIVE
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger

DAYS_MAX, DAYS_DEFAULT = 14, 7
PAGES_MAX = 2_000
"""Pages of 8 kB that are read: all of some 150,000 deadlines, and of more a part."""
LOOKED_UP_MAX = 500
"""The same where each deadline's case is looked up too."""
CASES_MAX = 20_000
"""Cases of one merchant that are looked at on each side, the latest first; those filed before them are closed."""
HOUR = timedelta(hours=1)

COMING = f"{LIVE} AND due_at > $1 AND due_at < $2"
HOUR_OF = "date_bin('1 hour', {due_at}, '2000-01-01T00:00:00Z')"
# Of so many rows a few hundred hours: counted as they come, and not sorted first.
BEGINS = """
SELECT clock_timestamp() AS now, pg_relation_size('deadlines') / current_setting('block_size')::int AS pages,
    set_config('enable_sort', 'off', true)
"""
OF_ALL = f"""
SELECT {HOUR_OF.format(due_at="due_at")} AS at, count(*) AS firings FROM deadlines TABLESAMPLE SYSTEM ($3)
WHERE {COMING} GROUP BY 1
"""
OF_MARKETPLACE = f"""
SELECT {HOUR_OF.format(due_at="d.due_at")} AS at, count(*) AS firings
FROM (SELECT case_id, due_at FROM deadlines TABLESAMPLE SYSTEM ($3) WHERE {COMING} OFFSET 0) AS d
JOIN cases c USING (case_id) WHERE c.marketplace = $4 GROUP BY 1
"""
# OFFSET 0 keeps each look-up what it is: by the merchant, then by the case.
OF_MERCHANT = f"""
WITH looked AS MATERIALIZED (
    {{sides}}
)
SELECT {HOUR_OF.format(due_at="theirs.due_at")} AS at, count(theirs.due_at) AS firings, n.looked
FROM (SELECT count(*) AS looked FROM looked) AS n LEFT JOIN (
    SELECT d.due_at FROM (
        SELECT DISTINCT case_id FROM looked
        WHERE next_due_at IS NOT NULL AND ($4::text IS NULL OR marketplace = $4) OFFSET 0
    ) AS mine
    CROSS JOIN LATERAL (SELECT due_at FROM deadlines x WHERE x.case_id = mine.case_id AND {COMING} OFFSET 0) AS d
) AS theirs ON true
GROUP BY 1, 3
""".format(
    sides=" UNION ALL ".join(
        f"(SELECT case_id, next_due_at, marketplace FROM cases WHERE {side}_id = $3 AND {side}_role = '{MERCHANT}'"
        f" ORDER BY filed_at DESC, case_id DESC LIMIT {CASES_MAX})"
        for side in ("respondent", "complainant")
    )
)


class HourAhead(Value, frozen=True, kw_only=True):
    """How many deadlines and reminders are to fire in the hour that begins ``at``."""

    at: Instant
    firings: int


class Forecast(Value, frozen=True, kw_only=True):
    """What is pending now, by the hour in which it falls due; what follows from it is not known yet.

    ``counted_percent``: so much of the table was read, and the numbers are scaled up from it; ``complete``: they are
    exact.
    """

    begins_at: Instant
    ends_at: Instant
    complete: bool
    counted_percent: float
    hours: tuple[HourAhead, ...]


async def forecast(
    ledger: Ledger, days: int, *, marketplace: str | None = None, merchant_id: str | None = None
) -> Forecast:
    """The firings of the next days, of everybody or of one marketplace's or merchant's cases."""
    assert 1 <= days <= DAYS_MAX, "whoever asks has a limit"
    async with ledger.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        begins = await connection.fetchrow(BEGINS)
        assert begins is not None, "the query has no FROM"
        now: Instant = begins["now"]
        until = Instant.of(now + timedelta(days=days))
        if merchant_id is not None:
            theirs = await connection.fetch(OF_MERCHANT, now, until, merchant_id, marketplace)
            return _told(now, until, theirs, 100.0, complete=theirs[0]["looked"] < CASES_MAX)
        most = PAGES_MAX if marketplace is None else LOOKED_UP_MAX
        share = 100.0 if begins["pages"] <= most else 100.0 * most / begins["pages"]
        rows = await _sampled(connection, now, until, share, marketplace)
    return _told(now, until, rows, share, complete=begins["pages"] <= most)


async def _sampled(
    connection: Connection, now: Instant, until: Instant, share: float, marketplace: str | None
) -> Sequence[asyncpg.Record]:
    if marketplace is None:
        return await connection.fetch(OF_ALL, now, until, share)
    return await connection.fetch(OF_MARKETPLACE, now, until, share, marketplace)


def _told(now: Instant, until: Instant, rows: Sequence[asyncpg.Record], share: float, *, complete: bool) -> Forecast:
    found = {row["at"]: round(row["firings"] * 100 / share) for row in rows}
    at, hours = Instant.of(now.replace(minute=0, second=0, microsecond=0)), list[HourAhead]()
    while at < until:
        hours.append(HourAhead(at=at, firings=found.get(at, 0)))
        at = Instant.of(at + HOUR)
    return Forecast(
        begins_at=now, ends_at=until, complete=complete, counted_percent=round(share, 3), hours=tuple(hours)
    )
