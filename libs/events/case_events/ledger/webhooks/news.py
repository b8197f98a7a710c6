"""News: whom of all endpoints what is new in the feed may be for, asked once for all of them."""

from __future__ import annotations

from case_events.core.values import Value
from case_events.core.viewer import MERCHANT
from case_events.ledger.connection import Connection
from case_events.ledger.feed.rows import HEAD, head
from case_events.ledger.webhooks.endpoints import Endpoint

NEWS_MAX = 1_000
"""Positions that are looked at; more than those are taken to be for everybody."""

NEWS = f"""
SELECT h.head, bool_or(f.position IS NOT NULL AND (e.type IS NULL OR c.case_id IS NULL)) AS unknown,
    array_agg(DISTINCT e.type) AS types, array_agg(DISTINCT c.marketplace) AS marketplaces,
    array_agg(DISTINCT c.respondent_id) FILTER (WHERE c.respondent_role = '{MERCHANT}') AS respondents,
    array_agg(DISTINCT c.complainant_id) FILTER (WHERE c.complainant_role = '{MERCHANT}') AS complainants
FROM ({HEAD}) AS h LEFT JOIN feed f ON f.position > $1 AND f.position <= $1 + {NEWS_MAX}
LEFT JOIN events e ON e.case_id = f.case_id AND e.version = f.version
LEFT JOIN cases c ON c.case_id = f.case_id
GROUP BY h.head
"""


class News(Value, frozen=True, kw_only=True):
    """What there is in the feed up to ``through``: words of events, and whose cases they are in.

    ``whole``: it may be anything.
    """

    through: int
    whole: bool = False
    types: frozenset[str] = frozenset()
    marketplaces: frozenset[str] = frozenset()
    merchants: frozenset[str] = frozenset()

    def may_be_for(self, endpoint: Endpoint) -> bool:
        """Whether some of it may be for the endpoint: never False where some is."""
        asked = (
            (endpoint.types, self.types),
            (endpoint.merchants, self.merchants),
            (endpoint.shown_merchants, self.merchants),
            (endpoint.shown_marketplaces, self.marketplaces),
        )
        return self.whole or all(wanted is None or not there.isdisjoint(wanted) for wanted, there in asked)


async def behind(connection: Connection, seen: int | None) -> News:
    """What is new behind the position ``seen``; None: nobody knows how far it was seen, so anything may be new."""
    if seen is None:
        return News(through=await head(connection), whole=True)
    (row,) = await connection.fetch(NEWS, seen)
    # Of a case that is in no list, or an event that is missing, nobody knows here whose it is.
    whole = row["unknown"] or not 0 <= row["head"] - seen <= NEWS_MAX
    named = {name: {one for one in row[name] or () if one} for name in NAMES}
    return News(
        through=row["head"],
        whole=whole,
        types=frozenset(named["types"]),
        marketplaces=frozenset(named["marketplaces"]),
        merchants=frozenset(named["respondents"] | named["complainants"]),
    )


NAMES = ("types", "marketplaces", "respondents", "complainants")
