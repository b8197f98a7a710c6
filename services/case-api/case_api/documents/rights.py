"""Which right an endpoint asks for, and so which roles may call it: read from its own code, said in the document.

Every endpoint hands its request and a right, as a literal, to whatever lets callers in; that line is the only place
where the right is written, so what the document says cannot be another.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from case_api.callers.auth import RIGHTS, Right


@cache
def right_of(endpoint: Callable[..., Any]) -> Right | None:
    """The right that calling ``endpoint`` needs; None where it asks for none, as what is public does.

    Raises ValueError for one that asks for two: then there is no saying who may call it.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(endpoint)))
    asked = {right for node in ast.walk(tree) if isinstance(node, ast.Call) for right in _asked(node)}
    if len(asked) > 1:
        raise ValueError(f"{endpoint.__name__} asks for {' and '.join(sorted(asked))}")
    return cast("Right", asked.pop()) if asked else None


def roles_of(endpoint: Callable[..., Any]) -> tuple[str, ...]:
    """The roles whose keys may call ``endpoint``; none where it needs no key."""
    right = right_of(endpoint)
    return () if right is None else RIGHTS[right]


def _asked(call: ast.Call) -> list[str]:
    """The right that stands right behind the request among the arguments."""
    return [
        str(said.value)
        for request, said in zip(call.args, call.args[1:], strict=False)
        if isinstance(request, ast.Name)
        and request.id == "request"
        and isinstance(said, ast.Constant)
        and said.value in RIGHTS
    ]
