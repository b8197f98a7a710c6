"""What may be written over what is kept, and where verification says that something is wrong."""

from __future__ import annotations

VICTIM = "appealed"
"""filed, merchant_replied, intervention_requested, ruled, appealed, ruled, remedied, closed."""
LAST = 8

PAYLOAD = "the payload is not the one that was hashed"
CHAIN = "the chain is broken"
BACK = "recorded before the event before it"
REPLAY = "cannot be replayed"
HEAD = "the stream's head is not its last event"
ROW = "the row in cases is not the fold of the events"
CLOCKS = "the rows in deadlines are not the clocks of the fold"
KEYS = "there is not one key for each side"
MARKS = "the rows in credit_marks are not the marks that the event gives"

TAMPERINGS: dict[str, tuple[str, str, set[tuple[int | None, str]]]] = {
    "a letter of a payload": (
        VICTIM,
        (
            "UPDATE events SET payload = set_byte(payload, 20, get_byte(payload, 20) # 1) "
            "WHERE case_id = '$case' AND version = 5"
        ),
        {(5, PAYLOAD), (5, REPLAY)},
    ),
    "the brace that opens a payload": (
        VICTIM,
        (
            "UPDATE events SET payload = set_byte(payload, 0, get_byte(payload, 0) # 1) "
            "WHERE case_id = '$case' AND version = 8"
        ),
        {(8, PAYLOAD), (8, REPLAY)},
    ),
    "a payload with its hash": (
        VICTIM,
        (
            "UPDATE events SET payload = p, payload_hash = sha256(p) FROM (SELECT convert_to(replace(convert_from("
            "payload, 'UTF8'), '12900', '12901'), 'UTF8') AS p FROM events WHERE case_id = '$case' AND version = 6) "
            "AS forged WHERE case_id = '$case' AND version = 6"
        ),
        {(6, CHAIN)},
    ),
    "who did it": (
        VICTIM,
        "UPDATE events SET who = 'platform' WHERE case_id = '$case' AND version = 3",
        {(3, CHAIN)},
    ),
    "whose key it was": (
        VICTIM,
        "UPDATE events SET client = 'another' WHERE case_id = '$case' AND version = 1",
        {(1, CHAIN)},
    ),
    "what is said to have been asked": (
        VICTIM,
        "UPDATE events SET asked = NULL WHERE case_id = '$case' AND version = 2",
        {(2, CHAIN)},
    ),
    "when it is said to have occurred": (
        VICTIM,
        "UPDATE events SET occurred_at = occurred_at - interval '1 us' WHERE case_id = '$case' AND version = 2",
        {(2, CHAIN)},
    ),
    "back-dated": (
        VICTIM,
        "UPDATE events SET recorded_at = recorded_at - interval '1 day' WHERE case_id = '$case' AND version = 4",
        {(4, CHAIN), (4, BACK)},
    ),
    "post-dated": (
        VICTIM,
        "UPDATE events SET recorded_at = recorded_at + interval '1 day' WHERE case_id = '$case' AND version = 4",
        {(4, CHAIN), (5, BACK)},
    ),
    "the last event gone": (
        VICTIM,
        "DELETE FROM events WHERE case_id = '$case' AND version = 8",
        {(7, HEAD), (7, ROW), (7, "the complaint is open, and reserved 0 times")},
    ),
    "a middle event gone": (
        VICTIM,
        "DELETE FROM events WHERE case_id = '$case' AND version = 2",
        {(2, "version 2 is missing")},
    ),
    "the first event gone": (
        VICTIM,
        "DELETE FROM events WHERE case_id = '$case' AND version = 1",
        {(1, "version 1 is missing"), (2, REPLAY)},
    ),
    "the ruling gone on which the rest stands": (
        "ruled",
        "DELETE FROM events WHERE case_id = '$case' AND version = 4",
        {(4, "version 4 is missing"), (5, REPLAY)},
    ),
    "a head moved": (
        VICTIM,
        "UPDATE streams SET head_hash = set_byte(head_hash, 0, get_byte(head_hash, 0) # 1) WHERE case_id = '$case'",
        {(LAST, HEAD)},
    ),
    "a head's version": (VICTIM, "UPDATE streams SET version = version + 1 WHERE case_id = '$case'", {(LAST, HEAD)}),
    "a head's time": (
        VICTIM,
        "UPDATE streams SET recorded_at = recorded_at + interval '1 us' WHERE case_id = '$case'",
        {(LAST, HEAD)},
    ),
    "a status in the lists": (
        VICTIM,
        "UPDATE cases SET status = 'under_review' WHERE case_id = '$case'",
        {(LAST, f"{ROW}: status")},
    ),
    "an amount in the lists": (
        VICTIM,
        "UPDATE cases SET amount = amount + 1 WHERE case_id = '$case'",
        {(LAST, f"{ROW}: amount")},
    ),
    "a case gone from the lists": (
        VICTIM,
        "DELETE FROM cases WHERE case_id = '$case'",
        {(LAST, f"{ROW}: there is none")},
    ),
    "a deadline moved": (
        "live",
        "UPDATE deadlines SET due_at = due_at + interval '1 us' WHERE case_id = '$case'",
        {(3, CLOCKS)},
    ),
    "a deadline gone": ("live", "DELETE FROM deadlines WHERE case_id = '$case'", {(3, CLOCKS)}),
    "a deadline too many": (
        "live",
        (
            "INSERT INTO deadlines SELECT case_id, 'appeal', 'both', 3, due_at, next_try_at, false, false, NULL "
            "FROM deadlines WHERE case_id = '$case'"
        ),
        {(3, CLOCKS)},
    ),
    "a key gone": (
        VICTIM,
        "DELETE FROM subject_keys WHERE case_id = '$case' AND side = 'respondent'",
        {(None, f"{KEYS}: complainant"), (1, REPLAY)},
    ),
    "a key too many": (
        VICTIM,
        (
            "INSERT INTO subject_keys (key_id, case_id, side, wrapped) "
            "SELECT gen_random_uuid(), case_id, side, wrapped FROM subject_keys "
            "WHERE case_id = '$case' AND side = 'respondent'"
        ),
        {(None, f"{KEYS}: complainant, respondent, respondent")},
    ),
    "a bit of a key": (
        VICTIM,
        (
            "UPDATE subject_keys SET wrapped = set_byte(wrapped, 9, get_byte(wrapped, 9) # 1) "
            "WHERE case_id = '$case' AND side = 'respondent'"
        ),
        {(1, f"{REPLAY}: key")},
    ),
    "another case's key": (
        VICTIM,
        (
            "UPDATE subject_keys k SET wrapped = o.wrapped FROM subject_keys o "
            "WHERE k.case_id = '$case' AND k.side = 'complainant' AND o.side = k.side AND o.case_id = "
            "(SELECT min(case_id::text)::uuid FROM streams WHERE case_id <> '$case')"
        ),
        {(1, REPLAY)},
    ),
    "a key destroyed without an erasure": (
        VICTIM,
        "UPDATE subject_keys SET wrapped = NULL, erased_at = now() WHERE case_id = '$case' AND side = 'complainant'",
        {(LAST, f"{ROW}: complainant_id"), (LAST, "the complainant's key was destroyed, and no event says so")},
    ),
    "the number of a key": (
        VICTIM,
        "UPDATE subject_keys SET key_id = gen_random_uuid() WHERE case_id = '$case' AND side = 'complainant'",
        {(1, f"{REPLAY}: ")},
    ),
    "a reservation gone": (
        "live",
        "DELETE FROM open_complaints WHERE case_id = '$case'",
        {(3, "the complaint is open, and reserved 0 times")},
    ),
    "a reservation of what is closed": (
        VICTIM,
        "INSERT INTO open_complaints (reservation, case_id) VALUES (sha256('x'), '$case')",
        {(LAST, "the complaint is closed, and still reserved")},
    ),
    "a reservation of something else": (
        "live",
        "UPDATE open_complaints SET reservation = sha256('x') WHERE case_id = '$case'",
        {(3, "the complaint is reserved under another one's digest")},
    ),
    "a mark nobody gave": (
        "ruled",
        (
            "INSERT INTO credit_marks (case_id, version, complainant, at, given) "
            "VALUES ('$case', 4, sha256('x'), now(), true)"
        ),
        {(4, MARKS)},
    ),
    "a mark gone": ("malicious", "DELETE FROM credit_marks WHERE case_id = '$case'", {(2, MARKS)}),
    "a mark of somebody else": (
        "malicious",
        "UPDATE credit_marks SET complainant = sha256('x') WHERE case_id = '$case'",
        {(2, MARKS)},
    ),
    "an instant beyond every calendar": (
        VICTIM,
        "UPDATE events SET effective_at = 'infinity' WHERE case_id = '$case' AND version = 3",
        {(3, CHAIN)},
    ),
    "an instant of a list beyond every calendar": (
        "live",
        "UPDATE cases SET closed_at = '-infinity' WHERE case_id = '$case'",
        {(3, f"{ROW}: closed_at")},
    ),
    "a deadline that never comes": (
        "live",
        "UPDATE deadlines SET due_at = 'infinity' WHERE case_id = '$case'",
        {(3, CLOCKS)},
    ),
    "a payload too deep to read": (
        VICTIM,
        "UPDATE events SET payload = convert_to(repeat('[', 9000), 'UTF8') WHERE case_id = '$case' AND version = 4",
        {(4, PAYLOAD), (4, REPLAY)},
    ),
}

ALTERED = {
    "event_id": "gen_random_uuid()",
    "type": "reverse(type)",
    "schema": "schema + 1",
    "occurred_at": "occurred_at + interval '1 us'",
    "effective_at": "effective_at - interval '1 us'",
    "recorded_at": "recorded_at + interval '1 us'",
    "who": "CASE who WHEN 'platform' THEN 'complainant' ELSE 'platform' END",
    "agent": '\'", "client": "\'',
    "client": "client || ' '",
    "correlation": "gen_random_uuid()",
    "causation": "gen_random_uuid()",
    "asked": "sha256('x')",
    "payload": "payload || ' '",
    "payload_hash": "sha256('x')",
    "hash": "sha256('x')",
}
"""What a superuser may write over each column of ``events``."""
PLACE = {"case_id", "version"}
"""Where an event stands: to change it moves the event, which leaves a gap, and is tried below."""
UNHASHED = {"tx", "seq"}
"""What only the sequencer uses, until it has given the event its position."""
