"""Checking a dossier with nothing but the file: is it what the log was, and does what it says in clear follow from it?

No database, no master key and no network: what is sealed stays sealed, and is proved as such.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec

from case_events.core.canonical import canonical, decode_hook
from case_events.core.case import Case
from case_events.core.events import Happened
from case_events.core.evolve import evolve
from case_events.core.values import ERASED, EventId, Instant, Value
from case_events.ledger.audit.verifying import UNREADABLE
from case_events.ledger.codec import DOMAIN, GENESIS, Envelope, event_of
from case_events.ledger.sealing import Opening, Ring
from case_events.proof.note import NotGenuine, Root, key_in, read
from case_events.proof.tree import includes, leaf


class NoDossier(Exception):
    """The file is no dossier, or one that says only hashes and not what they were computed from."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link of the chain, as a dossier shows it."""

    version: int
    payload_hash: str
    hash: str
    envelope: Envelope
    payload: str
    position: int | None = None
    path: tuple[str, ...] | None = None


class ProvedFrom(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint in a dossier."""

    size: int
    root: str
    note: str
    key: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a dossier says in clear, as far as it follows from what is proved."""

    case_id: UUID
    version: int
    chain: tuple[Link, ...]
    number: str
    type: str
    subtype: str | None
    marketplace: str
    policy: dict[str, str]
    status: dict[str, Any]
    outcome: dict[str, Any] | None
    demand: str
    amount: dict[str, Any]
    filed_at: Instant
    closed_at: Instant | None
    rulings: tuple[dict[str, Any], ...]
    evidence: tuple[dict[str, Any], ...]
    history: tuple[dict[str, Any], ...]
    checkpoint: ProvedFrom | None = None


class Checked(Value, frozen=True, kw_only=True):
    """What came of it. ``proved``: how many of the events are in the checkpoint of ``size`` positions, by their proofs.

    ``signed_by``: the key whose signature on the checkpoint was checked. ``findings``: what is wrong, in words.
    """

    case_id: UUID
    number: str
    events: int
    proved: int = 0
    size: int | None = None
    root: str | None = None
    signed_by: str | None = None
    findings: tuple[str, ...] = ()


RULED = ("version", "round", "ruled_at", "outcome", "owed", "liable", "penalties", "final", "corrected_by")
"""What of a ruling is not sealed; beside it the verdict."""


def checked(content: bytes, key: str | None = None) -> Checked:
    """Whether all of a dossier (JSON) that can be checked without us holds.

    ``key``: the log's public key, as ``caselog audit key`` says it; without it that of the file itself is believed.
    Raises NoDossier, or NotGenuine where ``key`` is none.
    """
    try:
        said = msgspec.json.decode(content, type=Shown, dec_hook=decode_hook)
    except msgspec.MsgspecError as fault:
        raise NoDossier(str(fault)) from None
    if key is not None:
        key_in(key)
    findings = [*_chain(said)]
    findings += _replayed(said) if not findings else ()
    proofs, proved = list(_proofs(said, key)), 0
    if said.checkpoint is not None and not proofs:
        proved = sum(link.path is not None for link in said.chain)
    return Checked(
        case_id=said.case_id,
        number=said.number,
        events=len(said.chain),
        proved=proved,
        size=said.checkpoint.size if said.checkpoint else None,
        root=said.checkpoint.root if said.checkpoint else None,
        signed_by=(key or said.checkpoint.key).strip() if said.checkpoint else None,
        findings=(*findings, *proofs),
    )


def _chain(said: Shown) -> Iterator[str]:
    """What is wrong with the hashes, link by link."""
    before = GENESIS
    if not said.chain:
        yield "there are no events"
    for number, link in enumerate(said.chain, 1):
        envelope = link.envelope
        if (link.version, envelope.version, envelope.case_id) != (number, number, said.case_id):
            yield f"version {number} is missing, or of another case"
            return
        if hashlib.sha256(link.payload.encode()).hexdigest() != link.payload_hash:
            yield f"version {number}: the payload is not the one that was hashed"
        digest = DOMAIN.copy()
        digest.update(before + canonical(envelope))
        if envelope.payload_hash != link.payload_hash or digest.hexdigest() != link.hash:
            yield f"version {number}: the chain is broken: the envelope or the event before it was changed"
        before = digest.digest()


def _proofs(said: Shown, key: str | None) -> Iterator[str]:
    """What is wrong with the checkpoint, and which events it does not have."""
    one = said.checkpoint
    if one is None:
        return
    try:
        root = read(one.note, key_in(key or one.key))
    except NotGenuine as fault:
        yield f"the checkpoint: {fault}"
        return
    if (root.size, root.root.hex()) != (one.size, one.root):
        yield "the checkpoint's note says something else than the checkpoint"
    for link in said.chain:
        if not _proved(link, root):
            yield f"version {link.version}: not in the checkpoint of {root.size} positions"


def _proved(link: Link, root: Root) -> bool:
    """Is it in the checkpoint, or too young to be?"""
    if link.position is None or link.path is None:
        return link.path is None and (link.position is None or link.position > root.size)
    try:
        path = [bytes.fromhex(one) for one in link.path]
        return includes(root.root, root.size, link.position - 1, leaf(bytes.fromhex(link.hash)), path)
    except ValueError:
        return False


class _Sealed(Ring):
    """No keys: whatever is sealed reads as if it had been erased."""

    def __init__(self) -> None:
        super().__init__((), lambda _: None)

    def opening(self, _: EventId) -> Opening:
        return lambda _sealed, _field: ERASED


def _replayed(said: Shown) -> Iterator[str]:
    """What the dossier says in clear and its events do not."""
    ring, case = _Sealed(), None
    for link in said.chain:
        one = link.envelope
        try:
            event = event_of(one.type, one.schema, link.payload.encode(), one.event_id, ring)
            effective_at = Instant.parse(one.effective_at)
            happened = Happened(
                case_id=one.case_id, version=one.version, event_id=one.event_id, event=event, effective_at=effective_at
            )
            case = evolve(case, happened)
        except UNREADABLE as fault:
            yield f"version {link.version}: cannot be replayed by this release ({type(fault).__name__})"
            return
    assert case is not None, "a chain without events was found wrong"
    if said.version != case.version:
        return  # it shows what had run out and was not recorded yet: nothing proves that
    for name, there, follows in _pairs(said, case):
        if there != follows:
            yield f"{name} does not follow from the events"


def _pairs(said: Shown, case: Case) -> Iterator[tuple[str, Any, Any]]:
    """What stands in clear, and what follows from the events, by its name in the dossier."""
    whole = msgspec.json.decode(canonical(case))
    for name in ("number", "type", "subtype", "marketplace", "policy", "demand", "amount"):
        yield name, getattr(said, name), whole[name]
    yield "status", said.status["word"], case.status
    yield "outcome", said.outcome and said.outcome["word"], case.outcome
    yield "filed_at", said.filed_at, case.filed_at
    yield "closed_at", said.closed_at, case.closed_at
    rulings = [{name: one[name] for name in RULED} | {"verdict": one["verdict"]} for one in whole["rulings"]]
    shown = [{name: one[name] for name in RULED} | {"verdict": one["verdict"]["word"]} for one in said.rulings]
    yield "rulings", shown, rulings
    digests = [one["evidence"]["sha256"] for one in whole["evidence"]]
    yield "evidence", [one["evidence"]["sha256"] for one in said.evidence], digests
    recorded = [(link.version, link.envelope.type, link.envelope.recorded_at) for link in said.chain]
    told = [(one["entry"]["version"], one["entry"]["type"], one["recorded_at"]) for one in said.history]
    yield "history", told, recorded
