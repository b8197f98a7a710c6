"""The feed through the client: all of it page by page, and what comes as it comes, over a line that breaks."""

from __future__ import annotations

import asyncio
import itertools
import threading
from urllib.parse import urlsplit

import pytest

from caselog_client import AsyncCaselog, Caselog, FeedEvent, Invalid, Patience, Unreachable
from tests.client.filings import complaint
from tests.client.wire import wire_to
from tests.serving import Serving

SOON_S = 30.0
EVENTS_MAX = 100_000


def test_the_whole_feed_is_walked_in_order(storefront: Caselog) -> None:
    case = storefront.file(complaint())
    end = wait_for(storefront, str(case.case_id))
    told = list(itertools.islice(storefront.feed(limit=50), EVENTS_MAX))
    assert [one.position for one in told] == sorted({one.position for one in told})
    assert told[-1].position >= end
    theirs = [one for one in told if one.subject == case.case_id]
    assert [one.data for one in theirs] == list(storefront.events(case.case_id))
    assert [one.type for one in theirs] == ["caselog.filed.v1"]
    chosen = list(itertools.islice(storefront.feed(types=["filed"], after=end - 1), EVENTS_MAX))
    assert {one.data.type for one in chosen} == {"filed"}
    with pytest.raises(Invalid, match="feed ends at"):
        next(storefront.feed(after=10**9))


def test_what_comes_is_followed(storefront: Caselog) -> None:
    following = storefront.follow(after=None, types=("filed",))
    heard = list[FeedEvent]()
    listening = threading.Thread(target=lambda: heard.append(next(following)), daemon=True)
    listening.start()
    filed = [storefront.file(complaint()).case_id for _ in range(2)]
    listening.join(SOON_S)
    # It may have begun between the two, or before: never after what it has missed.
    while not heard:
        filed.append(storefront.file(complaint()).case_id)
        listening.join(1)
    assert heard[0].subject in filed


async def test_a_line_that_breaks_loses_and_repeats_nothing(caselog: Serving, async_storefront: AsyncCaselog) -> None:
    start = 0
    async for event in async_storefront.feed(limit=1_000):
        start = event.position
    port = urlsplit(caselog.url).port
    assert port is not None
    heard = list[FeedEvent]()
    async with wire_to(port) as wire, AsyncCaselog(f"http://127.0.0.1:{wire.port}", "dev-storefront") as follower:
        following = follower.follow(after=start, types=("filed",))
        for _ in range(3):
            case = await async_storefront.file(complaint())
            async with asyncio.timeout(SOON_S):
                while not heard or heard[-1].subject != case.case_id:
                    heard.append(await anext(following))
            await wire.cut()
            await wire.mend()
        await following.aclose()
    told = [one async for one in async_storefront.feed(after=start, types=("filed",))]
    assert [one.position for one in heard] == [one.position for one in told][: len(heard)]


def test_a_service_that_is_not_there_is_given_up_in_the_end() -> None:
    patience = Patience(tries=2, total_s=0.5, first_pause_s=0.01)
    with Caselog("http://127.0.0.1:9", "dev-storefront", patience=patience) as nobody, pytest.raises(Unreachable):
        next(nobody.follow())


def wait_for(storefront: Caselog, case_id: str) -> int:
    """Until the sequencer has numbered this case; where the feed is then."""
    for event in storefront.follow():
        if str(event.subject) == case_id:
            return event.position
    raise AssertionError("a stream has no end")
