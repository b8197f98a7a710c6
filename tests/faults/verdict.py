"""The verdict: what the events themselves say, read by SQL; no counter of ours has a word in it.

Of each case: every deadline fired at most once, none before its instant or after it had been moved or met, each window
has one outcome, no version is missing; and whatever a writer was told is there, once. Then the chain, the rows that
are rebuilt from the events, and the feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import asyncpg

from case_events.core.values import Value
from case_events.ledger.audit import audit
from tests.faults.diary import Told
from tests.faults.stage import Stage
from tests.faults.watching import Seen
from tests.ledger.recording import faults

BATCH = 5_000
SHOWN = 5

READ = """
CREATE TEMP TABLE said AS
SELECT case_id, version, event_id, type, who, recorded_at, asked, convert_from(payload, 'UTF8')::jsonb AS payload
FROM events;
CREATE UNIQUE INDEX ON said (case_id, version);
CREATE TEMP TABLE promised AS
SELECT case_id, version AS set_by, c->>'kind' AS kind, c->>'party' AS party, (c->>'due_at')::timestamptz AS due_at
FROM said, jsonb_array_elements(CASE jsonb_typeof(payload->'clocks') WHEN 'array' THEN payload->'clocks' END) AS c;
CREATE INDEX ON promised (case_id, kind, party, set_by);
CREATE TEMP TABLE timeouts AS
SELECT case_id, version, type, recorded_at, payload->>'kind' AS kind, payload->>'party' AS party,
    (payload->>'set_by')::integer AS set_by, (payload->>'due_at')::timestamptz AS due_at
FROM said WHERE who = 'scheduler' AND payload ? 'set_by';
CREATE TEMP TABLE watched (number integer, watermark timestamptz, at timestamptz);
CREATE TEMP TABLE told (case_id uuid, version integer, event_id uuid, key text);
ANALYZE said, promised, timeouts;
"""
DUPLICATES = {
    "a deadline fired more than once": """
        SELECT case_id, kind, party, set_by, count(*) - 1 AS n FROM timeouts
        GROUP BY case_id, kind, party, set_by HAVING count(*) > 1
    """,
    "a window has two outcomes: an answer and its absence": """
        SELECT case_id, count(DISTINCT type) - 1 AS n FROM said
        WHERE type IN ('merchant_replied', 'merchant_response_timed_out')
        GROUP BY case_id HAVING count(DISTINCT type) > 1
    """,
    "what was asked under one key was recorded more than once": """
        SELECT min(case_id::text) AS case_id, count(*) - 1 AS n FROM said WHERE asked IS NOT NULL
        GROUP BY asked HAVING count(*) > 1
    """,
}
EARLY = {
    "fired at or before its instant": "SELECT case_id, version, 1 AS n FROM timeouts WHERE recorded_at <= due_at",
    "fired although it had been moved": """
        SELECT t.case_id, t.version, 1 AS n FROM timeouts t LEFT JOIN LATERAL (
            SELECT set_by, due_at FROM promised p
            WHERE (p.case_id, p.kind, p.party) = (t.case_id, t.kind, t.party) AND p.set_by < t.version
            ORDER BY set_by DESC LIMIT 1
        ) AS p ON true
        WHERE (p.set_by, p.due_at) IS DISTINCT FROM (t.set_by, t.due_at)
    """,
    "fired although it had been met": """
        SELECT t.case_id, t.version, count(DISTINCT t.version) AS n FROM timeouts t JOIN said s USING (case_id)
        WHERE s.version > t.set_by AND s.version < t.version AND (
            (t.kind, s.type) IN (('response', 'merchant_replied'), ('appeal', 'appealed'), ('response', 'withdrawn'))
            OR s.type = 'closed'
        ) GROUP BY t.case_id, t.version
    """,
}
LATE = {
    "answered or appealed after the window and accepted": """
        SELECT a.case_id, a.version, 1 AS n FROM (
            SELECT DISTINCT ON (case_id, type) *, CASE type WHEN 'appealed' THEN 'appeal' ELSE 'response' END AS kind
            FROM said WHERE type IN ('appealed', 'merchant_replied') ORDER BY case_id, type, version
        ) AS a JOIN LATERAL (
            SELECT due_at FROM promised p WHERE (p.case_id, p.kind) = (a.case_id, a.kind) AND p.set_by < a.version
            ORDER BY set_by DESC LIMIT 1
        ) AS p ON a.recorded_at > p.due_at
    """,
}
LOST = {
    "acknowledged and not recorded": """
        SELECT t.case_id, t.version, t.key, 1 AS n FROM told t LEFT JOIN said s USING (case_id, version, event_id)
        WHERE s.case_id IS NULL
    """,
    "the respondent's window is over and has no outcome": """
        SELECT case_id, 1 AS n FROM promised p WHERE kind = 'response'
        GROUP BY case_id HAVING max(due_at) < clock_timestamp() - interval '2 seconds' AND NOT EXISTS (
            SELECT FROM said s WHERE s.case_id = p.case_id AND s.type = ANY (
                '{merchant_replied,merchant_response_timed_out,withdrawn,settled,dismissed,closed,ruled}')
        )
    """,
    "what the last event promised is over, and nothing followed": """
        SELECT p.case_id, 1 AS n FROM promised p JOIN streams s ON s.case_id = p.case_id AND s.version = p.set_by
        WHERE p.due_at < clock_timestamp() - interval '2 seconds'
    """,
    "a deadline is overdue": """
        SELECT case_id, kind, 1 AS n FROM deadlines
        WHERE due_at < clock_timestamp() - interval '2 seconds' AND NOT provisional
    """,
}
BREACHES = {
    "the watermark went backward": """
        SELECT a.at, a.watermark, 1 AS n FROM watched a JOIN watched b ON b.number = a.number + 1
        WHERE b.watermark < a.watermark
    """,
    "written although the watermark had gone past it": """
        SELECT t.case_id, t.version, 1 AS n FROM timeouts t JOIN LATERAL (
            SELECT watermark FROM watched w WHERE w.at < t.recorded_at ORDER BY w.at DESC LIMIT 1
        ) AS w ON t.due_at < w.watermark
    """,
}
GAPS = {
    "versions are not 1 to n": """
        SELECT case_id, 1 AS n FROM streams s FULL JOIN (
            SELECT case_id, count(*) AS events, min(version) AS first, max(version) AS last FROM events GROUP BY case_id
        ) AS e USING (case_id)
        WHERE (s.version, 1, s.version) IS DISTINCT FROM (e.events, e.first, e.last)
    """,
    "an event has more than one position in the feed": """
        SELECT case_id, version, count(*) - 1 AS n FROM feed GROUP BY case_id, version HAVING count(*) > 1
    """,
}
COUNTS = """
SELECT (SELECT count(*) FROM streams) AS cases, (SELECT count(*) FROM events) AS events,
    (SELECT count(*) FROM timeouts) AS timeouts,
    (SELECT coalesce(sum(deadlocks), 0)::bigint FROM pg_stat_database) AS deadlocks
"""


NONE_OF = ("duplicates", "lost", "early", "late", "breaches", "gaps", "deadlocks")
"""What there must be none of."""


class Verdict(Value, frozen=True, kw_only=True):
    """What there was, and what was wrong with it; ``found``: in words, with the first few of each.

    ``looks``: how often the watermark was seen; ``breaches``: of what it promised.
    """

    cases: int
    events: int
    timeouts: int
    acknowledged: int
    looks: int
    duplicates: int
    lost: int
    early: int
    late: int
    breaches: int
    gaps: int
    deadlocks: int
    found: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not any(getattr(self, name) for name in NONE_OF)


async def judge(stage: Stage, told: Iterable[Told], watched: Sequence[Seen] = (), *, audited: bool = True) -> Verdict:
    """Judge what is recorded, when everything has come to rest; ``audited``: with all that an audit verifies."""
    found: list[str] = []
    async with stage.session() as session:
        await session.execute(READ)
        acknowledged = await _remember(session, told)
        await session.copy_records_to_table("watched", records=[(number, *seen) for number, seen in enumerate(watched)])
        await session.execute("CREATE INDEX ON watched (at); CREATE INDEX ON watched (number); ANALYZE watched")
        duplicates = await _count(session, DUPLICATES, found)
        lost = await _count(session, LOST, found)
        early = await _count(session, EARLY, found)
        late = await _count(session, LATE, found)
        breaches = await _count(session, BREACHES, found)
        gaps = await _count(session, GAPS, found)
        for what, count in (await faults(session)).items():
            gaps += abs(count)
            found += [f"{count} of the feed: {what}"] if count else []
        counts = await session.fetchrow(COUNTS)
        assert counts is not None, "a row of counts"
    gaps += await _unproved(stage, found) if audited else 0
    return Verdict(
        cases=counts["cases"],
        events=counts["events"],
        timeouts=counts["timeouts"],
        acknowledged=acknowledged,
        duplicates=duplicates,
        lost=lost,
        early=early,
        late=late,
        breaches=breaches,
        looks=len(watched),
        gaps=gaps,
        deadlocks=max(counts["deadlocks"], stage.deadlocks_logged()),
        found=tuple(found),
    )


async def _remember(session: asyncpg.Connection, told: Iterable[Told]) -> int:
    rows = [(one.case, version, event, one.key) for one in told for version, event in one.recorded]
    for start in range(0, len(rows), BATCH):
        await session.copy_records_to_table("told", records=rows[start : start + BATCH])
    await session.execute("ANALYZE told")
    return len(rows)


async def _count(session: asyncpg.Connection, queries: Mapping[str, str], found: list[str]) -> int:
    """How often it happened, in all; the first few of each kind are told."""
    count = 0
    for what, query in queries.items():
        rows = await session.fetch(query)
        if rows:
            n = sum(row["n"] for row in rows)
            found.append(f"{n} times: {what}, such as {[dict(row) for row in rows[:SHOWN]]}")
            count += n
    return count


async def _unproved(stage: Stage, found: list[str]) -> int:
    """What ``caselog audit verify`` finds: in the chain, in the rows rebuilt from it, in the feed."""
    async with stage.ledger() as ledger:
        verdict = await audit.verify(ledger)
    found += [f"audit: {one}" for one in verdict.findings[:SHOWN]]
    return len(verdict.findings) + verdict.more
