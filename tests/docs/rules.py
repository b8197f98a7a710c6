"""Writes docs/rules.md from the shipped policies: `python -m tests.docs.rules`; a test holds the two equal."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from case_events.core.policy import ComplaintType, InForce, Policy
from case_events.core.terms import Clause
from case_events.core.vocabulary import called
from case_events.policies import load, shipped
from tests.docs.clock_rows import CLOCKS
from tests.docs.rule_figures import PLACEHOLDER, names, spoken
from tests.docs.rule_rows import rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"
ROWS: tuple[str, ...] = tuple(
    f"{letter}{number}" if letter != "IP" else "IP1"
    for letter, first, last in (
        ("F", 1, 14),
        ("A", 1, 3),
        ("N", 1, 9),
        ("E", 1, 6),
        ("I", 1, 4),
        ("R", 1, 4),
        ("C", 1, 1),
        ("P", 1, 6),
        ("Q", 1, 3),
        ("L", 0, 11),
        ("B", 1, 3),
        ("IP", 1, 1),
        ("M", 1, 2),
    )
    for number in range(first, last + 1)
)
"""Every row of the domain page."""
INTRO = (
    "Generated from the shipped policies by `python -m tests.docs.rules`; do not edit. What stands here is what the "
    f"machine applies. A figure marked{PLACEHOLDER} is one the sources do not give: an operator sets it. Spans in "
    "hours and days are elapsed time; working days leave out the day they start and end at 24:00 China time."
)


class Carried(NamedTuple):
    """A clause that carries a row: of which policy, type (with its subtype) and name."""

    policy: str
    type: str
    clause: str


def coverage() -> dict[str, tuple[Carried, ...]]:
    """Each row of the domain page with every clause that carries it, in the policies' order."""
    found: dict[str, list[Carried]] = {row: [] for row in ROWS}
    for policy in _policies():
        for name, rules in _types(policy.policy):
            for clause, said in rules.clauses.items():
                for row in said.rows:
                    found.setdefault(row, []).append(Carried(policy.ref.name, name, clause))
    return {row: tuple(clauses) for row, clauses in found.items()}


def page() -> str:
    """The whole page."""
    parts = ["# The rules in force", INTRO, "## Every clock", *_clocks()]
    for policy in _policies():
        parts += _policy(policy)
    parts += ["## Which clause carries which row of the domain", *_coverage()]
    return "\n\n".join(parts) + "\n"


@functools.cache
def _policies() -> tuple[InForce, ...]:
    return tuple(load(text) for text in shipped())


def _types(policy: Policy) -> Iterator[tuple[str, ComplaintType]]:
    """Every type, each followed by its subtypes."""
    for name, rules in policy.types.items():
        yield name, rules
        for subtype, own in rules.subtypes.items():
            yield f"{name}.{subtype}", own


def _clocks() -> list[str]:
    heads = ("clock", "whose", "how long", "starts with", "ends with", "its expiry")
    return [table(heads, [(f"`{one.kind}`" if " " not in one.kind else one.kind, *one[1:]) for one in CLOCKS])]


def _policy(in_force: InForce) -> list[str]:
    policy, ref = in_force.policy, in_force.ref
    parts = [
        f"## {ref.name}@{ref.version}",
        f"Marketplace `{policy.marketplace}`, in force from {policy.effective_from.rfc3339()}, in {policy.currency}.",
        f"Digest `{ref.digest}`.",
        table(("for every case", ""), _whole(policy)),
    ]
    shared = _shared(policy)
    for name, rules in policy.types.items():
        parts += [f"### {rules.title.zh} / {rules.title.en} `{name}`", table(("", ""), rows(rules))]
        parts += _own_clauses(rules, shared)
        base = dict(rows(rules))
        for subtype, own in rules.subtypes.items():
            other = [row for row in rows(own) if base.get(row[0]) != row[1]]
            parts += [
                f"#### {own.title.zh} / {own.title.en} `{name}.{subtype}`",
                table(("", "otherwise as above"), other),
            ]
            parts += _own_clauses(own, shared, rules)
    heads = ("clause", "rows", "条款", "text", "of")
    said = [
        (f"`{clause}`", ", ".join(text.rows), text.zh, text.en, _of(types, policy))
        for (clause, text), types in shared.items()
    ]
    return [*parts, f"### Clauses that several types of {ref.name} share", table(heads, said)]


def _whole(policy: Policy) -> Iterable[tuple[str, str]]:
    """What a policy says beside its types."""

    def marked(path: str, words: str) -> str:
        return words + PLACEHOLDER if path in policy.placeholders else words

    notice = marked("minimum_notice", spoken(policy.minimum_notice))
    yield "最短通知 / minimum notice", f"{notice}: what a party keeps of its window when we were late to open it"
    if policy.priority_up_to is not None:
        highest = marked("priority_up_to", str(policy.priority_up_to))
        yield (
            "优先级 / priority",
            f"raised by each clock that says so when it runs out, up to {highest}; by pressing beyond",
        )
    ladder = [
        f"{one.title.zh} / {called(one.name).en}: {names(one.penalties) or 'every penalty'}"
        for one in policy.departments
    ]
    yield "部门 / departments, first line first, and what each may impose", "; ".join(ladder)
    if policy.collective is not None:
        one = policy.collective
        by_merchant = marked("collective.by_merchant", str(one.by_merchant))
        by_reason = marked("collective.by_reason", str(one.by_reason))
        window = marked("collective.window", spoken(one.window))
        words = f"{by_merchant} against one merchant or {by_reason} about one reason within {window}"
        yield "集体投诉 / collective", f"{words}: to {called(one.department).en}"
    if policy.credit is not None:
        window = marked("credit.window", spoken(policy.credit.window))
        most = marked("credit.refused_at", str(policy.credit.refused_at))
        yield "信誉 / credit", f"{most} malicious complaints within {window}: no further complaint"
    if policy.relief is not None:
        least = f" of at least {spoken(policy.relief.least)}" if policy.relief.least is not None else ""
        words = f"an outage of ours{least} in the last {spoken(policy.relief.last)} of a party's window is given back"
        yield "系统中断 / relief", words
    if policy.evidence_kinds is not None:
        groups = [f"{group}: {names(kinds)}" for group, kinds in policy.evidence_kinds.groups.items()]
        region = names(policy.evidence_kinds.name_their_region)
        yield "证据种类 / kinds of evidence", "; ".join([*groups, f"naming its region: {region}"])
    for name, elsewhere in policy.elsewhere.items():
        yield f"没有的类型 / no type `{name}`", f"{elsewhere.zh} / {elsewhere.en} See `{elsewhere.see}`."


Shared = dict[tuple[str, Clause], list[str]]


def _shared(policy: Policy) -> Shared:
    """Clauses that read the same in several types, each once with the types that have it."""
    found: dict[tuple[str, Clause], list[str]] = {}
    for name, rules in _types(policy):
        for clause, text in rules.clauses.items():
            found.setdefault((clause, text), []).append(name)
    return {key: types for key, types in found.items() if len({name.split(".")[0] for name in types}) > 1}


def _own_clauses(rules: ComplaintType, shared: Shared, above: ComplaintType | None = None) -> list[str]:
    """The clauses of this type alone; a subtype repeats none of the type ``above`` it."""
    own = [
        (f"`{clause}`", ", ".join(text.rows), text.zh, text.en)
        for clause, text in rules.clauses.items()
        if (clause, text) not in shared and (above is None or above.clauses.get(clause) != text)
    ]
    return [table(("clause", "rows", "条款", "text"), own)] if own else []


def _of(types: list[str], policy: Policy) -> str:
    """The types that share a clause, without subtypes that only follow their type."""
    whole = [name for name in types if "." not in name or name.split(".")[0] not in types]
    return "every type" if {name for name in whole if "." not in name} == policy.types.keys() else ", ".join(whole)


def _coverage() -> list[str]:
    heads = ("row", "clauses")
    return [table(heads, [(row, "; ".join(told(clauses))) for row, clauses in coverage().items()])]


def told(clauses: tuple[Carried, ...]) -> Iterator[str]:
    """Each clause once per policy, with its types where they are few."""
    by_name: dict[tuple[str, str], list[str]] = {}
    for one in clauses:
        by_name.setdefault((one.policy, one.clause), []).append(one.type)
    for (policy, clause), types in by_name.items():
        whole = [name for name in types if "." not in name or name.split(".")[0] not in types]
        yield f"{policy} `{clause}` ({', '.join(whole) if len(whole) <= FEW else f'{len(whole)} types'})"


FEW = 4


def table(heads: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    said = [heads, tuple("---" for _ in heads), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in said)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
