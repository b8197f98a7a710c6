"""Scheduler processes whose postmen hold endpoints for a moment only and retry at once: made to be killed.

They are forked after everything was imported, which is most of what a scheduler's start costs.
"""

from __future__ import annotations

import os
import signal
import sys

from case_api.cli.offspring import dies_with_parent
from case_events.ledger.webhooks import circuits
from case_scheduler import app
from case_scheduler.__main__ import main
from case_scheduler.webhooks import postman
from case_scheduler.webhooks.walks import Retries

LEASE_S = 0.6
AT_ONCE = Retries(after_s=(0.02,) * 500)


class Hurried(postman.Postman):
    """With a schedule of its own."""

    def __init__(self, *rest: object, **named: object) -> None:
        super().__init__(*rest, **{"retries": AT_ONCE, **named})  # type: ignore[arg-type]


if __name__ == "__main__":
    postman.LEASE_S, postman.LOOK_S = LEASE_S, LEASE_S / 3
    circuits.PROBE_S = circuits.PROBE_S_MAX = 0.02
    app.Postman = Hurried  # type: ignore[attr-defined]  # where a scheduler makes its own
    die_with_us = dies_with_parent(signal.SIGKILL)
    for _ in range(int(sys.argv[1])):
        if os.fork() == 0:
            die_with_us()
            main()
            sys.exit(0)
    ended = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(int(sys.argv[1]))]
    sys.exit(ended[-1])
