"""Whom what is new in the feed may be for: never fewer than those it is for."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from case_events.core.values import Instant
from case_events.ledger.database import Ledger
from case_events.ledger.feed.rows import head
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.webhooks import news
from case_events.ledger.webhooks.endpoints import Endpoint
from case_events.ledger.webhooks.news import News
from tests import examples
from tests.ledger.desk import Desk

AT = Instant.parse("2026-01-01T00:00:00Z")
SEEN = News(
    through=9, types=frozenset({"filed"}), marketplaces=frozenset({"taobao"}), merchants=frozenset({"m-1", "m-2"})
)


def endpoint(**said: tuple[str, ...]) -> Endpoint:
    limits: dict[str, tuple[str, ...] | None] = dict.fromkeys(
        ("types", "merchants", "shown_marketplaces", "shown_merchants")
    )
    return Endpoint(
        id=uuid4(),
        client="shop",
        url="https://shop.example/",
        description="",
        desk=True,
        state="active",
        why=None,
        state_at=AT,
        created_by="test",
        created_at=AT - timedelta(days=1),
        deleted_at=None,
        newest_secret=1,
        **(limits | said),
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, True),
        ({"types": ("filed", "closed")}, True),
        ({"types": ("closed",)}, False),
        ({"merchants": ("m-2",)}, True),
        ({"merchants": ("m-3",)}, False),
        ({"shown_merchants": ("m-3",)}, False),
        ({"merchants": ("m-1",), "shown_merchants": ("m-2",)}, True),
        ({"shown_marketplaces": ("tmall",)}, False),
        ({"types": ("filed",), "merchants": ("m-1",), "shown_marketplaces": ("taobao",)}, True),
    ],
)
def test_it_may_be_for_whoever_asks_for_some_of_it(said: dict[str, tuple[str, ...]], expected: bool) -> None:
    assert SEEN.may_be_for(endpoint(**said)) is expected
    assert News(through=9, whole=True).may_be_for(endpoint(**said)), "what it is nobody knows"
    assert not News(through=9).may_be_for(endpoint(types=("filed",))), "nothing is for nobody"


async def test_what_is_new_is_told_once(desk: Desk, scheduler: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = await desk.filed()
    while (await tick(scheduler)).more:
        pass  # until all is numbered
    async with scheduler.connection() as connection:
        last = await head(connection)
        assert await news.behind(connection, None) == News(through=last, whole=True)
        first = await news.behind(connection, 0)
        assert (first.through, first.whole) == (last, False)
        assert "filed" in first.types
        assert first.marketplaces
        assert first.merchants
        assert await news.behind(connection, last) == News(through=last)
        assert (await news.behind(connection, last + 1)).whole, "the feed was longer once: it was restored"
        await desk.post(case_id, examples.EVIDENCE)
        while (await tick(scheduler)).more:
            pass  # until all is numbered
        then = await news.behind(connection, last)
        assert then.through > last
        assert "filed" not in then.types
        monkeypatch.setattr(news, "NEWS_MAX", 0)
        assert (await news.behind(connection, last)).whole, "so much is not looked at"
