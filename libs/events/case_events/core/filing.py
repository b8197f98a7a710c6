"""The rules of filing: every fault of the body at once, then eligibility, then what other cases say (domain F, A2)."""

from __future__ import annotations

from case_events.core import promises
from case_events.core.amounts import cap_of, lacking
from case_events.core.calendar import Calendar
from case_events.core.claims import amount_faults, demand_faults, evidence_faults
from case_events.core.commands import File
from case_events.core.eligibility import counted_from, counted_names, ineligible, window
from case_events.core.events import AdvancePaid, Filed, InterventionRequested
from case_events.core.facts import FilingFacts
from case_events.core.formulas import Formula
from case_events.core.hindering import hindered, previous_faults
from case_events.core.others import Facts
from case_events.core.outcomes import THINGS, Events, coming_in
from case_events.core.policy import ComplaintType, InForce, Policy
from case_events.core.promises import Rulebook, rulebook
from case_events.core.terms import Filing
from case_events.core.values import Advance, Fault, Instant, Money, Order, Problem


def file(command: File, in_force: InForce, calendar: Calendar, facts: Facts, now: Instant) -> Events | Problem:
    """The ``Filed`` event and what follows at once, or the refusal.

    Codes: ``invalid``, ``not_eligible`` (``closed_at`` when the window is over), ``not_yet`` (``opens_at``),
    ``already_open`` (``location``).
    """
    faults = dict[str, Fault]()
    for fault in _faults(command, in_force, facts):
        faults.setdefault(fault.pointer, fault)  # one place is told once, by whoever looked at it first
    if faults:
        detail = f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in the complaint."
        errors = tuple(faults.values())
        return Problem(code="invalid", detail=detail, rule=in_force.ref.clause("filing"), errors=errors)
    book = rulebook(command, in_force, calendar)
    refused = ineligible(command, in_force, book, now) or hindered(command, in_force, book.rules, facts)
    if refused is not None:
        return refused
    filed = _filed(command, in_force, book, facts, now)
    return (filed, *_direct(filed, book, now), *_instantly(command, filed, facts))


def _faults(command: File, in_force: InForce, facts: Facts) -> list[Fault]:
    """F6: everything that is missing or malformed; what the type alone tells, once the type is known."""
    policy = in_force.policy
    faults = _currency_faults(command, policy) + evidence_faults(command.evidence, policy, "/evidence")
    faults += previous_faults(command, facts)
    unknown = _type_faults(command, policy)
    if unknown:
        return faults + unknown
    rules = in_force.type_of(command.type, command.subtype)
    return (
        faults
        + _word_faults(command, rules)
        + _order_faults(command.order, rules)
        + _fact_faults(command.facts, rules.filing)
        + _claim_faults(command, rules, policy)
        + _instant_faults(command, rules)
    )


def _type_faults(command: File, policy: Policy) -> list[Fault]:
    """F7, F8: a type, and where it has subtypes one of them; who looks for one there is not is shown the right one."""
    rules, elsewhere = policy.types.get(command.type), policy.elsewhere.get(command.type)
    if rules is None:
        known = f"one of {', '.join(sorted(policy.types))}"
        told = f"{elsewhere.en} {elsewhere.zh} See {elsewhere.see}." if elsewhere else known
        return [Fault(pointer="/type", detail=told)]
    if rules.subtypes and command.subtype not in rules.subtypes:
        return [Fault(pointer="/subtype", detail=f"one of {', '.join(sorted(rules.subtypes))}")]
    if command.subtype is not None and not rules.subtypes:
        return [Fault(pointer="/subtype", detail="this type has no subtypes")]
    return []


def _word_faults(command: File, rules: ComplaintType) -> list[Fault]:
    """F5, F6, F8, I3: reason, roles, channel and anonymity, as the type knows them; and two parties."""
    said = (
        ("/reason", command.reason, rules.reasons),
        ("/complainant/role", command.complainant.role, rules.complainants),
        ("/respondent/role", command.respondent.role, rules.respondents),
    )
    faults = [
        Fault(pointer=pointer, detail=f"one of {', '.join(known)}")
        for pointer, word, known in said
        if word not in known
    ]
    if command.complainant == command.respondent:
        faults.append(Fault(pointer="/respondent", detail="nobody complains about themselves"))
    if command.channel is not None and command.channel not in rules.ruling.channels:
        known = ", ".join(rules.ruling.channels)
        detail = f"one of {known}" if known else "this type knows no channels"
        faults.append(Fault(pointer="/channel", detail=detail))
    if command.anonymous and rules.anonymity == "never":
        faults.append(Fault(pointer="/anonymous", detail="a complaint of this type names its complainant"))
    return faults


def _currency_faults(command: File, policy: Policy) -> list[Fault]:
    """Every sum a filing says beside its claim is in the marketplace's currency: formulas add them up."""
    order, facts, said = command.order, command.facts, list[tuple[str, Money | None]]()
    if order is not None:
        said = [("/order/paid", order.paid), ("/order/freight", order.freight)]
        said += [(f"/order/goods/{index}/price", goods.price) for index, goods in enumerate(order.goods)]
    if facts is not None:
        agreed = facts.contract.amount if facts.contract else None
        said += [("/facts/loss", facts.loss), ("/facts/return_freight", facts.return_freight)]
        said.append(("/facts/contract/amount", agreed))
    return [
        Fault(pointer=f"{pointer}/currency", detail=f"{policy.marketplace} is in {policy.currency}")
        for pointer, money in said
        if money is not None and money.currency != policy.currency
    ]


def _order_faults(order: Order | None, rules: ComplaintType) -> list[Fault]:
    """F6: the order, with the instants that windows and lateness are counted from.

    A type about no order takes none: of an anonymous report it would tell who bought (F8).
    """
    terms = rules.filing
    if not terms.order_states:
        return [Fault(pointer="/order", detail="this type is about no order")] if order is not None else []
    if order is None:
        return [Fault(pointer="/order", detail="missing")]
    names, faults = counted_names(terms), list[Fault]()
    if names and counted_from(order, terms) is None:
        detail = "needed: the filing window is counted from it"
        others = f" (or {', '.join(names[1:])})" if names[1:] else ""
        faults.append(Fault(pointer=f"/order/{names[0]}", detail=detail + others))
    if order.paid_at is None and (terms.refund_after is not None or rules.lateness is not None):
        faults.append(Fault(pointer="/order/paid_at", detail="needed: lateness is counted from the payment"))
    return faults


def _fact_faults(facts: FilingFacts | None, terms: Filing) -> list[Fault]:
    """What this type must know beside the order (F4, F8, L0, L10, IP1), and what it must be."""
    said = facts or FilingFacts()
    needed = [*terms.needs, *(("refund",) if terms.refund_after is not None else ())]
    faults = [
        Fault(pointer=f"/facts/{name}", detail="needed for this type") for name in needed if getattr(said, name) is None
    ]
    if terms.accuracy is not None and said.contract is not None and said.contract.accuracy is None:
        faults.append(Fault(pointer="/facts/contract/accuracy", detail="needed for this type (L10)"))
    words = (
        ("/facts/document/type", said.document.type if said.document else None, terms.documents),
        ("/facts/circumstance", said.circumstance, terms.circumstances),
        ("/facts/rights/kind", said.rights.kind if said.rights else None, terms.rights),
    )
    faults += [
        Fault(pointer=pointer, detail=f"one of {', '.join(known)}")
        for pointer, word, known in words
        if known and word is not None and word not in known
    ]
    if said.extension is not None and terms.extension is None:
        faults.append(Fault(pointer="/facts/extension", detail="this type knows no longer window"))
    elif said.extension is not None and terms.extension and said.extension.reason not in terms.extension.reasons:
        known = ", ".join(terms.extension.reasons)
        faults.append(Fault(pointer="/facts/extension/reason", detail=f"one of {known}"))
    return faults


def _claim_faults(command: File, rules: ComplaintType, policy: Policy) -> list[Fault]:
    """F6, F13: demand and amount; a type that claims no money may leave the amount out."""
    order, facts = command.order, command.facts
    formulas = [*((rules.cap,) if isinstance(rules.cap, Formula) else ()), *rules.ruling.amounts.values()]
    missing = list(dict.fromkeys(pointer for one in formulas for pointer in lacking(one, order, facts)))
    faults = demand_faults(command.demand, command.reason, rules, "")
    faults += [Fault(pointer=pointer, detail="needed: an amount is worked out from it") for pointer in missing]
    if command.amount is None:
        return faults if rules.cap == "nothing" else [*faults, Fault(pointer="/amount", detail="missing")]
    unknown = missing or (order is None and rules.filing.order_states)
    most = None if unknown else cap_of(rules.cap, order, facts)
    return faults + amount_faults(command.amount, policy.currency, most, rules, "")


def _instant_faults(command: File, rules: ComplaintType) -> list[Fault]:
    """P6: what an instant refund takes; whether this complainant gets it is not the filing's fault."""
    if not command.instant_refund:
        return []
    terms = rules.advance
    most = terms.instant_up_to if terms else None
    if terms is None or most is None or (terms.instant_reasons and command.reason not in terms.instant_reasons):
        return [Fault(pointer="/instant_refund", detail="the policy knows no instant refund for this (P6)")]
    if command.demand in THINGS:
        return [Fault(pointer="/instant_refund", detail=f"{command.demand} moves no money (P6)")]
    if command.amount is not None and command.amount.amount > most:
        return [Fault(pointer="/instant_refund", detail=f"at most {most} is refunded at once (P6)")]
    return []


def _filed(command: File, in_force: InForce, book: Rulebook, facts: Facts, now: Instant) -> Filed:
    rules = book.rules
    found = window(command.order, command.facts, book)
    missing = _missing(command, rules)
    wanted = promises.acceptance(now, book)
    clocks = wanted or (promises.turn(now, now, book) if rules.reply is not None else ())
    return Filed(
        number=facts.number,
        type=command.type,
        subtype=command.subtype,
        kind=rules.kind,
        channel=command.channel,
        reason=command.reason,
        marketplace=command.marketplace,
        policy=in_force.ref,
        order=command.order,
        complainant=command.complainant,
        respondent=command.respondent,
        complainant_entity=command.complainant_entity,
        respondent_entity=command.respondent_entity,
        demand=command.demand,
        amount=command.amount or Money(amount=0, currency=in_force.policy.currency),
        description=command.description,
        department=rules.entry.get(command.reason, rules.department),
        evidence=command.evidence,
        missing=missing,
        facts=command.facts,
        anonymous=command.anonymous or rules.anonymity == "always",
        late=found is not None and found.closes is not None and now > found.closes,
        marks=facts.marks,
        previous=command.previous,
        external_ref=command.external_ref,
        test_clock=command.test_clock,
        clocks=(*clocks, *(promises.required_evidence(now, book) if missing else ())),
    )


def _missing(command: File, rules: ComplaintType) -> tuple[str, ...]:
    """E4: the kinds this reason requires and the filing does not bring."""
    required = rules.evidence.required.get(command.reason, ()) if rules.evidence else ()
    there = {one.kind for one in command.evidence}
    return tuple(kind for kind in required if kind not in there)


def _direct(filed: Filed, book: Rulebook, now: Instant) -> Events:
    """F8: where the respondent has no turn and nobody accepts first, the platform decides at once."""
    if book.rules.reply is not None or book.rules.acceptance is not None:
        return ()
    return (
        InterventionRequested(
            ground="direct",
            by="platform",
            department=filed.department,
            clocks=coming_in(now, book, filed.channel),
        ),
    )


def _instantly(command: File, filed: Filed, facts: Facts) -> Events:
    """P6: a complainant the marketplace trusts, with no mark and in time, is refunded at filing."""
    trusted = command.facts is not None and command.facts.trusted
    if not (command.instant_refund and trusted) or facts.marks or filed.late:
        return ()
    return (AdvancePaid(advance=Advance(amount=filed.amount, ground="instant", recover_from="ruling")),)
