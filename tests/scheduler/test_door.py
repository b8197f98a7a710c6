"""The scheduler's door: alive while the loop goes round, ready while it can fire, and silent where no port is set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from case_events.ledger.clock.gate import Gate
from case_events.ledger.clock.lateness import Lateness
from case_events.ledger.database import open_ledger
from case_scheduler import pulse as pulses
from case_scheduler.clock.clockwork import Clockwork
from case_scheduler.clock.timeouts import Sweeper
from case_scheduler.door import CannotListen, answering, listening
from case_scheduler.pulse import ALIVE_WITHIN_S, SWEPT_WITHIN_S, TICKED_WITHIN_S, Pulse
from tests.conftest import Database
from tests.scheduler.fleet import MASTER_KEY

NAME = "here:1:a"


class Ages:
    """A monotonic clock that a test moves."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def ages() -> Ages:
    return Ages()


@pytest.fixture
def pulse(ages: Ages) -> Pulse:
    """Of a scheduler that has just swept and ticked, with all tables there."""
    well = Pulse(NAME, ages)
    well.away, well.migrated = None, True
    for done in (well.tried, well.swept, well.ticked):
        done()
    return well


@asynccontextmanager
async def asked(pulse: Pulse) -> AsyncIterator[httpx.AsyncClient]:
    sock = listening("127.0.0.1", 0, None)
    assert sock is not None
    port = sock.getsockname()[1]
    async with (
        answering(sock, pulse, lambda: b"caselog_metric 1\n"),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


async def test_it_answers_probes_and_gives_metrics_and_nothing_else(pulse: Pulse) -> None:
    async with asked(pulse) as client:
        answers = {path: await client.get(path) for path in ("/healthz", "/readyz", "/metrics", "/v1/cases")}
    assert {path: answer.status_code for path, answer in answers.items()} == {
        "/healthz": 200,
        "/readyz": 200,
        "/metrics": 200,
        "/v1/cases": 404,
    }
    ready = answers["/readyz"].json()
    assert (ready["ready"], ready["missing"], ready["name"]) == (True, {}, NAME)
    assert answers["/metrics"].text == "caselog_metric 1\n"


async def test_without_a_port_nobody_is_answered() -> None:
    assert listening("127.0.0.1", None, None) is None
    async with answering(None, Pulse(NAME), lambda: b""):
        pass


async def test_a_port_that_is_taken_is_named() -> None:
    taken = listening("127.0.0.1", 0, None)
    assert taken is not None
    with taken, pytest.raises(CannotListen, match="CASELOG_SCHEDULER_PORT"):
        listening("127.0.0.1", taken.getsockname()[1], None)


async def test_a_scheduler_that_has_just_started_lives_and_is_not_ready(ages: Ages) -> None:
    async with asked(Pulse(NAME, ages)) as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert set(answer.json()["missing"]) == {"database", "sweep", "feed"}


async def test_a_first_round_that_hangs_is_seen_too_and_who_only_waits_to_be_ready_lives(ages: Ages) -> None:
    pulse = Pulse(NAME, ages)
    ages.now_s += ALIVE_WITHIN_S
    assert pulse.alive()
    ages.now_s += 1
    assert not pulse.alive()
    pulse.tried()  # as at each look whether Postgres is there
    assert pulse.alive()


@pytest.mark.parametrize(
    ("what", "said", "value"),
    [
        ("clock", "paused", "the database's clock is 3600.0 s ahead of this host's"),
        ("database", "away", "ConnectionRefusedError"),
        ("migrations", "migrated", False),
        ("running", "stopping", True),
    ],
)
async def test_readiness_says_what_is_missing(pulse: Pulse, what: str, said: str, value: object) -> None:
    setattr(pulse, said, value)
    async with asked(pulse) as client:
        answer = await client.get("/readyz")
        assert (await client.get("/healthz")).status_code == 200, "to start it again would help nobody"
    assert (answer.status_code, set(answer.json()["missing"])) == (503, {what})


async def test_who_has_not_swept_or_ticked_for_long_is_not_ready_and_who_hangs_is_not_alive(
    pulse: Pulse, ages: Ages
) -> None:
    async with asked(pulse) as client:
        ages.now_s += TICKED_WITHIN_S + 1
        assert set((await client.get("/readyz")).json()["missing"]) == {"feed"}
        ages.now_s += SWEPT_WITHIN_S
        assert set((await client.get("/readyz")).json()["missing"]) == {"feed", "sweep"}
        assert (await client.get("/healthz")).status_code == 200
        ages.now_s += ALIVE_WITHIN_S
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.json()) == (503, {"status": "stuck"})
        pulse.tried()
        assert (await client.get("/healthz")).status_code == 200, "a look that failed shows that it lives too"


async def test_a_sweep_that_hangs_in_the_database_is_seen_from_outside_and_probes_are_answered_meanwhile(
    module_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulses, "ALIVE_WITHIN_S", 0.5)
    pulse = Pulse(NAME)
    superuser = await asyncpg.connect(module_database.superuser)
    ledger = await open_ledger(module_database.scheduler, master_key=MASTER_KEY)
    clockwork = Clockwork(ledger, Gate(NAME), Sweeper(ledger), Lateness(), pulse)

    def never() -> bool:
        return False

    async with asked(pulse) as client:
        await clockwork.round(never)
        assert (await client.get("/healthz")).status_code == 200
        async with superuser.transaction():
            await superuser.execute("LOCK TABLE deadlines IN ACCESS EXCLUSIVE MODE")
            hanging = asyncio.create_task(clockwork.round(never))
            await asyncio.sleep(0.7)
            assert (await client.get("/healthz")).status_code == 503
        await hanging
        assert (await client.get("/healthz")).status_code == 200
    await ledger.close()
    await superuser.close()
