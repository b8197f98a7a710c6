"""The signed note: what it says, and that nobody else's passes for ours."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from case_events.proof.note import NotGenuine, Root, key_in, origin, read, signed, spelled

ROOT = Root(size=1_000, root=bytes(range(32)))


def signer(seed: int) -> tuple[Ed25519PrivateKey, bytes]:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))
    return private, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


OURS, KEY = signer(1)
THEIRS, OTHER = signer(2)
NOTE = signed(ROOT, KEY, OURS.sign)


def test_a_note_says_the_log_its_size_and_root_and_is_signed() -> None:
    lines = NOTE.split("\n")
    assert lines[:4] == [origin(KEY), "1000", base64.b64encode(ROOT.root).decode(), ""]
    assert lines[4].startswith(f"— {origin(KEY)} ")
    assert read(NOTE, KEY) == ROOT


def test_a_note_of_another_key_or_with_another_word_is_not_genuine() -> None:
    with pytest.raises(NotGenuine):
        read(NOTE, OTHER)
    with pytest.raises(NotGenuine):
        read(signed(ROOT, OTHER, THEIRS.sign), KEY)
    with pytest.raises(NotGenuine):  # by somebody who knows our name and key, and not what signs with it
        read(signed(ROOT, KEY, THEIRS.sign), KEY)
    for one, other in (("1000", "1001"), (origin(KEY), origin(OTHER)), ("AAEC", "AAED")):
        assert one in NOTE
        with pytest.raises(NotGenuine):
            read(NOTE.replace(one, other), KEY)


@pytest.mark.parametrize(
    "said",
    ["", "\n\n", "a\nb\nc", NOTE.replace("\n\n", "\n"), NOTE.split("\n\n")[0] + "\n\n", "é" * 10, NOTE + "x" * 5_000],
)
def test_what_is_no_note_is_not_genuine(said: str) -> None:
    with pytest.raises(NotGenuine):
        read(said, KEY)


def test_what_others_sign_beside_us_does_no_harm() -> None:
    assert read(NOTE + f"— witness.example {base64.b64encode(bytes(80)).decode()}\n", KEY) == ROOT


def test_a_key_is_handed_on_with_its_name_and_read_again() -> None:
    assert key_in(spelled(KEY)) == KEY
    assert key_in(spelled(KEY) + "\n") == KEY
    for said in ("", "a+b+c", spelled(KEY)[:-4] + "AAAA", spelled(KEY).replace("caselog/", "caselog/0")):
        with pytest.raises(NotGenuine):
            key_in(said)


def test_nobody_signs_under_another_logs_name() -> None:
    """Who compares names, as they are read out, must not take one key for another."""
    name = origin(KEY)
    id_ = sha256(name.encode() + b"\n\1" + OTHER).digest()[:4]
    with pytest.raises(NotGenuine):
        key_in(f"{name}+{id_.hex()}+{base64.b64encode(bytes([1]) + OTHER).decode()}")
    text = NOTE.partition("\n\n")[0] + "\n"
    theirs = base64.b64encode(id_ + THEIRS.sign(text.encode())).decode()
    with pytest.raises(NotGenuine):
        read(f"{text}\n— {name} {theirs}\n", OTHER)
