"""`python -m case_api`: one API process, on the socket a parent handed down or on its own."""

from __future__ import annotations

from case_api.app import inherited, server_of
from case_api.settings import Settings

if __name__ == "__main__":
    # Until SIGTERM or SIGINT; what is under way then is answered first.
    server_of(Settings()).run(sockets=inherited())
