"""The fault suite's short form: schedulers and writers at the same cases, killed, stopped and cut off; what remains?

``make faults`` plays it in full. A verdict that finds nothing wrong with anybody proves nothing: a claim that is known
to be wrong must fail it.
"""

from __future__ import annotations

import asyncpg
import pytest

from case_api.cli import postgres
from tests.faults.cutting import cutting
from tests.faults.scripts import SHORT, caught, of_a_mutant, short
from tests.faults.suite import play

SEED = 6
pytestmark = pytest.mark.timeout(400)  # processes start and end all the time: on a machine that is busy that takes long


async def test_under_kills_stops_and_cuts_no_deadline_fires_twice_early_or_never_and_nothing_acknowledged_is_lost() -> (
    None
):
    outcome = await play(short(SEED))
    assert outcome.verdict.found == ()
    assert outcome.verdict.clean
    assert outcome.left == 0, "every deadline that was due has fired"
    assert outcome.verdict.cases == short(SEED).cases
    assert outcome.verdict.timeouts > outcome.verdict.cases
    assert (outcome.kills, outcome.cuts > 0) == (SHORT.kills, True)
    assert outcome.verdict.looks > 0, "the watermark was watched over the crash"
    assert outcome.replayed > 0, "somebody was told again what had been done unheard"


async def test_the_verdict_finds_out_a_claim_that_trusts_the_deadline_it_joined() -> None:
    outcome = await play(of_a_mutant("joined_claim", SEED))
    assert caught("joined_claim", outcome)


async def test_a_line_that_is_cut_after_a_commit_keeps_the_answer_and_not_the_commit(
    postgres_server: postgres.Server,
) -> None:
    url = postgres_server.url(postgres.SUPERUSER, "postgres")
    async with cutting(postgres_server.port) as cutter:
        through = url.replace(f":{postgres_server.port}/", f":{cutter.port}/") + "?sslmode=disable"
        direct = await asyncpg.connect(url)
        await direct.execute("CREATE TABLE events (number integer)")
        try:
            for in_a_transaction in (False, True):
                line = await asyncpg.connect(through)
                cutter.arm()
                assert await line.fetchval("SELECT 1") == 1, "who only reads is left alone"
                with pytest.raises(asyncpg.ConnectionDoesNotExistError):
                    await _written(line, in_a_transaction)
                assert await direct.fetchval("DELETE FROM events RETURNING number") == 1
            assert cutter.cuts == 2
        finally:
            await direct.execute("DROP TABLE events")
            await direct.close()


async def _written(line: asyncpg.Connection, in_a_transaction: bool) -> None:
    if not in_a_transaction:
        await line.fetch("INSERT INTO events SELECT $1::integer", 1)
        return
    async with line.transaction():
        await line.fetch("INSERT INTO events SELECT $1::integer", 1)
        assert await line.fetchval("SELECT count(*) FROM events") == 1
