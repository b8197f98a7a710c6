"""A scheduler process in small batches, so that several of them meet often; with the real claim, or with a mutant.

The mutant is the claim everybody writes first: one statement that locks the stream and trusts the deadline row
joined to it. READ COMMITTED reads the locked row again but not the row joined to it, so it may have fired meanwhile.
"""

from __future__ import annotations

import sys

from case_events.ledger.clock import claims
from case_scheduler.clock import pace

SMALL = 5
SLOWLY = "AND (SELECT pg_sleep(0.02)) IS NOT NULL ORDER BY d.next_try_at LIMIT"
"""Between the claim's snapshot and its locks, for the real one and for the mutant: time for others to fire."""
JOINED = """
SELECT d.case_id, d.next_try_at, NULL::timestamptz AS again_at FROM deadlines d JOIN streams s USING (case_id)
WHERE d.test_clock IS NULL AND NOT d.provisional AND d.next_try_at < now() AND ($2::uuid IS NULL OR d.case_id = $2)
    AND clock_timestamp() <= $3 AND d.next_try_at >= $4
ORDER BY d.next_try_at LIMIT $1 FOR UPDATE OF s SKIP LOCKED
"""

if __name__ == "__main__":
    pace.FIRST = pace.LARGEST = SMALL
    claim = JOINED if sys.argv[1] == "joined" else claims.CLAIM_LIVE
    assert claim.count("ORDER BY d.next_try_at LIMIT") == 1
    claims.CLAIM_LIVE = claim.replace("ORDER BY d.next_try_at LIMIT", SLOWLY)
    from case_scheduler.__main__ import main

    main()
