"""What all SQL here speaks through: connections that speak Instants, and what is raised while Postgres is away."""

from __future__ import annotations

import os
from datetime import UTC, timedelta
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

import asyncpg

from case_events import tracing
from case_events.core.values import Instant

Connection = asyncpg.pool.PoolConnectionProxy | asyncpg.Connection
REFUSED: tuple[type[Exception], ...] = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.exceptions.ClientConfigurationError,
)
"""What is raised where there is no such login, password or database, or the address is none: nothing starts with it. To
who runs already Postgres is away: a password is being changed, or a database restored."""
UNAVAILABLE: tuple[type[Exception], ...] = (
    *REFUSED,
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    # A standby, or a server that somebody, or a full disk, has closed to writers.
    asyncpg.ReadOnlySQLTransactionError,
    # A database that was told to take no connections, as while another is put in its place.
    asyncpg.ObjectNotInPrerequisiteStateError,
    # Somebody holds what is needed for longer than a session waits.
    asyncpg.LockNotAvailableError,
    # What asyncpg says when a session ends in the very moment it is used (its issue 1069).
    asyncpg.InternalClientError,
)
"""What is raised while Postgres is away, starting, stopping or full."""

READ_COMMITTED = {"default_transaction_isolation": "read committed"}
"""Said by every session that writes, whatever the server's default is: what is read after a lock is what its last
holder wrote, and who waited for a row goes on instead of failing."""
UNHURRIED = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
"""Said by the owner's sessions, whose statements make or read whole tables: what an operator has set for everybody's
short ones would end them again at every try."""
CONNECT_TIMEOUT_S = 5
UNREADABLE = (
    "not like postgresql://login:password@host:port/database; in a password / ? # [ ] @ are %2F %3F %23 %5B %5D %40"
)
TLS_FILES = {"sslrootcert", "sslcert", "sslkey", "sslcrl"}
"""Of a file that is not there asyncpg says what is said of a server that is away, and not which."""
OF_LIBPQ = {
    *("channel_binding", "connect_timeout", "fallback_application_name", "gssencmode", "load_balance_hosts"),
    *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "tcp_user_timeout"),
}
"""What psql and its kin take from an address; to us it would be a setting that the server does not know."""
POSTGRES_EPOCH = Instant(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def check_address(address: str) -> None:
    """Raises ClientConfigurationError for what cannot be read as the address of a database, and quotes nothing of it.

    asyncpg would quote what it takes for a port, which is the password where that has a ``/`` in it, and ask for the
    rest of one with an ``@`` as a host's name.
    """
    try:
        parts = urlsplit(address)
        said = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise asyncpg.exceptions.ClientConfigurationError(UNREADABLE) from None
    hosts = parts.netloc.partition("@")[2] if "@" in parts.netloc else parts.netloc
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts.split(",")]
    if "@" in hosts or parts.fragment or not all(port.isdecimal() for port in ports if port):
        raise asyncpg.exceptions.ClientConfigurationError(UNREADABLE)
    for name in sorted(OF_LIBPQ.intersection(said)):
        raise asyncpg.exceptions.ClientConfigurationError(f"{name} is for psql, and nothing here")
    for name in TLS_FILES.intersection(said):
        if not os.access(said[name][-1], os.R_OK):
            raise asyncpg.exceptions.ClientConfigurationError(f"what it says as {name} is no file that can be read")


def touched(done: str) -> int:
    """How many rows a statement wrote, as asyncpg's ``execute`` says it: the end of ``UPDATE 3``."""
    return int(done.rpartition(" ")[2])


async def teach(connection: Connection) -> None:
    """Every timestamptz that comes from Postgres is an Instant, and only instants go there."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=to_postgres, decoder=_from_postgres, format="tuple"
    )
    if tracing.is_on():
        connection.add_query_logger(_trace)


def _trace(asked: asyncpg.connection.LoggedQuery) -> None:
    """What was asked with stays here."""
    tracing.spoken(asked.query, asked.elapsed, asked.exception)


@lru_cache(maxsize=4096)  # the instants of one row, and of the rows of one step, are mostly the same
def to_postgres(instant: Instant) -> tuple[int]:
    """Microseconds since Postgres's epoch, as its binary form has them."""
    return ((instant - POSTGRES_EPOCH) // MICROSECOND,)


@lru_cache(maxsize=256)
def _from_postgres(parts: tuple[int]) -> Instant:
    return POSTGRES_EPOCH + timedelta(0, 0, parts[0])
