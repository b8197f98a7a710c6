"""Is what keeps the record from being edited in force: the triggers, for everybody, and what the services may not?"""

from __future__ import annotations

from case_events.ledger.audit.verifying import Finding
from case_events.ledger.connection import Connection

APPEND_ONLY, NEVER_TRUNCATED = "append_only", "never_truncated"
RECORD = ("events", "feed", "credit_marks", "tree_nodes", "checkpoints")
GUARDED = {
    **dict.fromkeys(RECORD, (APPEND_ONLY, NEVER_TRUNCATED)),
    **dict.fromkeys(("outages", "journal", "calendars"), (APPEND_ONLY,)),
}
"""Each table that is only added to, and its triggers."""
SERVICES = ("caselog_app", "caselog_scheduler")
REFUSING = bytes.fromhex("07f111e0a32a97e4d5ecd995ce410a33de5a576cd369d357aecc7116581547b1")
"""SHA-256 of the source of what the triggers run, ``refuse_change`` (migration 0001): another may let anything pass."""

# Before each row that is changed or deleted, or before a truncation; and ALWAYS, so that a session that calls itself a
# replica does not pass by.
TRIGGERS = """
SELECT c.relname AS name, t.tgname AS trigger FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE pg_table_is_visible(c.oid) AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr = ''
    AND t.tgtype = CASE t.tgname WHEN 'append_only' THEN 27 ELSE 34 END
    AND sha256(convert_to(p.prosrc, 'UTF8')) = $1
"""
ALLOWED = """
SELECT r.rolname AS login, name, privilege
FROM pg_roles r, unnest($2::text[]) AS name, unnest('{UPDATE,DELETE,TRUNCATE}'::text[]) AS privilege
WHERE r.rolname = ANY ($1::text[]) AND CASE privilege
    WHEN 'UPDATE' THEN has_any_column_privilege(r.oid, name, privilege)
    ELSE has_table_privilege(r.oid, name, privilege)
END
ORDER BY login, name, privilege
"""


async def unguarded(connection: Connection) -> list[Finding]:
    """What of the record could be edited now: a trigger that is not in force, or something a service may do."""
    there = {(row["name"], row["trigger"]) for row in await connection.fetch(TRIGGERS, REFUSING)}
    wanted = {(table, trigger) for table, triggers in GUARDED.items() for trigger in triggers}
    found = [f"{table} is not guarded: its trigger {name} is not in force" for table, name in sorted(wanted - there)]
    for login, table, privilege in await connection.fetch(ALLOWED, list(SERVICES), list(RECORD)):
        found.append(f"{table} is not guarded: {login} may {privilege}")
    return [Finding(case_id=None, version=None, what=what) for what in found]
