"""What a release that runs leans on in a database's schema, and what the schema asks of whatever it writes.

A release is rolled out migrations first: the processes of the release before go on until they are replaced, so that a
migration may take nothing away from them and ask nothing more of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

LEANED_ON = """
WITH ours AS (
    SELECT oid, relname, relkind FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
), cells AS (
    SELECT c.relname, c.relkind, c.oid, a.* FROM ours c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE a.attnum > 0 AND NOT a.attisdropped
), logins AS (
    SELECT oid, rolname FROM pg_roles WHERE rolname = ANY($1)
)
SELECT format('%s.%s is %s', relname, attname, format_type(atttypid, atttypmod)) FROM cells WHERE relkind IN ('r', 'v')
UNION ALL
SELECT format('%s may be left out of %s', attname, relname) FROM cells
WHERE relkind = 'r' AND (NOT attnotnull OR atthasdef)
UNION ALL
SELECT format('%s holds %s', relname, string_agg(
    format('%s %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum
)) FROM cells WHERE relkind = 'c' GROUP BY relname
UNION ALL
SELECT format('%s is unique by %s', c.relname, regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', ''))
FROM pg_index i JOIN ours c ON c.oid = i.indrelid WHERE i.indisunique
UNION ALL
SELECT format('there is the sequence %s', relname) FROM ours WHERE relkind = 'S'
UNION ALL
SELECT format('there is %s, which gives %s', oid::regprocedure, pg_get_function_result(oid))
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT format('%s may %s %s.%s', l.rolname, p.name, c.relname, c.attname)
FROM cells c, logins l, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS p (name)
WHERE c.relkind IN ('r', 'v') AND has_column_privilege(l.oid, c.oid, c.attnum, p.name)
UNION ALL
SELECT format('%s may DELETE from %s', l.rolname, c.relname) FROM ours c, logins l
WHERE c.relkind IN ('r', 'v') AND has_table_privilege(l.oid, c.oid, 'DELETE')
UNION ALL
SELECT format('%s may draw from %s', l.rolname, c.relname) FROM ours c, logins l
WHERE c.relkind = 'S' AND has_sequence_privilege(l.oid, c.oid, 'USAGE')
"""
ASKED = """
WITH ours AS (
    SELECT oid, relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
), said AS (
    SELECT conrelid AS oid, conkey AS keys, pg_get_constraintdef(oid) AS what FROM pg_constraint WHERE contype <> 'n'
    UNION ALL
    SELECT indrelid, indkey, 'be unique by ' || regexp_replace(pg_get_indexdef(indexrelid), '^.* USING ', '')
    FROM pg_index WHERE indisunique
)
SELECT relname, format('%s has to have %s', relname, attname) AS what, NULL AS columns
FROM ours c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE attnum > 0 AND NOT attisdropped AND attnotnull AND NOT atthasdef
UNION ALL
SELECT relname, format('%s has to %s', relname, what),
    array(SELECT attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY(keys))
FROM ours c JOIN said USING (oid)
UNION ALL
SELECT relname, format('%s is watched by %s', relname, tgname), NULL
FROM ours c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT tgisinternal
"""
COLUMNS = """
SELECT c.relname, array_agg(a.attname::text) AS columns FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY c.relname
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a row of a table has to be; of which columns, or of the whole row."""

    table: str
    what: str
    columns: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Schema:
    """``leaned_on``: what a release that knows this schema may use. ``asked``: what is asked of whatever it writes."""

    leaned_on: frozenset[str]
    asked: frozenset[Asked]
    columns: dict[str, frozenset[str]]


async def schema(connection: asyncpg.Connection, logins: tuple[str, ...]) -> Schema:
    """The schema of a database, and what the services' logins may do in it."""
    return Schema(
        leaned_on=frozenset(row[0] for row in await connection.fetch(LEANED_ON, list(logins))),
        asked=frozenset(
            Asked(row["relname"], row["what"], None if row["columns"] is None else frozenset(row["columns"]))
            for row in await connection.fetch(ASKED)
        ),
        columns={row["relname"]: frozenset(row["columns"]) for row in await connection.fetch(COLUMNS)},
    )


def harms(before: Schema, after: Schema) -> list[str]:
    """What stops a release that was written for ``before`` from working on ``after``, each a sentence.

    Tables that are new, and rules about nothing but new columns, ask nothing of who does not know them.
    """
    gone = [f"no longer: {one}" for one in before.leaned_on - after.leaned_on]
    more = [
        f"newly: {one.what}"
        for one in after.asked - before.asked
        if one.table in before.columns and (one.columns is None or one.columns & before.columns[one.table])
    ]
    return sorted(gone + more)
