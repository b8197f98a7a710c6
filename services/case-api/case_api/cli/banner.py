"""What `caselog up` prints when everything answers: where all of it is."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from case_api.settings import Settings

# What to ask where the API listens on every address.
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - it is looked up, not listened on


def banner(
    settings: Settings, database_url: str, key_file: Path, keys: tuple[str, ...], scheduler_ports: list[int]
) -> RenderableType:
    """Everything an operator looks for; no password among it."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, value in (
        ("API", f"{address(settings)}/v1"),
        ("Docs", f"{address(settings)}/docs"),
        ("Console", f"{address(settings)}/console"),
        ("Schedulers", _schedulers(settings, scheduler_ports)),
        ("Postgres", without_password(database_url)),
        ("Data", str(settings.data_dir.resolve())),
        ("Master key", str(key_file)),
        ("Environment", settings.env),
    ):
        table.add_row(label, value)
    parts: list[RenderableType] = [Panel(table, title="Caselog is up", title_align="left", border_style="green")]
    if keys:
        shown = "\n".join(f"Authorization: Bearer {key}" for key in keys)
        warning = f"Everybody knows these keys. They are for development, and production refuses them.\n\n{shown}"
        parts.append(Panel(warning, title="DEVELOPMENT KEYS", title_align="left", border_style="bold red"))
    return Group(*parts)


def address(settings: Settings) -> str:
    """Where the API answers."""
    return _address(settings.host, settings.port)


def _address(host: str, port: int) -> str:
    host = ANY.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _schedulers(settings: Settings, ports: list[int]) -> str:
    """Where each of them says how it is."""
    return " ".join(f"{_address(settings.scheduler_host, port)}/readyz" for port in ports) or "none"


def without_password(url: str) -> str:
    """The address of a database as it may be shown, with any number of hosts."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    said = [f"{name}={value}" for name, value in parse_qsl(parts.query) if "pass" not in name.lower()]
    shown = f"{parts.scheme}://{login.partition(':')[0]}{at}{hosts}{parts.path}"
    return f"{shown}?{'&'.join(said)}" if said else shown
