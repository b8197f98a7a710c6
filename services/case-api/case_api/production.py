"""What a start is refused for: every fault at once, so that nobody mends one to meet the next."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

import asyncpg

from case_api.callers.provider import KEY_TYPES, address_fault
from case_api.settings import Settings
from case_events.ledger.callers import keys
from case_events.ledger.connection import CONNECT_TIMEOUT_S, REFUSED, UNAVAILABLE, Connection, check_address, teach
from case_events.ledger.readable import Unreadable, refuse_other_key, refuse_unreadable
from case_events.ledger.sealing import KEY_BYTES, Vault, read_master_key


def faults_set(settings: Settings) -> list[str]:
    """What is wrong with the settings alone; outside production: with OpenID, and a master key that is not there."""
    faults = []
    if settings.env == "production":
        if settings.database_url is None:
            faults.append("CASELOG_DATABASE_URL is not set, and the embedded Postgres is not for production")
        if settings.master_key_file is None:
            faults.append("CASELOG_MASTER_KEY_FILE is not set, and a key made here would lie beside what it seals")
    if settings.master_key_file is not None:
        faults += _faults_in(settings.master_key_file)
    return faults + _faults_of_provider(settings)


async def faults_kept(settings: Settings) -> list[str]:
    """What is wrong in the database: what this release or this master key cannot read; in production, development keys.

    One that is away is not judged: such keys open no door anyway, and what cannot be read is never misread.
    """
    if settings.database_url is None:
        return []
    try:
        check_address(settings.database_url)
        connection = await asyncpg.connect(settings.database_url, timeout=CONNECT_TIMEOUT_S)
    except REFUSED as fault:
        return [f"CASELOG_DATABASE_URL cannot be used: {fault}"]
    except UNAVAILABLE:
        return []
    except (asyncpg.PostgresError, ValueError) as fault:
        return [f"CASELOG_DATABASE_URL cannot be used: {fault}"]
    try:
        await teach(connection)
        return [
            *await _newer(connection),
            *await _other_key(settings, connection),
            *await _development_keys(settings, connection),
        ]
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        return []  # not migrated yet; /readyz says so until it is
    finally:
        await connection.close()


async def _newer(connection: Connection) -> list[str]:
    try:
        await refuse_unreadable(connection)
    except Unreadable as newer:
        return [str(newer)]
    return []


async def _other_key(settings: Settings, connection: Connection) -> list[str]:
    if settings.master_key_file is None or _faults_in(settings.master_key_file):
        return []  # which is told beside this
    try:
        await refuse_other_key(connection, Vault(read_master_key(settings.master_key_file)))
    except Unreadable as other:
        return [str(other)]
    return []


async def _development_keys(settings: Settings, connection: Connection) -> list[str]:
    found = await keys.kept_development_keys(connection) if settings.env == "production" else ()
    names = ", ".join(found)
    return [f"this database has development keys, which everybody knows: {names}; revoke them"] if found else []


def _faults_of_provider(settings: Settings) -> list[str]:
    """A door that lets in whoever any provider names, or by signatures that everybody can make, is none."""
    faults = []
    if settings.oidc_issuer is not None:
        if settings.oidc_audience is None:
            faults.append("CASELOG_OIDC_AUDIENCE is not set: tokens made for others would open this door")
        wrong = address_fault(settings.oidc_issuer, sandbox=settings.env != "production")
        if wrong is not None:
            faults.append(f"CASELOG_OIDC_ISSUER {wrong}")
    elif settings.oidc_audience is not None or settings.oidc_client_id is not None:
        faults.append("CASELOG_OIDC_ISSUER is not set, and without it nothing else of OIDC means anything")
    unknown = [one for one in settings.oidc_signing_algorithms if one not in KEY_TYPES]
    if unknown:
        faults.append(f"CASELOG_OIDC_ALGORITHMS has {', '.join(unknown)}; there are {', '.join(KEY_TYPES)}")
    return faults


def told(faults: list[str]) -> str:
    """All of them, for the operator."""
    return "cannot start:\n" + "\n".join(f"  - {fault}" for fault in faults)


def _faults_in(file: Path) -> list[str]:
    if not file.is_file():
        return [f"CASELOG_MASTER_KEY_FILE names {file}, and there is no such file"]
    try:
        key = base64.b64decode(file.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error) as fault:
        return [f"CASELOG_MASTER_KEY_FILE names {file}, which cannot be read as base64: {type(fault).__name__}"]
    right = len(key) == KEY_BYTES
    return [] if right else [f"{file} holds {len(key)} bytes; a master key has {KEY_BYTES}"]
