"""Every small change that can be made to a module of rules: one at a time, on its syntax tree."""

from __future__ import annotations

import ast
from dataclasses import dataclass

SWAPPED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
CALLED_INSTEAD = {"min": "max", "max": "min", "any": "all", "all": "any"}
NO_RULE = ("detail", "title", "zh", "en", "strict", "frozen", "kw_only")
"""Keywords that only bring words to a reader, only assert, or say how a Struct is made; no rule changes with them."""
TYPES = ("Literal", "Annotated", "Meta")


@dataclass(frozen=True)
class Mutant:
    """A change that can be made: its number in the module, where and of what kind."""

    number: int
    line: int
    kind: str


def mutants(source: str) -> list[Mutant]:
    """Every change that can be made to this module, in the order of its text."""
    finder = _Changes(None)
    finder.visit(ast.parse(source))
    return finder.found


def mutated(source: str, number: int) -> ast.Module:
    """The module with this one change."""
    tree = _Changes(number).visit(ast.parse(source))
    assert isinstance(tree, ast.Module)
    return ast.fix_missing_locations(tree)


class _Changes(ast.NodeTransformer):
    """Walks a module and offers each change; makes the one that was asked for."""

    def __init__(self, wanted: int | None) -> None:
        self.wanted = wanted
        self.found: list[Mutant] = []

    def offered(self, node: ast.expr | ast.stmt | ast.match_case, kind: str) -> bool:
        """Is this the change to make? Each is counted, whether or not it is made."""
        line = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
        self.found.append(Mutant(number=len(self.found), line=line, kind=kind))
        return self.wanted == len(self.found) - 1

    # What is no rule: annotations, types, words for a reader.

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.args.defaults = [self.visit(one) for one in node.args.defaults]
        node.args.kw_defaults = [self.visit(one) if one else None for one in node.args.kw_defaults]
        node.body = self.statements(node.body)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return node if isinstance(node.value, ast.Name) and node.value.id in TYPES else self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        return node if node.arg in NO_RULE else self.generic_visit(node)

    # Statements

    def statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [self.visit(one) for one in body]

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if any(isinstance(target, ast.Name) and target.id in ("detail", "told", "__all__") for target in node.targets):
            return node
        node.value = self.visit(node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return ast.Pass() if self.offered(node, "statement removed") else self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant):
            return node  # a docstring
        return ast.Pass() if self.offered(node, "statement removed") else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if not node.orelse and self.offered(node, "branch removed"):
            return ast.Pass()
        return self.negatable(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        return self.negatable(node)

    def negatable(self, node: ast.If | ast.IfExp) -> ast.AST:
        if not isinstance(node.test, ast.Compare) and self.offered(node, "condition negated"):
            node.test = ast.UnaryOp(ast.Not(), node.test)
            return node
        return self.generic_visit(node)

    def visit_Match(self, node: ast.Match) -> ast.AST:
        for index, case in enumerate(node.cases):
            wildcard = isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
            if len(node.cases) > 1 and not wildcard and self.offered(case, "case removed"):
                del node.cases[index]
                return node
            if case.guard is not None:
                if self.offered(case, "guard removed"):
                    case.guard = None
                    return node
                case.guard = self.visit(case.guard)
            case.body = self.statements(case.body)
        node.subject = self.visit(node.subject)
        return node

    # Expressions

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        for index, operator in enumerate(node.ops):
            for other in SWAPPED[type(operator)]:
                if self.offered(node, f"{type(operator).__name__} made {other.__name__}"):
                    node.ops[index] = other()
                    return node
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        if self.offered(node, "and, or swapped"):
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            return node
        return self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.op, ast.Not | ast.USub) and self.offered(node, f"{type(node.op).__name__} removed"):
            return node.operand
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if isinstance(node.op, ast.BitOr):
            return node  # a union of types
        if self.offered(node, f"only the left of {type(node.op).__name__}"):
            return node.left
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        match node.value:
            case bool():
                if self.offered(node, "True, False swapped"):
                    return ast.Constant(not node.value)
            case int():
                for step in (1, -1):
                    if self.offered(node, f"number {step:+d}"):
                        return ast.Constant(node.value + step)
            case str():
                if self.offered(node, "word changed"):
                    return ast.Constant(node.value + "_")
            case _:
                pass
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name in CALLED_INSTEAD and self.offered(node, f"{name} made {CALLED_INSTEAD[name]}"):
            node.func = ast.Name(CALLED_INSTEAD[name], ast.Load())
            return node
        for index, keyword in enumerate(node.keywords):
            if keyword.arg not in (*NO_RULE, None) and self.offered(node, f"{keyword.arg} left out"):
                del node.keywords[index]
                return node
        return self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        if isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
            for index, one in enumerate(node.elts):
                if isinstance(one, ast.Starred | ast.Name | ast.Call) and self.offered(node, "one of several left out"):
                    del node.elts[index]
                    return node
        return self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        for index, condition in enumerate(node.ifs):
            if self.offered(condition, "filter removed"):
                del node.ifs[index]
                return node
        return self.generic_visit(node)
