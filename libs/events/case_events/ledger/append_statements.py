"""The one statement that writes: of filings, or of steps, of any number of cases; made from the columns there are.

It locks each stream's row first, in case_id order, and goes on with those cases only whose version is still the one
that was judged, and whose judgement is fresh: ``won``. It waits for no row: who holds one is about to move it, and
nobody's neighbours wait with it.
"""

from __future__ import annotations

from case_events.ledger import locks
from case_events.ledger.read_models import CASE_COLUMNS, DEADLINE_COLUMNS

FRESH_S = 5
"""A judgement older than this is not written: the world may have moved on while we were stopped."""
FRESH = f"clock_timestamp() < a.recorded_at + interval '{FRESH_S} seconds'"
DUE_CHANNEL = "caselog_due"
"""Where the schedulers listen for a deadline that is due before they would look again by themselves."""

MOVING = (
    "case_id",
    "version",
    "stage",
    "status",
    "outcome",
    "department",
    "assignee",
    "priority",
    "amount",
    "updated_at",
    "closed_at",
    "next_due_at",
    "group_id",
    "interventions",
)
"""What of a listed case a step may change; the rest stands in its filing."""
EVENT_COLUMNS = (
    *("case_id", "version", "event_id", "occurred_at", "effective_at", "recorded_at", "who", "agent", "client"),
    *("correlation", "causation", "asked", "type", "schema", "payload", "payload_hash", "hash"),
)
ENVELOPE = EVENT_COLUMNS.index("type")
"""So many of them are the event's envelope; the others are how it is stored."""
STARTED = (*DEADLINE_COLUMNS, "next_try_at")
STOPPED = ("case_id", "kind", "party", "set_by")
KEYS = ("case_id", "key_id", "side", "wrapped")
CLOCKED = ("clock", "stood_at", "fires")
"""The test clock of a case, where it stood when the step was judged (null: what it wrote does not depend on that), and
whether a scheduler fires it."""
GIVEN = {
    "filed_case": (*CASE_COLUMNS, "head_hash", "recorded_at", "reserve", *CLOCKED),
    "moved_case": (*MOVING, "head_hash", "recorded_at", "expected", *CLOCKED),
    "new_event": EVENT_COLUMNS,
    "started_deadline": STARTED,
    "stopped_deadline": STOPPED,
    "new_key": KEYS,
}
"""What the statement is given, each an array of a type of the database with these fields in this order (migration
0007): an array for each field instead costs the client and Postgres half as much again (measured)."""

OPEN = f"""won AS (
    INSERT INTO streams (case_id, version, head_hash, recorded_at)
    SELECT case_id, version, head_hash, recorded_at FROM asked a WHERE {FRESH} ORDER BY case_id
    ON CONFLICT DO NOTHING RETURNING case_id
)"""
MOVE = f"""locked AS MATERIALIZED (
    SELECT a.* FROM streams s JOIN asked a USING (case_id)
    WHERE s.version = a.expected ORDER BY s.case_id FOR UPDATE OF s SKIP LOCKED
),
moved AS (
    UPDATE streams s SET version = a.version, head_hash = a.head_hash, recorded_at = a.recorded_at
    FROM locked a
    WHERE s.case_id = a.case_id AND s.version = a.expected AND {FRESH}
    RETURNING a.*
),
won AS (SELECT case_id FROM moved)"""
"""What is listed comes with what was moved: given as arrays of its own, the planner, who expects few of them, looked
through all of them again for each case."""
HOLD_CLOCK = f"""
SELECT pg_advisory_xact_lock_shared({locks.CLOCK}, hashtext(clock::text))
FROM (SELECT coalesce($2::uuid, (SELECT test_clock FROM cases WHERE case_id = $1)) AS clock) AS its
WHERE clock IS NOT NULL
"""
"""Who has its turn at a case waits for whoever moves the case's clock; $2: the clock of a filing."""
STANDING = """standing AS MATERIALIZED (
    SELECT clock, stood_at, fires FROM (SELECT DISTINCT clock, stood_at, fires FROM asked) AS judged
    WHERE clock_stands(clock, stood_at, fires)
),
"""
STANDS = """ AND (a.clock IS NULL OR EXISTS (
        SELECT FROM standing g WHERE (g.clock, g.fires) = (a.clock, a.fires)
            AND g.stood_at IS NOT DISTINCT FROM a.stood_at
    ))"""
"""A step under a test clock is written only while the clock stands where it stood when the step was judged."""
PATIENCE_MS = 200
PATIENCE = f", set_config('lock_timeout', '{PATIENCE_MS}ms', true)"
"""A filing waits no longer than this for somebody who files the same and is not done yet, such as a dry run of an
import: those who are written with it have nothing to do with that."""
BY_CASE, BY_INSTANT = "case_id, version", "effective_at, case_id, version"
"""In which order events get their places in the feed; those of a test clock as they took effect."""
ONLY_FILINGS = """,
keyed AS (
    INSERT INTO subject_keys ({keys}) SELECT {keys} FROM unnest($4::new_key[]) JOIN won USING (case_id)
),
reserved AS (
    INSERT INTO open_complaints (reservation, case_id)
    SELECT reserve, case_id FROM asked JOIN won USING (case_id) WHERE reserve IS NOT NULL
)"""
ONLY_STEPS = """,
stopped AS (
    DELETE FROM deadlines d USING unnest($4::stopped_deadline[]) t JOIN won USING (case_id)
    WHERE (d.case_id, d.kind, d.party, d.set_by) = (t.case_id, t.kind, t.party, t.set_by)
),
released AS (
    DELETE FROM open_complaints o USING moved m WHERE m.stage = 'closed' AND o.case_id = m.case_id
)"""
LIST = "INSERT INTO cases ({cases}) SELECT {cases} FROM asked JOIN won USING (case_id)"
LIST_AGAIN = "UPDATE cases c SET {cases_moved} FROM moved m WHERE c.case_id = m.case_id"
WRITE = """
WITH asked AS (SELECT a.* FROM unnest($1::{asked}[]) AS a{patience}),
{win},
written AS (
    INSERT INTO events ({events}) SELECT {events} FROM unnest($2::new_event[]) JOIN won USING (case_id)
    ORDER BY {order}
),
listed AS (
    {list_it}
),
started AS (
    INSERT INTO deadlines ({started})
    SELECT {started} FROM unnest($3::started_deadline[]) JOIN won USING (case_id)
){more}
SELECT case_id, CASE WHEN $5::boolean THEN pg_notify('{channel}', '') END FROM won
"""


def _append_sql(*, filing: bool, clocked: bool = False) -> str:
    """The one statement that writes: of filings, or of steps. A login needs rights only for what its kind names.

    ``clocked``: some of the cases go by a test clock; live ones pay nothing for what those need.
    """
    win = OPEN if filing else MOVE
    if clocked:
        win = STANDING + win.replace(FRESH, FRESH + STANDS)
    words = {
        "cases": ", ".join(CASE_COLUMNS),
        "cases_moved": ", ".join(f"{name} = m.{name}" for name in MOVING if name != "case_id"),
        "events": ", ".join(EVENT_COLUMNS),
        "started": ", ".join(STARTED),
        "keys": ", ".join(KEYS),
    }
    return WRITE.format(
        **words,
        asked="filed_case" if filing else "moved_case",
        patience=PATIENCE if filing else "",
        win=win,
        order=BY_INSTANT if clocked else BY_CASE,
        list_it=(LIST if filing else LIST_AGAIN).format(**words),
        more=(ONLY_FILINGS if filing else ONLY_STEPS).format(**words),
        channel=DUE_CHANNEL,
    )


APPEND_FILINGS = _append_sql(filing=True)
APPEND_STEPS = _append_sql(filing=False)
APPEND_FILINGS_CLOCKED = _append_sql(filing=True, clocked=True)
APPEND_STEPS_CLOCKED = _append_sql(filing=False, clocked=True)
