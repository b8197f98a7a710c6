"""The fixtures themselves: what every other test stands on."""

import asyncpg

from tests.conftest import Database, MakeDatabase


async def test_a_fresh_database_is_migrated_and_nobody_elses(make_database: MakeDatabase) -> None:
    first, second = await make_database(), await make_database()
    assert first.name != second.name
    connection = await asyncpg.connect(first.owner)
    try:
        assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1
    finally:
        await connection.close()


async def test_no_login_is_a_superuser_or_can_become_another(database: Database) -> None:
    connection = await asyncpg.connect(database.superuser)
    try:
        powers = await connection.fetch(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'caselog%' "
            "AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication OR NOT rolcanlogin)"
        )
        memberships = await connection.fetch(
            "SELECT * FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member WHERE rolname LIKE 'caselog%'"
        )
    finally:
        await connection.close()
    assert powers == []
    assert memberships == []
