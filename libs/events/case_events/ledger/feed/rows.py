"""Which rows of the feed are asked for: the statements, each a walk along the positions that looks up what it needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import asyncpg

from case_events.core.values import Value
from case_events.core.viewer import EVERYTHING, MERCHANT, Viewer
from case_events.ledger.codec import RECORDED
from case_events.ledger.connection import Connection

HEAD = "SELECT head FROM feed_state ORDER BY head DESC LIMIT 1"
"""The one row, by the key that grows with it: found in any other way, it is sought among all its dead versions."""
POSITIONS = f"""
SELECT s.head, p.position, p.case_id, p.version FROM ({HEAD}) AS s LEFT JOIN ({{page}}) AS p ON true ORDER BY p.position
"""
# Of each case the keys, and the filing that pins its policy, stand once: beside the first of its events.
EVENTS = f"""
SELECT p.case_id, p.version, {", ".join(f"e.{name}" for name in RECORDED[2:])}, e.payload_hash, e.hash,
    s.head, p.position,
    (SELECT b.hash FROM events b WHERE b.case_id = p.case_id AND b.version = p.version - 1) AS hash_before,
    CASE WHEN p.nth = 1 THEN (
        SELECT array_agg(ROW (k.key_id, k.side, k.wrapped)) FROM subject_keys k WHERE k.case_id = p.case_id
    ) END AS keys,
    CASE WHEN p.nth = 1 THEN (
        SELECT f.payload FROM events f WHERE f.case_id = p.case_id AND f.version = 1
    ) END AS filed
FROM ({HEAD}) AS s
LEFT JOIN (
    SELECT *, row_number() OVER (PARTITION BY case_id ORDER BY position) AS nth FROM ({{page}}) AS q
) AS p ON true
LEFT JOIN events e ON e.case_id = p.case_id AND e.version = p.version
ORDER BY p.position
"""
PAGE = """
SELECT f.position, f.case_id, f.version FROM feed f WHERE f.position > $1 AND f.position <= $2{conditions}
ORDER BY f.position LIMIT $3
"""
CHOSEN = """
SELECT f.position, f.case_id, f.version FROM feed f WHERE f.position = ANY ($1::bigint[]){conditions}
ORDER BY f.position
"""
# Each a look-up of one row by its key, whatever the planner thinks; a row that is missing is for the reader to miss.
OF_TYPE = """ AND coalesce((
    SELECT e.type FROM events e WHERE e.case_id = f.case_id AND e.version = f.version
) = ANY (${types}::text[]), true)"""
OF_MARKETPLACE = """ AND coalesce((
    SELECT c.marketplace FROM cases c WHERE c.case_id = f.case_id
) = ANY (${marketplaces}::text[]), true)"""
OF_MERCHANT = f""" AND coalesce((
    SELECT (c.respondent_role = '{MERCHANT}' AND c.respondent_id = ANY (${{merchants}}::text[]))
        OR (c.complainant_role = '{MERCHANT}' AND c.complainant_id = ANY (${{merchants}}::text[]))
    FROM cases c WHERE c.case_id = f.case_id
), true)"""
# Here a case that is in no list any more, because its test clock was deleted, is nobody's.
OF_PARTY = OF_MERCHANT.replace("{merchants}", "{parties}").replace("), true)", "), false)")


class BeyondFeed(Exception):
    """Asked for what comes after a position that was never given: the feed ends at ``head``.

    Whoever has read further has read what is no longer there, as after a restore of the database to an earlier time.
    """

    def __init__(self, head: int) -> None:
        super().__init__(f"the feed ends at {head}")
        self.head = head


STANDS = """
SELECT EXISTS (SELECT FROM feed f JOIN events e USING (case_id, version) WHERE f.position = $1 AND e.hash = $2)
"""


async def stands(connection: Connection, position: int, hash_: bytes) -> bool:
    """Is the event with this hash (32 bytes) still where somebody has seen it? Not once the database was set back to an
    earlier time and has gone on from there, whatever the feed has grown to since."""
    return bool(await connection.fetchval(STANDS, position, hash_))


class Question(Value, frozen=True, kw_only=True):
    """What one statement asks for: positions, or their events too where every viewer sees all there is."""

    sql: str
    arguments: tuple[Any, ...]
    whole: bool
    dense: bool


async def head(connection: Connection) -> int:
    """The last position that was given; 0 before the first."""
    return int(await connection.fetchval(HEAD))


class Sought(Value, frozen=True, kw_only=True):
    """Of what a viewer may see, what somebody wants: events of these names, cases of these merchants; None: of all."""

    types: tuple[str, ...] | None = None
    merchants: tuple[str, ...] | None = None


ALL = Sought()


def question_of(viewers: tuple[Viewer, ...], sought: Sought = ALL, *, chosen: bool = False) -> Question:
    """Several viewers are asked for with everything there is; a single one without cases that are not theirs.

    ``chosen``: the question is for ``rows_at``, not for ``rows_behind``.
    """
    said: dict[str, Sequence[str]] = {}
    if sought.types is not None:
        said["types"] = sought.types
    if sought.merchants is not None:
        said["parties"] = sought.merchants
    if len(viewers) == 1 and viewers[0].marketplaces is not None:
        said["marketplaces"] = viewers[0].marketplaces
    if len(viewers) == 1 and viewers[0].merchants is not None:
        said["merchants"] = viewers[0].merchants
    whole = bool(viewers) and all(viewer == EVERYTHING for viewer in viewers)
    return Question(
        sql=_sql(tuple(said), whole, chosen),
        arguments=tuple(list(words) for words in said.values()),
        whole=whole,
        dense=not said,
    )


@lru_cache
def _sql(said: tuple[str, ...], whole: bool, chosen: bool) -> str:
    known = {"types": OF_TYPE, "marketplaces": OF_MARKETPLACE, "merchants": OF_MERCHANT, "parties": OF_PARTY}
    page, first = (CHOSEN, 2) if chosen else (PAGE, 4)
    conditions = "".join(known[name].format(**{name: number}) for number, name in enumerate(said, first))
    return (EVENTS if whole else POSITIONS).format(page=page.format(conditions=conditions))


async def rows_behind(
    connection: Connection, question: Question, after: int, end: int, limit: int
) -> tuple[list[asyncpg.Record], int]:
    """The rows asked for that lie behind ``after`` and not behind ``end``, and the feed's head. Raises BeyondFeed."""
    found = await connection.fetch(question.sql, after, end, limit, *question.arguments)
    last: int = found[0]["head"]
    if after > last:
        raise BeyondFeed(last)
    rows = [row for row in found if row["position"] is not None]
    full = min(limit, min(end, last) - after)
    ends = rows[-1]["position"] if rows else after
    assert not question.dense or len(rows) == full == ends - after, f"the feed has a gap behind position {after}"
    return rows, last


async def rows_at(connection: Connection, question: Question, positions: Sequence[int]) -> list[asyncpg.Record]:
    """Those of the rows asked for that lie at these positions, in the order of the feed."""
    found = await connection.fetch(question.sql, list(positions), *question.arguments)
    return [row for row in found if row["position"] is not None]
