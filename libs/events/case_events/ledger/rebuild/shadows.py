"""Shadow tables: ``cases`` and ``deadlines`` once more, in a schema of their own, until they take the old ones' place.

A schema of their own, because there everything has from the start the very name it will have: an index, a constraint
or a grant that a later migration looks for is found. No service's login may look into it.
"""

from __future__ import annotations

import re

import asyncpg

from case_events.ledger.connection import Connection

SCHEMA = "rebuilding"
TABLES = ("deadlines", "cases")
"""In the order in which they are locked."""
MEMORY = "256MB"
"""What an index may use while it is built."""

HOME = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'cases'::regclass"
TABLE = """
SELECT relowner::regrole::text AS owner, reloptions, obj_description(oid, 'pg_class') AS said
FROM pg_class WHERE oid = $1::text::regclass
"""
GRANTS = """
SELECT of_column, privilege_type AS right, is_grantable AS grantable,
    CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS to_whom
FROM (
    SELECT NULL::name AS of_column, g.* FROM pg_class c, aclexplode(c.relacl) g WHERE c.oid = $1::text::regclass
    UNION ALL
    SELECT a.attname, g.* FROM pg_attribute a, aclexplode(a.attacl) g WHERE a.attrelid = $1::text::regclass
) AS given
"""
KEYS = """
SELECT conname AS name, pg_get_constraintdef(oid) AS said FROM pg_constraint
WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'x') ORDER BY conname
"""
INDEXES = """
SELECT pg_get_indexdef(i.indexrelid) AS said FROM pg_index i
WHERE i.indrelid = $1::text::regclass AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
ORDER BY 1
"""
DESCRIBED = """
SELECT replace(line, $2 || '.', '') AS line FROM (
    SELECT concat_ws(' ', 'table', relpersistence, relowner::regrole, relreplident, relrowsecurity, relforcerowsecurity,
        reloptions::text, obj_description(oid, 'pg_class'),
        (SELECT reloptions::text FROM pg_class t WHERE t.oid = c.reltoastrelid)
    ) AS line FROM pg_class c WHERE oid = $1::text::regclass
    UNION ALL SELECT 'grant ' || one FROM pg_class, unnest(relacl::text[]) AS one WHERE oid = $1::text::regclass
    UNION ALL SELECT concat_ws(' ', 'column', attname, format_type(atttypid, atttypmod), attnotnull, attstorage,
        attcompression, attcollation, attacl::text, col_description(attrelid, attnum), pg_get_expr(adbin, adrelid))
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT concat_ws(' ', 'order', array_agg(attname ORDER BY attnum)::text)
    FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisvalid, indisclustered, indisreplident)
    FROM pg_index WHERE indrelid = $1::text::regclass
    UNION ALL SELECT concat_ws(' ', 'constraint', conname, pg_get_constraintdef(oid), convalidated)
    FROM pg_constraint WHERE $1::text::regclass IN (conrelid, confrelid)
    UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal
    UNION ALL SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = $1::text::regclass
    UNION ALL SELECT 'rule ' || rulename FROM pg_rewrite WHERE ev_class = $1::text::regclass
    UNION ALL SELECT 'publication ' || p.pubname FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE r.prrelid = $1::text::regclass
    UNION ALL SELECT 'inherits ' || inhparent::regclass FROM pg_inherits WHERE inhrelid = $1::text::regclass
) AS lines
"""


class NotAlike(Exception):
    """A shadow is not in everything like its table: there is something here that nobody foresaw, or a migration ran."""


async def make(connection: Connection) -> None:
    """Empty shadow tables, without indexes; what an earlier rebuild left is dropped. Takes its own transaction."""
    async with connection.transaction():
        home = await connection.fetchval(HOME)
        await drop(connection)
        await connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for name in TABLES:
            old, new = f"{home}.{name}", f"{SCHEMA}.{name}"
            await connection.execute(f"CREATE TABLE {new} (LIKE {old} INCLUDING ALL EXCLUDING INDEXES)")
            await _furnish(connection, old, new)


async def drop(connection: Connection) -> None:
    """Remove the shadow tables, if there are any."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


async def _furnish(connection: Connection, old: str, new: str) -> None:
    """What LIKE leaves out: storage parameters, comment, owner and rights."""
    table = await connection.fetchrow(TABLE, old)
    assert table is not None, "every migration has it"
    if table["reloptions"]:
        await connection.execute(f"ALTER TABLE {new} SET ({', '.join(table['reloptions'])})")
    if table["said"] is not None:
        await connection.execute(f"COMMENT ON TABLE {new} IS {_quoted(table['said'])}")
    for grant in await connection.fetch(GRANTS, new):  # what the owner's default privileges gave by themselves
        await connection.execute(f"REVOKE ALL ON {new} FROM {grant['to_whom']}")
    for grant in await connection.fetch(GRANTS, old):
        right = grant["right"] + (f" ({grant['of_column']})" if grant["of_column"] else "")
        option = " WITH GRANT OPTION" if grant["grantable"] else ""
        await connection.execute(f"GRANT {right} ON {new} TO {grant['to_whom']}{option}")
    await connection.execute(f"ALTER TABLE {new} OWNER TO {table['owner']}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def index(connection: Connection) -> None:
    """Build the indexes and keys, of the same names, and gather what the planner must know: the tables are full now."""
    home = await connection.fetchval(HOME)
    await connection.execute(f"SET maintenance_work_mem = '{MEMORY}'")
    for name in TABLES:
        old, new = f"{home}.{name}", f"{SCHEMA}.{name}"
        for key in await connection.fetch(KEYS, old):
            await connection.execute(f'ALTER TABLE {new} ADD CONSTRAINT "{key["name"]}" {key["said"]}')
        for one in await connection.fetch(INDEXES, old):
            said, count = re.subn(f" ON {re.escape(old)} USING ", f" ON {new} USING ", one["said"], count=1)
            assert count == 1, "an index says its table's whole name"
            await connection.execute(said)
        await connection.execute(f"VACUUM (ANALYZE) {new}")


async def compare(connection: Connection) -> None:
    """Raises NotAlike unless each shadow has every column, key, index, right, parameter and comment of its table."""
    home = await connection.fetchval(HOME)
    for name in TABLES:
        old, new = await _described(connection, home, name), await _described(connection, SCHEMA, name)
        if old != new:
            raise NotAlike(f"the copy of {name} is not like it: {'; '.join(sorted(old ^ new))}")


async def _described(connection: Connection, schema: str, name: str) -> set[str]:
    return {row["line"] for row in await connection.fetch(DESCRIBED, f"{schema}.{name}", schema)}


async def swap(connection: Connection) -> None:
    """Put the shadow tables in the place of the old ones. Takes the caller's transaction, which has both locked.

    Raises NotAlike where something else (a view, a foreign key) stands on an old one.
    """
    home = await connection.fetchval(HOME)
    try:
        await connection.execute("DROP TABLE " + ", ".join(f"{home}.{name}" for name in TABLES))
    except asyncpg.DependentObjectsStillExistError as error:
        raise NotAlike(f"something stands on the old tables: {error.detail}") from error
    for name in TABLES:
        await connection.execute(f"ALTER TABLE {SCHEMA}.{name} SET SCHEMA {home}")
    await connection.execute(f"DROP SCHEMA {SCHEMA}")
