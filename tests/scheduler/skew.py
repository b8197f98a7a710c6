"""A server whose clock is wrong: the sessions of the services see an hour that is not, and it can be put right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.conftest import Database

SCHEMA = """
CREATE SCHEMA skewed;
GRANT USAGE ON SCHEMA skewed TO PUBLIC;
CREATE TABLE skewed.by (seconds float8 NOT NULL);
GRANT SELECT ON skewed.by TO PUBLIC;
INSERT INTO skewed.by VALUES (0);
CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + make_interval(secs => seconds) FROM skewed.by';
CREATE FUNCTION skewed.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.now() + make_interval(secs => seconds) FROM skewed.by'
"""
LOGINS = ("caselog_app", "caselog_scheduler")


class Server:
    """The server, as its superuser."""

    def __init__(self, superuser: asyncpg.Connection) -> None:
        self.superuser = superuser

    async def runs_ahead_by(self, seconds: float) -> None:
        """From now on its clock says so many seconds more than it is; 0 puts it right."""
        await self.superuser.execute("UPDATE skewed.by SET seconds = $1", float(seconds))


@asynccontextmanager
async def a_server_with_a_clock_of_its_own(database: Database) -> AsyncIterator[Server]:
    """Sessions that the services open from now on go by it; right at first."""
    superuser = await asyncpg.connect(database.superuser)
    try:
        await superuser.execute(SCHEMA)
        for login in LOGINS:
            path = "skewed, pg_catalog, public"
            await superuser.execute(f"ALTER ROLE {login} IN DATABASE {database.name} SET search_path = {path}")
        yield Server(superuser)
    finally:
        await superuser.close()
