"""Policies as data: one TOML file per marketplace and version; ``load`` refuses a bad one with every fault named."""

from __future__ import annotations

import hashlib
import tomllib
from importlib import resources

from case_events.core.policy import InForce, Policy
from case_events.core.values import Fault, PolicyRef, canonical
from case_events.shape import Misshapen, convert


def load(text: str) -> InForce:
    """The policy written in ``text`` (TOML), pinned by the SHA-256 of its canonical form (not of its comments).

    Raises Misshapen, with every fault, when it is not TOML, not a policy, or contradicts itself.
    """
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misshapen((Fault(pointer="", detail=f"not TOML: {error}"),)) from error
    policy = convert(said, Policy)
    contradictions = _contradictions(policy)
    if contradictions:
        raise Misshapen(tuple(contradictions))
    digest = hashlib.sha256(canonical(policy)).hexdigest()
    return InForce(policy=policy, ref=PolicyRef(name=policy.name, version=policy.version, digest=digest))


def shipped() -> tuple[str, ...]:
    """The text of every policy that comes with Caselog."""
    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    return tuple(file.read_text(encoding="utf-8") for file in files if file.name.endswith(".toml"))


CITED = ("filing", "reply", "negotiation", "intervention", "ruling", "appeal", "remedy")
"""Clauses that refusals cite, so that every type must have them."""


def _contradictions(policy: Policy) -> list[Fault]:
    """What no schema can say: clauses that are cited but missing, rulings that cannot reject."""
    faults = []
    for name, rules in policy.types.items():
        at = f"/types/{name}"
        tables = {"acceptance": rules.acceptance, "evidence": rules.evidence, "return_leg": rules.return_leg}
        cited = (*CITED, *(name for name, table in tables.items() if table is not None))
        missing = [clause for clause in cited if clause not in rules.clauses]
        faults += [Fault(pointer=f"{at}/clauses/{clause}", detail="missing: refusals cite it") for clause in missing]
        if "rejected" not in rules.ruling.outcomes:
            faults.append(Fault(pointer=f"{at}/ruling/outcomes", detail="a claim can always be rejected"))
    return faults
