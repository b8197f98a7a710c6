"""What one client's receivers and names can take of a postman, and what they leave to everybody else's."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pytest
import pytest_asyncio

from case_scheduler import app
from case_scheduler.settings import Settings
from case_scheduler.webhooks import names, sending
from case_scheduler.webhooks.names import Names
from case_scheduler.webhooks.sending import Answer, Sender
from case_scheduler.webhooks.slots import Slots
from tests.scheduler.receiver import HANGS, receiving

SECRET = "whsec_" + "a" * 44
SOON_S = 10.0
PUBLIC = "93.184.216.34"


class Resolver:
    """A DNS in which names that begin with ``hangs`` are not answered until ``answers`` is set."""

    def __init__(self, address: str) -> None:
        self.address, self.answers, self.asked = address, threading.Event(), list[str]()
        self.heard = threading.Condition()

    def getaddrinfo(self, host: str, *_said: object, **_more: object) -> list[tuple[object, ...]]:
        with self.heard:
            self.asked.append(host)
            self.heard.notify_all()
        if host.startswith("none"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host.startswith("hangs"):
            assert self.answers.wait(SOON_S)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, 0))]

    def wait_for(self, asked: int) -> bool:
        with self.heard:
            return self.heard.wait_for(lambda: len(self.asked) >= asked, SOON_S)


Resolving = Callable[[str], Resolver]


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolving]:
    made = list[Resolver]()

    def resolve(address: str = PUBLIC) -> Resolver:
        made.append(Resolver(address))
        monkeypatch.setattr(socket, "getaddrinfo", made[-1].getaddrinfo)
        return made[-1]

    yield resolve
    for one in made:
        one.answers.set()


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(loopback=True)
    yield sender
    await sender.close()


async def sent(sender: Sender, url: str, client: str = "shop") -> Answer:
    return await sender.post(client, url, uuid4(), b"{}", [SECRET])


async def test_names_that_hang_hold_up_their_own_client_and_nobody_else(resolving: Resolving) -> None:
    resolver, asking = resolving(PUBLIC), Names()
    hanging = [asyncio.create_task(asking.addresses(f"hangs{number}.example", "bad")) for number in range(50)]
    assert await asyncio.to_thread(resolver.wait_for, names.PER_CLIENT_MAX)
    async with asyncio.timeout(2):
        assert await asking.addresses("shop.example", "good") == [PUBLIC]
        places = await asyncio.get_running_loop().getaddrinfo("postgres.example", 5432)
        assert places[0][4][0] == PUBLIC, "where Postgres is looked up"
    assert len(resolver.asked) == names.PER_CLIENT_MAX + 2
    resolver.answers.set()
    assert await asyncio.gather(*hanging) == [[PUBLIC]] * 50, "what ends gives its place to the next"


async def test_a_name_that_another_client_only_waits_to_ask_for_is_asked_for_at_once(resolving: Resolving) -> None:
    resolver, asking = resolving(PUBLIC), Names()
    wanted = [*(f"hangs{number}.example" for number in range(names.PER_CLIENT_MAX)), "both.example"]
    waiting = [asyncio.create_task(asking.addresses(name, "bad")) for name in wanted]
    assert await asyncio.to_thread(resolver.wait_for, names.PER_CLIENT_MAX)
    assert "both.example" not in resolver.asked
    async with asyncio.timeout(2):
        assert await asking.addresses("both.example", "good") == [PUBLIC]
    resolver.answers.set()
    assert await asyncio.gather(*waiting) == [[PUBLIC]] * len(wanted), "and what hung gave its place back"


async def test_names_that_hang_hold_up_nobody_else_however_many_clients_have_them(resolving: Resolving) -> None:
    resolver, asking, clients = resolving(PUBLIC), Names(), 20
    hanging = [
        asyncio.create_task(asking.addresses(f"hangs{number}.example", f"bad {number % clients}"))
        for number in range(clients * names.PER_CLIENT_MAX)
    ]
    assert await asyncio.to_thread(resolver.wait_for, clients + names.SHARED_MAX)
    async with asyncio.timeout(2):
        assert await asking.addresses("shop.example", "good") == [PUBLIC]
    resolver.answers.set()
    assert await asyncio.gather(*hanging) == [[PUBLIC]] * len(hanging)


async def test_look_ups_that_those_who_asked_have_given_up_still_count(
    resolving: Resolving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "LOOK_UP_S", 0.05)
    resolver, asking = resolving(PUBLIC), Names()
    for _ in range(3):
        tried = [asking.addresses(f"hangs{number}.example", "bad") for number in range(names.PER_CLIENT_MAX + 2)]
        came = await asyncio.gather(*tried, return_exceptions=True)
        assert {type(one) for one in came} == {TimeoutError}
    assert len(resolver.asked) == names.PER_CLIENT_MAX, "those are under way; nobody asks for more, nor for them twice"


async def test_a_look_up_that_takes_too_long_is_a_receiver_that_timed_out(
    sender: Sender, resolving: Resolving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "LOOK_UP_S", 0.05)
    resolving(PUBLIC)
    answer = await sent(sender, "https://hangs.example/")
    assert (answer.outcome, answer.detail) == ("timed_out", "no connection in time")


async def test_a_name_is_asked_for_once_for_all_its_ports(sender: Sender, resolving: Resolving) -> None:
    async with receiving() as one, receiving() as two:
        resolver = resolving("127.0.0.1")
        sending = [
            asyncio.create_task(sent(sender, f"http://hangs.example:{receiver.port}/", client))
            for receiver, client in ((one, "shop"), (two, "shop"), (two, "mall"))
        ]
        assert await asyncio.to_thread(resolver.wait_for, 1)
        resolver.answers.set()
        assert {answer.outcome for answer in await asyncio.gather(*sending)} == {"delivered"}
        assert resolver.asked == ["hangs.example"]


async def test_each_client_asks_for_its_own_names(sender: Sender, resolving: Resolving) -> None:
    async with receiving() as receiver:
        resolver = resolving("127.0.0.1")
        hanging = [
            asyncio.create_task(sent(sender, f"http://hangs{number}.example:{receiver.port}/", "bad"))
            for number in range(2 * names.PER_CLIENT_MAX)
        ]
        assert await asyncio.to_thread(resolver.wait_for, names.PER_CLIENT_MAX)
        async with asyncio.timeout(2):
            assert (await sent(sender, f"http://shop.example:{receiver.port}/", "good")).delivered
        assert len(resolver.asked) == names.PER_CLIENT_MAX + 1
        resolver.answers.set()
        assert {answer.outcome for answer in await asyncio.gather(*hanging)} == {"delivered"}


@pytest.mark.parametrize("name", ["none.example", "x" * 64 + ".example"])
async def test_a_name_without_an_address_is_said_not_to_resolve(
    name: str, sender: Sender, resolving: Resolving
) -> None:
    if name.startswith("none"):
        resolving(PUBLIC)
    answer = await sent(sender, f"https://{name}/")
    assert (answer.outcome, answer.detail) == ("unreachable", "its name does not resolve")


ENDING = """
import asyncio, socket, time
socket.getaddrinfo = lambda *_, **__: time.sleep(60)
from case_scheduler.webhooks import names, sending
names.LOOK_UP_S = 0.05
try:
    asyncio.run(names.Names().addresses("hangs.example", "shop"))
except TimeoutError:
    print("late")
"""


def test_a_process_ends_though_a_name_still_hangs() -> None:
    place = {**os.environ, "PYTHONPATH": str(Path(names.__file__).parents[1])}
    ended = subprocess.run([sys.executable, "-c", ENDING], env=place, capture_output=True, timeout=30, check=True)
    assert (ended.stdout, ended.stderr) == (b"late\n", b"")


async def standing(sender: Sender, turns: list[tuple[str, str]]) -> Counter[str]:
    """How many of these (client, URL) have their turn at once, by client."""
    had, over = Counter[str](), asyncio.Event()

    async def stand(client: str, url: str) -> None:
        async with sender.turn(client, url):
            had[client] += 1
            await over.wait()

    tasks = [asyncio.create_task(stand(*turn)) for turn in turns]
    for _ in range(5):
        await asyncio.sleep(0)
    now = had.copy()
    over.set()
    await asyncio.gather(*tasks)
    return now


async def test_the_ports_of_a_host_are_one_receiver(sender: Sender) -> None:
    turns = [("shop", f"https://{host}:{port}/") for port in range(1, 51) for host in ("A.example", "a.example.")]
    assert await standing(sender, turns) == {"shop": 8}


async def test_a_client_has_so_many_turns_at_once_beside_one_for_each_receiver(sender: Sender) -> None:
    turns = [("greedy", f"https://{number % 10}.example/") for number in range(80)]
    assert await standing(sender, [*turns, ("shop", "https://shop.example/")]) == {"greedy": 10 + 32, "shop": 1}


async def test_clients_at_one_host_do_not_hold_up_one_another(sender: Sender) -> None:
    turns = [("slow", "https://host.example/slow")] * 20 + [("shop", "https://host.example/shop")] * 20
    assert await standing(sender, turns) == {"slow": 8, "shop": 8}


async def test_a_process_has_so_many_turns_at_once_beside_one_for_each_receiver(sender: Sender) -> None:
    turns = [(f"client {number % 12}", f"https://{number % 48}.example/") for number in range(48 * 8)]
    assert (await standing(sender, turns)).total() == 48 + 256


async def test_so_many_receivers_have_a_turn_at_once(sender: Sender) -> None:
    turns = [(f"client {number % 20}", f"https://{number}.example/") for number in range(600)]
    assert (await standing(sender, turns)).total() == 512


async def test_a_receiver_that_answers_is_sent_to_however_many_hang(
    resolving: Resolving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SHARED_MAX", 16)
    sender = Sender(loopback=True)

    async def send(client: str, url: str) -> Answer:
        async with sender.turn(client, url):
            return await sent(sender, url, client)

    async with receiving(lambda _: HANGS) as hanging, receiving() as well:
        resolving("127.0.0.1")
        tasks = [
            asyncio.create_task(send("bad", f"http://{number % 4}.example:{hanging.port}/")) for number in range(4 * 8)
        ]
        await hanging.until(lambda: len(hanging.got) == 4 + 16, SOON_S)
        async with asyncio.timeout(SOON_S / 2):
            assert {(await send("shop", well.url)).outcome for _ in range(20)} == {"delivered"}
            assert {(await send("bad", well.url)).outcome for _ in range(20)} == {"delivered"}
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await sender.close()


async def test_whoever_gives_up_waiting_leaves_their_turn_to_the_next() -> None:
    slots = Slots(holders=9, each=9, of_client=9, shared=1)
    for holder in (("slow", ""), ("slow", ""), ("shop", "")):
        await slots.take(holder)
    waiting = [asyncio.create_task(slots.take(("shop", ""))) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    slots.give_back(("slow", ""))  # to the second; it is called off before it could know
    waiting[1].cancel()
    await asyncio.wait(waiting, timeout=SOON_S)
    assert [task.cancelled() for task in waiting] == [True, True, False]
    more = asyncio.create_task(slots.take(("slow", "")))
    await asyncio.sleep(0)
    assert not more.done()
    slots.give_back(("shop", ""))
    await asyncio.wait_for(more, SOON_S)


async def test_those_who_wait_have_what_is_shared_in_turn() -> None:
    slots, had = Slots(holders=9, each=9, of_client=9, shared=1), list[str]()

    async def have(client: str) -> None:
        async with slots.turn((client, "")):
            had.append(client)

    for client in ("one", "two", "one"):
        await slots.take((client, ""))
    tasks = [asyncio.create_task(have(client)) for client in ("one", "one", "one", "two")]
    await asyncio.sleep(0)
    slots.give_back(("one", ""))
    await asyncio.wait_for(asyncio.gather(*tasks), SOON_S)
    assert had == ["one", "two", "one", "one"]


@pytest.mark.parametrize(
    ("env", "outcome"), [("development", "delivered"), ("sandbox", "blocked"), ("production", "blocked")]
)
async def test_a_webhook_goes_to_this_very_machine_in_development_only(
    env: Literal["development", "sandbox", "production"], outcome: str, tmp_path: Path
) -> None:
    settings = Settings(database_url="postgresql://nowhere", master_key_file=tmp_path / "key", env=env)
    async with receiving() as receiver, app._sending(settings) as wired:
        assert (await sent(wired, receiver.url)).outcome == outcome
