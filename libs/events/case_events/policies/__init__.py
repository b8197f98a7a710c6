"""Policies as data: one TOML file per marketplace and version; ``load`` refuses a bad one with every fault named."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from importlib import resources
from typing import Any

from case_events.core.canonical import canonical
from case_events.core.policy import InForce, Policy
from case_events.core.values import INTEGER_MAX, Fault, PolicyRef
from case_events.policies.clock_faults import Found
from case_events.policies.contradictions import contradictions
from case_events.policies.expansion import (
    Node,
    Path,
    fault,
    find,
    plain,
    procedures_of,
    size_of,
    spell_out,
    stands,
)
from case_events.policies.figures import fill
from case_events.policies.tolerant import every, table
from case_events.shape import Misshapen, convert

PINNED_BEFORE = {
    "fbf62a65d57b122bdb3070db3bcb500e2c5c1dad58d255e5504d0baeac4c1597": (
        "72fea27d52b597793ed6c81e1a02ca63b9431060fde8975fc23a921f616a3d43"  # taobao@2026.1
    ),
}
"""Policies whose cases were pinned by another digest, before a policy was pinned by what is written (decision 8)."""


NESTING_MAX = 32
TOO_DEEP = f"nested deeper than {NESTING_MAX}"
DOTS_MAX = 100
"""In a line of a policy that was sent: reading a key takes the square of its steps, in time and in memory."""
SENT_MAX = 400_000
"""The values of a policy that was sent, times its types and subtypes, each of which may take them all: some three
seconds' work. What is shipped comes to ninety thousand."""
LOADED_MAX = 64
"""How many texts stay loaded; a policy is the same for ever, and spelling one out takes a tenth of a second."""


@functools.lru_cache(maxsize=LOADED_MAX)
def load(text: str) -> InForce:
    """The policy written in ``text`` (TOML), pinned by the SHA-256 of its data in canonical JSON (not of its comments).

    Raises Misshapen, with every fault at the place where it was written, when it is not TOML, not a policy, or
    contradicts itself.
    """
    said = _read(text)
    spelled, faults = spell_out(said)
    whole = fill(spelled, faults)
    faults += _strangers(said)
    policy, refused = _converted(whole)
    # msgspec's own last word does not say which type it means; the contradictions then do.
    placed = [one for one in refused if one.detail == "missing" or find(whole, _steps(one.pointer)) is not None]
    faults += _where_written(((_steps(one.pointer), one.detail) for one in placed), whole)
    faults += _where_written(contradictions(plain(whole)), whole)
    if faults or policy is None:
        raise Misshapen(tuple(dict.fromkeys(faults or refused)))
    written_digest = hashlib.sha256(canonical(said)).hexdigest()
    digest = PINNED_BEFORE.get(written_digest, written_digest)
    return InForce(policy=policy, ref=PolicyRef(name=policy.name, version=policy.version, digest=digest))


@functools.lru_cache(maxsize=LOADED_MAX)
def load_sent(text: str) -> InForce:
    """The same for a text that anybody may have sent: one that would take long to read or spell out is refused."""
    if any(line.count(".") > DOTS_MAX and not line.startswith("#") for line in text.split("\n")):
        raise Misshapen((Fault(pointer="", detail=f"a line with more than {DOTS_MAX} dots"),))
    said = _read(text)
    types = [one for one in table(said, "types").values() if isinstance(one, dict)]
    wholes = len(types) + sum(len(table(one, "subtypes")) for one in types)
    if wholes * sum(1 for _ in every(said)) > SENT_MAX:
        detail = "too many types for what there is in it; `caselog policies check` tells more"
        raise Misshapen((Fault(pointer="/types", detail=detail),))
    if size_of(fill(spell_out(said)[0], [])) > SENT_MAX:
        raise Misshapen((Fault(pointer="", detail="too many values stand for too much else"),))
    return load(text)


def _read(text: str) -> dict[str, Any]:
    """The data in a TOML text. Raises Misshapen."""
    try:
        said = tomllib.loads(text)
    except RecursionError:
        raise Misshapen((Fault(pointer="", detail=TOO_DEEP),)) from None
    except ValueError as error:  # one of its own, or a number of thousands of digits
        raise Misshapen((Fault(pointer="", detail=f"not TOML: {error}"),)) from error
    left: list[tuple[Any, int]] = [(said, 0)]
    while left:
        one, depth = left.pop()
        if depth > NESTING_MAX:
            raise Misshapen((Fault(pointer="", detail=TOO_DEEP),))
        if isinstance(one, int) and abs(one) > INTEGER_MAX:
            raise Misshapen((Fault(pointer="", detail=f"a number larger than {INTEGER_MAX}"),))
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        left.extend((value, depth + 1) for value in inner)
    return said


def _converted(whole: Node) -> tuple[Policy | None, tuple[Fault, ...]]:
    try:
        return convert(plain(whole), Policy), ()
    except Misshapen as misshapen:
        return None, misshapen.faults


def shipped() -> tuple[str, ...]:
    """The text of every policy that comes with Caselog."""
    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    return tuple(file.read_text(encoding="utf-8") for file in files if file.name.endswith(".toml"))


def _strangers(said: dict[str, Any]) -> list[Fault]:
    """Values that canonical JSON would not say exactly: fractions and TOML's own dates."""
    return [
        fault(path, "text, a whole number, true or false")
        for path, value in every(said)
        if not isinstance(value, str | int | dict | list)
    ]


def _where_written(found: Iterable[Found], root: Node) -> list[Fault]:
    """Each fault where it was written, once; one of a procedure names its types if only some of them have it."""
    types: dict[tuple[Path, str], list[str]] = {}
    known = dict.fromkeys(found)
    for path, detail in known:
        if path[2:3] == ("subtypes",) and ((*path[:2], *path[4:]), detail) in known:
            continue  # the subtype only lacks what its type lacks
        about = types.setdefault((stands(root, path), detail), [])
        if path[:1] == ("types",) and len(path) > 1 and path[1] not in about:
            about.append(path[1])
    told, followers = [], _followers(root)
    for (place, detail), about in types.items():
        some = place[:1] == ("procedures",) and set(about) != followers[place[1]]
        told.append(fault(place, f"{detail} (in {', '.join(about)})" if some else detail))
    return told


def _followers(root: Node) -> dict[str, set[str]]:
    """Which types take anything from each procedure."""
    found = defaultdict[str, set[str]](set)
    types = root.get("types")
    for name, one in types.value.items() if types is not None and isinstance(types.value, dict) else ():
        for procedure in procedures_of(one):
            found[procedure].add(name)
    return found


def _steps(pointer: str) -> Path:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
