"""Scheduler processes whose ticks take long, and say whose they are: so that one can be killed in the middle of it.

They are forked after everything was imported, which is most of what a scheduler's start costs.
"""

from __future__ import annotations

import os
import signal
import sys

from case_api.cli.offspring import dies_with_parent
from case_events.ledger.feed import sequencing
from case_scheduler.__main__ import main

HOLDS = "FROM turn, fresh ORDER BY n"
SLOWLY = "FROM turn, fresh WHERE n > 1 OR pg_sleep(0.05) IS NOT NULL ORDER BY n"
"""Once a tick, when it has its turn."""

if __name__ == "__main__":
    assert sequencing.ORDINARY.count(HOLDS) == 1
    die_with_us = dies_with_parent(signal.SIGKILL)
    for _ in range(int(sys.argv[1])):
        if os.fork() == 0:
            die_with_us()
            sequencing.ORDINARY = f"/* process {os.getpid()} */" + sequencing.ORDINARY.replace(HOLDS, SLOWLY)
            main()
            sys.exit(0)
    ended = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(int(sys.argv[1]))]
    sys.exit(ended[-1])
