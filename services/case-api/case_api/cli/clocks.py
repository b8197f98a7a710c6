"""`caselog clock`: test clocks, which let the days of a case pass in a moment; outside production only."""

from __future__ import annotations

import time
from typing import Annotated, Any
from uuid import UUID

import typer

from case_api.cli import words
from case_api.cli.outcomes import Misused, Silence
from case_api.cli.printing import AsJson, as_json, lines

WAIT_S = 60.0
POLL_S = 0.2
ClockId = Annotated[UUID, typer.Argument(help="The clock's id.", metavar="CLOCK")]

clock = typer.Typer(help="Test clocks, outside production.", no_args_is_help=True)


@clock.callback()
def group() -> None:
    """Test clocks, outside production."""


@clock.command("create")
def create(
    at: Annotated[str, typer.Option(help="Where it stands (RFC 3339, with a zone).")],
    json_wanted: AsJson = False,
) -> None:
    """Make a test clock; file cases under its id."""
    _tell(_post("/v1/test-clocks", {"at": at}), json_wanted=json_wanted)


@clock.command("show")
def show(clock_id: ClockId, json_wanted: AsJson = False) -> None:
    """Where a test clock stands, and whether everything due has fired."""
    _tell(_get(clock_id), json_wanted=json_wanted)


@clock.command("advance")
def advance(
    clock_id: ClockId,
    to: Annotated[str | None, typer.Option(help="To this instant (RFC 3339).")] = None,
    by: Annotated[str | None, typer.Option(help="By this long (ISO 8601, for example PT72H).")] = None,
    wait: Annotated[bool, typer.Option(help="Wait until everything due has fired.")] = True,
    json_wanted: AsJson = False,
) -> None:
    """Move a test clock forward; the schedulers then fire what has become due."""
    if (to is None) == (by is None):
        raise Misused("one of --to and --by")
    said = _post(f"/v1/test-clocks/{clock_id}/advance", {"to": to} if by is None else {"by": by})
    until = time.monotonic() + WAIT_S
    while wait and said["status"] != "ready":
        if time.monotonic() > until:
            raise Silence(f"the clock was moved, but no scheduler has fired what is due in {WAIT_S:.0f} s")
        time.sleep(POLL_S)
        said = _get(clock_id)
    _tell(said, json_wanted=json_wanted)


def _get(clock_id: UUID) -> dict[str, Any]:
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    said: dict[str, Any] = wire.get(f"/v1/test-clocks/{clock_id}").body
    return said


def _post(path: str, body: dict[str, Any]) -> dict[str, Any]:
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    said: dict[str, Any] = wire.post(path, body).body
    return said


def _tell(said: dict[str, Any], *, json_wanted: bool) -> None:
    if json_wanted:
        as_json(said)
    else:
        lines(f"{said['id']}  {said['status']}  {words.instant(said['at'])}")
