"""The arrows of the house, as data: which room may import which, and what the core never touches."""

from __future__ import annotations

import ast
import functools
import sys
from pathlib import Path

import pytest

from case_events.core.case import Case

ROOT = Path(__file__).resolve().parent.parent
ROOTS = (ROOT / "libs/events", ROOT / "libs/client", ROOT / "services/case-api", ROOT / "services/scheduler", ROOT)

WINGS: dict[str, set[str]] = {
    # A wing (a package, or a module that stands alone) → what it may import beside the standard library.
    "case_events.core": {"case_events.core", "msgspec"},
    "case_events.spelling": {"msgspec"},
    "case_events.shape": {"case_events.core", "case_events.spelling", "msgspec", "jsonschema"},
    "case_events.collecting": set(),
    "case_events.logs": {"msgspec", "structlog"},
    "case_events.tracing": {"case_events.tracing", "opentelemetry"},
    "case_events.policies": {
        "case_events.core",
        "case_events.shape",
        "case_events.policies",
        "chinese_calendar",
        "holidays",
    },
    "case_events.proof": {"case_events.core", "case_events.proof", "cryptography"},
    "case_events.ledger": {
        "case_events.core",
        "case_events.policies",
        "case_events.proof",
        "case_events.ledger",
        "case_events.tracing",
        "msgspec",
        "sqlalchemy",
        "asyncpg",
        "cryptography",
    },
    "case_events.outgoing": {"case_events.core", "case_events.ledger.feed.reader", "case_events.outgoing", "msgspec"},
    "case_api": {
        "case_events",
        "case_api",
        "case_migrations",
        "msgspec",
        "fastapi",
        "starlette",
        "uvicorn",
        "uvloop",
        "structlog",
        "prometheus_client",
        "pydantic",
        "pydantic_settings",
        "alembic",
        "sqlalchemy.exc",
        "asyncpg",
        "httpx",
        "jwt",
        "obstore",
        "jinja2",
        "python_multipart",
        "rich",
        "typer",
    },
    "case_scheduler": {
        "case_events",
        "case_scheduler",
        "msgspec",
        "asyncpg",
        "apscheduler",
        "httpcore",
        "httpx",
        "standardwebhooks",
        "starlette",
        "uvicorn",
        "prometheus_client",
        "structlog",
        "pydantic",
        "pydantic_settings",
        "uvloop",
    },
    # A client is built against the contract: it knows nothing of the house.
    "caselog_client": {"caselog_client", "httpx", "msgspec", "standardwebhooks"},
    "migrations": {"alembic", "sqlalchemy", "asyncpg", "case_events.ledger.tables", "case_events.ledger.locks"},
}

FLOORS: dict[str, list[str]] = {
    # Inside a wing a room, which may be a package with rooms of its own, imports only those before it.
    "case_events.core": [
        "values",
        "canonical",
        "deriving",
        "facts",
        "formulas",
        "timeouts",
        "party_events",
        "platform_events",
        "events",
        "viewer",
        "party_commands",
        "platform_commands",
        "commands",
        "spans",
        "terms",
        "policy",
        "calendar",
        "case",
        "changes",
        "party_changes",
        "platform_changes",
        "clock_changes",
        "evolve",
        "deadlines",
        "stages",
        "citing",
        "contesting",
        "gates",
        "missing",
        "promises",
        "amounts",
        "claims",
        "others",
        "outcomes",
        "aftermath",
        "eligibility",
        "hindering",
        "filing",
        "negotiation",
        "lateness",
        "sanctions",
        "ruling",
        "intake",
        "correcting",
        "returning",
        "reversing",
        "erasing",
        "expire",
        "decide",
        "recounting",
        "explaining",
        "collective",
        "openings",
        "relief",
        "plan",
        "recalling",
        "retelling",
        "simulating",
        "comparing",
        "vocabulary",
        "party_words",
        "platform_words",
        "clock_words",
        "words",
        "cast",
        "party_telling",
        "platform_telling",
        "clock_telling",
        "telling",
        "grounds",
        "timeline",
    ],
    "case_api": [
        "settings",
        "refusals",
        "evidence",
        "requests",
        "callers",
        "production",
        "serving",
        "views",
        "streams",
        "door",
        "upkeep",
        "answers",
        "asking",
        "giving",
        "ingestion",
        "dossier",
        "documents",
        "routes",
        "console",
        "app",
        "__main__",
        "cli",
    ],
    "case_scheduler": [
        "settings",
        "pulse",
        "clock",
        "meters",
        "door",
        "sequencer",
        "collective",
        "upkeep",
        "chores",
        "measuring",
        "webhooks",
        "app",
        "__main__",
    ],
    "case_events.policies": [
        "working_days",
        "marked",
        "notices",
        "published_days",
        "expansion",
        "tolerant",
        "figures",
        "clock_faults",
        "contradictions",
    ],
    "case_events.proof": ["tree", "note"],
    "case_events.ledger": [
        "columns",
        "clock.tables",
        "callers.tables",
        "webhooks.tables",
        "proving.tables",
        "tables",
        "identifiers",
        "locks",
        "connection",
        "presence",
        "policy_book",
        "sealing",
        "private_places",
        "whose_key",
        "codec",
        "batches",
        "waking",
        "recent",
        "clock.host",
        "clock.outage_book",
        "read_models",
        "replaying",
        "marks",
        "reserving",
        "append_statements",
        "load_statement",
        "erasing",
        "store",
        "database",
        "feed.sequencing",
        "feed.rows",
        "feed.telling",
        "feed.reader",
        "feed.subscriptions",
        "webhooks.waiting",
        "webhooks.circuits",
        "webhooks.postmen",
        "opened",
        "taken_up",
        "judging",
        "steps",
        "bulk.together",
        "past",
        "bulk.held",
        "bulk.importing",
        "clock.journal",
        "clock.calendars",
        "clock.guesses",
        "clock.counted",
        "clock.provisional",
        "clock.holds",
        "clock.outages",
        "clock.aftermath",
        "clock.claims",
        "clock.in_order",
        "clock.firing",
        "clock.test_clocks",
        "clock.heartbeat",
        "clock.watermark",
        "clock.backlog",
        "clock.lateness",
        "clock.forecast",
        "clock.overview",
        "clock.gate",
        "clock.upkeep",
        "webhooks.targets",
        "webhooks.secrets",
        "webhooks.endpoints",
        "webhooks.attempts",
        "webhooks.errands",
        "webhooks.making",
        "webhooks.news",
        "webhooks.collecting",
        "webhooks.sorting",
        "webhooks.measured",
        "callers.limits",
        "callers.keys",
        "callers.changing",
        "callers.sessions",
        "lists.lists",
        "lists.export",
        "lists.queues",
        "lists.due_list",
        "lists.counts",
        "collective",
        "bulk.seeding",
        "queries",
        "simulating",
        "proving.nodes",
        "proving.checkpoints",
        "audit.chosen",
        "audit.kept",
        "audit.verifying",
        "audit.chain",
        "audit.files",
        "audit.positions",
        "audit.log",
        "audit.digests",
        "audit.guards",
        "audit.audit",
        "audit.rotating",
        "rebuild.shadows",
        "rebuild.building",
        "rebuild.workers",
        "rebuild.differing",
        "rebuild.switching",
        "rebuild.rebuilding",
        "resetting",
        "readable",
    ],
}

NEVER = [
    # (from, to, why)
    ("case_api.routes", "case_api.cli", "a route serves; it starts nothing"),
    ("case_api.cli", "case_api.routes", "the command line goes through the door or the ledger"),
    ("case_api.routes", "case_api.console", "pages and API are two doors to one house"),
    ("case_api.console", "case_api.routes", "pages and API are two doors to one house"),
    ("case_api.console", "case_api.cli", "a page serves; it starts nothing"),
    ("case_api", "case_scheduler", "services do not know each other"),
    ("case_scheduler", "case_api", "services do not know each other"),
]

EFFECTFUL = {"time", "random", "os", "sys", "socket", "logging", "asyncio", "secrets", "pathlib", "structlog"}
"""What the core never imports: it gets now, ids and policies as arguments."""
EFFECTS = {"Instant.now", "datetime.now", "datetime.utcnow", "date.today", "uuid4", "uuid1", "print", "open"}
"""What it never calls."""


def _modules() -> dict[str, Path]:
    found = {}
    for root in ROOTS[:-1]:
        for path in sorted(root.rglob("*.py")):
            found[".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")] = path
    for path in sorted((ROOT / "migrations").rglob("*.py")):
        found[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


MODULES = _modules()


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else node.module for name in deeper}
    return names


def _wing(module: str) -> str:
    return max((wing for wing in WINGS if _within(module, wing)), key=len)


def _within(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")


SPEAKS_SQL = (
    "case_events.ledger",
    "migrations",
    "case_api.cli.postgres",  # makes the embedded server's database and logins; it knows no table
)
STANDARD = set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_arrow_is_allowed(module: str) -> None:
    if module == "case_events":
        return
    allowed = WINGS[_wing(module)]
    for imported in _imports(MODULES[module]):
        if imported.split(".")[0] in STANDARD:
            continue
        assert any(_within(imported, place) for place in allowed), f"{module} → {imported}"


@pytest.mark.parametrize("wing", sorted(FLOORS))
def test_inside_a_wing_modules_import_only_those_before_them(wing: str) -> None:
    order = [f"{wing}.{room}" for room in FLOORS[wing]]
    inside = [name for name, path in MODULES.items() if _within(name, wing) and path.name != "__init__.py"]
    rooms = {name: next((room for room in order if _within(name, room)), None) for name in inside}
    assert set(rooms.values()) == set(order), "every room has its place in the order"
    for name, room in rooms.items():
        above = order[order.index(str(room)) + 1 :]
        reached = [imported for imported in _imports(MODULES[name]) if any(_within(imported, one) for one in above)]
        assert not reached, f"{name} reaches up: {reached}"


@pytest.mark.parametrize(("start", "end", "why"), NEVER)
def test_these_rooms_never_know_each_other(start: str, end: str, why: str) -> None:
    for module, path in MODULES.items():
        if _within(module, start):
            reached = [imported for imported in _imports(path) if _within(imported, end)]
            assert not reached, f"{module} → {reached}: {why}"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if _within(name, "case_events.core")))
def test_the_core_has_no_effects(module: str) -> None:
    tree = _tree(MODULES[module])
    assert not _imports(MODULES[module]) & EFFECTFUL
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & EFFECTS
    assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree))


def test_only_evolve_and_the_changes_write_to_a_case() -> None:
    allowed = {f"case_events.core.{room}" for room in ("evolve", *(name for name in CORE if name.endswith("changes")))}
    written = {
        module: [ast.unparse(node) for node in ast.walk(_tree(path)) if _writes_to_a_case(node)]
        for module, path in MODULES.items()
    }
    assert {module for module, targets in written.items() if targets} == allowed, written


CORE = FLOORS["case_events.core"]
NO_CASES = {"self", "answer", "app.state"}
"""What has a field of the same name as a case somewhere in the house, and is written to there."""


def _writes_to_a_case(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute) or isinstance(node.ctx, ast.Load):
        return False
    return node.attr in Case.__struct_fields__ and ast.unparse(node.value) not in NO_CASES


def test_sql_is_spoken_only_in_the_ledger() -> None:
    words = ("SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM")
    for module, path in MODULES.items():
        if any(_within(module, place) for place in SPEAKS_SQL):
            continue
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not node.value.lstrip().startswith(words), f"{module}:{node.lineno} speaks SQL"


def test_files_and_functions_stay_small_enough_to_read() -> None:
    for module, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 300, f"{module} has more than 300 lines"
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                # evolve has one arm for each event there is; it grows with the domain and stays flat.
                longest = 70 if node.name == "evolve" else 50
                assert node.end_lineno - node.lineno < longest, f"{module}.{node.name} is too long"


def test_every_module_says_what_room_it_is() -> None:
    for module, path in MODULES.items():
        assert ast.get_docstring(_tree(path)), f"{module} has no docstring"
