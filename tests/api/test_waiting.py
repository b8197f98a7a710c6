"""What a request waits for, and with whom: a body that comes late, a key that is being asked about."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from case_api.callers import auth
from case_api.requests import bodies
from case_api.requests.haste import in_time
from case_events.ledger.callers.keys import Caller, caller_of
from case_events.ledger.database import Ledger
from tests.api.house import House

JSON_SCOPE = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
TURNS = 100
"""How often the loop may turn before a test gives up."""


async def test_a_body_that_comes_late_and_in_pieces_is_read_whole() -> None:
    pieces = [b'{"a":', b" 1", b"}"]

    async def late() -> dict[str, Any]:
        await asyncio.sleep(0.001)
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    assert await bodies.read(Request(JSON_SCOPE, receive=late)) == b'{"a": 1}'


async def test_what_takes_too_long_is_ended_where_it_waits() -> None:
    ended = []

    async def waits() -> None:
        await asyncio.sleep(0)  # so that it waits more than once
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def waits_at_once() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    for work in (waits, waits_at_once):
        with pytest.raises(TimeoutError):
            await in_time(work(), 0.02)
    assert ended == [True, True]


async def test_what_fails_in_time_fails_as_it_is() -> None:
    async def fails(*, after_waiting: bool) -> None:
        if after_waiting:
            await asyncio.sleep(0)
        raise LookupError

    for after_waiting in (False, True):
        with pytest.raises(LookupError):
            await in_time(fails(after_waiting=after_waiting), 5)


async def test_who_comes_while_a_key_is_asked_about_shares_the_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = [], asyncio.Event()

    async def counted(ledger: Ledger, secret: str) -> Caller | None:
        asked.append(secret)
        await answered.wait()
        return await caller_of(ledger, secret)

    monkeypatch.setattr(auth, "caller_of", counted)
    callers = auth.Callers(house.app.state.door.ledger, sandbox=True)
    first, *others = [asyncio.create_task(callers.of("dev-ops")) for _ in range(8)]
    for _ in range(TURNS):
        await asyncio.sleep(0)
    first.cancel()  # it hung up: the others get their answer all the same
    answered.set()
    found = await asyncio.gather(*others)
    assert {caller.name for caller in found if caller} == {"dev-ops"}
    assert None not in found
    assert asked == ["dev-ops"]
