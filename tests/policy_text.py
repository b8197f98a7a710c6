"""A policy's TOML written anew from what it says, for tests that change one thing in it."""

from __future__ import annotations

from typing import Any


def as_toml(said: dict[str, Any]) -> str:
    """Every key on a line, every table inline, no comment."""
    return "".join(f"{key} = {_written(value)}\n" for key, value in said.items())


def _written(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_written(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_written(inner) for inner in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
