"""CloudEvents on their way in: each says what a plain POST would say, under a key that is its source and its id.

CloudEvents 1.0.2, in the JSON format (structured, batched) or with its attributes in headers (binary): the HTTP
protocol binding. ``type`` is ``caselog.<event>.v1``, ``subject`` the case, ``time`` when it happened, ``ifmatch`` the
version that was judged; ``data`` is the event's data with its ``actor`` beside it, or a complaint. Attributes of others
are let through unread, as middleware adds them. Pointers are into the event in its JSON form, however it came.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import UUID

import msgspec

from case_api.asking import asking_for, asking_to_post
from case_api.door import Door
from case_api.refusals.problems import Refused, invalid
from case_api.requests import bodies
from case_api.requests.headers import KEY_MAX
from case_api.requests.items import case_id_of, version_of
from case_events.core.values import Fault, Value
from case_events.ledger.callers.keys import Caller
from case_events.ledger.steps import Asking
from case_events.outgoing.cloudevents import SPEC_VERSION

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
ATTRIBUTE_MAX = 1_000
"""Characters of an attribute that is read."""
FILED = "filed"
OF_THE_FEED = "prevhash"
"""An attribute that only what is recorded already has."""
NO_CASE = UUID(int=0)

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NAME = re.compile(r"[a-z0-9]{1,64}")
_TYPE = re.compile(r"caselog\.([a-z0-9_]{1,64})\.v1")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SPACE = re.compile(r"\s")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_JSON = re.compile(r'application/json *(?:; *charset *= *"?utf-8"?)? *', re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Said(Value, frozen=True, kw_only=True):
    """What a CloudEvent says, in the words of a plain POST: its ``body``, and what stands beside it.

    ``id``: the event's own. ``filing``: it files a complaint and has no case yet. ``body`` is None where nothing could
    be made of it. ``faults``: what is wrong with its attributes; of the body nothing was read yet.
    """

    id: str | None
    key: str | None
    subject: str | None
    filing: bool
    read: int | None
    body: bytes | None
    faults: tuple[Fault, ...]


def structured(said: bytes) -> Said:
    """An event in the JSON format. Refused if it is no JSON object (400, 422)."""
    try:
        members = _MEMBERS.decode(said)
    except _UNREADABLE:
        bodies.plain(said)
        raise Refused(invalid(Fault(pointer="", detail="a CloudEvent is a JSON object"))) from None
    data, faults = members.pop("data", None), list[Fault]()
    if members.pop("data_base64", None) is not None:
        faults.append(Fault(pointer="/data_base64", detail="the data is JSON here: say it as data"))
    attributes = {}
    for name, raw in members.items():
        value = bodies.plain(bytes(raw))[0]
        if isinstance(value, dict | list | float):
            faults.append(Fault(pointer=_pointer(name), detail="an attribute is a string, a whole number or a boolean"))
        elif value is not None:
            attributes[name] = value
    return _said(attributes, data, faults)


def binary(headers: list[tuple[bytes, bytes]], body: bytes) -> Said:
    """An event whose attributes are ``ce-`` headers and whose data is the ``body``; an empty one is no data."""
    attributes, faults = dict[str, Any](), list[Fault]()
    for header, value in headers:
        if not header.startswith(b"ce-"):
            continue
        name = header[len(b"ce-") :].decode("latin-1")
        if name in attributes:
            faults.append(Fault(pointer=_pointer(name), detail="said more than once"))
        try:
            attributes[name] = _decoded(value)
        except ValueError as fault:
            attributes[name] = ""
            faults.append(Fault(pointer=_pointer(name), detail=str(fault)))
    return _said(attributes, msgspec.Raw(body) if body.strip() else None, faults)


async def asking_of(door: Door, caller: Caller, said: Said) -> Asking:
    """What the event asks. Refused as a plain POST is, with the faults of attributes and data together."""
    if said.body is None:
        raise Refused(invalid(*said.faults))
    try:
        asking = await _asked(door, caller, said, said.body)
    except Refused as refused:
        problem = refused.problem
        if problem.code == "invalid":
            faults = (*said.faults, *(_as_said(fault, filing=said.filing) for fault in problem.errors))
            raise Refused(invalid(*faults)) from None
        if problem.code != "precondition_required" or not said.faults:
            raise
        asking = None
    if said.faults or asking is None:
        raise Refused(invalid(*said.faults))
    return asking


async def _asked(door: Door, caller: Caller, said: Said, body: bytes) -> Asking:
    if not said.filing and said.subject is None:  # that is a fault: its data is read to name what else is wrong
        return asking_to_post(caller, NO_CASE, body, said.key, said.read)
    case_id = None if said.filing or said.subject is None else case_id_of(said.subject)
    return await asking_for(door, caller, case_id, body, said.key, said.read)


def key_for(source: str, event_id: str) -> str:
    """The Idempotency-Key of an event: its source, a space, its id; where that is no key, its SHA-256 in hex."""
    key = f"{source} {event_id}"
    if len(key) <= KEY_MAX and _PRINTABLE.fullmatch(key):
        return key
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _said(attributes: dict[str, Any], data: msgspec.Raw | None, faults: list[Fault]) -> Said:
    bad = [name for name in attributes if not _NAME.fullmatch(name)]
    faults += (Fault(pointer=_pointer(name), detail="a name is lower-case letters and digits") for name in bad)
    event_id, source = _text(attributes, "id", faults), _text(attributes, "source", faults)
    version, kind = _text(attributes, "specversion", faults), _text(attributes, "type", faults)
    if source is not None and _SPACE.search(source):
        faults.append(Fault(pointer="/source", detail="a URI reference has no spaces"))
    if version not in (None, SPEC_VERSION):
        faults.append(Fault(pointer="/specversion", detail=f"{SPEC_VERSION}; no other version is understood"))
    if not _JSON.fullmatch(str(attributes.get("datacontenttype", "application/json"))):
        faults.append(Fault(pointer="/datacontenttype", detail="application/json"))
    named = _TYPE.fullmatch(kind) if kind is not None else None
    if kind is not None and named is None:
        detail = "caselog.<event>.v1, as in caselog.merchant_replied.v1; caselog.filed.v1 files a complaint"
        faults.append(Fault(pointer="/type", detail=detail))
    recorded = OF_THE_FEED in attributes
    if recorded:
        detail = "this event comes from the feed: it is recorded already, and is not posted again"
        faults.append(Fault(pointer=f"/{OF_THE_FEED}", detail=detail))
    filing = named is not None and named[1] == FILED
    return Said(
        id=event_id,
        key=None if event_id is None or source is None else key_for(source, event_id),
        subject=None if recorded else _subject(attributes, faults, filing=filing, known=named is not None),
        filing=filing,
        read=_version(attributes, faults),
        body=None if named is None or recorded else _body(named[1], attributes.get("time"), data, faults),
        faults=tuple(faults),
    )


def _text(attributes: dict[str, Any], name: str, faults: list[Fault]) -> str | None:
    """An attribute that every event has."""
    value = attributes.get(name)
    if isinstance(value, str) and 1 <= len(value) <= ATTRIBUTE_MAX and not _CONTROL.search(value):
        return value
    said = f"1 to {ATTRIBUTE_MAX} characters, none of them a control character"
    if all(fault.pointer != _pointer(name) for fault in faults):
        faults.append(Fault(pointer=_pointer(name), detail="missing" if value is None else said))
    return None


def _subject(attributes: dict[str, Any], faults: list[Fault], *, filing: bool, known: bool) -> str | None:
    subject = attributes.get("subject")
    if filing and subject is not None:
        detail = "a filing is of no case yet: leave it out"
        faults.append(Fault(pointer="/subject", detail=detail))
    elif known and not filing and subject is None:
        faults.append(Fault(pointer="/subject", detail="missing: the id of the case"))
    return None if subject is None else str(subject)


def _version(attributes: dict[str, Any], faults: list[Fault]) -> int | None:
    try:
        return version_of(attributes.get("ifmatch"))
    except Refused:
        faults.append(Fault(pointer="/ifmatch", detail="the version that was read, as in 7"))
        return None


def _body(name: str, time: Any, data: msgspec.Raw | None, faults: list[Fault]) -> bytes | None:
    """What a plain POST would have for a body; what is wrong with it, that one's reading will say."""
    try:
        members = _MEMBERS.decode(data) if data is not None else {}
    except _UNREADABLE:
        bodies.plain(bytes(data or b""))
        faults.append(Fault(pointer="/data", detail="an object"))
        return None
    happened = {} if time is None else {"occurred_at": time}
    if name == FILED:
        if happened and "occurred_at" in members:
            faults.append(Fault(pointer="/data/occurred_at", detail="said already, as time"))
        return msgspec.json.encode({**members, **happened})
    actor = {"actor": members.pop("actor")} if "actor" in members else {}
    return msgspec.json.encode({"type": name, **actor, "data": members, **happened})


def _as_said(fault: Fault, *, filing: bool) -> Fault:
    """A fault of the plain body, where the event says the same."""
    if fault.pointer == "/occurred_at":
        return Fault(pointer="/time", detail=fault.detail)
    if filing:
        return Fault(pointer=f"/data{fault.pointer}", detail=fault.detail)
    if fault.pointer == "/type":
        return Fault(pointer="/type", detail=f"caselog.<event>.v1, where <event> is {fault.detail}")
    beside = "/data" if fault.pointer.startswith("/actor") else ""
    return Fault(pointer=f"{beside}{fault.pointer}", detail=fault.detail)


def _decoded(value: bytes) -> str:
    """A header's value as the HTTP binding (3.1.3.2) reads it. Raises ValueError, saying why not."""
    said = value.decode("latin-1").strip()
    if quoted := _QUOTED.fullmatch(said):
        said = re.sub(r"\\(.)", r"\1", quoted[1])
    if not _PRINTABLE.fullmatch(said) or _PERCENT.search(said):
        raise ValueError("percent-encode what is not printable ASCII, and the percent sign")
    try:
        return unquote_to_bytes(said).decode()
    except UnicodeDecodeError:
        raise ValueError("what is percent-encoded is not UTF-8") from None


def _pointer(name: str) -> str:
    return f"/{name.replace('~', '~0').replace('/', '~1')}"
