"""`python -m case_scheduler` runs one scheduler until SIGTERM."""

from __future__ import annotations

import uvloop
from pydantic import ValidationError

from case_events import logs, tracing
from case_events.collecting import collect_rarely
from case_events.ledger.connection import REFUSED
from case_events.ledger.readable import Unreadable
from case_events.ledger.sealing import read_master_key
from case_scheduler.app import run
from case_scheduler.door import CannotListen
from case_scheduler.settings import Settings


def main() -> None:
    settings = _settings()
    logs.configure(settings.log)
    tracing.configure(settings.otlp_endpoint, "caselog-scheduler")
    collect_rarely()
    try:
        uvloop.run(run(settings))
    except (Unreadable, CannotListen) as reason:
        raise SystemExit(f"case_scheduler: cannot start:\n  - {reason}") from None
    except REFUSED as reason:
        raise SystemExit(f"case_scheduler: cannot start:\n  - CASELOG_DATABASE_URL cannot be used: {reason}") from None
    finally:
        tracing.close()


def _settings() -> Settings:
    """From the environment; what is missing or wrong is said in words, all of it, and nothing starts."""
    try:
        settings = Settings()  # every field comes from the environment
        read_master_key(settings.master_key_file)
    except ValidationError as fault:
        wrong = [f"CASELOG_{str(one['loc'][0]).upper()}: {one['msg']}" for one in fault.errors()]
    except (OSError, ValueError) as fault:
        wrong = [f"CASELOG_MASTER_KEY_FILE: {fault}"]
    else:
        return settings
    raise SystemExit("case_scheduler: cannot start:\n" + "\n".join(f"  - {one}" for one in wrong))


if __name__ == "__main__":
    main()
