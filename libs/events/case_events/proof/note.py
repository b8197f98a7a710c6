"""A checkpoint as three lines that its maker has signed: the log's name, its size and root (C2SP tlog-checkpoint).

What is signed is a note (C2SP signed-note) with an Ed25519 signature (RFC 8032). The name is made from the key, so that
it needs no setting and no two installations share one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from case_events.core.values import Value
from case_events.proof.tree import HASH_BYTES, SIZE_MAX

ED25519 = b"\x01"
ID_BYTES = 4
DASH = "—"
NOTE_MAX = 4_096
"""Characters of a note that is read."""
SIGNATURES_MAX = 16
_SIZE = re.compile(r"[1-9][0-9]{0,15}")

Sign = Callable[[bytes], bytes]
"""What signs bytes: 64 bytes, by Ed25519."""


class NotGenuine(Exception):
    """No note, or none that this key has signed."""


class Root(Value, frozen=True, kw_only=True):
    """The root (32 bytes) of the tree over the first ``size`` positions of the feed."""

    size: int
    root: bytes


def origin(key: bytes) -> str:
    """The name of the log that the owner of this public key (32 bytes) keeps."""
    return f"caselog/{sha256(key).hexdigest()[:16]}"


def spelled(key: bytes) -> str:
    """A public key as it is handed on: the log's name, the key's id and the key, with ``+`` between them."""
    name = origin(key)
    return f"{name}+{_id(name, key).hex()}+{base64.b64encode(ED25519 + key).decode()}"


def key_in(said: str) -> bytes:
    """The public key in what ``spelled`` gave. Raises NotGenuine."""
    name, _, rest = said.strip().partition("+")
    id_, _, encoded = rest.partition("+")
    raw = _unbase64(encoded)
    key = raw[1:]
    if raw[:1] != ED25519 or len(key) != HASH_BYTES or (name, id_) != (origin(key), _id(name, key).hex()):
        raise NotGenuine("not a key of a log: it would be NAME+ID+KEY")
    return key


def signed(root: Root, key: bytes, sign: Sign) -> str:
    """The note that says this root, signed by the owner of ``key``."""
    name = origin(key)
    text = f"{name}\n{root.size}\n{base64.b64encode(root.root).decode()}\n"
    signature = base64.b64encode(_id(name, key) + sign(text.encode())).decode()
    return f"{text}\n{DASH} {name} {signature}\n"


def read(note: str, key: bytes) -> Root:
    """What a note says that was signed with ``key``. Raises NotGenuine."""
    text, gap, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if len(note) > NOTE_MAX or not gap or len(lines) < len(("origin", "size", "root")):
        raise NotGenuine("not a checkpoint: it has a name, a size, a root, an empty line and a signature")
    if not any(_signs(one, f"{text}\n".encode(), lines[0], key) for one in signatures.split("\n")[:SIGNATURES_MAX]):
        raise NotGenuine("it is not signed with this key")
    root = _unbase64(lines[2])
    if not _SIZE.fullmatch(lines[1]) or int(lines[1]) > SIZE_MAX or len(root) != HASH_BYTES:
        raise NotGenuine("not a checkpoint: its size or its root is none")
    return Root(size=int(lines[1]), root=root)


def _signs(line: str, text: bytes, name: str, key: bytes) -> bool:
    dash, _, rest = line.partition(" ")
    signer, _, encoded = rest.partition(" ")
    try:
        raw = _unbase64(encoded)
    except NotGenuine:
        return False
    if dash != DASH or not signer == name == origin(key) or raw[:ID_BYTES] != _id(name, key):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(raw[ID_BYTES:], text)
    except InvalidSignature:
        return False
    return True


def _id(name: str, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + ED25519 + key).digest()[:ID_BYTES]


def _unbase64(said: str) -> bytes:
    try:
        return base64.b64decode(said.encode(), validate=True)
    except (binascii.Error, ValueError):
        raise NotGenuine("not base64") from None
