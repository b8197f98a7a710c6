"""Check a dossier of Caselog without Caselog: what docs/auditing.md says, in one file and with nothing of ours.

    pip install cryptography
    python check_dossier.py case.json [KEY]

KEY: the log's public key, as `caselog audit key` said it; without it the one in the file is believed. What is wrong is
said, and the exit code is 1; with KEY also where events are not proved. Of the file only `chain` and `checkpoint` are
looked at: that the rest follows from the payloads is checked by `caselog verify`.
"""

import base64
import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def check(dossier: dict[str, Any], key: str | None = None) -> int:
    """How many of its events are proved: one proves all before it. Raises SystemExit with the first fault."""
    check_chain(dossier)
    checkpoint, proved = dossier["checkpoint"], 0
    size, root = signed(checkpoint["note"], key or checkpoint["key"]) if checkpoint else (0, b"")
    for link in dossier["chain"]:
        if link["position"] is None or link["position"] > size:
            continue
        must(type(link["position"]) is int and link["position"] > 0, f"version {link['version']} is nowhere")
        leaf = sha256(b"\0" + bytes.fromhex(link["hash"])).digest()
        path = [bytes.fromhex(one) for one in link["path"] or ()]
        must(root_over(leaf, link["position"] - 1, size, path) == root, f"version {link['version']} is not in the log")
        proved = link["version"]
    must(key is None or proved == len(dossier["chain"]), f"nothing proves what is after version {proved}")
    return proved


def check_chain(dossier: dict[str, Any]) -> None:
    """Every payload has its hash, and every hash covers its envelope and the event before."""
    before = bytes(32)
    for number, link in enumerate(dossier["chain"], 1):
        envelope, where = link["envelope"], f"version {number}"
        must(link["version"] == envelope["version"] == number, f"{where} is missing")
        must(envelope["case_id"] == dossier["case_id"], f"{where} is of another case")
        must(sha256(link["payload"].encode()).hexdigest() == envelope["payload_hash"], f"{where} says something else")
        said = json.dumps(envelope, sort_keys=True, separators=(",", ":"), ensure_ascii=False)  # RFC 8785, for these
        before = sha256(b"caselog.event.v1\n" + before + said.encode()).digest()
        must(before.hex() == link["hash"], f"{where} is chained to something else")


def root_over(node: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root of the tree of so many leaves that has this one there, as the path says (RFC 9162, 2.1)."""
    if size == 1 or not path:
        must(size == 1 and not path, "a proof is too short or too long")
        return node
    left, last = 1 << (size - 1).bit_length() - 1, path[-1]
    if index < left:
        return sha256(b"\1" + root_over(node, index, left, path[:-1]) + last).digest()
    return sha256(b"\1" + last + root_over(node, index - left, size - left, path[:-1])).digest()


def signed(note: str, key: str) -> tuple[int, bytes]:
    """The size and the root that a note says (C2SP tlog-checkpoint), once its signature holds (C2SP signed-note)."""
    text, _, signature = note.partition("\n\n")
    name, size, root = text.split("\n")[:3]
    key_name, key_id, encoded = key.strip().split("+", 2)
    public, signature = base64.b64decode(encoded)[1:], signature.split(" ")[2]
    must(name == key_name == f"caselog/{sha256(public).hexdigest()[:16]}", "the checkpoint is of another log")
    must(sha256(name.encode() + b"\n\1" + public).hexdigest()[:8] == key_id, "the key has another id")
    raw = base64.b64decode(signature)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], f"{text}\n".encode())
    except InvalidSignature:
        must(False, "the checkpoint is not signed with this key")
    return int(size), base64.b64decode(root)


def must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(otherwise)


if __name__ == "__main__":
    case = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    count = check(case, *sys.argv[2:3])
    sys.stdout.write(f"{len(case['chain'])} events, each chained to the one before, {count} of them in the log\n")
