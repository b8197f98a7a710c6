"""The read models are rebuilt from the events alone, and nothing else comes of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from string import Template
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from case_events.core.values import CaseId, Instant
from case_events.ledger.audit.audit import verify
from case_events.ledger.bulk import held
from case_events.ledger.bulk.importing import record
from case_events.ledger.clock.firing import postpone
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.rebuild import building, rebuilding, shadows
from case_events.ledger.rebuild.differing import MISSING, TOO_MANY, Difference, differences
from case_events.ledger.rebuild.rebuilding import AlreadyRebuilding, Rebuilt, rebuild
from tests import examples
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, a_filing, contents, one_of_each
from tests.ledger.history import filing, line
from tests.ledger.tampering import tampered

VICTIM = "ruled"
DAY = timedelta(days=1)

CATALOG = """
SELECT concat_ws(' ', 'index', indexname, indexdef) AS line FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT concat_ws(' ', 'right', table_name, grantee, privilege_type, is_grantable)
FROM information_schema.role_table_grants WHERE table_schema = 'public'
UNION ALL SELECT concat_ws(' ', 'column right', table_name, column_name, grantee, privilege_type)
FROM information_schema.column_privileges WHERE table_schema = 'public'
UNION ALL SELECT concat_ws(' ', 'column', table_name, ordinal_position, column_name, data_type, is_nullable,
    column_default)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT concat_ws(' ', 'table', relname, relowner::regrole, reloptions::text, relpersistence)
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
UNION ALL SELECT concat_ws(' ', 'comment', objoid::regclass, objsubid, description)
FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid IN (
    SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger
UNION ALL SELECT concat_ws(' ', 'schema', nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
ORDER BY 1
"""
"""Everything that a later migration or a login may look for, by name."""


@pytest_asyncio.fixture(scope="module")
async def cases(desk: Desk) -> dict[str, CaseId]:
    return await one_of_each(desk)


async def rebuilt(database: Database, *, dry_run: bool = False, allow_earlier: bool = False) -> Rebuilt:
    return await rebuild(database.owner, master_key=MASTER_KEY, dry_run=dry_run, allow_earlier=allow_earlier)


async def catalog(superuser: asyncpg.Connection) -> list[str]:
    return [row["line"] for row in await superuser.fetch(CATALOG)]


async def test_what_nobody_touched_is_rebuilt_as_it_was_under_the_same_names_and_rights(
    module_database: Database, ledger: Ledger, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    rows, names = await contents(superuser), await catalog(superuser)
    told: list[str] = []
    done = await rebuild(
        module_database.owner,
        master_key=MASTER_KEY,
        tell=lambda phase, *_: None if phase in told else told.append(phase),
    )
    assert (done.refused, done.differences, done.earlier, done.broken) == (None, (), (), ())
    assert done.cases == len(cases)
    assert done.events == await superuser.fetchval("SELECT count(*) FROM events") > 30
    assert done.writers_waited_s is not None
    assert told == ["building", "indexing", "catching up", "comparing", "verifying", "switching"]
    assert await contents(superuser) == rows
    assert await catalog(superuser) == names
    assert len(names) > 200
    assert (await verify(ledger)).findings == ()


TAMPERED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "open": ("UPDATE cases SET status = 'closed' WHERE case_id = '$case'", "cases", ("status",)),
    "offered": ("UPDATE cases SET outcome = 'won', amount = 1 WHERE case_id = '$case'", "cases", ("outcome", "amount")),
    "settled": ("UPDATE cases SET version = 99 WHERE case_id = '$case'", "cases", ("version",)),
    "appealed": ("DELETE FROM cases WHERE case_id = '$case'", "cases", (MISSING,)),
    "live": (
        "UPDATE deadlines SET due_at = due_at - interval '1 day' WHERE case_id = '$case'",
        "deadlines",
        ("due_at",),
    ),
    "lively": (
        (
            "DELETE FROM deadlines WHERE (case_id, due_at) IN ("
            "SELECT case_id, min(due_at) FROM deadlines WHERE case_id = '$case' GROUP BY case_id)"
        ),
        "deadlines",
        (MISSING,),
    ),
    "ruled": (
        "INSERT INTO deadlines SELECT '$case', 'appeal', 'both', 3, now(), now(), false, false, NULL",
        "deadlines",
        (TOO_MANY,),
    ),
}


async def test_what_somebody_changed_in_the_read_models_is_told_and_put_right(
    module_database: Database, ledger: Ledger, desk: Desk, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    named = {**cases, "lively": await desk.filed()}
    right = await contents(superuser)
    nobody = (
        'INSERT INTO cases SELECT (jsonb_populate_record(c, $$$${"case_id": "$nobody"}$$$$)).* FROM cases c LIMIT 1'
    )
    statements = [Template(said).substitute(case=named[name]) for name, (said, _, _) in TAMPERED.items()]
    async with tampered(superuser, *statements, Template(nobody).substitute(nobody=UUID(int=7))):
        wrong = await contents(superuser)
        told = await rebuilt(module_database, dry_run=True)
        assert await contents(superuser) == wrong, "a dry run changes nothing"
        done = await rebuilt(module_database)
        assert (told.refused, told.writers_waited_s, done.refused) == (None, None, None)
        assert (told.differences, told.earlier) == (done.differences, done.earlier)
        found = {(one.table, one.columns): (one.rows, one.examples) for one in done.differences}
        for name, (_, table, columns) in TAMPERED.items():
            assert found.pop((table, columns)) == (1, (named[name],)), name
        assert found == {("cases", (TOO_MANY,)): (1, (UUID(int=7),))}
        assert await contents(superuser) == right
        assert (await verify(ledger)).findings == ()


async def test_a_running_deadline_is_put_earlier_only_when_that_is_asked_for(
    module_database: Database, ledger: Ledger, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    case_id = cases["live"]
    due = "SELECT due_at FROM deadlines WHERE case_id = $1"
    promised = await superuser.fetchval(due, case_id)
    async with tampered(
        superuser,
        f"UPDATE deadlines SET due_at = due_at + interval '1 day' WHERE case_id = '{case_id}'",  # noqa: S608
    ):
        refused = await rebuilt(module_database)
        assert refused.refused is not None
        assert str(case_id) in refused.refused
        assert refused.writers_waited_s is None
        (one,) = refused.earlier
        assert (one.case_id, one.was, one.becomes) == (case_id, promised + DAY, promised)
        assert await superuser.fetchval(due, case_id) == promised + DAY
        assert (await rebuilt(module_database, dry_run=True)).earlier == (one,)
        allowed = await rebuilt(module_database, allow_earlier=True)
        assert (allowed.refused, allowed.earlier) == (None, (one,))
        assert await superuser.fetchval(due, case_id) == promised
        assert (await verify(ledger)).findings == ()


async def test_a_deadline_that_became_earlier_while_all_was_built_is_refused_at_the_last_moment(
    module_database: Database,
    desk: Desk,
    superuser: asyncpg.Connection,
    cases: dict[str, CaseId],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case_id = cases["live"]
    later = f"UPDATE deadlines SET due_at = due_at + interval '1 day' WHERE case_id = '{case_id}'"  # noqa: S608
    verify_copy = rebuilding._Copy.verify

    async def and_meddle(copy: rebuilding._Copy) -> None:
        await verify_copy(copy)
        await superuser.execute(later)
        await desk.post(case_id, examples.EVIDENCE)

    monkeypatch.setattr(rebuilding._Copy, "verify", and_meddle)
    async with tampered(superuser):
        done = await rebuilt(module_database)
        assert done.refused is not None
        assert [one.case_id for one in done.earlier] == [case_id]


async def test_when_a_deadline_is_tried_again_stays_as_it_was(
    module_database: Database, desk: Desk, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    clock = await desk.clock()
    clocked, live = await desk.filed(a_filing(clock=clock)), await desk.filed()
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=12)))
    await superuser.execute("UPDATE deadlines SET next_try_at = now() - interval '1 s' WHERE case_id = $1", live)
    for case_id in (clocked, live):
        await postpone(desk.ledger, case_id)
    tried = "SELECT case_id, next_try_at, attempts FROM deadlines WHERE attempts > 0 ORDER BY case_id"
    before = await superuser.fetch(tried)
    assert {row["case_id"] for row in before} == {clocked, live}
    assert (await rebuilt(module_database)).refused is None
    assert await superuser.fetch(tried) == before


async def test_a_case_that_cannot_be_replayed_is_named_and_nothing_is_changed(
    module_database: Database, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    for what, statement in {
        "UnknownEvent": "UPDATE events SET type = 'telepathy' WHERE version = 2 AND case_id = '$case'",
        "BrokenSeal": "DELETE FROM subject_keys WHERE side = 'respondent' AND case_id = '$case'",
        "its stream says": "DELETE FROM events WHERE version = 4 AND case_id = '$case'",
    }.items():
        async with tampered(superuser, Template(statement).substitute(case=cases[VICTIM])):
            before, names = await contents(superuser), await catalog(superuser)
            done = await rebuilt(module_database)
            assert done.refused is not None
            assert str(cases[VICTIM]) in done.refused
            assert what in done.refused
            assert [one.case_id for one in done.broken] == [cases[VICTIM]]
            assert (await contents(superuser), await catalog(superuser)) == (before, names)


async def test_what_an_import_held_is_released_behind_a_rebuild_and_never_copied_from_before(
    module_database: Database, superuser: asyncpg.Connection, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "REBUILT_POLL_S", 0.05)
    async with ledger.connection() as connection:
        told = await record(ledger, connection, "held", [line("held", timedelta(hours=1), filing("held"))])
    assert [one.problem for one in told.values()] == [None]
    put_off = "SELECT count(*) FROM deadlines WHERE test_clock IS NULL AND next_try_at > due_at AND attempts = 0"
    assert await superuser.fetchval(put_off) > 0
    releasing: list[asyncio.Task[None]] = []
    compared = differences

    async def release() -> None:
        async with ledger.connection() as connection:
            await held.release(connection, "import:held")

    async def copied_by_now(connection: Connection) -> tuple[Difference, ...]:
        releasing.append(asyncio.create_task(release()))
        await asyncio.sleep(0.2)
        assert not releasing[0].done()
        return await compared(connection)

    monkeypatch.setattr(rebuilding, "differences", copied_by_now)
    assert (await rebuilt(module_database)).refused is None
    await releasing[0]
    assert await superuser.fetchval(put_off) == 0


async def test_of_two_that_rebuild_at_once_the_second_is_refused(
    module_database: Database, cases: dict[str, CaseId]
) -> None:
    both = await asyncio.gather(rebuilt(module_database), rebuilt(module_database), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == [AlreadyRebuilding.__name__, Rebuilt.__name__]


async def test_several_processes_build_what_one_does(
    module_database: Database,
    superuser: asyncpg.Connection,
    cases: dict[str, CaseId],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(building, "SLICE", 4)
    before = await contents(superuser)
    done = await rebuild(module_database.owner, master_key=MASTER_KEY, jobs=2)
    assert (done.refused, done.differences) == (None, ())
    assert done.cases == await superuser.fetchval("SELECT count(*) FROM streams") > 8
    assert await contents(superuser) == before


async def test_what_no_copy_has_is_noticed_before_it_would_be_lost(
    module_database: Database, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    refusing = "CREATE TRIGGER mine BEFORE DELETE ON cases FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    for made, unmade in (
        ("CREATE VIEW mine AS SELECT status FROM cases", "DROP VIEW mine"),
        (refusing, "DROP TRIGGER mine ON cases"),
    ):
        await superuser.execute(made)
        names = await catalog(superuser)
        try:
            done = await rebuilt(module_database)
            assert done.refused is not None
            assert "mine" in done.refused
            assert await catalog(superuser) == names
        finally:
            await superuser.execute(unmade)


async def test_a_table_that_is_changed_in_the_middle_of_it_is_not_switched(
    module_database: Database, superuser: asyncpg.Connection, cases: dict[str, CaseId]
) -> None:
    changing: list[asyncio.Task[str]] = []

    def migrate(phase: str, done: int, _: int) -> None:
        if (phase, done) == ("verifying", 0):
            changing.append(asyncio.ensure_future(superuser.execute("ALTER TABLE cases ADD COLUMN shelf text")))

    try:
        done = await rebuild(module_database.owner, master_key=MASTER_KEY, tell=migrate)
        assert done.refused is not None
        assert "shelf" in done.refused
    finally:
        await changing[0]
        await superuser.execute("ALTER TABLE cases DROP COLUMN shelf")
    await rebuilt(module_database)
    assert await superuser.fetchval("SELECT to_regnamespace($1)", shadows.SCHEMA) is None
