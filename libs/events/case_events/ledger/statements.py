"""How a statement of SQLAlchemy Core reaches asyncpg; who only appends and fires needs none of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler


def compiled(statement: ClauseElement) -> tuple[str, list[Any]]:
    """A SQLAlchemy Core statement as SQL and arguments for asyncpg."""
    made = statement.compile(dialect=_DIALECT)
    assert isinstance(made, SQLCompiler), "only statements with parameters are compiled here"
    return made.string, [made.params[name] for name in made.positiontup or ()]


_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects are not typed
