"""What a claim may ask for and what evidence there is: asked alike of a filing and of what changes it later."""

from __future__ import annotations

from case_events.core.amounts import cap_of
from case_events.core.case import Case
from case_events.core.policy import ComplaintType, Policy
from case_events.core.values import Evidence, Fault, Money


def claim_faults(demand: str, amount: Money, case: Case, rules: ComplaintType) -> list[Fault]:
    """What is wrong with an amended demand and its amount (F6, F13)."""
    most = cap_of(rules.cap, case.order, case.facts)
    faults = demand_faults(demand, case.reason, rules, "/data")
    return faults + amount_faults(amount, case.amount.currency, most, rules, "/data")


def demand_faults(demand: str, reason: str, rules: ComplaintType, at: str) -> list[Fault]:
    """F10, F13: the demands of the type, or those of this reason; ``at`` is the pointer it stands under."""
    possible = rules.demands_of.get(reason, rules.demands)
    return [] if demand in possible else [Fault(pointer=f"{at}/demand", detail=f"one of {', '.join(possible)}")]


def amount_faults(amount: Money, currency: str, most: int | None, rules: ComplaintType, at: str) -> list[Fault]:
    """F6: in the case's currency, more than nothing, and no more than ``most``, what the type's cap comes to (None: no
    cap, or none that can be worked out yet); nothing where the type claims no money."""
    faults, pointer = [], f"{at}/amount/amount"
    if amount.currency != currency:
        faults.append(Fault(pointer=f"{at}/amount/currency", detail=f"the case is in {currency}"))
    if rules.cap == "nothing":
        return [*faults, Fault(pointer=pointer, detail="this type claims no money")] if amount.amount else faults
    if amount.amount == 0:
        faults.append(Fault(pointer=pointer, detail="a claim asks for more than nothing"))
    elif most is not None and amount.amount > most:
        by = f" ({rules.cap})" if isinstance(rules.cap, str) else ""
        faults.append(Fault(pointer=pointer, detail=f"at most {most}{by}"))
    return faults


def evidence_faults(evidence: tuple[Evidence, ...], policy: Policy, at: str) -> list[Fault]:
    """E1: of the kinds the policy knows; a carrier's notice names its region."""
    terms = policy.evidence_kinds
    faults = [
        Fault(pointer=f"{at}/{index}/kind", detail=detail)
        for index, detail in unknown_kinds(tuple(one.kind for one in evidence), policy)
    ]
    return faults + [
        Fault(pointer=f"{at}/{index}/region", detail=f"a {one.kind} names its region (E1)")
        for index, one in enumerate(evidence)
        if terms is not None and one.kind in terms.name_their_region and one.region is None
    ]


def unknown_kinds(kinds: tuple[str, ...], policy: Policy) -> list[tuple[int, str]]:
    """E1: which of them, by their place, are no kinds of evidence, and what is; a policy that names none knows all."""
    if policy.evidence_kinds is None:
        return []
    known = [kind for group in policy.evidence_kinds.groups.values() for kind in group]
    unknown = [index for index, kind in enumerate(kinds) if kind not in known]
    return [(index, f"one of {', '.join(known)}") for index in unknown]
