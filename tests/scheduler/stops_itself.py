"""A scheduler process that is stopped (SIGSTOP) in the middle of its first firing, with its claims in its hands."""

from __future__ import annotations

import os
import signal
from typing import Any

from case_events.ledger import store
from case_events.ledger.clock import firing

stopped = False


async def stopping(connection: Any, cases: Any, *rest: Any, **named: Any) -> Any:
    """Stop this process, once, when the rows are claimed and locked."""
    global stopped  # noqa: PLW0603 - a process has one life
    if cases and not stopped:
        stopped = True
        os.kill(os.getpid(), signal.SIGSTOP)
    return await store.load(connection, cases, *rest, **named)


if __name__ == "__main__":
    firing.load = stopping  # type: ignore[attr-defined, assignment]  # where firing calls it
    from case_scheduler.__main__ import main

    main()
