"""What waits for an endpoint, when its receiver is spoken to, and what a round takes along and keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from case_events.core.events import Filed
from case_events.core.values import CaseId, Party
from case_events.core.viewer import ABSENT, Viewer
from case_events.ledger.connection import Connection
from case_events.ledger.database import Ledger
from case_events.ledger.feed import reader, subscriptions
from case_events.ledger.feed.reader import Sought
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.feed.subscriptions import NotHeld
from case_events.ledger.webhooks import circuits, collecting, sorting, waiting
from case_events.ledger.webhooks.circuits import CLOSED, FAILURES_MAX, PROBE_S, PROBE_S_MAX, Circuit
from case_events.ledger.webhooks.collecting import Bag, Probes
from case_events.ledger.webhooks.endpoints import Changed, Endpoint, Shelf
from case_events.ledger.webhooks.making import Origin, Wanted, create
from case_events.ledger.webhooks.sorting import Round, Tried
from case_events.ledger.webhooks.waiting import WAITING_MAX, Backlog, Delayed
from tests import examples
from tests.ledger.desk import Desk, a_filing, a_report

A, B, C, D = (UUID(int=number) for number in (1, 2, 3, 4))
POSTMAN = "postman"
BEGINNING = Probes()
OTHER = Party(role="merchant", id="m-2")


@pytest_asyncio.fixture
async def connection(scheduler: Ledger) -> AsyncIterator[Connection]:
    """The postman's."""
    async with scheduler.connection() as opened:
        yield opened


@pytest.fixture
def endpoint() -> UUID:
    return uuid4()


async def put(connection: Connection, endpoint: UUID, *rows: tuple[int, CaseId, int, float]) -> None:
    """Position, case, tries, and in how many seconds its turn is."""
    delayed = [Delayed(position=at, case_id=case, attempts=tries, in_s=in_s) for at, case, tries, in_s in rows]
    await waiting.put(connection, endpoint, delayed)


def positions(found: Sequence[Any]) -> list[int]:
    return [one.position for one in found]


async def test_only_the_head_of_a_case_has_a_turn_and_takes_along_what_waits_behind_it(
    connection: Connection, endpoint: UUID
) -> None:
    await put(connection, endpoint, (1, A, 1, 60), (2, B, 2, -1), (3, A, 0, 0), (4, B, 0, 0), (5, C, 1, -1))
    assert positions(await waiting.due(connection, endpoint)) == [2, 4, 5]
    assert positions(await waiting.due(connection, endpoint, 1)) == [2]
    assert await waiting.cases(connection, endpoint, [A, B, uuid4()]) == {A, B}
    assert await waiting.held_back(connection, endpoint, [1, 4, 9]) == {1, 4}
    assert await waiting.due(connection, uuid4()) == ()
    backlog = await waiting.backlog(connection, endpoint)
    assert backlog.events == 5
    assert backlog.due_in_s is not None
    assert backlog.due_in_s < 0
    await waiting.done(connection, endpoint, [2, 4, 5])
    backlog = await waiting.backlog(connection, endpoint)
    assert backlog.events == 2
    assert backlog.due_in_s is not None
    assert 50 < backlog.due_in_s <= 60, "what waits behind a head is not looked at"
    await waiting.done(connection, endpoint, [1])
    assert positions(await waiting.due(connection, endpoint)) == [3], "it is the head now, and nobody put it off"


async def test_what_was_refused_is_probed_the_earliest_when_it_is_due_and_else_one_head_after_the_other(
    connection: Connection, endpoint: UUID
) -> None:
    await put(connection, endpoint, (1, A, 1, 60), (2, A, 0, 0), (3, B, 1, 60), (5, C, 1, -1), (6, D, 0, 0))
    probed, turns = 0, []
    for _ in range(4):
        one = await waiting.refused(connection, endpoint, probed)
        assert one is not None
        turns.append((probed := one.position, one.due))
    assert turns == [(1, False), (3, False), (5, True), (1, False)]
    await put(connection, endpoint, (1, A, 1, -1))
    for probed in (0, 1, 3, 5):
        one = await waiting.refused(connection, endpoint, probed)
        assert one is not None
        assert one.position == 1
    assert await waiting.refused(connection, uuid4(), 0) is None


async def test_of_what_was_never_tried_the_head_that_is_furthest_from_what_was_refused_is_probed(
    connection: Connection, endpoint: UUID
) -> None:
    await put(connection, endpoint, (1, A, 1, 60), (2, A, 0, 0), (3, B, 0, 0), (5, C, 0, 0), (6, C, 0, 0), (7, A, 0, 0))
    one = await waiting.untried(connection, endpoint)
    assert one is not None
    assert (one.position, one.attempts, one.due) == (5, 0, True)
    await waiting.done(connection, endpoint, [3, 5, 6])
    assert await waiting.untried(connection, endpoint) is None, "the rest is behind what was refused"
    assert await waiting.untried(connection, uuid4()) is None


async def test_a_probe_is_found_at_once_among_as_many_heads_as_may_wait(
    connection: Connection, endpoint: UUID, superuser: asyncpg.Connection
) -> None:
    """Though little waits for the others, by whom the planner goes: compared each with each it took half a minute."""
    for other in range(50):
        await put(connection, UUID(int=other), (1, A, 1, 60))
    await superuser.execute("ANALYZE webhook_waiting")
    many = [(1_000_000 + number, uuid4(), number % 2, 3600.0) for number in range(WAITING_MAX)]
    await put(connection, endpoint, *many)
    async with asyncio.timeout(4):
        untried = await waiting.untried(connection, endpoint)
        refused = await waiting.refused(connection, endpoint, 0)
    assert untried is not None
    assert refused is not None
    assert (untried.position, refused.position) == (many[-2][0], many[1][0])


async def test_cases_of_which_nothing_was_refused_are_taken_along_first(connection: Connection, endpoint: UUID) -> None:
    await put(connection, endpoint, (1, A, 1, -9), (2, B, 2, -9), (3, B, 0, 0), (4, C, 0, -1), (5, C, 0, 0))
    assert positions(await waiting.due(connection, endpoint, 1)) == [4]
    assert positions(await waiting.due(connection, endpoint, 3)) == [1, 4, 5]
    assert positions(await waiting.due(connection, endpoint)) == [1, 2, 3, 4, 5]


async def test_who_is_resumed_has_all_tries_again_and_who_is_back_loses_none(
    connection: Connection, endpoint: UUID
) -> None:
    await put(connection, endpoint, (1, A, 3, 60), (2, B, 4, -1), (3, A, 0, 0), (4, C, 1, 60))
    await waiting.try_sooner(connection, endpoint)
    due = await waiting.due(connection, endpoint)
    assert [(one.position, one.attempts) for one in due] == [(1, 2), (2, 4), (3, 0), (4, 1)], "what was tried was tried"
    await waiting.try_at_once(connection, endpoint)
    assert [one.attempts for one in await waiting.due(connection, endpoint)] == [0] * 4
    await waiting.forget(connection, endpoint)
    assert await waiting.backlog(connection, endpoint) == Backlog(events=0, since=None, due_in_s=None)


def test_a_circuit_opens_after_failures_in_a_row_doubles_and_is_closed_by_a_success() -> None:
    circuit, opened = CLOSED, []
    for _ in range(FAILURES_MAX + 8):
        circuit = circuit.failed(None)
        opened.append(circuit.open_for_s)
    assert opened[: FAILURES_MAX - 1] == [0.0] * (FAILURES_MAX - 1)
    assert opened[FAILURES_MAX - 1 : FAILURES_MAX + 2] == [PROBE_S, 2 * PROBE_S, 4 * PROBE_S]
    assert opened[-1] == PROBE_S_MAX
    assert circuit.probing
    assert circuit.succeeded() == CLOSED
    once = CLOSED.failed(90.0)
    assert (once.open_for_s, once.probing) == (90.0, False)


async def test_a_circuit_is_kept_by_the_databases_clock(connection: Connection, endpoint: UUID) -> None:
    assert await circuits.circuit(connection, endpoint) == CLOSED
    await circuits.turn(connection, endpoint, Circuit(failures=5, open_for_s=60.0), succeeded=False, failed=True)
    found = await circuits.circuit(connection, endpoint)
    assert (found.failures, found.probing) == (5, True)
    assert 50 < found.open_for_s <= 60
    await circuits.turn(connection, endpoint, CLOSED, succeeded=True, failed=False)
    assert await circuits.circuit(connection, endpoint) == CLOSED
    row = await connection.fetchrow(
        "SELECT succeeded_at, failed_at FROM webhook_circuits WHERE endpoint = $1", endpoint
    )
    assert row is not None
    assert row["failed_at"] < row["succeeded_at"], "what was is remembered"


@pytest_asyncio.fixture(scope="module")
async def cases(desk: Desk, scheduler: Ledger) -> dict[str, CaseId]:
    """Three cases: two against merchant m-1, one of them anonymous, and one against m-2; eight positions."""
    made = {
        "m-1": await desk.filed(),
        "anonymous": await desk.filed(a_report()),
        "m-2": await desk.filed(a_filing(respondent=OTHER)),
    }
    for name in ("m-1", "m-2", "m-1"):
        await desk.post(made[name], examples.EVIDENCE)
    while (await tick(scheduler)).more:
        pass  # until all is numbered
    return made


async def told_of(ledger: Ledger, scheduler: Ledger, viewer: Viewer, **said: Any) -> Endpoint:
    """An endpoint that is told everything from the beginning, held by the postman."""
    wanted = Wanted(url="https://hooks.example.com/", description="", **({"types": None, "merchants": None} | said))
    origin = Origin(id=uuid4(), who="test", after=0)
    async with ledger.connection() as connection, connection.transaction():
        endpoint, _, _ = await create(
            connection, ledger.vault, wanted, Shelf(client=str(uuid4()), viewer=viewer), origin
        )
    async with scheduler.connection() as connection:
        assert await subscriptions.hold_free(connection, [endpoint.subscription], POSTMAN, 60.0, 1)
    return endpoint


async def collected(
    connection: Connection,
    ledger: Ledger,
    endpoint: Endpoint,
    circuit: Circuit = CLOSED,
    backlog: Backlog | None = None,
    probes: Probes = BEGINNING,
) -> Bag:
    waits = backlog or await waiting.backlog(connection, endpoint.id)
    return await collecting.collect(connection, ledger.vault, endpoint, POSTMAN, circuit, waits, probes)


async def test_who_filters_by_merchant_sees_whole_cases_and_who_is_limited_to_one_sees_as_they_may(
    connection: Connection, ledger: Ledger, scheduler: Ledger, cases: dict[str, CaseId]
) -> None:
    filtering = await told_of(ledger, scheduler, Viewer(), merchants=("m-1",))
    limited = await told_of(ledger, scheduler, Viewer(merchants=("m-1",), desk=False))
    both = await told_of(ledger, scheduler, Viewer(merchants=("m-1",), desk=False), merchants=("m-2",))
    bags = [await collected(connection, ledger, one) for one in (filtering, limited, both)]
    theirs = {cases["m-1"], cases["anonymous"]}
    assert [{chain[0].case_id for chain in bag.chains} for bag in bags] == [theirs, theirs, set()]
    filed = [letter.told.recorded for bag in bags[:2] for chain in bag.chains for letter in chain[:1]]
    names = [one.event.complainant.id for one in filed if isinstance(one.event, Filed) and one.event.anonymous]
    assert len(names) == 2, "a report is anonymous"
    assert (names[0] == ABSENT, names[1] == ABSENT) == (False, True)
    assert len({bag.through for bag in bags}) == 1, "whatever is for it, it has read to the end"
    at, _ = await reader.read_at(connection, ledger.vault, range(1, 9), sought=Sought(merchants=("m-2",)))
    assert {one.recorded.case_id for one in at} == {cases["m-2"]}


async def test_a_case_that_is_in_no_list_any_more_is_no_merchant_s(
    ledger: Ledger, superuser: asyncpg.Connection, connection: Connection, cases: dict[str, CaseId]
) -> None:
    """As those of a test clock that was deleted: their events stay."""
    await superuser.execute("DELETE FROM cases WHERE case_id = $1", cases["m-2"])
    at, _ = await reader.read_at(connection, ledger.vault, range(1, 9), sought=Sought(merchants=("m-1",)))
    assert cases["m-2"] not in {one.recorded.case_id for one in at}


async def test_a_round_is_kept_whole_what_failed_waits_and_what_is_new_of_its_case_waits_behind(
    connection: Connection, ledger: Ledger, scheduler: Ledger, desk: Desk, cases: dict[str, CaseId]
) -> None:
    endpoint = await told_of(ledger, scheduler, Viewer())
    bag = await collected(connection, ledger, endpoint)
    chains = {chain[0].case_id: chain for chain in bag.chains}
    failing = chains[cases["m-1"]]
    tried = [Tried(letter=failing[0], delivered=False, retry_after_s=120.0)]
    tried += [Tried(letter=one, delivered=True) for case_id in ("m-2", "anonymous") for one in chains[cases[case_id]]]
    done = Round(tried=tuple(tried), attempts=(), circuit=CLOSED)
    async with connection.transaction():
        settled = await sorting.settle(
            connection, endpoint, POSTMAN, bag, done, lambda tries: 60.0 if tries < 3 else None
        )
    assert (settled.reached, settled.ended) == (bag.through, False)
    backlog = await waiting.backlog(connection, endpoint.id)
    assert backlog.events == len(failing)
    assert backlog.due_in_s is not None
    assert 100 < backlog.due_in_s <= 120, "as long as the receiver asked for, where that is longer"
    with pytest.raises(NotHeld):
        async with connection.transaction():
            await sorting.settle(connection, endpoint, "another", bag, done, lambda _: None)
    await desk.post(cases["m-1"], examples.EVIDENCE, key="later")
    await desk.post(cases["m-2"], examples.EVIDENCE, key="later")
    await tick(scheduler)
    again = await collected(connection, ledger, endpoint)
    assert [chain[0].case_id for chain in again.chains] == [cases["m-2"]]
    assert [one.case_id for one in again.behind] == [cases["m-1"]], "it waits behind what has failed"
    delivered = tuple(Tried(letter=one, delivered=True) for chain in again.chains for one in chain)
    async with connection.transaction():
        now = Round(tried=delivered, attempts=(), circuit=CLOSED)
        await sorting.settle(connection, endpoint, POSTMAN, again, now, lambda _: 60.0)
    assert (await waiting.backlog(connection, endpoint.id)).events == len(failing) + 1
    await waiting.try_at_once(connection, endpoint.id)
    due = await waiting.due(connection, endpoint.id)
    assert positions(due) == [*positions(failing), again.behind[0].position], "and has its turn after it"


async def test_what_was_sent_once_more_is_kept_by_who_holds_the_endpoint_and_while_it_is_what_it_was(
    connection: Connection, ledger: Ledger, scheduler: Ledger
) -> None:
    endpoint, done = await told_of(ledger, scheduler, Viewer()), Round(tried=(), attempts=(), circuit=CLOSED)
    with pytest.raises(NotHeld):
        await sorting.settle_again(connection, endpoint, "another", done)
    with pytest.raises(Changed):
        await sorting.settle_again(connection, replace(endpoint, url="https://before.example"), POSTMAN, done)
    assert await sorting.settle_again(connection, endpoint, POSTMAN, done) is False


async def test_while_as_much_waits_as_may_nothing_more_is_read_and_a_probe_is_all_that_is_tried(
    connection: Connection, ledger: Ledger, scheduler: Ledger, cases: dict[str, CaseId]
) -> None:
    endpoint = await told_of(ledger, scheduler, Viewer())
    full = Backlog(events=waiting.WAITING_MAX, since=None, due_in_s=None)
    assert await collected(connection, ledger, endpoint, backlog=full) == Bag()
    almost = Backlog(events=waiting.WAITING_MAX - 2, since=None, due_in_s=None)
    assert (await collected(connection, ledger, endpoint, backlog=almost)).through == 2
    probing = Circuit(failures=FAILURES_MAX)
    first = await collected(connection, ledger, endpoint, circuit=probing)
    assert sum(map(len, first.chains)) == 1, "nothing waits: the next event is the probe"
    await put(connection, endpoint.id, (1, cases["m-1"], 1, 60.0), (2, cases["anonymous"], 1, 60.0))
    second = await collected(connection, ledger, endpoint, circuit=probing)
    ((new,),) = second.chains
    assert (new.case_id, new.tries, new.waits) == (cases["m-2"], 0, False), "of a case that does not wait"
    assert second.through == new.position, "so far the feed is read, and no further"
    assert {one.case_id for one in second.behind} <= {cases["m-1"], cases["anonymous"]}
    assert second.more
    turn = BEGINNING.then(new)
    third = await collected(connection, ledger, endpoint, circuit=probing, probes=turn)
    assert [positions(chain) for chain in third.chains] == [[1]], "by turns with what was refused"
    assert third.through == 0
    assert not third.chains[0][0].due, "it is tried before its turn"
    assert turn.then(third.chains[0][0]) == Probes(untried=True, after=1)
    in_vain = Round(tried=(Tried(letter=third.chains[0][0], delivered=False),), attempts=(), circuit=probing)
    async with connection.transaction():
        settled = await sorting.settle(connection, endpoint, POSTMAN, third, in_vain, lambda _: None)
    assert not settled.ended
    one = await waiting.refused(connection, endpoint.id, 0)
    assert one is not None
    assert (one.position, one.attempts, one.due) == (1, 1, False), "and that costs none of its tries"
    full = Backlog(events=waiting.WAITING_MAX, since=None, due_in_s=None)
    fourth = await collected(connection, ledger, endpoint, circuit=probing, backlog=full)
    assert [positions(chain) for chain in fourth.chains] == [[1]], "where nothing new may be read, what was refused"


async def test_a_probe_is_one_that_was_refused_where_nothing_else_is_for_the_endpoint(
    connection: Connection, ledger: Ledger, scheduler: Ledger, cases: dict[str, CaseId]
) -> None:
    probing = Circuit(failures=FAILURES_MAX)
    endpoint = await told_of(ledger, scheduler, Viewer(), merchants=("m-1",))
    await put(connection, endpoint.id, (1, cases["m-1"], 1, 60.0), (2, cases["anonymous"], 1, 60.0))
    bag = await collected(connection, ledger, endpoint, circuit=probing)
    assert [positions(chain) for chain in bag.chains] == [[1]]
    assert {one.case_id for one in bag.behind} == {cases["m-1"], cases["anonymous"]}
    assert not bag.more, "all that is new waits behind it"


async def test_who_closes_the_circuit_is_tried_at_once_but_for_what_was_refused_while_others_were_taken(
    connection: Connection,
    ledger: Ledger,
    scheduler: Ledger,
    superuser: asyncpg.Connection,
    cases: dict[str, CaseId],
) -> None:
    endpoint = await told_of(ledger, scheduler, Viewer())
    opened = Circuit(failures=FAILURES_MAX, open_for_s=1.0)
    await put(connection, endpoint.id, (1, cases["m-1"], 3, 60.0), (2, cases["anonymous"], 2, 60.0))
    await superuser.execute(REFUSED, endpoint.id, 1)
    await circuits.turn(connection, endpoint.id, CLOSED, succeeded=True, failed=True)
    await superuser.execute(REFUSED, endpoint.id, 2)
    await circuits.turn(connection, endpoint.id, opened, succeeded=False, failed=True)
    await circuits.close(connection, endpoint.id)
    assert await circuits.circuit(connection, endpoint.id) == CLOSED
    assert [(one.position, one.attempts) for one in await waiting.due(connection, endpoint.id)] == [(2, 1)]
    await waiting.done(connection, endpoint.id, [2])
    assert await waiting.due(connection, endpoint.id) == (), "it has its own turn"
    one = await waiting.refused(connection, endpoint.id, 0)
    assert one is not None
    assert one.attempts == 3


REFUSED = """
INSERT INTO webhook_attempts
    (endpoint, position, event_id, case_id, type, reason, number, at, took_ms, outcome, status, detail)
SELECT $1, f.position, e.event_id, f.case_id, e.type, 'event', 1, clock_timestamp(), 1, 'refused', 422, NULL
FROM feed f JOIN events e ON e.case_id = f.case_id AND e.version = f.version WHERE f.position = $2
"""


async def test_an_event_that_could_not_be_read_is_no_probe_before_its_turn(
    connection: Connection, ledger: Ledger, scheduler: Ledger, cases: dict[str, CaseId]
) -> None:
    endpoint = await told_of(ledger, scheduler, Viewer())
    await put(connection, endpoint.id, (1, cases["m-1"], 0, 60.0), (2, cases["anonymous"], 0, 60.0))
    assert await subscriptions.park(connection, endpoint.subscription, POSTMAN, 1, "a kind of event that is none") == 1
    one = await waiting.untried(connection, endpoint.id)
    assert one is not None
    assert one.position == 2
    await waiting.done(connection, endpoint.id, [2])
    assert await waiting.untried(connection, endpoint.id) is None, "so the next event of the feed is one"
    await put(connection, endpoint.id, (1, cases["m-1"], 0, -1.0))
    due = await waiting.untried(connection, endpoint.id)
    assert due is not None
    assert (due.position, due.due) == (1, True)
