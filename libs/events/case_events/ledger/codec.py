"""Events as they are stored: their names and versions, their sealed canonical bytes, and the chain of hashes.

What was hashed is what is stored. The chain covers the payload's hash and the whole envelope except the
transaction id and the sequence number, which only the sequencer uses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from case_events.core.canonical import canonical, decode_hook, encode_hook, written_hook
from case_events.core.case import Post
from case_events.core.events import EVENTS, Event, Filed, Recorded, SubjectErased
from case_events.core.values import CaseId, EventId, Value
from case_events.ledger.private_places import Sealed, places, private_paths, sealed_fields, tree_of, unseal
from case_events.ledger.sealing import KEY_ID, MARK, BrokenSeal, Ring, Subject, SubjectKey, Vault
from case_events.ledger.whose_key import key_of

DOMAIN = hashlib.sha256(b"caselog.event.v1\n")
"""The word every link begins with, digested: its copies spare OpenSSL looking the algorithm up by its name."""
GENESIS = bytes(32)
"""The hash before the first event of a case."""

Plain = dict[str, Any]
"""An event's data as plain JSON, unsealed."""
Upcaster = Callable[[Plain], Plain]
"""What an event said in one schema version, as the next one says it."""


def unchanged(said: Plain) -> Plain:
    """The next version only added what may be left out, or allows more than this one did."""
    return said


def _penalties_as_objects(said: Plain) -> Plain:
    """Version 1 named a penalty by its word alone: it was the respondent's, but for the mark on a complainant."""
    penalties = [
        {"kind": word, "on": "complainant" if word == "credit_mark" else "respondent"}
        for word in said.get("penalties", ())
    ]
    return {**said, "penalties": penalties}


class Stored(NamedTuple):
    """How an event is stored: the Struct it is written as today, and how to read it as it was written before.

    ``before`` has the upcaster from version 1 to 2, from 2 to 3 and so on; what they are given is unsealed at the
    places that are private today, so a private field keeps its place for ever.
    """

    kind: type[Event]
    before: tuple[Upcaster, ...] = ()

    @property
    def version(self) -> int:
        """The schema version written today."""
        return len(self.before) + 1


UNCHANGED = (
    "filed",
    "evidence_submitted",
    "merchant_replied",
    "settled",
    "intervention_requested",
    "appealed",
    "withdrawn",
    "returned",
    "remedied",
    "accepted",
    "dismissed",
    "evidence_requested",
    "intervention_window_expired",
    "return_timed_out",
    "appeal_window_expired",
)
"""What version 2 says as version 1 did, and more."""
BEFORE: dict[str, tuple[Upcaster, ...]] = dict.fromkeys(UNCHANGED, (unchanged,))
BEFORE["deadline_extended"] = (unchanged, unchanged)
BEFORE["ruled"] = (_penalties_as_objects,)

STORED: dict[str, Stored] = {name: Stored(kind, BEFORE.get(name, ())) for name, kind in EVENTS.items()}
"""Stored name → its Struct and its past. A name is never renamed or reused; a changed Struct gets an upcaster from
the version before, and a golden file."""

WRITTEN = {name: stored.version for name, stored in STORED.items()}
"""Stored name → the schema version written today."""
KINDS = [stored.kind for stored in STORED.values()]
INSPECTED = dict(zip(KINDS, msgspec.inspect.multi_type_info(KINDS), strict=True))
PRIVATE = {kind: private_paths(said) for kind, said in INSPECTED.items()}
TREES = {kind: tree_of(paths) for kind, paths in PRIVATE.items()}
"""The same paths, as they are walked in JSON."""
SEALED = {kind: sealed_fields(said) for kind, said in INSPECTED.items()}
"""The same places, as they are walked in an event."""
Wanted = Mapping[type[Event], tuple[Sealed, ...]]
NOTHING: Wanted = dict.fromkeys(PRIVATE, ())
"""No text: a clock that runs out needs none of them (a test holds it)."""
WHO: Wanted = {
    **NOTHING,
    Filed: tuple(field for field in SEALED[Filed] if field.word in ("complainant", "respondent")),
}
"""Only who the parties are: all that lists show of what is sealed."""
DECODERS = {kind: msgspec.json.Decoder(kind, dec_hook=written_hook) for kind in PRIVATE}


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


def rows_of(
    events: Iterable[Recorded], head: bytes, keys: Iterable[SubjectKey], vault: Vault, posts: Iterable[Post] = ()
) -> tuple[Row, ...]:
    """The rows for one case's new events, chained onto ``head``. Raises KeyDestroyed for an erased side's text.

    ``posts``: whose words there are that one of the events may put right.
    """
    by_side: dict[Subject, SubjectKey] = {key.side: key for key in keys}
    rows = []
    for recorded in events:
        name = recorded.name
        schema = WRITTEN[name]
        payload = _sealed(recorded, by_side, vault, posts)
        payload_hash = hashlib.sha256(payload).digest()
        head = chained(head, _envelope(recorded, schema, payload_hash))
        if isinstance(recorded.event, SubjectErased):
            destroyed = by_side[recorded.event.subject]
            by_side[recorded.event.subject] = replace(destroyed, wrapped=None)  # nothing more is sealed with it
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
"""What is hashed as its column says it; beside it the type, the schema, and in hex ``asked`` and the payload's hash."""


class Envelope(Value, frozen=True, kw_only=True):
    """What the chain says of an event, in words: instants as RFC 3339, bytes in hex."""

    agent: str | None
    asked: str | None
    case_id: CaseId
    causation: UUID | None
    client: str
    correlation: UUID
    effective_at: str
    event_id: EventId
    occurred_at: str
    payload_hash: str
    recorded_at: str
    schema: int
    type: str
    version: int
    who: str


def chained(head: bytes, envelope: Envelope) -> bytes:
    """SHA-256 over the domain word, the hash before, and the canonical JSON of the envelope."""
    digest = DOMAIN.copy()
    digest.update(head)
    digest.update(canonical(envelope))
    return digest.digest()


def _envelope(recorded: Recorded, schema: int, payload_hash: bytes) -> Envelope:
    return Envelope(
        agent=recorded.agent,
        asked=recorded.asked.hex() if recorded.asked is not None else None,
        case_id=recorded.case_id,
        causation=recorded.causation,
        client=recorded.client,
        correlation=recorded.correlation,
        effective_at=recorded.effective_at.rfc3339(),
        event_id=recorded.event_id,
        occurred_at=recorded.occurred_at.rfc3339(),
        payload_hash=payload_hash.hex(),
        recorded_at=recorded.recorded_at.rfc3339(),
        schema=schema,
        type=recorded.name,
        version=recorded.version,
        who=recorded.who,
    )


RECORDED = (
    *("case_id", "version", "event_id", "type", "schema", "occurred_at", "effective_at", "recorded_at"),
    *("who", "agent", "client", "correlation", "causation", "asked", "payload"),
)
"""What an event is read from, in the order in which it is selected."""


def recorded_of(row: Any, ring: Ring, wanted: Wanted | None = None) -> Recorded:
    """The event in its envelope, of a row that begins with ``RECORDED``; the rest as in ``event_of``."""
    return Recorded(
        case_id=row[0],
        version=row[1],
        event_id=row[2],
        event=event_of(row[3], row[4], row[14], row[2], ring, wanted),
        occurred_at=row[5],
        effective_at=row[6],
        recorded_at=row[7],
        who=row[8],
        agent=row[9],
        client=row[10],
        correlation=row[11],
        causation=row[12],
        asked=row[13],
    )


def event_of(name: str, schema: int, payload: bytes, event_id: UUID, ring: Ring, wanted: Wanted | None = None) -> Event:
    """The event in a stored payload, unsealed: all of it, or at least what is ``wanted``, the rest may stay sealed.

    Raises UnknownEvent, or BrokenSeal.
    """
    written = WRITTEN.get(name, 0)
    if not 1 <= schema <= written:
        raise UnknownEvent(f"{name}, schema version {schema}: this release writes {written or 'no such event'}")
    try:
        if schema < written:
            return _upcast(STORED[name], schema, payload, event_id, ring)
        kind = STORED[name].kind
        try:
            event = DECODERS[kind].decode(payload)
        except msgspec.ValidationError:
            if not SEALED[kind]:
                raise
            # Sealed, a text is longer than its field allows, or only looks so: opened, it is what it was when written.
            return msgspec.convert(_unsealed(kind, payload, event_id, ring), kind, dec_hook=decode_hook)
        if sealed := (SEALED if wanted is None else wanted)[kind]:
            unseal(event, sealed, ring.opening(event_id))
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise UnknownEvent(f"{name}, schema version {schema}: the payload of event {event_id} is not one") from error
    return event


def _upcast(stored: Stored, schema: int, payload: bytes, event_id: UUID, ring: Ring) -> Event:
    plain = _unsealed(stored.kind, payload, event_id, ring)
    for upcaster in stored.before[schema - 1 :]:
        plain = upcaster(plain)
    return msgspec.convert(plain, stored.kind, dec_hook=decode_hook)


def _unsealed(kind: type[Event], payload: bytes, event_id: UUID, ring: Ring) -> Plain:
    plain: Plain = msgspec.json.decode(payload)
    opened = ring.opening(event_id)
    for container, key, here in places(plain, TREES[kind]):
        container[key] = opened(container[key], "/".join(here))
    return plain


def _sealed(recorded: Recorded, keys: Mapping[Subject, SubjectKey], vault: Vault, posts: Iterable[Post]) -> bytes:
    tree = TREES[type(recorded.event)]
    if not tree:
        return canonical(recorded.event)
    plain, seal = msgspec.to_builtins(recorded.event, enc_hook=encode_hook), vault.sealing(recorded.event_id)
    for container, key, here in places(plain, tree):
        text = container[key]
        if text.startswith(MARK) and any(text[KEY_ID] == str(own.key_id) for own in keys.values()):
            # Nobody outside knows the ids of keys: somebody planned with a text that was left sealed.
            raise BrokenSeal(f"{'/'.join(here)} of event {recorded.event_id} is sealed already")
        container[key] = seal(text, key_of(recorded, here, keys, posts), "/".join(here))
    return canonical(plain)
