"""`caselog clock`: test clocks, which let the days of a case pass in a moment; outside production only."""

from __future__ import annotations

import time
from typing import Annotated, Any
from uuid import UUID

import typer

from case_api.cli import words
from case_api.cli.outcomes import Misused, Silence
from case_api.cli.printing import AsJson, as_json, lines, table

WAIT_S = 60.0
POLL_S = 0.2
PAGE = 100
LIMIT_MAX = 10_000
Limit = Annotated[int, typer.Option(help="How many at most.", min=1, max=LIMIT_MAX)]
ClockId = Annotated[UUID, typer.Argument(help="The clock's id.", metavar="CLOCK")]

clock = typer.Typer(help="Test clocks, outside production.", no_args_is_help=True)


@clock.callback()
def group() -> None:
    """Test clocks, outside production."""


@clock.command("create")
def create(
    at: Annotated[str, typer.Option(help="Where it stands (RFC 3339, with a zone).")],
    name: Annotated[str | None, typer.Option(help="What you call it.")] = None,
    json_wanted: AsJson = False,
) -> None:
    """Make a test clock; file cases under its id."""
    _tell(_post("/v1/test-clocks", {"at": at, "name": name}), json_wanted=json_wanted)


@clock.command("list")
def list_clocks(limit: Limit = PAGE, json_wanted: AsJson = False) -> None:
    """The test clocks there are, the newest first."""
    found = _items("/v1/test-clocks", limit)
    if json_wanted:
        as_json(found)
        return
    rows = [[one["id"], one["name"] or "", one["status"], words.instant(one["at"])] for one in found]
    table(("clock", "name", "status", "stands at"), rows)


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


@clock.command("due")
def due(
    clock_id: ClockId,
    before: Annotated[str | None, typer.Option(help="What fires on the way to this instant (RFC 3339).")] = None,
    limit: Limit = PAGE,
    json_wanted: AsJson = False,
) -> None:
    """What would fire if the clock were advanced, in legal order."""
    found = _items(f"/v1/test-clocks/{clock_id}/due", limit, before=before)
    if json_wanted:
        as_json(found)
        return
    rows = [[words.instant(one["due_at"]), one["number"], one["kind"], one["party"], one["case_id"]] for one in found]
    table(("due", "number", "kind", "party", "case"), rows)


@clock.command("freeze")
def freeze(clock_id: ClockId, json_wanted: AsJson = False) -> None:
    """Let a test clock stand: nothing of it fires, and nobody can advance it."""
    _tell(_post(f"/v1/test-clocks/{clock_id}/freeze", {}), json_wanted=json_wanted)


@clock.command("unfreeze")
def unfreeze(clock_id: ClockId, json_wanted: AsJson = False) -> None:
    """Let a frozen test clock go on."""
    _tell(_post(f"/v1/test-clocks/{clock_id}/unfreeze", {}), json_wanted=json_wanted)


@clock.command("delete")
def delete(clock_id: ClockId, json_wanted: AsJson = False) -> None:
    """Delete a test clock: its cases are hidden for good; their events stay."""
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    _tell(wire.delete(f"/v1/test-clocks/{clock_id}").body, json_wanted=json_wanted)


def _items(path: str, limit: int, **params: str | None) -> list[dict[str, Any]]:
    """So many of a list, over as many pages as that takes."""
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    found: list[dict[str, Any]] = []
    after = None
    while len(found) < limit:
        page = wire.get(path, limit=min(PAGE, limit - len(found)), cursor=after, **params).body
        found += page["items"]
        after = page["next"]
        if after is None:
            break
    return found


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
        done = "" if said["watermark"] == said["at"] else f"  done until {words.instant(said['watermark'])}"
        lines(f"{said['id']}  {said['status']}  {words.instant(said['at'])}{done}")
