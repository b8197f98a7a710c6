"""Writes docs/reference.md from the code itself: `python -m tests.docs.reference`; a test holds the two equal."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path

import msgspec
from pydantic_settings import BaseSettings

from case_api import settings as api_settings
from case_api.refusals.kinds import KINDS
from case_api.serving.meters import Meters as ApiMeters
from case_events.core.commands import BY, POSTED, File
from case_events.core.events import EVENTS
from case_events.core.values import Value
from case_events.ledger.private_places import private_paths
from case_scheduler import settings as scheduler_settings
from case_scheduler.meters import Meters as SchedulerMeters

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"


HOW_COMMANDS_ARE_POSTED = (
    "Posted to `POST /v1/cases/{case_id}/events` as `type`, with these fields in `data`; a filing is the body of "
    "`POST /v1/cases` itself. The live API describes every field at `/docs`."
)
HOW_PROBLEMS_ARE_EXPLAINED = (
    "Refusals are `application/problem+json` (RFC 9457); `GET /problems/{code}` explains each, and so does "
    "[problems.md](problems.md), with what to do then and an example."
)


def page() -> str:
    """The whole page."""
    parts = [
        "# Reference",
        "Generated from the code by `python -m tests.docs.reference`; do not edit.",
        "## Commands",
        HOW_COMMANDS_ARE_POSTED,
        _table(("type", "by", "fields", "meaning"), _commands()),
        "## Events",
        "What is recorded. `?` may be left out; 🔒 is, or holds what is, sealed under a key of its case and side.",
        _table(("type", "fields", "meaning"), _events()),
        "## Problems",
        HOW_PROBLEMS_ARE_EXPLAINED,
        _table(("code", "status", "意思", "means"), _problems()),
        "## Settings",
        "All from the environment.",
        _table(("setting", "default", "means"), _settings()),
        "## Metrics",
        "For Prometheus: at `/metrics` of an API process, and of a scheduler that has a `CASELOG_SCHEDULER_PORT`.",
        _table(("metric of the API", "kind", "means"), _metrics(ApiMeters().exposed())),
        _table(("metric of a scheduler", "kind", "means"), _metrics(SchedulerMeters().exposed())),
    ]
    return "\n\n".join(parts) + "\n"


def _commands() -> Iterable[tuple[str, ...]]:
    yield ("filed", "complainant", _fields(File), _said(File))
    for name, kind in POSTED.items():
        yield (name, ", ".join(BY[name]), _fields(kind), _said(kind))


def _events() -> Iterable[tuple[str, ...]]:
    for name, kind in EVENTS.items():
        yield (name, _fields(kind), _said(kind))


def _problems() -> Iterable[tuple[str, ...]]:
    for code, kind in KINDS.items():
        yield (code, str(kind.status), kind.zh, kind.en)


def _settings() -> Iterable[tuple[str, ...]]:
    seen = set[str]()
    for settings in (api_settings.Settings, scheduler_settings.Settings, api_settings.CallerSettings):
        assert issubclass(settings, BaseSettings)
        for name, field in settings.model_fields.items():
            if name not in seen:
                seen.add(name)
                default = "required" if field.is_required() else str(field.default if field.default is not None else "")
                yield (f"CASELOG_{name.upper()}", default, field.description or "")


def _metrics(exposed: bytes) -> Iterable[tuple[str, ...]]:
    kinds = dict[str, str]()
    means = dict[str, str]()
    for line in exposed.decode().splitlines():
        if line.startswith(("# HELP caselog_", "# TYPE caselog_")):
            _, what, name, said = line.split(" ", 3)
            (kinds if what == "TYPE" else means)[name] = said
    for name, kind in kinds.items():
        if not name.endswith("_created"):
            yield (name, kind, means[name])


def _fields(kind: type[Value]) -> str:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    sealed = {path[0] for path in private_paths(msgspec.inspect.type_info(kind))}
    return ", ".join(_field(field, sealed) for field in info.fields) or "none"


def _field(field: msgspec.inspect.Field, sealed: set[str]) -> str:
    alternatives = field.type.types if isinstance(field.type, msgspec.inspect.UnionType) else (field.type,)
    optional = not field.required or any(isinstance(one, msgspec.inspect.NoneType) for one in alternatives)
    return f"`{field.encode_name}`{'?' if optional else ''}{' 🔒' if field.encode_name in sealed else ''}"


def _said(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
