"""`python -m case_api`: one API process, on the socket a parent handed down or on its own."""

from __future__ import annotations

import asyncio

from pydantic import ValidationError

from case_api.app import inherited, server_of
from case_api.production import faults_kept, faults_set, told
from case_api.settings import Settings


def main() -> None:
    """Serve until SIGTERM or SIGINT; what is under way then is answered first."""
    settings = _settings()
    faults = faults_set(settings) + asyncio.run(faults_kept(settings))
    if faults:
        raise SystemExit(f"case_api: {told(faults)}")
    server_of(settings).run(sockets=inherited())


def _settings() -> Settings:
    """From the environment; what is wrong is said in words, all of it, and nothing starts."""
    try:
        return Settings()
    except ValidationError as fault:
        wrong = [f"CASELOG_{str(one['loc'][0]).upper()}: {one['msg']}" for one in fault.errors()]
        raise SystemExit(f"case_api: {told(wrong)}") from None


if __name__ == "__main__":
    main()
