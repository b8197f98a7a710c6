"""The feed as it comes: resumed without loss or repetition, live for everybody, and nobody waits for who is slow."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from httpx import AsyncClient

from case_api.callers import auth
from case_api.streams import fanout
from case_api.streams.fanout import Fanout, Stream
from case_api.streams.frames import Frame
from case_events.core.viewer import Viewer
from case_events.ledger.callers import changing, keys
from case_events.ledger.connection import teach
from case_events.ledger.database import Ledger
from case_events.ledger.feed import reader
from tests.api.house import House, filed, happened, post
from tests.api.listening import Listener, listener, number, sequencer
from tests.conftest import Database
from tests.ledger.tampering import tampered

GONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'caselog-api' AND datname = current_database()
"""
"""What ends every session of the app; it may begin others."""
MANY = 400
"""More events than a stream's queue holds where this is tested."""


@pytest_asyncio.fixture(scope="module")
async def numbering(house: House) -> AsyncIterator[Ledger]:
    async with sequencer(house.database) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module")
async def case(house: House, numbering: Ledger, storefront: AsyncClient) -> dict[str, Any]:
    """A case with a history."""
    case = await filed(storefront)
    await noted(house, case, 9)
    await number(numbering)
    return case


async def noted(house: House, case: dict[str, Any], times: int = 1, **said: Any) -> None:
    """The desk notes something about the case, that many times."""
    answers = await asyncio.gather(
        *(post(house.caller("ops"), case, happened("noted", text="备注。", **said)) for _ in range(times))
    )
    assert {answer.status_code for answer in answers} == {201}, answers[0].text


async def written(superuser: asyncpg.Connection, case_id: str, times: int) -> None:
    """The same closing again and again, by the thousand and straight into the record: no desk is so quick."""
    await superuser.execute(
        """
        INSERT INTO events SELECT case_id, version + n, gen_random_uuid(), type, schema, occurred_at, effective_at,
            recorded_at, who, agent, client, correlation, causation, asked, payload, payload_hash, hash
        FROM (SELECT * FROM events WHERE case_id = $1 AND type = 'closed') AS e, generate_series(1, $2) AS n
        ORDER BY n
        """,
        UUID(case_id),
        times,
    )


@pytest_asyncio.fixture
async def superuser(house: House) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(house.database.superuser)
    yield connection
    await connection.close()


def fanout_of(house: House) -> Fanout:
    open_here: Fanout = house.app.state.fanout
    return open_here


async def joined(house: House, streams: int = 1) -> None:
    """Until so many streams are live."""
    async with asyncio.timeout(20):
        while sum(stream.joined for stream in fanout_of(house).streams) < streams:
            await asyncio.sleep(0.01)


async def test_a_stream_tells_the_same_as_the_pages(house: House, case: dict[str, Any]) -> None:
    page = (await house.caller("ops").get("/v1/events?limit=1000")).json()
    async with listener(house.app) as listening:
        await listening.heard(page["next"])
        assert (listening.status, listening.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert listening.headers["cache-control"] == "no-store"
        assert "content-length" not in listening.headers
        assert [one.item for one in listening.sent] == page["items"]
        assert [(one.id, one.name) for one in listening.sent] == [
            (item["position"], item["data"]["type"]) for item in page["items"]
        ]


async def test_what_happens_is_told_at_once_to_everybody(
    house: House, numbering: Ledger, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "POLL_S", 60.0)
    async with listener(house.app, after="now") as one, listener(house.app, after="now") as another:
        await joined(house, 2)
        await noted(house, case, 3)
        end = await number(numbering)
        await one.heard(end)
        await another.heard(end)
        assert one.positions == another.positions == [end - 2, end - 1, end]


async def test_who_comes_back_goes_on_where_they_were(house: House, numbering: Ledger, case: dict[str, Any]) -> None:
    heard = list[int]()
    for cut_after in (4, 6, 7):
        async with listener(house.app, last_id=heard[-1] if heard else None) as listening:
            await listening.heard(cut_after)
            heard += [one for one in listening.positions if one <= cut_after]
    await noted(house, case, 2)
    end = await number(numbering)
    # The header of a caller who comes back goes before the address it came with.
    async with listener(house.app, last_id=heard[-1], after="0") as listening:
        await listening.heard(end)
        heard += listening.positions
    assert heard == list(range(1, end + 1))


async def test_streams_that_begin_anywhere_while_much_happens_miss_and_repeat_nothing(
    house: House, numbering: Ledger, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The reader takes small steps, so that pages go past it, and it past pages.
    monkeypatch.setattr(fanout, "LIVE_MAX", 2)
    happening = True

    async def happen() -> None:
        while happening:
            await noted(house, case, 3)
            await noted(house, case, 2, internal=False)
            await number(numbering)

    writing = asyncio.create_task(happen())
    async with AsyncExitStack() as stack:
        listeners = list[tuple[int, Listener]]()
        for turn in range(24):
            after = turn % 12
            role = ("ops", "auditor", "storefront")[turn % 3]
            opened = await stack.enter_async_context(listener(house.app, role, after=str(after)))
            listeners.append((after, opened))
            await asyncio.sleep(0.02)
        happening = False
        await writing
        await noted(house, case, 1, internal=False)
        end = await number(numbering)
        for _, opened in listeners:
            await opened.heard(end)
        told = (await house.caller("storefront").get("/v1/events?limit=1000")).json()["items"]
        outside = [item["position"] for item in told]
        for turn, (after, opened) in enumerate(listeners):
            everything = outside if turn % 3 == 2 else range(1, end + 1)
            assert opened.positions == [position for position in everything if position > after]


@pytest.mark.usefixtures("case")
async def test_who_joined_while_a_batch_was_read_for_others_reads_it_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def allowed() -> bool:
        return True

    read, here = reader.read_live, Fanout(house.app.state.door.ledger)
    early = Stream(here, Viewer(), None, 3, client="early", allowed=allowed)
    late = Stream(here, Viewer(desk=False), None, 3, client="late", allowed=allowed)
    here.streams, early.joined = {early, late}, True

    async def meanwhile(*asked: Any, **said: Any) -> reader.Live:
        late.joined = True
        return await read(*asked, **said)

    monkeypatch.setattr(reader, "read_live", meanwhile)
    async with here.ledger.connection() as connection:
        await here._pass_on(connection, 3)
    assert here.position is not None
    assert here.position > 3
    assert (early.joined, late.joined, late.position) == (True, False, 3)


async def test_each_viewer_hears_what_there_is_for_them(
    house: House, numbering: Ledger, case: dict[str, Any], storefront: AsyncClient
) -> None:
    secret = await key_of(house, "m-3")
    async with (
        listener(house.app, "ops", after="now") as ops,
        listener(house.app, "storefront", after="now") as front,
        listener(house.app, key=secret, after="now") as merchant,
    ):
        await joined(house, 3)
        theirs = await filed(storefront, respondent={"role": "merchant", "id": "m-3"})
        await noted(house, theirs)
        await noted(house, case)
        await noted(house, theirs, internal=False)
        end = await number(numbering)
        for one in (ops, front, merchant):
            await one.heard(end)
        assert ops.positions == [end - 3, end - 2, end - 1, end]
        assert front.positions == merchant.positions == [end - 3, end]


async def key_of(house: House, merchant: str) -> str:
    """A key that is shown this merchant's cases only."""
    connection = await asyncpg.connect(house.database.app)
    await teach(connection)
    _, secret = await keys.create(connection, client=merchant, name=merchant, role="storefront", merchants=[merchant])
    await connection.close()
    return secret


@pytest.mark.usefixtures("case")
async def test_who_listens_alone_hears_their_own_behind_any_number_of_others_events(
    house: House, numbering: Ledger, storefront: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "LIVE_MAX", 5)
    async with listener(house.app, key=await key_of(house, "m-4"), after="now") as merchant:
        await joined(house)
        for _ in range(7):
            await filed(storefront)
        others = await number(numbering)
        await filed(storefront, respondent={"role": "merchant", "id": "m-4"})
        end = await number(numbering)
        assert end > others
        await merchant.heard(end)
        assert merchant.positions == [end]


async def test_a_slow_caller_is_waited_for_by_nobody_and_misses_nothing(
    house: House,
    numbering: Ledger,
    case: dict[str, Any],
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fanout, "LIVE_MAX", 20)
    monkeypatch.setattr(fanout, "QUEUE_MAX", 100)
    start = await number(numbering)
    async with listener(house.app, after="now") as quick, listener(house.app, after="now") as slow:
        await joined(house, 2)
        slow.takes.clear()
        other = await filed(house.caller("storefront"))
        withdrawn = await post(house.caller("storefront"), other, happened("withdrawn", other["complainant"]))
        assert [one["type"] for one in withdrawn.json()["events"]] == ["withdrawn", "closed"]
        await written(superuser, other["case_id"], MANY)
        end = await number(numbering)
        assert end == start + 3 + MANY
        await quick.heard(end)
        assert quick.positions == list(range(start + 1, end + 1))
        assert not all(stream.joined for stream in fanout_of(house).streams)
        assert all(len(stream._queue) <= fanout.QUEUE_MAX for stream in fanout_of(house).streams)
        slow.takes.set()
        await slow.heard(end)
        assert slow.positions == quick.positions


async def test_what_waits_for_one_who_does_not_read_is_bounded_in_bytes_and_given_back_as_it_is_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "QUEUE_BYTES_MAX", 100)

    async def allowed() -> bool:
        return True

    stream = Stream(Fanout(house.app.state.door.ledger), Viewer(), None, 0, client="x", allowed=allowed)
    stream.joined = True
    for position in range(1, 10):
        stream.offer([Frame(position, "filed", b"x" * 60)], position)
        assert (stream.joined, [one.position for one in await stream._from_queue(0)]) == (True, [position])
    for position in (10, 11):
        stream.offer([Frame(position, "filed", b"x" * 60)], position)
    assert (stream.joined, list(stream._queue), stream.position) == (False, [], 9), "it reads on by itself behind this"
    stream.joined = True
    stream.offer([Frame(12, "filed", b"x" * 60)], 12)
    assert stream.joined, "and has all its room again"


async def test_no_position_is_told_before_all_up_to_it_was_sent(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "PIECE_BYTES", 50)

    async def allowed() -> bool:
        return True

    stream = Stream(Fanout(house.app.state.door.ledger), Viewer(), None, 0, client="x", allowed=allowed)
    stream.joined = True
    stream.offer([Frame(position, "filed", b"x" * 60) for position in (1, 2, 3)], 7)
    told = [([one.position for one in await stream._from_queue(0)], stream.position) for _ in range(3)]
    assert told == [([1], 1), ([2], 2), ([3], 7)]


async def test_types_choose_and_what_is_skipped_stays_skipped(
    house: House, numbering: Ledger, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "HEARTBEAT_S", 0.05)
    async with listener(house.app, after="now", types="filed,ruled") as listening:
        await joined(house)
        await noted(house, case, 2)
        end = await number(numbering)
        await listening.until(lambda self: self.last_id == end)
        assert listening.sent == []
        assert "still here" in listening.comments
    async with listener(house.app, last_id=listening.last_id, types="filed,ruled") as listening:
        new = await filed(house.caller("storefront"))
        await noted(house, case)
        await number(numbering)
        await listening.until(lambda self: len(self.sent) == 1)
        assert (listening.sent[0].name, listening.sent[0].item["subject"]) == ("filed", new["case_id"])


async def test_a_revoked_key_stops_hearing(
    house: House, numbering: Ledger, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "CHECK_S", 0.05)
    monkeypatch.setattr(auth, "KNOWN_FOR_S", 0.05)
    connection = await asyncpg.connect(house.database.app)
    await teach(connection)
    caller, secret = await keys.create(connection, client="gone", name="gone", role="ops")
    async with listener(house.app, key=secret, after="now") as listening, listener(house.app, after="now") as other:
        await joined(house, 2)
        await changing.revoke(connection, caller.key_id)
        await connection.close()
        await listening.end()
        assert listening.comments[-1].startswith("this key does not open this stream any more; go on after ")
        assert not other.ended
    async with listener(house.app, key=secret) as listening:
        assert listening.status == 401


async def test_there_is_room_for_so_many_and_the_next_is_told_when_to_come(
    house: House, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "STREAMS_MAX", 2)
    async with listener(house.app), listener(house.app):
        async with listener(house.app) as refused:
            await refused.end()
            assert (refused.status, refused.headers["retry-after"]) == (429, "2")
        metrics = (await house.caller(None).get("/metrics")).text
        assert re.search(r"^caselog_streams 2\.0$", metrics, re.MULTILINE)
    monkeypatch.setattr(fanout, "STREAMS_PER_CLIENT_MAX", 1)
    async with listener(house.app), listener(house.app) as refused:
        assert refused.status == 429


def idle(fanout: Fanout) -> bool:
    pool = fanout.ledger.pool
    return fanout.position is None and pool.get_idle_size() == pool.get_size()


async def test_when_nobody_listens_nothing_is_read_or_held(house: House, case: dict[str, Any]) -> None:
    fanout = fanout_of(house)
    async with listener(house.app, after="now"):
        await joined(house)
        assert fanout.position is not None
    async with asyncio.timeout(10):
        while not idle(fanout):
            await asyncio.sleep(0.01)
    assert fanout.streams == set()


async def cut_off(superuser: asyncpg.Connection, database: Database) -> None:
    """Postgres is away for the app: its sessions end and no new one begins."""
    await superuser.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 0")
    await superuser.execute(GONE)


async def test_while_postgres_is_away_a_stream_stays_and_then_goes_on(
    house: House, case: dict[str, Any], superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(fanout, "CHECK_S", 0.05)
    monkeypatch.setattr(fanout, "AWAY_S", 0.1)
    monkeypatch.setattr(auth, "KNOWN_FOR_S", 0.0)
    async with sequencer(house.database) as numbering:
        await number(numbering)
        async with listener(house.app, after="now") as live:
            await joined(house)
            # One that is away before it has caught up.
            async with listener(house.app, after="0", types="withdrawn") as behind:
                await cut_off(superuser, house.database)
                heard = len(live.comments)
                await live.until(lambda self: len(self.comments) > heard + 5)
                assert not live.ended
                await superuser.execute(f"ALTER DATABASE {house.database.name} CONNECTION LIMIT -1")
                new = await filed(house.caller("storefront"))
                withdrawn = await post(house.caller("storefront"), new, happened("withdrawn", new["complainant"]))
                assert withdrawn.status_code == 201
                end = await number(numbering)
                await live.heard(end)
                assert live.positions == list(range(live.positions[0], end + 1))
                await behind.until(lambda self: bool(self.sent))
                assert behind.sent[-1].item["subject"] == new["case_id"]


async def test_a_feed_that_was_set_back_ends_the_streams_that_know_more(
    house: House, case: dict[str, Any], superuser: asyncpg.Connection
) -> None:
    async with sequencer(house.database) as numbering:
        end = await number(numbering)
    async with listener(house.app, after="now") as listening:
        await joined(house)
        await superuser.execute("UPDATE feed_state SET head = head - 3")
        try:
            await listening.end()
            assert listening.comments[-1].startswith(f"the feed was set back to {end - 3}; go on after {end}")
            async with listener(house.app, last_id=listening.last_id) as refused:
                await refused.end()
                assert refused.status == 422
        finally:
            await superuser.execute("UPDATE feed_state SET head = head + 3")


async def test_a_feed_that_was_set_back_and_has_grown_since_ends_them_too_and_nobody_goes_on_unaware(
    house: House, case: dict[str, Any], superuser: asyncpg.Connection
) -> None:
    """As after a failover that lost the last commits: the positions are there, and other events are at them."""
    async with sequencer(house.database) as numbering:
        await noted(house, case)
        end = await number(numbering)
        async with listener(house.app, after=str(end)) as listening:
            await joined(house)
            await noted(house, case)
            await number(numbering)
            await listening.heard(end + 1)
            seen = f"{end + 1}.{listening.sent[-1].item['hash']}"
            async with listener(house.app, last_id=end + 1, seen=seen) as resumed:
                await resumed.until(lambda self: self.last_id == end + 1)
            event = f"(SELECT case_id, version FROM feed WHERE position = {end + 1})"  # noqa: S608
            other = f"UPDATE events SET hash = sha256(hash) WHERE (case_id, version) = {event}"  # noqa: S608
            async with tampered(superuser, other):
                await superuser.execute(GONE)
                await listening.end()
                assert listening.comments[-1].startswith(f"the feed was set back to {end + 1}; go on after")
                async with listener(house.app, last_id=end + 1, seen=seen) as refused:
                    await refused.end()
                    assert refused.status == 422


async def test_a_process_that_stops_ends_its_streams_and_says_where_to_go_on(
    house: House, case: dict[str, Any]
) -> None:
    async with listener(house.app, after="now") as listening:
        await joined(house)
        fanout_of(house).close()
        await listening.end()
        assert listening.comments[-1] == f"this process is stopping; go on after {listening.last_id}"
    async with listener(house.app) as late:
        await late.end()
        assert late.sent == []
