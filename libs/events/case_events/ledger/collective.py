"""Finding collective complaints (domain C1): who was complained about lately, and which of it is one matter.

A look starts from what was filed since the last one and reads only the complaints against those respondents, so that
its cost does not depend on how many cases are open. Cases under one test clock are looked at among themselves.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg

from case_events.core.calendar import after
from case_events.core.collective import Complaint, Link, links
from case_events.core.terms import Collective
from case_events.core.values import CaseId, Instant, Party, Value
from case_events.ledger.append_statements import FRESH_S
from case_events.ledger.connection import POSTGRES_EPOCH as EPOCH
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger

FILINGS_MAX = 500
"""Filings in one look; the next one goes on with the others."""
RESPONDENTS_MAX = 200
"""Respondents of clocked cases in one look, those of the newest test clocks."""
COMPLAINTS_MAX = 2_000
"""Complaints against one respondent that a look reads, the newest first."""
AGAIN = timedelta(seconds=2 * FRESH_S)
"""A round begins so much before now: a filing is stamped before it can be seen, and written soon or not at all."""
AS_FAR_BACK = timedelta(days=30)
"""Where the first round of a process begins."""

NEWLY_FILED = """
SELECT case_id, filed_at, marketplace, respondent_role, respondent_id, NULL::uuid AS test_clock, NULL AS at FROM cases
WHERE group_id IS NULL AND stage <> 'closed' AND test_clock IS NULL AND (filed_at, case_id) > ($1, $2)
ORDER BY filed_at, case_id LIMIT $3
"""
CLOCKED = """
SELECT DISTINCT c.test_clock, c.marketplace, c.respondent_role, c.respondent_id, t.at
FROM cases c JOIN test_clocks t ON t.id = c.test_clock
WHERE c.test_clock IS NOT NULL AND c.group_id IS NULL AND c.stage <> 'closed' AND EXISTS (
    SELECT FROM cases o
    WHERE o.test_clock = c.test_clock AND o.respondent_id = c.respondent_id AND o.case_id <> c.case_id
)
ORDER BY c.test_clock DESC, c.marketplace, c.respondent_role, c.respondent_id LIMIT $1
"""
OF_RESPONDENT = """
c.respondent_id = r.id AND c.respondent_role = r.role AND c.marketplace = r.marketplace
    AND c.test_clock IS NOT DISTINCT FROM r.test_clock AND c.filed_at >= r.since
"""
PROMISING = f"""
SELECT r.place FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::integer[])
    WITH ORDINALITY AS r (id, role, marketplace, test_clock, since, enough, place)
WHERE EXISTS (SELECT FROM cases c WHERE {OF_RESPONDENT} AND c.group_id IS NOT NULL) OR r.enough <= (
    SELECT count(*) FROM (
        SELECT FROM cases c WHERE {OF_RESPONDENT} AND c.group_id IS NULL AND c.stage <> 'closed' LIMIT r.enough
    ) AS loose
)
ORDER BY r.place
"""
AGAINST = f"""
SELECT c.case_id, c.version, c.complainant_role, c.complainant_id, c.reason, c.filed_at, c.group_id, linked.by
FROM (SELECT $1 AS id, $2 AS role, $3 AS marketplace, $4::uuid AS test_clock, $5::timestamptz AS since) AS r
JOIN cases c ON {OF_RESPONDENT} AND (c.group_id IS NOT NULL OR c.stage <> 'closed')
LEFT JOIN LATERAL (
    SELECT convert_from(e.payload, 'UTF8')::json ->> 'by' AS by FROM events e
    WHERE c.group_id IS NOT NULL AND e.case_id = c.case_id AND e.type = 'linked' ORDER BY e.version DESC LIMIT 1
) AS linked ON true
ORDER BY c.filed_at DESC, c.case_id DESC LIMIT $6
"""


class Seen(Value, frozen=True, kw_only=True):
    """How far the looks came: the live filings up to here were looked at."""

    filed_at: Instant
    case_id: CaseId = UUID(int=0)


class Matter(Value, frozen=True, kw_only=True):
    """A respondent of recent complaints, under the terms of its marketplace; those before ``since`` do not count."""

    marketplace: str
    party: Party
    test_clock: UUID | None
    terms: Collective
    window: timedelta
    since: Instant


async def begin(ledger: Ledger, seen: Seen | None) -> Seen:
    """Where a round begins: a while back, so that nothing is passed over that was being written; at first far back."""
    async with ledger.connection() as connection:
        now = await _now(connection)
    if seen is None:
        return Seen(filed_at=Instant.of(now - AS_FAR_BACK))
    again = Seen(filed_at=Instant.of(now - AGAIN))
    return seen if seen.filed_at < again.filed_at else again


async def look(ledger: Ledger, seen: Seen) -> tuple[tuple[Link, ...], Seen, bool]:
    """What belongs together now, of the live filings since ``seen`` and of clocked cases; how far that is; any more?

    Nothing where the policy in force knows no collective complaints.
    """
    async with ledger.connection() as connection:
        now = await _now(connection)
        rows = await connection.fetch(NEWLY_FILED, seen.filed_at, seen.case_id, FILINGS_MAX)
        matters = await _matters(ledger, connection, [*rows, *await connection.fetch(CLOCKED, RESPONDENTS_MAX)], now)
        found = [link for matter in matters for link in await _links(ledger, connection, matter)]
    if rows:
        seen = Seen(filed_at=rows[-1]["filed_at"], case_id=rows[-1]["case_id"])
    return tuple(found), seen, len(rows) == FILINGS_MAX


async def _now(connection: Connection) -> Instant:
    now: Instant = await connection.fetchval("SELECT clock_timestamp()")
    return now


async def _matters(ledger: Ledger, connection: Connection, rows: list[asyncpg.Record], now: Instant) -> list[Matter]:
    """The respondents of these rows against whom there may be enough; most complaints stand alone."""
    found: dict[tuple[str, str, str, UUID | None], Matter] = {}
    for row in rows:
        key = (row["marketplace"], row["respondent_role"], row["respondent_id"], row["test_clock"])
        at = row["at"] or now
        policy = None if key in found else await ledger.policies.in_force(connection, row["marketplace"], at)
        terms = policy.policy.collective if policy else None
        if terms is None:
            continue
        # One of calendar or working days is as long as the one that begins now.
        window = after(at, terms.window, ledger.calendar)[0] - at
        since = EPOCH if row["test_clock"] else Instant.of(row["filed_at"] - window)
        party = Party(role=row["respondent_role"], id=row["respondent_id"])
        found[key] = Matter(
            marketplace=row["marketplace"],
            party=party,
            test_clock=row["test_clock"],
            terms=terms,
            window=window,
            since=since,
        )
    matters = list(found.values())
    places = await connection.fetch(
        PROMISING,
        [one.party.id for one in matters],
        [one.party.role for one in matters],
        [one.marketplace for one in matters],
        [one.test_clock for one in matters],
        [one.since for one in matters],
        [min(one.terms.by_merchant, one.terms.by_reason) for one in matters],
    )
    return [matters[row["place"] - 1] for row in places]


async def _links(ledger: Ledger, connection: Connection, matter: Matter) -> tuple[Link, ...]:
    party, clock = matter.party, matter.test_clock
    rows = await connection.fetch(
        AGAINST, party.id, party.role, matter.marketplace, clock, matter.since, COMPLAINTS_MAX
    )
    complaints = [
        Complaint(
            case_id=row["case_id"],
            version=row["version"],
            complainant=Party(role=row["complainant_role"], id=row["complainant_id"]),
            reason=row["reason"],
            filed_at=row["filed_at"],
            group=row["group_id"],
            by=row["by"],
        )
        for row in rows
    ]
    digest = ledger.vault.reserved("group", matter.marketplace, party.role, party.id, str(clock or ""))
    return links(complaints, matter.terms, matter.window, digest)
