"""What may name a person is sealed before it is hashed, so that a destroyed key erases without breaking a proof.

Each case has one data key per side, wrapped by the master key. A sealed value is its key's id and a box
(AES-256-GCM), bound by its associated data to the case, the event and the field it stands in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Literal
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from case_events.core.values import ERASED, CaseId, EventId, Value

Subject = Literal["complainant", "respondent"]
SUBJECTS: tuple[Subject, ...] = ("complainant", "respondent")
KEY_BYTES = 32
NONCE_BYTES = 12
CIPHERS_MAX = 20_000
"""How many unwrapped keys a process remembers."""
MARK = "sealed:"
KEY_ID = slice(len(MARK), len(MARK) + 36)
"""Where in a sealed value the id of its key stands; a colon and the box follow."""
BOX = slice(KEY_ID.stop + 1, None)
URL_SAFE = bytes.maketrans(b"-_", b"+/")

Path = tuple[str, ...]


class SubjectKey(Value, frozen=True, kw_only=True):
    """A side's data key as it is stored; ``wrapped`` is None once it was destroyed."""

    key_id: UUID
    case_id: CaseId
    side: Subject
    wrapped: bytes | None


class BrokenSeal(Exception):
    """A sealed value does not open under its own key: it was changed, moved, or the master key is another."""


Keys = Mapping[str, SubjectKey]
"""A case's keys by the id that sealed values name, as text."""


def by_id(keys: Iterable[SubjectKey]) -> Keys:
    return {str(key.key_id): key for key in keys}


class KeyDestroyed(Exception):
    """Nothing more can be sealed for a side whose key was destroyed."""


class Vault:
    """The master key and what derives from it; remembers the ciphers of keys it has unwrapped."""

    def __init__(self, master_key: bytes) -> None:
        """``master_key``: 32 random bytes. Raises ValueError for any other length."""
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"the master key has {KEY_BYTES} bytes, not {len(master_key)}")
        self._wrapping = AESGCM(_derived(master_key, b"caselog wrapping"))
        self._asked = _derived(master_key, b"caselog asked")
        self._reserved = _derived(master_key, b"caselog reserved")
        self._secrets = AESGCM(_derived(master_key, b"caselog secrets"))
        self._ciphers: dict[bytes, tuple[SubjectKey, AESGCM]] = {}

    def asked(self, body: bytes) -> bytes:
        """The keyed digest by which a repeated request is known (32 bytes)."""
        return hmac.digest(self._asked, body, "sha256")

    def reserved(self, *words: str) -> bytes:
        """The keyed digest under which an open complaint is reserved (32 bytes)."""
        return hmac.digest(self._reserved, _bound(*words), "sha256")

    def enclose(self, secret: bytes, *place: str) -> bytes:
        """A secret of ours that must be had again in clear, in a box that opens only for this place."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._secrets.encrypt(nonce, secret, _bound(*place))

    def disclose(self, box: bytes, *place: str) -> bytes:
        """The secret in the box. Raises BrokenSeal if it does not open for this place."""
        try:
            return self._secrets.decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], _bound(*place))
        except (InvalidTag, ValueError) as error:
            raise BrokenSeal(f"the secret of {' '.join(place)} does not open") from error

    def new_keys(self, case_id: CaseId) -> tuple[SubjectKey, ...]:
        """Fresh data keys for both sides of a case."""
        return tuple(self._new_key(case_id, side) for side in SUBJECTS)

    def _new_key(self, case_id: CaseId, side: Subject) -> SubjectKey:
        raw, key_id, nonce = os.urandom(KEY_BYTES), uuid4(), os.urandom(NONCE_BYTES)
        wrapped = nonce + self._wrapping.encrypt(nonce, raw, _bound(str(case_id), str(key_id), side))
        key = SubjectKey(key_id=key_id, case_id=case_id, side=side, wrapped=wrapped)
        self._remember(key, AESGCM(raw))
        return key

    def _cipher(self, key: SubjectKey) -> AESGCM | None:
        if key.wrapped is None:
            return None
        known = self._ciphers.get(key.wrapped)
        if known is not None and known[0] == key:
            return known[1]
        nonce, box = key.wrapped[:NONCE_BYTES], key.wrapped[NONCE_BYTES:]
        try:
            data_key = self._wrapping.decrypt(nonce, box, _bound(str(key.case_id), str(key.key_id), key.side))
        except InvalidTag as error:
            raise BrokenSeal(f"key {key.key_id} was wrapped by another master key, or changed") from error
        return self._remember(key, AESGCM(data_key))

    def _remember(self, key: SubjectKey, cipher: AESGCM) -> AESGCM:
        assert key.wrapped is not None, "a destroyed key opens nothing"
        if len(self._ciphers) >= CIPHERS_MAX:
            self._ciphers.clear()
        self._ciphers[key.wrapped] = (key, cipher)  # with the key: what was bound to it is not another's
        return cipher

    def seal(self, text: str, key: SubjectKey, event_id: EventId, path: Path) -> str:
        """``text`` in a box that opens only in this place. Raises KeyDestroyed."""
        return self.sealing(event_id)(text, key, path)

    def sealing(self, event_id: EventId) -> Callable[[str, SubjectKey, Path], str]:
        """What seals the texts of one event: the text, its key and its place → the sealed text, as ``seal`` does."""
        said: dict[SubjectKey, tuple[AESGCM, str, bytes]] = {}

        def sealed(text: str, key: SubjectKey, path: Path) -> str:
            cipher, begins, place = said.get(key) or said.setdefault(key, self._begun(key, event_id))
            nonce = os.urandom(NONCE_BYTES)
            box = nonce + cipher.encrypt(nonce, text.encode(), place + _field(path))
            return begins + base64.urlsafe_b64encode(box).decode()

        return sealed

    def _begun(self, key: SubjectKey, event_id: EventId) -> tuple[AESGCM, str, bytes]:
        """What all texts that an event seals under one key share: the cipher, how they begin, and the event's place."""
        cipher = self._cipher(key)
        if cipher is None:
            raise KeyDestroyed(f"key {key.key_id} was destroyed")
        return cipher, f"{MARK}{key.key_id}:", _event(key.case_id, event_id)

    def open(self, sealed: str, keys: Keys, event_id: EventId, path: Path) -> str:
        """The text in the box; ``ERASED`` if its key was destroyed. Raises BrokenSeal if it does not open."""
        return self.opening(keys, event_id)(sealed, path)

    def opening(self, keys: Keys, event_id: EventId) -> Callable[[str, Path], str]:
        """What opens the boxes of one event: the sealed text and its place → the text, as ``open`` does."""
        said: dict[str, bytes] = {}

        def opened(sealed: str, path: Path) -> str:
            if not sealed.startswith(MARK):
                raise BrokenSeal(f"{'/'.join(path)} is not sealed")
            key = keys.get(sealed[KEY_ID])
            if key is None:
                raise BrokenSeal(f"{'/'.join(path)} names a key its case does not have")
            cipher = self._cipher(key)
            if cipher is None:
                return ERASED
            place = said.get(sealed[KEY_ID]) or said.setdefault(sealed[KEY_ID], _event(key.case_id, event_id))
            try:
                raw = a2b_base64(sealed[BOX].encode().translate(URL_SAFE))
                return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place + _field(path)).decode()
            except (InvalidTag, ValueError) as error:
                raise BrokenSeal(f"{'/'.join(path)} of event {event_id} does not open") from error

        return opened


def read_master_key(file: FilePath) -> bytes:
    """The master key in ``file`` (base64 of 32 bytes). Raises ValueError or OSError, naming the file."""
    try:
        key = base64.b64decode(file.read_text().strip(), validate=True)
    except ValueError as error:
        raise ValueError(f"{file} does not hold base64") from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"{file} holds {len(key)} bytes; the master key has {KEY_BYTES}")
    return key


def _event(case_id: CaseId, event_id: EventId) -> bytes:
    """What ``_bound`` says of the two ids, each of 36 characters."""
    return b"\0\0\0\x24%b\0\0\0\x24%b" % (str(case_id).encode(), str(event_id).encode())


@lru_cache(maxsize=4096)
def _field(path: Path) -> bytes:
    return _bound("/".join(path))


def _bound(*words: str) -> bytes:
    """Length-prefixed, so that no two lists of words have the same bytes."""
    said = [word.encode() for word in words]
    return b"".join([len(word).to_bytes(4, "big") + word for word in said])


def _derived(master_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(master_key)


def secret_hash(secret: str) -> bytes:
    """What is stored of an API key: keys are long and random, so a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).digest()
