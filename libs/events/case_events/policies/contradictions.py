"""What no schema can say of a policy: a rule that names what is not there, or says two things at once."""

from __future__ import annotations

from collections.abc import Iterator

from case_events.core.formulas import Formula
from case_events.core.policy import LADDER
from case_events.policies.clock_faults import Check, Found, again, reminders
from case_events.policies.expansion import Path
from case_events.policies.tolerant import Tree, elapsed, every, longer, number, table, text, words

ALWAYS = ("filing", "intervention", "ruling", "appeal", "remedy")
WITH_TABLE = (
    "reply",
    "negotiation",
    "acceptance",
    "evidence",
    "return_leg",
    "follow_up",
    "lateness",
    "advance",
)
"""Clauses that refusals cite: those of every type, and those of a type that has the table."""
FORMULA = frozenset(Formula.__struct_fields__)
SUMS = ("add", "fixed", "contract", "share_of", "by_category", "when")


def contradictions(policy: Tree) -> list[Found]:
    """Everything in the policy, spelled out, that contradicts itself."""
    found = list(_of_policy(policy))
    for name, rules in table(policy, "types").items():
        at: Path = ("types", name)
        found += [((*at, *path), told) for path, told in _of_type(table(rules), policy, ())]
        for subtype, own in table(rules, "subtypes").items():
            inner = (*at, "subtypes", subtype)
            around = words(rules, "reasons")
            found += [((*inner, *path), told) for path, told in _of_type(table(own), policy, around)]
            if table(own, "subtypes"):
                found.append(((*inner, "subtypes"), "a subtype has no subtypes of its own"))
    return found


def _of_policy(policy: Tree) -> Iterator[Found]:
    ladder = _ladder(policy)
    if len(set(ladder)) < len(ladder):
        yield ("departments",), "a department stands twice on the ladder"
    named = text(policy, "collective", "department")
    if named is not None and named not in ladder:
        yield ("collective", "department"), _one_of(ladder)
    for name, elsewhere in table(policy, "elsewhere").items():
        if name in table(policy, "types"):
            yield ("elsewhere", name), "this type exists; nobody is sent elsewhere"
        see = text(elsewhere, "see")
        if see is not None and see not in table(policy, "types"):
            yield ("elsewhere", name, "see"), "names no type"
    kinds = _kinds(policy)
    for index, kind in enumerate(words(policy, "evidence_kinds", "name_their_region")):
        if kind not in kinds:
            yield ("evidence_kinds", "name_their_region", str(index)), "no kind of evidence"
    for name in table(policy, "relief"):
        if elapsed(policy, "relief", name) is None and table(policy, "relief", name):
            yield ("relief", name), "elapsed time only: seconds, hours or days"
    yield from _placeholders(policy, policy)


def _of_type(rules: Tree, policy: Tree, around: tuple[str, ...]) -> Iterator[Found]:
    """``around``: the reasons of the type a subtype belongs to; it may have fewer, and what it inherits names them."""
    for check in CHECKS:
        yield from check(rules, policy)
    yield from _reasons(rules, (*words(rules, "reasons"), *around))


def _clauses(rules: Tree, _policy: Tree) -> Iterator[Found]:
    wanted = (*ALWAYS, *(name for name in WITH_TABLE if name in rules))
    clauses = table(rules, "clauses")
    for clause in wanted if isinstance(rules.get("clauses"), dict) else ():
        if clause not in clauses:
            yield ("clauses", clause), "missing: refusals cite it"


def _ruling(rules: Tree, _policy: Tree) -> Iterator[Found]:
    ruling, outcomes = table(rules, "ruling"), words(rules, "ruling", "outcomes")
    if outcomes and "rejected" not in outcomes:
        yield ("ruling", "outcomes"), "a claim can always be rejected"
    for outcome in table(ruling, "amounts"):
        if outcome not in outcomes:
            yield ("ruling", "amounts", outcome), "no outcome of this ruling"
    limit = words(ruling, "penalties")
    for clause, penalties in table(ruling, "sanctions").items():
        if clause not in table(rules, "clauses"):
            yield ("ruling", "sanctions", clause), "names no clause"
        for index, penalty in enumerate(penalties if isinstance(penalties, list) else ()):
            if limit and (kind := text(penalty, "kind")) is not None and kind not in limit:
                yield ("ruling", "sanctions", clause, str(index), "kind"), "this ruling may not impose it"


def _departments(rules: Tree, policy: Tree) -> Iterator[Found]:
    ladder = _ladder(policy)
    for path in (("department",), ("intervention", "department")):
        named = text(rules, *path)
        if named is not None and named not in ladder:
            yield path, _one_of(ladder)
    for reason, named in table(rules, "entry").items():
        if isinstance(named, str) and named not in ladder:
            yield ("entry", reason), _one_of(ladder)


def _reasons(rules: Tree, reasons: tuple[str, ...]) -> Iterator[Found]:
    """Tables by reason name reasons the type has; demands by reason are demands the type has."""
    demands = words(rules, "demands")
    named: list[Path] = [
        (*path, reason)
        for path in (("demands_of",), ("entry",), ("evidence", "required"))
        for reason in table(rules, *path)
        if reason not in reasons
    ]
    for path in (("filing", "conformity", "reasons"), ("advance", "instant_reasons"), ("lateness", "reasons")):
        named += [(*path, str(index)) for index, one in enumerate(words(rules, *path)) if one not in reasons]
    for at in named if reasons else ():
        yield at, "no reason of this type"
    for reason in table(rules, "demands_of"):
        for index, demand in enumerate(words(rules, "demands_of", reason)):
            if demand not in demands:
                yield ("demands_of", reason, str(index)), "no demand of this type"


def _evidence(rules: Tree, policy: Tree) -> Iterator[Found]:
    kinds = _kinds(policy)
    if not kinds:
        return
    lists = [("filing", "conformity", "evidence"), ("lateness", "excused_by")]
    lists += [("evidence", "required", reason) for reason in table(rules, "evidence", "required")]
    for path in lists:
        for index, kind in enumerate(words(rules, *path)):
            if kind not in kinds:
                yield (*path, str(index)), "no kind of evidence"
    if table(rules, "evidence", "required") and "required_within" not in table(rules, "evidence"):
        yield ("evidence", "required_within"), "missing: required evidence has a day"


def _formulas(rules: Tree, _policy: Tree) -> Iterator[Found]:
    """Circumstances are declared; a share goes with what it is a share of; a formula says something."""
    circumstances = words(rules, "filing", "circumstances")
    places: list[Path] = [("cap",), *(("ruling", "amounts", one) for one in table(rules, "ruling", "amounts"))]
    for place in places:
        for path, value in every(table(rules, *place), place):
            for key in ("when", "scale_when"):
                for one in table(value, key):
                    if one not in circumstances:
                        yield (*path, key, one), "no circumstance of filing.circumstances"
            formula = isinstance(value, dict) and path[-1] not in ("when", "scale_when", "by_category")
            if formula and value and value.keys() <= FORMULA:
                if ("share_of" in value) != ("basis_points" in value):
                    yield path, "share_of and basis_points go together"
                if not any(value.get(key) not in (None, [], {}) for key in SUMS):
                    yield path, f"a formula says at least one of {', '.join(SUMS)}"


def _spans(rules: Tree, _policy: Tree) -> Iterator[Found]:
    """A target is not later than its limit, a window does not close before it opens."""
    pairs: list[tuple[Path, Path]] = [(("ruling", "target"), ("ruling", "within"))]
    pairs += [
        (("ruling", "channels", one, "target"), ("ruling", "channels", one, "within"))
        for one in table(rules, "ruling", "channels")
    ]
    pairs.append((("filing", "opens_after"), ("filing", "closes_after")))
    for early, late in pairs:
        if longer(table(rules, *early), table(rules, *late)):
            yield early, f"later than {'.'.join(late)}"
    for category in table(rules, "filing", "categories"):
        if elapsed(rules, "filing", "categories", category) is None:
            yield ("filing", "categories", category), "elapsed time only: seconds, hours or days"
    if "closes_after" in table(rules, "filing") and "counted_from" not in table(rules, "filing"):
        yield ("filing", "counted_from"), "missing: the window is counted from it"
    instant, most = number(rules, "advance", "instant_up_to"), number(rules, "advance", "up_to")
    if instant is not None and most is not None and instant > most:
        yield ("advance", "instant_up_to"), "more than advance.up_to"


def _course(rules: Tree, policy: Tree) -> Iterator[Found]:
    """What would leave a case waiting for ever, or for nothing."""
    if words(rules, "offers") and "reply" in rules and "negotiation" not in rules:
        yield ("offers",), "an offer nobody answers would never end: this needs negotiation"
    if text(rules, "reply", "on_refusal") == "unlock" and "negotiation" not in rules:
        yield ("reply", "on_refusal"), "a refusal nobody answers would never end: this needs negotiation"
    if text(rules, "cap") in ("paid", "paid_plus_freight") and not words(rules, "filing", "order_states"):
        yield ("cap",), "nothing was paid: this type is about no order"
    if "extension" in table(rules, "filing") and "acceptance" not in rules:
        yield ("filing", "extension"), "nobody would decide it: this needs acceptance"
    if words(rules, "offers") and "reply" not in rules:
        yield ("offers",), "nobody offers anything where the respondent has no turn"
    goods_back = "return_and_refund" in (*words(rules, "demands"), *words(rules, "ruling", "outcomes"))
    if goods_back and "return_leg" not in rules:
        yield ("return_leg",), "missing: goods may have to go back"
    instances, rounds = words(rules, "appeal", "instances"), number(rules, "appeal", "rounds")
    if instances and rounds is not None and rounds != len(instances):
        yield ("appeal", "rounds"), f"{len(instances)} instances are named"
    insurance = text(rules, "return_leg", "insurance")
    if insurance is not None and insurance not in table(policy, "types"):
        yield ("return_leg", "insurance"), "names no type"
    if words(rules, "return_leg", "insured_by") and insurance is None:
        yield ("return_leg", "insurance"), "missing: what is insured opens a complaint of this type"


def _placeholders(rules: Tree, _policy: Tree) -> Iterator[Found]:
    seen = set[str]()
    for index, mark in enumerate(words(rules, "placeholders")):
        at = ("placeholders", str(index))
        if mark in seen:
            yield at, f"{mark} is marked twice"
        seen.add(mark)
        *above, last = mark.split(".")
        if last not in table(rules, *above):
            yield at, f"{mark} is no figure of this {'policy' if 'types' in rules else 'type'}"


def _ladder(policy: Tree) -> tuple[str, ...]:
    departments = policy.get("departments")
    named = [text(one, "name") for one in departments] if isinstance(departments, list) else []
    return tuple(one for one in named if one is not None) or LADDER


def _kinds(policy: Tree) -> set[str]:
    groups = table(policy, "evidence_kinds", "groups")
    return {kind for group in groups for kind in words(groups, group)}


def _one_of(names: tuple[str, ...]) -> str:
    return f"no department; one of {', '.join(names)}"


CHECKS: tuple[Check, ...] = (
    _clauses,
    _ruling,
    _departments,
    _evidence,
    _formulas,
    reminders,
    again,
    _spans,
    _course,
    _placeholders,
)
