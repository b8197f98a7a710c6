"""What is due: the statements that claim it, put it off, and look ahead of it."""

from __future__ import annotations

from case_events.ledger.locks import CLOCK_TURN

BACK_OFF_S_MAX = 3600
HELD_S = 30
"""What a hold holds is looked at again so much later; a released hold's deadlines fire no later than that."""
BUSY_S = 5
"""The same for a case of which somebody else holds a row that firing would change."""
PATIENCE_MS, HURRIED_MS = 200, 20
"""How long a pass waits for somebody who holds such a row; and each of its halves, while it finds which case it is."""

HOLDING = """
WITH holding AS MATERIALIZED (
    SELECT marketplace, merchant, kind, until FROM holds WHERE released_at IS NULL AND (until IS NULL OR until > now())
)
"""
HELD = f"""(
    SELECT least(now() + interval '{HELD_S} s', max(coalesce(h.until, 'infinity'))) FROM holding h
    WHERE (h.kind IS NULL OR EXISTS (
            SELECT FROM deadlines k
            WHERE k.case_id = d.case_id AND k.kind = h.kind AND NOT k.provisional AND k.due_at < now()))
        AND ((h.marketplace IS NULL AND h.merchant IS NULL) OR EXISTS (
            SELECT FROM cases c WHERE c.case_id = d.case_id AND (h.marketplace IS NULL OR c.marketplace = h.marketplace)
                AND (h.merchant IS NULL OR (c.respondent_role = 'merchant' AND c.respondent_id = h.merchant))))
    HAVING count(*) > 0
)"""
"""When a held case is looked at again; null where no hold holds it. One held clock holds its case: legal order."""
LIVE = """
WHERE d.test_clock IS NULL AND NOT d.provisional AND d.next_try_at < now() AND d.next_try_at >= $4
    AND clock_timestamp() <= $3
    AND NOT EXISTS (
        SELECT FROM deadlines e
        WHERE e.case_id = d.case_id AND NOT e.provisional
            AND (e.next_try_at, e.kind, e.party, e.set_by) < (d.next_try_at, d.kind, d.party, d.set_by)
    )
"""
FIRST_TRIED = "ORDER BY d.next_try_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED"
# A claim's arguments: how many, of which cases, the instant beyond which the database's clock is not believed, and
# the earliest instant of trying that is looked for.
CLAIM_LIVE = f"""{HOLDING}
SELECT d.case_id, d.next_try_at, {HELD} AS again_at FROM deadlines d
{LIVE} AND ($2::uuid IS NULL OR d.case_id = $2) {FIRST_TRIED}
"""
CLAIM_AMONG = f"""{HOLDING}
SELECT d.case_id, d.next_try_at, {HELD} AS again_at FROM deadlines d
{LIVE} AND d.case_id = ANY($2::uuid[]) {FIRST_TRIED}
"""
"""The same among cases that are named."""
CLOCKS_MAX = 20
"""Test clocks in one pass, any of those that wait, and no more than cases; each gets the same share of it."""
SLICE_H = 120
"""So much of a test clock's time one pass fires at most: it reads each case once, and does not write for too long."""
NEXT_OF_CASE = """NOT EXISTS (
    SELECT FROM deadlines e
    WHERE e.case_id = d.case_id AND NOT e.provisional
        AND (e.due_at, e.kind, e.party, e.set_by) < (d.due_at, d.kind, d.party, d.set_by)
)"""
"""Nothing else of the case comes before it, and so nothing either that failed and is tried later."""
CLAIM_CLOCKED = f"""
WITH waiting AS MATERIALIZED (
    SELECT t.id, least(t.at, first.due_at + interval '{SLICE_H} hours') AS until FROM test_clocks t
    CROSS JOIN LATERAL (
        SELECT d.due_at FROM deadlines d
        WHERE d.test_clock = t.id AND NOT d.provisional AND d.due_at < t.at AND d.next_try_at < now()
            AND ($2::uuid IS NULL OR d.case_id = $2) AND {NEXT_OF_CASE}
        ORDER BY d.due_at LIMIT 1
    ) AS first
    WHERE t.frozen_at IS NULL AND t.deleted_at IS NULL
    ORDER BY random() LIMIT least($1, {CLOCKS_MAX})
),
ours AS MATERIALIZED (
    SELECT id, until, count(*) OVER () AS clocks FROM waiting
    WHERE pg_try_advisory_xact_lock({CLOCK_TURN}, hashtext(id::text))
)
SELECT d.case_id, d.next_try_at, NULL::timestamptz AS again_at, t.id AS test_clock, d.due_at
FROM ours t CROSS JOIN LATERAL (
    SELECT d.case_id, d.next_try_at, d.due_at FROM deadlines d
    WHERE d.test_clock = t.id AND NOT d.provisional AND d.due_at < t.until
        AND d.next_try_at < now() AND d.next_try_at >= $4 AND clock_timestamp() <= $3
        AND ($2::uuid IS NULL OR d.case_id = $2)
        AND {NEXT_OF_CASE}
    ORDER BY d.due_at LIMIT greatest($1 / t.clocks, 1) FOR UPDATE OF d SKIP LOCKED
) AS d
ORDER BY d.due_at
"""
"""No hold holds these: whoever tests has a clock to freeze."""

IN_TURN = "LOCK TABLE streams IN ROW SHARE MODE"
"""Before the claim: whoever writes comes to ``streams`` first, so that a switch of the tables can hold all of them."""
OLDEST_FIRST = "SET LOCAL enable_bitmapscan = off"
"""Before the claim, too: it goes along the index of what is due and stops when it has enough. A bitmap would gather
all that is overdue, and sort it, to find the next two hundred; the plan is made once, when nobody knows how much that
will be."""
LOCK = f"""
SELECT case_id, (SELECT set_config('lock_timeout', '{PATIENCE_MS}ms', true)) AS patience
FROM streams WHERE case_id = ANY($1::uuid[]) ORDER BY case_id FOR UPDATE SKIP LOCKED
"""
"""From here on nobody is waited for long; before it, as long as a session may: a switch of the tables takes a while."""
HURRY = f"SET LOCAL lock_timeout = '{HURRIED_MS}ms'"
TRIED = """
SELECT case_id, kind, party, set_by FROM deadlines d
WHERE case_id = ANY($1::uuid[]) AND NOT provisional AND next_try_at < now() AND (
    test_clock IS NULL OR due_at < (SELECT at FROM test_clocks WHERE id = d.test_clock))
FOR UPDATE SKIP LOCKED
"""
"""What of these cases is due. A row that somebody else holds is left to them: no claim takes it before they let go."""
THESE = "(d.case_id, d.kind, d.party, d.set_by) = (tried.case_id, tried.kind, tried.party, tried.set_by)"
POSTPONE = f"""
UPDATE deadlines d SET attempts = attempts + 1,
    next_try_at = now() + least(power(2, least(attempts, 20)), $2) * interval '1 second'
FROM ({TRIED}) AS tried WHERE {THESE}
"""
PUT_OFF = f"""
UPDATE deadlines d SET next_try_at = put.again_at FROM ({TRIED}) AS tried
JOIN unnest($1::uuid[], $2::timestamptz[]) AS put (case_id, again_at) USING (case_id) WHERE {THESE}
"""
"""Not a failure: nobody counts it."""
AHEAD = """
SELECT extract(epoch FROM min(next_try_at) - clock_timestamp())::float8 AS seconds, clock_timestamp() AS now
FROM deadlines WHERE test_clock IS NULL AND NOT provisional AND next_try_at >= $1
"""
