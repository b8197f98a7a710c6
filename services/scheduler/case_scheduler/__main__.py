"""`python -m case_scheduler` runs one scheduler until SIGTERM."""

from __future__ import annotations

import uvloop

from case_events import logs
from case_scheduler.app import run
from case_scheduler.settings import Settings


def main() -> None:
    settings = Settings()  # every field comes from the environment
    logs.configure(settings.log)
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
