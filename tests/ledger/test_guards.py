"""What keeps the record from being edited is in force, or the audit says what is not."""

from __future__ import annotations

import asyncpg
import pytest

from case_events.ledger.audit.guards import GUARDED, unguarded
from case_events.ledger.database import Ledger

TRIGGERS = """
SELECT c.relname AS name, array_agg(t.tgname::text ORDER BY t.tgname) AS triggers
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname = 'refuse_change' AND c.relnamespace = 'public'::regnamespace GROUP BY c.relname
"""
OPEN = "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
ONLY_ONE = "CREATE TRIGGER append_only BEFORE DELETE ON feed FOR EACH ROW EXECUTE FUNCTION refuse_change()"
ALL = [f"{table}: {trigger}" for table, triggers in sorted(GUARDED.items()) for trigger in triggers]


async def found(ledger: Ledger) -> list[str]:
    async with ledger.connection() as connection:
        return [one.what for one in await unguarded(connection)]


async def test_every_table_that_is_only_added_to_is_looked_at(superuser: asyncpg.Connection, ledger: Ledger) -> None:
    there = {row["name"]: tuple(row["triggers"]) for row in await superuser.fetch(TRIGGERS)}
    assert there == GUARDED
    assert await found(ledger) == []


@pytest.mark.parametrize(
    ("statements", "unguarded_now"),
    [
        (("ALTER TABLE events DISABLE TRIGGER append_only",), ["events: append_only"]),
        # One that a session which calls itself a replica passes by.
        (("ALTER TABLE feed ENABLE TRIGGER never_truncated",), ["feed: never_truncated"]),
        (("DROP TRIGGER append_only ON credit_marks",), ["credit_marks: append_only"]),
        (("DROP TRIGGER append_only ON feed", ONLY_ONE), ["feed: append_only"]),
        ((OPEN,), ALL),
        (("GRANT UPDATE (payload) ON events TO caselog_app",), ["events: caselog_app may UPDATE"]),
        (
            ("GRANT DELETE, TRUNCATE ON feed TO caselog_scheduler",),
            ["feed: caselog_scheduler may DELETE", "feed: caselog_scheduler may TRUNCATE"],
        ),
    ],
)
async def test_what_is_no_longer_guarded_is_named(
    superuser: asyncpg.Connection, statements: tuple[str, ...], unguarded_now: list[str]
) -> None:
    changes = superuser.transaction()
    await changes.start()
    try:
        for statement in statements:
            await superuser.execute(statement)
        whats = [one.what for one in await unguarded(superuser)]
    finally:
        await changes.rollback()
    short = [one.replace(" is not guarded", "").replace("its trigger ", "") for one in whats]
    assert [one.removesuffix(" is not in force") for one in short] == unguarded_now
