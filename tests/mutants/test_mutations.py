"""A change is one change, where it is said to be, and what is no rule is left alone."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.mutations import mutants, mutated

RULE = '''
"""A room."""

def judge(case: Case | None, late: bool = False) -> int:
    """Words."""
    if case.due <= 3 and not late:
        return problem("closed", detail="too late", due=case.due)
    match case.kind:
        case "a":
            return max(1, case.sum)
        case _:
            return 0
'''


@pytest.mark.parametrize(
    ("kind", "line", "after"),
    [
        ("LtE made Lt", 6, "if case.due < 3 and (not late):"),
        ("and, or swapped", 6, "if case.due <= 3 or not late:"),
        ("Not removed", 6, "if case.due <= 3 and late:"),
        ("number +1", 6, "if case.due <= 4 and (not late):"),
        ("condition negated", 6, "if not (case.due <= 3 and (not late)):"),
        ("branch removed", 6, "pass"),
        ("due left out", 7, "return problem('closed', detail='too late')"),
        ("word changed", 7, "return problem('closed_', detail='too late', due=case.due)"),
        ("case removed", 9, "case _:"),
        ("max made min", 10, "return min(1, case.sum)"),
        ("True, False swapped", 4, "def judge(case: Case | None, late: bool=True) -> int:"),
    ],
)
def test_a_change_is_made_where_it_is_said_to_be(kind: str, line: int, after: str) -> None:
    (found,) = [one for one in mutants(RULE) if (one.kind, one.line) == (kind, line)]
    changed = ast.unparse(mutated(RULE, found.number))
    assert after in [told.strip() for told in changed.splitlines()]
    assert changed != ast.unparse(ast.parse(RULE))


def test_every_change_is_another_one() -> None:
    found = mutants(RULE)
    changed = {ast.unparse(mutated(RULE, one.number)) for one in found}
    assert len(changed) == len(found) == len({one.number for one in found})


def test_words_for_a_reader_and_annotations_are_left_alone() -> None:
    untouched = ("A room.", "Words.", "too late", "Case | None")
    for one in mutants(RULE):
        changed = ast.unparse(mutated(RULE, one.number))
        assert all(word in changed or one.kind == "branch removed" for word in untouched)
