"""One type of complaint in rows: who, when, how long, what follows; each figure as it stands, placeholders marked."""

from __future__ import annotations

from collections.abc import Callable

from case_events.core.formulas import Formula
from case_events.core.policy import ComplaintType
from case_events.core.spans import Again
from case_events.core.terms import Filing
from case_events.core.vocabulary import ROLES, called
from tests.docs.rule_figures import Told, figure, names

Row = tuple[str, str]
CAPS = {
    "paid": "what was paid",
    "paid_plus_freight": "what was paid and the freight",
    "none": "no cap",
    "nothing": "no money",
}
SILENCE = {"owe": "the refund is owed at once", "lapse": "the case closes, nothing is owed"}
EFFECTS = {
    "escalate": "the platform steps in at once",
    "unlock": "the complainant may call the platform in",
    "concede": "taken as agreed",
}


def rows(rules: ComplaintType) -> list[Row]:
    """What this type says, in the order of a case's life."""
    told = Told(rules)
    found = [(label, tell(told)) for label, tell in TELLERS]
    return [(label, words) for label, words in found if words]


def _who(told: Told) -> str:
    rules = told.rules
    who = " or ".join(ROLES[role].en for role in rules.complainants)
    about = " or ".join(ROLES[role].en for role in rules.respondents)
    unnamed = {"never": "", "allowed": "; may stay unnamed", "always": "; always unnamed"}[rules.anonymity]
    return f"{who} against {about}{unnamed}"


def _reasons(told: Told) -> str:
    return names(told.rules.reasons)


def _demands(told: Told) -> str:
    rules = told.rules
    narrower = [f"{called(reason).en}: {names(demands)}" for reason, demands in rules.demands_of.items()]
    offers = f"; the respondent may offer {names(rules.offers)}" if rules.offers else ""
    return "; ".join([names(rules.demands), *narrower]) + offers


def _cap(told: Told) -> str:
    cap = told.rules.cap
    return told.formula("cap", cap) if isinstance(cap, Formula) else told.marked("cap", CAPS[cap])


def _window(told: Told) -> str:
    terms = told.rules.filing
    about = [f"the order is {' or '.join(called(one).en for one in terms.order_states)}"] if terms.order_states else []
    if terms.closes_after is not None:
        counted = terms.counted_from if isinstance(terms.counted_from, tuple) else (terms.counted_from or "",)
        start = " or ".join(called(one).en for one in counted)
        opens = f"{told.span('filing.opens_after', terms.opens_after)} to " if terms.opens_after else ""
        about.append(f"{opens}{told.span('filing.closes_after', terms.closes_after)} from {start}")
    if terms.refund_after is not None:
        after = told.span("filing.refund_after", terms.refund_after)
        about.append(f"a refund applied for more than {after} after payment, and paid")
    return told.marked("filing.order_states", "; ".join([*about, *_bends(told, terms)]) or "any time")


def _bends(told: Told, terms: Filing) -> list[str]:
    bends = [
        f"{called(name).en}: {told.span(f'filing.{table}.{name}', span)}"
        for table, spans in (("categories", terms.categories), ("promises", terms.promises))
        for name, span in spans.items()
    ]
    if terms.entitlement is not None:
        bends.append(f"entitled for {told.span('filing.entitlement', terms.entitlement)}; the longer wins")
    if terms.extension is not None:
        longer = told.span("filing.extension.within", terms.extension.within)
        bends.append(f"{longer} more may be asked for: {names(terms.extension.reasons)}")
    return bends


def _facts(told: Told) -> str:
    terms = told.rules.filing
    needed = [f"needs {', '.join(terms.needs)}"] if terms.needs else []
    labels = ("ratings", "documents", "circumstances", "rights")
    needed += [f"{label}: {names(getattr(terms, label))}" for label in labels if getattr(terms, label)]
    if terms.accuracy is not None:
        needed.append(f"the contract promises {told.marked('filing.accuracy', figure(terms.accuracy, 'accuracy'))}")
    if terms.conformity is not None:
        kinds = told.marked("filing.conformity.evidence", names(terms.conformity.evidence))
        about = told.marked("filing.conformity.reasons", names(terms.conformity.reasons))
        needed.append(f"after apparent conformity was confirmed {about} needs one of {kinds}")
    return "; ".join(needed)


def _acceptance(told: Told) -> str:
    terms = told.rules.acceptance
    if terms is None:
        return ""
    return f"within {told.span('acceptance.within', terms.within)}; {_late(told, 'acceptance', terms)}"


def _late(told: Told, table: str, terms: Again) -> str:
    first = told.span(f"{table}.again_after", terms.again_after)
    if terms.again_up_to is None:
        return f"late: more priority, and again every {first}"
    longest = told.span(f"{table}.again_up_to", terms.again_up_to)
    return f"late: more priority, and again after {first}, then each time twice as long, up to {longest}"


def _evidence(told: Told) -> str:
    terms = told.rules.evidence
    if terms is None:
        return ""
    asked = [f"asked for: within {told.span('evidence.within', terms.within)}"]
    for reason, kinds in terms.required.items():
        needed = told.marked(f"evidence.required.{reason}", names(kinds))
        asked.append(f"{called(reason).en} requires {needed}")
    if terms.required and terms.required_within is not None:
        asked.append(f"missing kinds within {told.span('evidence.required_within', terms.required_within)}")
    return "; ".join(asked)


def _reply(told: Told) -> str:
    terms = told.rules.reply
    if terms is None:
        return "none: the platform decides at once"
    time = told.span("reply.open_period", terms.open_period)
    if terms.final_period is not None:
        final = told.span("reply.final_period", terms.final_period)
        time += f" + {final}; amending the claim in the last {final} gives {final} from then"
    if terms.after_amendment is not None:
        again = told.span("reply.after_amendment", terms.after_amendment)
        time += f"; {again} for a claim amended after the answer"
    silence = told.marked("reply.on_timeout", EFFECTS[terms.on_timeout])
    refusal = told.marked("reply.on_refusal", EFFECTS[terms.on_refusal])
    return f"{time}; silent: {silence}; refuses: {refusal}"


def _talks(told: Told) -> str:
    terms = told.rules.negotiation
    if terms is None:
        return ""
    stalls = told.span("negotiation.stalls_after", terms.stalls_after)
    return f"at most {stalls} from filing; then {EFFECTS[terms.on_stall]}"


def _intervention(told: Told) -> str:
    rules, terms = told.rules, told.rules.intervention
    parts = [f"at {called(rules.department).en}"]
    other = {reason: named for reason, named in rules.entry.items() if named != rules.department}
    parts += [f"{called(reason).en} at {called(named).en}" for reason, named in other.items()]
    if terms.steps_in_within is not None:
        parts.append(f"somebody has it within {told.span('intervention.steps_in_within', terms.steps_in_within)}")
    if rules.reply is not None:
        lapses = told.span("intervention.lapses_after", terms.lapses_after)
        parts.append(f"a right to call it that nobody uses lapses after {lapses}")
    presses = told.marked("intervention.expedites", str(terms.expedites))
    return "; ".join([*parts, f"may be pressed {presses} times"])


def _ruling_time(told: Told) -> str:
    terms = told.rules.ruling
    target = f" (target {told.span('ruling.target', terms.target)})" if terms.target else ""
    times = [f"within {told.span('ruling.within', terms.within)}{target}"]
    for name, stint in terms.channels.items():
        aim = f" (target {told.span(f'ruling.channels.{name}.target', stint.target)})" if stint.target else ""
        times.append(f"{called(name).en}: within {told.span(f'ruling.channels.{name}.within', stint.within)}{aim}")
    return "; ".join([*times, _late(told, "ruling", terms)])


def _ruling(told: Told) -> str:
    terms, parts = told.rules.ruling, [names(told.rules.ruling.outcomes)]
    for outcome, formula in terms.amounts.items():
        parts.append(f"{called(outcome).en}: {told.formula(f'ruling.amounts.{outcome}', formula)}")
    for clause, penalties in terms.sanctions.items():
        imposed = ", ".join(f"{one.points or ''} {called(one.kind).en}".strip() for one in penalties)
        parts.append(f"`{clause}` brings {imposed}")
    if terms.penalties:
        parts.append(f"penalties: {names(terms.penalties)}")
    if told.rules.takedown_at is not None:
        parts.append("the listing goes at " + told.marked("takedown_at", told.rules.takedown_at))
    return "; ".join(parts)


def _lateness(told: Told) -> str:
    terms = told.rules.lateness
    if terms is None:
        return ""
    ship, moves = (
        told.span("lateness.ship_within", terms.ship_within),
        told.span("lateness.moves_within", terms.moves_within),
    )
    late = f"picked up later than {ship} after payment, or not moved {moves} after"
    reasons = f"; for {names(terms.reasons)}" if terms.reasons else ""
    return f"{late}; excused by {names(terms.excused_by)}{reasons}"


def _appeal(told: Told) -> str:
    terms = told.rules.appeal
    instances = names(terms.instances) or f"{terms.rounds} time{'s' * (terms.rounds != 1)}"
    evidence = "with new evidence" if terms.needs_evidence else "no new evidence needed"
    window, within = told.span("appeal.window", terms.window), told.span("appeal.ruling_within", terms.ruling_within)
    return f"{instances}, within {window}, {evidence}; ruled within {within}; then final"


def _return(told: Told) -> str:
    leg = told.rules.return_leg
    if leg is None:
        return ""
    steps = (
        ("address", leg.address_within, "address_within", leg.on_address_timeout, "on_address_timeout"),
        ("sent", leg.ship_within, "ship_within", leg.on_shipping_timeout, "on_shipping_timeout"),
        ("received", leg.receive_within, "receive_within", leg.on_receipt_timeout, "on_receipt_timeout"),
    )
    told_steps = []
    for step, span, key, effect, silent in steps:
        within, otherwise = told.span(f"return_leg.{key}", span), told.marked(f"return_leg.{silent}", SILENCE[effect])
        told_steps.append(f"{step} within {within}, else {otherwise}")
    freight = told.marked("return_leg.freight_by", f"freight by the {leg.freight_by}")
    promised = [f"{called(name).en}: by the {side}" for name, side in leg.freight_by_promise.items()]
    insured = [f"{names(leg.insured_by)} open `{leg.insurance}`"] if leg.insured_by else []
    disputed = ["a receipt the respondent denies goes to the platform"] if leg.disputable else []
    return "; ".join([*told_steps, *disputed, freight, *promised, *insured])


def _after(told: Told) -> str:
    rules = told.rules
    parts = [f"owed within {told.span('remedy.within', rules.remedy.within)}; {_late(told, 'remedy', rules.remedy)}"]
    if rules.follow_up is not None:
        parts.append(f"followed up within {told.span('follow_up.within', rules.follow_up.within)}")
    return "; ".join(parts)


def _advance(told: Told) -> str:
    terms = told.rules.advance
    if terms is None:
        return ""
    parts = [f"the platform may pay {told.marked('advance.up_to', figure(terms.up_to, 'up_to'))} first"]
    if terms.instant_up_to is not None:
        most = told.marked("advance.instant_up_to", figure(terms.instant_up_to, "instant_up_to"))
        parts.append(f"{most} at filing to a trusted complainant: {names(terms.instant_reasons)}")
    return "; ".join(parts)


def _reminders(told: Told) -> str:
    spans = told.rules.reminders.items()
    return ", ".join(f"{kind} {told.span(f'reminders.{kind}', span)} before" for kind, span in spans)


TELLERS: tuple[tuple[str, Callable[[Told], str]], ...] = (
    ("谁 / who", _who),
    ("原因 / reasons", _reasons),
    ("诉求 / demands", _demands),
    ("上限 / at most", _cap),
    ("时效 / may be filed", _window),
    ("须知 / facts", _facts),
    ("受理 / acceptance", _acceptance),
    ("举证 / evidence", _evidence),
    ("对方处理 / the respondent's turn", _reply),
    ("协商 / talks", _talks),
    ("平台介入 / intervention", _intervention),
    ("处理时限 / time to rule", _ruling_time),
    ("处理结果 / may be ruled", _ruling),
    ("延迟认定 / late", _lateness),
    ("申诉 / appeal", _appeal),
    ("退货 / return", _return),
    ("履行 / after", _after),
    ("先行赔付 / paid first", _advance),
    ("提醒 / reminders", _reminders),
)
