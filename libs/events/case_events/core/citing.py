"""What a refusal cites: the text of the rule it names, in both languages, beside the rule itself."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core.commands import File
from case_events.core.policy import ComplaintType, InForce
from case_events.core.values import Problem, Text

INSTEAD = {
    "advance": "remedy",
    "collective": "intervention",
    "departments": "intervention",
    "expedite": "intervention",
    "follow_up": "remedy",
    "messages": "negotiation",
}
LAST = "ruling"
"""The clauses that stand for those a type does not word: the first releases of the policies had a few only."""


def cited(problem: Problem, rules: ComplaintType | None) -> Problem:
    """The problem with the text of the clause its ``rule`` names (``policy@version#type.clause``).

    Where the type has no such clause the rule is the one that stands for it, so that what is named is what is quoted.

    ``rules``: those of the case's type and subtype; None where a filing names no type there is.
    """
    if problem.rule is None or rules is None:
        return problem
    name = problem.rule.rpartition("#")[2].rpartition(".")[2]
    for one in (name, INSTEAD.get(name, LAST), LAST):
        if (clause := rules.clauses.get(one)) is not None:
            rule = problem.rule.removesuffix(name) + one
            return replace(problem, rule=rule, clause=Text(zh=clause.zh, en=clause.en))
    return problem


def rules_of(filing: File, in_force: InForce) -> ComplaintType | None:
    """The rules a filing is judged by; of its type alone where it names no subtype there is, None without a type."""
    rules = in_force.policy.types.get(filing.type)
    if rules is None or filing.subtype is None:
        return rules
    return rules.subtypes.get(filing.subtype, rules)
