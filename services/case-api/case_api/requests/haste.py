"""A limit in time that costs nothing where there is nothing to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def in_time(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """What ``work`` comes to. Raises TimeoutError when it takes longer than ``seconds``.

    It is begun without a timer, which costs more than reading a body that is already here, as most are; only when it
    has to wait is it limited.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(seconds):
        return await _resumed(work, awaited)


@coroutine
def _resumed(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """The rest of ``work``, which has begun and waits for ``awaited``."""
    try:
        yield awaited
    except BaseException as fault:
        work.throw(fault)  # it is told of its end as if it had waited itself
        raise
    result: T = yield from work
    return result
