"""Checking a dossier with nothing but the file: is it what the log was, and does what it says in clear follow from it?

No database, no master key and no network: what is sealed stays sealed, and is proved as such.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec

from case_api.views.cases import evidence_view
from case_events.core.canonical import canonical, decode_hook
from case_events.core.case import Case
from case_events.core.changes import REMINDER
from case_events.core.events import Event, Happened, clocks_of
from case_events.core.evolve import evolve
from case_events.core.values import ERASED, EventId, Instant, Value
from case_events.ledger.audit.verifying import UNREADABLE
from case_events.ledger.codec import DOMAIN, GENESIS, Envelope, event_of
from case_events.ledger.sealing import Opening, Ring
from case_events.outgoing.form import encoded
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
    """Of a dossier what it is proved by."""

    case_id: UUID
    number: str
    version: int
    chain: tuple[Link, ...]
    checkpoint: ProvedFrom | None = None


class Checked(Value, frozen=True, kw_only=True):
    """What came of it. ``proved``: how many of the events the checkpoint of ``size`` positions proves.

    ``unproved``: how many more the file shows, recorded or not.
    ``signed_by``: the key that has signed the checkpoint. ``findings``: what is wrong, in words.
    """

    case_id: UUID
    number: str
    events: int
    proved: int = 0
    unproved: int = 0
    size: int | None = None
    root: str | None = None
    signed_by: str | None = None
    findings: tuple[str, ...] = ()


AS_THE_CASE = (
    *("number", "type", "subtype", "marketplace", "policy", "demand", "amount", "order", "description"),
    *("filed_at", "closed_at", "outside"),
)
"""What a dossier has as the case has it."""
RULED = (
    *("version", "round", "ruled_at", "outcome", "owed", "liable", "penalties", "reasons", "evidence", "final"),
    "corrected_by",
)
"""The same of a ruling; beside it the verdict."""
CLOCK = ("kind", "party", "due_at", "provisional", "minimum_notice")
MOVED_BY_CLOCKS = ("status", "outcome", "closed_at", "deadlines")
"""What a timeout may change that had run out and was not recorded when the dossier was made."""


def checked(content: bytes, key: str | None = None) -> Checked:
    """Whether all of a dossier (JSON) that can be checked without us holds.

    ``key``: the log's public key, as ``caselog audit key`` says it; without it that of the file itself is believed.
    Raises NoDossier, or NotGenuine where ``key`` is none.
    """
    try:
        said = msgspec.json.decode(content, type=Shown, dec_hook=decode_hook)
        whole = json.loads(content, object_pairs_hook=_once)
    except (msgspec.MsgspecError, RecursionError) as fault:
        raise NoDossier(str(fault)) from None
    if key is not None:
        key_in(key)
    findings, one, root = [*_chain(said)], said.checkpoint, None
    replayed = [*_replayed(said, whole)] if not findings else []
    if one is not None:
        try:
            root = read(one.note, key_in(key or one.key))
            findings += _proofs(said, one, root)
        except NotGenuine as fault:
            findings.append(f"the checkpoint: {fault}")
    # What is proved of an event is proved of all before it: its hash is over theirs.
    paths = [link.version for link in said.chain if link.path is not None] if root and not findings else []
    proved = max(paths, default=0)
    return Checked(
        case_id=said.case_id,
        number=said.number,
        events=len(said.chain),
        proved=proved,
        unproved=max(len(said.chain), said.version) - proved,
        size=one.size if one else None,
        root=one.root if one else None,
        signed_by=(key or one.key).strip() if one and root else None,
        findings=(*replayed, *findings),
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names stand once: of two that are the same one reader takes the first, another the last."""
    said = dict(pairs)
    if len(said) < len(pairs):
        raise NoDossier("in one of its objects a name stands twice")
    return said


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


def _proofs(said: Shown, one: ProvedFrom, root: Root) -> Iterator[str]:
    """Whether it is the checkpoint that its note says, and which events it does not have."""
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


def _replayed(said: Shown, whole: dict[str, Any]) -> Iterator[str]:
    """What the dossier says in clear and its events do not."""
    ring, case, history = _Sealed(), None, list[dict[str, Any]]()
    for link in said.chain:
        one = link.envelope
        try:
            event = event_of(one.type, one.schema, link.payload.encode(), one.event_id, ring)
            effective_at = Instant.parse(one.effective_at)
            happened = Happened(
                case_id=one.case_id, version=one.version, event_id=one.event_id, event=event, effective_at=effective_at
            )
            case = evolve(case, happened)
            history.append(_entry(one, event))
        except UNREADABLE as fault:
            yield f"version {link.version}: cannot be replayed by this release ({type(fault).__name__})"
            return
    assert case is not None, "a chain without events was found wrong"
    told = whole.get("history")
    if not isinstance(told, list) or len(told) != said.version or said.version < case.version:
        yield "history does not follow from the events"
        return
    follows = _clear(case) | {"history": history}
    if said.version > case.version:
        follows = {name: one for name, one in follows.items() if name not in MOVED_BY_CLOCKS}
        unwritten = range(case.version + 1, said.version + 1)
        history += [{"entry": {"version": version}, "recorded_at": None} for version in unwritten]
    for name, one in follows.items():
        if not _same(whole.get(name), one):
            yield f"{name} does not follow from the events"


def _clear(case: Case) -> dict[str, Any]:
    """What follows of a dossier from the case, by its names there; ``ERASED`` is what is sealed."""
    whole = msgspec.json.decode(canonical(case))
    return {name: whole[name] for name in AS_THE_CASE} | {
        "reason": {"word": case.reason},
        "status": {"word": case.status},
        "outcome": {"word": case.outcome} if case.outcome else None,
        "parties": [
            {"side": side, **whole[side], "entity": whole[f"{side}_entity"]} for side in ("complainant", "respondent")
        ],
        "evidence": [{"evidence": msgspec.json.decode(encoded(evidence_view(one, case)))} for one in case.evidence],
        "rulings": [
            {name: one[name] for name in RULED} | {"verdict": {"word": one["verdict"]}} for one in whole["rulings"]
        ],
        "deadlines": [{name: one[name] for name in CLOCK} for one in whole["clocks"]],
    }


def _entry(envelope: Envelope, event: Event) -> dict[str, Any]:
    clocks = [clock for clock in clocks_of(event) if not clock.kind.endswith(REMINDER)]
    entry = {
        "version": envelope.version,
        "event_id": str(envelope.event_id),
        "type": envelope.type,
        "at": envelope.effective_at,
        "occurred_at": envelope.occurred_at,
        "by": envelope.who,
        "clocks": [{name: one[name] for name in CLOCK} for one in msgspec.json.decode(canonical(clocks))],
    }
    return {"entry": entry, "recorded_at": envelope.recorded_at}


def _same(there: Any, follows: Any) -> bool:
    """Is it said so? What stands beside it, in words, is not looked at."""
    if follows == ERASED:
        return there is None or isinstance(there, str)
    if isinstance(follows, dict):
        return isinstance(there, dict) and all(_same(there.get(name), one) for name, one in follows.items())
    if isinstance(follows, list):
        return isinstance(there, list) and len(there) == len(follows) and all(map(_same, there, follows))
    return type(there) is type(follows) and bool(there == follows)
