"""Events as they are stored: their names and versions, their sealed canonical bytes, and the chain of hashes.

What was hashed is what is stored. The chain covers the payload's hash and the whole envelope except the
transaction id and the sequence number, which only the sequencer uses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from case_events.core.events import EVENTS, Event, Filed, Recorded
from case_events.core.values import Value, canonical, decode_hook, encode_hook
from case_events.ledger.sealing import Keys, Subject, SubjectKey, Vault, places, private_paths

DOMAIN = b"caselog.event.v1\n"
GENESIS = bytes(32)
"""The hash before the first event of a case."""

STORED: dict[str, tuple[int, type[Event]]] = {name: (1, kind) for name, kind in EVENTS.items()}
"""Stored name → the schema version written today and its Struct. A name is never renamed or reused; a changed
Struct gets the next version here, an upcaster from the one before, and a golden file."""

PRIVATE = {kind: private_paths(kind) for _, kind in STORED.values()}


class Row(Value, frozen=True, kw_only=True):
    """An event as the row of the ``events`` table that keeps it."""

    recorded: Recorded
    type: str
    schema: int
    payload: bytes
    payload_hash: bytes
    hash: bytes


class UnknownEvent(Exception):
    """The ledger holds an event this release cannot read; it refuses rather than misreads."""


def rows_of(events: Iterable[Recorded], head: bytes, keys: Iterable[SubjectKey], vault: Vault) -> tuple[Row, ...]:
    """The rows for one case's new events, chained onto ``head``. Raises KeyDestroyed for an erased side's text."""
    by_side = {key.side: key for key in keys}
    rows = []
    for recorded in events:
        name = recorded.name
        schema, _ = STORED[name]
        payload = _sealed(recorded, by_side, vault)
        payload_hash = hashlib.sha256(payload).digest()
        envelope = {field: getattr(recorded, field) for field in (*ENVELOPE, "asked")}
        head = chained(head, envelope | {"type": name, "schema": schema, "payload_hash": payload_hash})
        rows.append(
            Row(recorded=recorded, type=name, schema=schema, payload=payload, payload_hash=payload_hash, hash=head)
        )
    return tuple(rows)


ENVELOPE = [
    "agent",
    "case_id",
    "causation",
    "client",
    "correlation",
    "effective_at",
    "event_id",
    "occurred_at",
    "recorded_at",
    "version",
    "who",
]


def chained(head: bytes, envelope: Mapping[str, Any]) -> bytes:
    """SHA-256 over the domain word, the hash before, and the canonical JSON of the envelope (bytes in hex).

    ``envelope`` has the columns named in ``ENVELOPE`` and type, schema, asked and payload_hash.
    """
    said = {name: envelope[name] for name in (*ENVELOPE, "type", "schema")}
    said["asked"] = envelope["asked"].hex() if envelope["asked"] is not None else None
    said["payload_hash"] = envelope["payload_hash"].hex()
    return hashlib.sha256(DOMAIN + head + canonical(said)).digest()


def event_of(name: str, schema: int, payload: bytes, event_id: UUID, keys: Keys, vault: Vault) -> Event:
    """The event in a stored payload, unsealed. Raises UnknownEvent, or BrokenSeal."""
    written, kind = STORED.get(name, (0, None))
    if kind is None or schema != written:
        raise UnknownEvent(f"{name}, schema version {schema}: this release writes {written or 'no such event'}")
    try:
        return _opened(kind, payload, event_id, keys, vault)
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise UnknownEvent(f"{name}, schema version {schema}: the payload of event {event_id} is not one") from error


def _opened(kind: type[Event], payload: bytes, event_id: UUID, keys: Keys, vault: Vault) -> Event:
    paths = PRIVATE[kind]
    if not paths:
        return msgspec.json.decode(payload, type=kind, dec_hook=decode_hook)
    plain = msgspec.json.decode(payload)
    for path in paths:
        for container, key, here in places(plain, path):
            container[key] = vault.open(container[key], keys, event_id, here)
    return msgspec.convert(plain, kind, dec_hook=decode_hook)


def _sealed(recorded: Recorded, keys: Mapping[Subject, SubjectKey], vault: Vault) -> bytes:
    paths = PRIVATE[type(recorded.event)]
    if not paths:
        return canonical(recorded.event)
    plain = msgspec.to_builtins(recorded.event, enc_hook=encode_hook)
    for path in paths:
        for container, key, here in places(plain, path):
            subject = _key(recorded, here, keys)
            container[key] = vault.seal(container[key], subject, recorded.event_id, here)
    return canonical(plain)


def _key(recorded: Recorded, path: tuple[str, ...], keys: Mapping[Subject, SubjectKey]) -> SubjectKey:
    """A party's text is under its own key; the platform's under the complainant's, or once that was destroyed,
    the respondent's: an erased complainant does not keep the platform from ruling."""
    if isinstance(recorded.event, Filed):
        return keys["respondent" if path[0] == "respondent" else "complainant"]
    if recorded.who == "respondent" or (recorded.who == "platform" and keys["complainant"].wrapped is None):
        return keys["respondent"]
    return keys["complainant"]
