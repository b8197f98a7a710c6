"""The one statement that reads cases to judge them: what happened since each was last read, and who judges it when.

It is told which version of a case the reader knows, and the hash of that version's event; where the case has another
there, or the reader knows none, it gives the whole case.
"""

from __future__ import annotations

from case_events.ledger.codec import RECORDED

FIRST = "(e.version IS NULL OR e.version = coalesce(known.version, 0) + 1)"
"""The row that says once what is the same for the whole case; it has no event where nothing happened since."""
HASHES = slice(len(RECORDED), len(RECORDED) + 2)
"""Where in a row stand the hash of the payload and that of the event."""
LOAD = f"""
SELECT s.case_id, {", ".join(f"e.{name}" for name in RECORDED[1:])}, e.payload_hash, e.hash,
    coalesce(known.version, 0) AS known,
    CASE WHEN {FIRST} THEN s.head_hash END AS head_hash,
    CASE WHEN {FIRST} THEN s.recorded_at END AS head_recorded_at,
    CASE WHEN {FIRST} THEN (SELECT clock_timestamp()) END AS now,
    CASE WHEN {FIRST} THEN (
        SELECT array_agg(ROW (k.key_id, k.side, k.wrapped)) FROM subject_keys k WHERE k.case_id = s.case_id
    ) END AS keys,
    CASE WHEN {FIRST} THEN (
        SELECT t.at FROM test_clocks t
        WHERE t.id = (SELECT c.test_clock FROM cases c WHERE c.case_id = s.case_id) AND t.deleted_at IS NULL
    ) END AS clock_at
FROM unnest($1::uuid[], $2::integer[], $3::bytea[]) AS asked (case_id, version, hash)
JOIN streams s USING (case_id)
LEFT JOIN LATERAL (
    SELECT k.version FROM events k
    WHERE k.case_id = s.case_id AND k.version = asked.version AND k.hash = asked.hash
    OFFSET 0 -- else the index is asked for the case alone, and all its events are read
) AS known ON true
LEFT JOIN LATERAL (
    SELECT * FROM events f WHERE f.case_id = s.case_id AND f.version > coalesce(known.version, 0) OFFSET 0
) AS e ON true
ORDER BY s.case_id, e.version
"""
