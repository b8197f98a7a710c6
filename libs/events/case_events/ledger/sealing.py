"""What may name a person is sealed before it is hashed, so that a destroyed key erases without breaking a proof.

Each case has one data key per side, wrapped by the master key. A sealed value is its key's id and a box
(AES-256-GCM), bound by its associated data to the case, the event and the field it stands in.
"""

from __future__ import annotations

import base64
import hmac
import os
from binascii import a2b_base64
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from case_events.core.canonical import id_text
from case_events.core.values import ERASED, CaseId, EventId, Value

Subject = Literal["complainant", "respondent"]
SUBJECTS: tuple[Subject, ...] = ("complainant", "respondent")
KEY_BYTES = 32
NONCE_BYTES = 12
CIPHERS_MAX = 1_000
"""How many unwrapped keys a process remembers: those of the steps it is about to write. To unwrap one again takes less
than to have gone to the memory that so many more would fill (measured: a fiftieth of a step)."""
MARK = "sealed:"
KEY_ID = slice(len(MARK), len(MARK) + 36)
"""Where in a sealed value the id of its key stands; a colon and the box follow."""
BEGINNING = slice(KEY_ID.stop)
"""What all texts sealed under one key have in common."""
BOX = slice(KEY_ID.stop + 1, None)
URL_SAFE = bytes.maketrans(b"-_", b"+/")


class SubjectKey(Value, frozen=True, kw_only=True):
    """A side's data key as it is stored; ``wrapped`` is None once it was destroyed."""

    key_id: UUID
    case_id: CaseId
    side: Subject
    wrapped: bytes | None


class BrokenSeal(Exception):
    """A sealed value does not open under its own key: it was changed, moved, or the master key is another."""


class KeyDestroyed(Exception):
    """Nothing more can be sealed for a side whose key was destroyed."""


class Vault:
    """The master key and what derives from it; remembers the ciphers of keys it has unwrapped."""

    def __init__(self, master_key: bytes) -> None:
        """``master_key``: 32 random bytes. Raises ValueError for any other length."""
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"the master key has {KEY_BYTES} bytes, not {len(master_key)}")
        self._wrapping = AESGCM(_derived(master_key, b"caselog wrapping"))
        # Begun once and copied: to begin one looks its algorithm up, which takes longer than a body.
        self._asked = hmac.new(_derived(master_key, b"caselog asked"), digestmod="sha256")
        self._reserved = hmac.new(_derived(master_key, b"caselog reserved"), digestmod="sha256")
        self._secrets = AESGCM(_derived(master_key, b"caselog secrets"))
        self._signing = Ed25519PrivateKey.from_private_bytes(_derived(master_key, b"caselog checkpoints"))
        self._ciphers: OrderedDict[bytes, tuple[SubjectKey, AESGCM]] = OrderedDict()

    def asked(self, body: bytes) -> bytes:
        """The keyed digest by which a repeated request is known (32 bytes)."""
        return _digest(self._asked, body)

    def reserved(self, *words: str) -> bytes:
        """The keyed digest under which what names a person is looked up: a reservation, marks, a group (32 bytes)."""
        return _digest(self._reserved, _bound(*words))

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

    @property
    def verifying(self) -> bytes:
        """The public key (32 bytes) of what ``sign`` signs."""
        return self._signing.public_key().public_bytes_raw()

    def sign(self, said: bytes) -> bytes:
        """Our signature (Ed25519, 64 bytes) on something that is said of the whole record."""
        return self._signing.sign(said)

    def new_keys(self, case_id: CaseId) -> tuple[SubjectKey, ...]:
        """Fresh data keys for both sides of a case."""
        return tuple(self._new_key(case_id, side) for side in SUBJECTS)

    def unwraps(self, key: SubjectKey) -> bool:
        """Does this key, which was not destroyed, open with this master key?"""
        try:
            return self._cipher(key) is not None
        except BrokenSeal:
            return False

    def _new_key(self, case_id: CaseId, side: Subject) -> SubjectKey:
        raw, key_id, nonce = os.urandom(KEY_BYTES), uuid4(), os.urandom(NONCE_BYTES)
        wrapped = nonce + self._wrapping.encrypt(nonce, raw, _place(case_id, key_id, side))
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
            data_key = self._wrapping.decrypt(nonce, box, _place(key.case_id, key.key_id, key.side))
        except InvalidTag as error:
            raise BrokenSeal(f"key {key.key_id} was wrapped by another master key, or changed") from error
        return self._remember(key, AESGCM(data_key))

    def _remember(self, key: SubjectKey, cipher: AESGCM) -> AESGCM:
        assert key.wrapped is not None, "a destroyed key opens nothing"
        if len(self._ciphers) >= CIPHERS_MAX:
            self._ciphers.popitem(last=False)  # one by one: to forget all at once takes 17 ms
        self._ciphers[key.wrapped] = (key, cipher)  # with the key: what was bound to it is not another's
        return cipher

    def sealing(self, event_id: EventId) -> Sealing:
        """What seals the texts of one event, each in a box that opens only in its field. It raises KeyDestroyed."""
        said: dict[UUID, tuple[AESGCM, str, bytes]] = {}

        def sealed(text: str, key: SubjectKey, field: str) -> str:
            cipher, begins, place = said.get(key.key_id) or said.setdefault(key.key_id, self._begun(key, event_id))
            nonce = os.urandom(NONCE_BYTES)
            box = nonce + cipher.encrypt(nonce, text.encode(), place + _word(field))
            return begins + base64.urlsafe_b64encode(box).decode()

        return sealed

    def _begun(self, key: SubjectKey, event_id: EventId) -> tuple[AESGCM, str, bytes]:
        """What all texts that an event seals under one key share: the cipher, how they begin, and the event's place."""
        cipher = self._cipher(key)
        if cipher is None:
            raise KeyDestroyed(f"key {key.key_id} was destroyed")
        return cipher, f"{MARK}{key.key_id}:", _identifier(key.case_id) + _identifier(event_id)

    def ring(self, keys: Iterable[SubjectKey]) -> Ring:
        """A case's keys, to open its texts with."""
        return Ring(keys, self._cipher)


Sealing = Callable[[str, SubjectKey, str], str]
"""A text, its key, and the field it stands in → the sealed text."""
Opening = Callable[[str, str], str]
"""A sealed text and the field it stands in, as in ``evidence/0/uri`` → the text."""


class Ring:
    """A case's keys, each unwrapped when the first text under it is opened."""

    def __init__(self, keys: Iterable[SubjectKey], unwrap: Callable[[SubjectKey], AESGCM | None]) -> None:
        """``unwrap``: the cipher of a key; None for one that was destroyed."""
        self._keys = {f"{MARK}{key.key_id}": key for key in keys}
        self._unwrap = unwrap
        self._unwrapped: dict[str, tuple[AESGCM | None, bytes]] = {}

    def opening(self, event_id: EventId) -> Opening:
        """What opens the boxes of one event; ``ERASED`` for a text whose key was destroyed.

        It raises BrokenSeal for a text that does not open in this field, or that is not sealed under a key of the case.
        """
        unwrapped, event = self._unwrapped, _identifier(event_id)

        def opened(sealed: str, field: str) -> str:
            cipher, case = unwrapped.get(sealed[BEGINNING]) or self._take(sealed[BEGINNING], field)
            if cipher is None:
                return ERASED
            try:
                raw = a2b_base64(sealed[BOX].encode().translate(URL_SAFE))
                return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], case + event + _word(field)).decode()
            except (InvalidTag, ValueError) as error:
                raise BrokenSeal(f"{field} of event {event_id} does not open") from error

        return opened

    def _take(self, beginning: str, field: str) -> tuple[AESGCM | None, bytes]:
        """The cipher of the key that is named, and what its boxes are bound to first: its case."""
        key = self._keys.get(beginning)
        if key is None:
            sealed = beginning.startswith(MARK)
            raise BrokenSeal(f"{field} names a key its case does not have" if sealed else f"{field} is not sealed")
        taken = self._unwrapped[beginning] = (self._unwrap(key), _identifier(key.case_id))
        return taken


def read_master_key(file: Path) -> bytes:
    """The master key in ``file`` (base64 of 32 bytes). Raises ValueError or OSError, naming the file."""
    try:
        key = base64.b64decode(file.read_text().strip(), validate=True)
    except ValueError as error:
        raise ValueError(f"{file} does not hold base64") from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"{file} holds {len(key)} bytes; the master key has {KEY_BYTES}")
    return key


def _place(case_id: CaseId, one: UUID, word: str) -> bytes:
    """What a box is bound to: its case, and in it an event and the field, or a key and its side."""
    return _identifier(case_id) + _identifier(one) + _word(word)


def _digest(begun: hmac.HMAC, body: bytes) -> bytes:
    mine = begun.copy()
    mine.update(body)
    return mine.digest()


def _identifier(one: UUID) -> bytes:
    """What ``_bound`` says of an id, which has 36 characters; one of asyncpg's says them faster by itself."""
    return b"\0\0\0\x24" + (id_text(one) if type(one) is UUID else str(one)).encode()


@lru_cache(maxsize=4096)
def _word(word: str) -> bytes:
    return _bound(word)


def _bound(*words: str) -> bytes:
    """Length-prefixed, so that no two lists of words have the same bytes."""
    said = [word.encode() for word in words]
    return b"".join([len(word).to_bytes(4, "big") + word for word in said])


def _derived(master_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(master_key)
