"""`python -m case_api`: one API process, on the socket a parent handed down or on its own."""

from __future__ import annotations

import asyncio

from case_api.app import inherited, server_of
from case_api.production import faults_kept, faults_set, told
from case_api.settings import Settings


def main() -> None:
    """Serve until SIGTERM or SIGINT; what is under way then is answered first."""
    settings = Settings()
    faults = faults_set(settings) + asyncio.run(faults_kept(settings))
    if faults:
        raise SystemExit(f"case_api: {told(faults)}")
    server_of(settings).run(sockets=inherited())


if __name__ == "__main__":
    main()
