"""`caselog scheduler`: how the clock is, holds of its timeouts, outages and what they made late, the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

import typer

from case_api.cli import words
from case_api.cli.outcomes import Misused
from case_api.cli.printing import AsJson, as_json, json_line, lines, table
from case_api.cli.scheduler_status import tell

HOLDS, OUTAGES, JOURNAL = "/v1/scheduler/holds", "/v1/scheduler/outages", "/v1/scheduler/journal"
ENTRIES_MAX = 200
Because = Annotated[str, typer.Option("--reason", help="Why; it stands in the journal.")]
HoldId = Annotated[UUID, typer.Argument(help="The hold's id.", metavar="HOLD")]

scheduler = typer.Typer(help="The clock: how it is, holds, outages, and what was done to it.", no_args_is_help=True)


@scheduler.callback()
def group() -> None:
    """The clock: how it is, holds, outages, and what was done to it."""


@scheduler.command("status")
def status(json_wanted: AsJson = False) -> None:
    """How far everything due is done, how late it was, who does it, and what is held."""
    said = _get("/v1/scheduler", forecast="false")
    if json_wanted:
        as_json(said)
        return
    tell(said)
    lines(*(f"{'hold:':<12}{_held(one)}" for one in said["holds"]))


@scheduler.command("hold")
def hold(
    *,
    reason: Because,
    marketplace: Annotated[str | None, typer.Option(help="Cases of this marketplace only.")] = None,
    merchant: Annotated[str | None, typer.Option(help="Complaints against this merchant only.")] = None,
    kind: Annotated[str | None, typer.Option(help="This kind of clock only, for example response.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything there is.")] = False,
    until: Annotated[str | None, typer.Option(help="Until then (RFC 3339, with a zone).")] = None,
    lasts: Annotated[str | None, typer.Option("--for", help="For so long (ISO 8601, for example PT2H).")] = None,
    json_wanted: AsJson = False,
) -> None:
    """Hold timeouts of a scope: the schedulers write them later; who wins does not change."""
    if (until is None) == (lasts is None):
        raise Misused("one of --until and --for")
    scope = {"marketplace": marketplace, "merchant_id": merchant, "kind": kind, "until": until, "for": lasts}
    body = {name: said for name, said in scope.items() if said is not None}
    _tell_hold(_post(HOLDS, {"reason": reason, "all": everything, **body}), json_wanted=json_wanted)


@scheduler.command("release")
def release(hold_id: HoldId, reason: Because, json_wanted: AsJson = False) -> None:
    """End a hold now."""
    _tell_hold(_post(f"{HOLDS}/{hold_id}/release", {"reason": reason}), json_wanted=json_wanted)


@scheduler.command("holds")
def holds(
    ended: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False, json_wanted: AsJson = False
) -> None:
    """The holds in force."""
    said = _get(HOLDS, ended=str(ended).lower())
    if json_wanted:
        as_json(said)
        return
    lines(*(f"{one['id']}  {one['status']:<9} {_held(one)}" for one in said["items"]))


@scheduler.command("outage")
def outage(
    reason: Because,
    began_at: Annotated[str, typer.Option("--from", help="When it began (RFC 3339, with a zone).")],
    ended_at: Annotated[str, typer.Option("--to", help="When it ended.")],
    json_wanted: AsJson = False,
) -> None:
    """Put an outage on record that the schedulers could not measure; it is never taken back."""
    said = _post(OUTAGES, {"began_at": began_at, "ended_at": ended_at, "reason": reason})
    _tell_report(said, json_wanted=json_wanted)


@scheduler.command("outages")
def outages(
    outage_id: Annotated[UUID | None, typer.Argument(help="Of this one: what it made late.", metavar="OUTAGE")] = None,
    cases: Annotated[bool, typer.Option("--cases", help="Each timeout it made late; with --json one a line.")] = False,
    json_wanted: AsJson = False,
) -> None:
    """The outages on record; of one of them, what it made late and what of that can still be undone."""
    if cases and outage_id is None:
        raise Misused("--cases is of one outage: name it")
    if outage_id is not None and cases:
        for one in _each(f"{OUTAGES}/{outage_id}/timeouts"):
            if json_wanted:
                json_line(one)
            else:
                lines(_late(one))
    elif outage_id is not None:
        _tell_report(_get(f"{OUTAGES}/{outage_id}"), json_wanted=json_wanted)
    elif json_wanted:
        as_json({"items": list(_each(OUTAGES))})
    else:
        lines(*(f"{one['id']}  {_outage(one)}" for one in _each(OUTAGES)))


@scheduler.command("journal")
def journal(
    limit: Annotated[int, typer.Option(help="How many entries.", min=1, max=ENTRIES_MAX)] = 50,
    json_wanted: AsJson = False,
) -> None:
    """What operators and schedulers did that no case's history says, the latest first."""
    said = _get(JOURNAL, limit=limit)
    if json_wanted:
        as_json(said)
        return
    rows = (
        (one["number"], words.instant(one["at"]), one["what"], one["who"], _plain(one["data"])) for one in said["items"]
    )
    table(("number", "at", "what", "who", ""), rows)


def _get(path: str, **params: str | int | None) -> dict[str, Any]:
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    said: dict[str, Any] = wire.get(path, **params).body
    return said


def _post(path: str, body: dict[str, Any]) -> dict[str, Any]:
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    said: dict[str, Any] = wire.post(path, body).body
    return said


def _each(path: str) -> Iterator[dict[str, Any]]:
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    return wire.each(path)


def _tell_hold(said: dict[str, Any], *, json_wanted: bool) -> None:
    if json_wanted:
        as_json(said)
    else:
        lines(f"{said['hold']['id']}  {said['hold']['status']}  {_held(said['hold'])}", said["means"]["en"])


def _tell_report(said: dict[str, Any], *, json_wanted: bool) -> None:
    if json_wanted:
        as_json(said)
        return
    after = said["aftermath"]
    lines(f"{said['outage']['id']}  {_outage(said['outage'])}")
    count = f"{after['timeouts']}{'' if after['complete'] else ' or more'} timeouts written late"
    lines(f"{count}, {after['ended_in_it']} of them due in it; {after['pending']} not written yet")
    windows = ", ".join(f"{party} {number}" for party, number in after["windows"].items() if number)
    lines(f"windows that ended in it: {windows or words.NONE}")
    heads = ("kind", "marketplace", "timeouts", "due in it", "late s p50", "late s max")
    names = ("kind", "marketplace", "timeouts", "ended_in_it", "late_s_p50", "late_s_max")
    if after["by_kind"]:
        table(heads, ([one[name] for name in names] for one in after["by_kind"]))


def _held(one: dict[str, Any]) -> str:
    scope = [one[name] for name in ("marketplace", "merchant_id", "kind") if one[name] is not None]
    return (
        f"{' '.join(scope) or 'everything'} until {words.instant(one['until'])}: {one['reason']} ({one['placed_by']})"
    )


def _outage(one: dict[str, Any]) -> str:
    began, ended = words.instant(one["began_at"]), words.instant(one["ended_at"])
    return f"{one['source']}  {began} to {ended}: {one['reason']} ({one['recorded_by']})"


def _late(one: dict[str, Any]) -> str:
    undone = "can be undone" if one["can_be_undone"] else "decided or done since"
    due = words.instant(one["due_at"])
    return f"{one['case_id']} v{one['version']}  {one['type']}  due {due}, {one['late_s']:.0f} s late; {undone}"


def _plain(said: Any) -> str:
    """Values in a line: what they are called, and what they are."""
    if isinstance(said, dict):
        return ", ".join(f"{name} {_plain(value)}" for name, value in said.items() if value not in (None, [], {}))
    if isinstance(said, list):
        return "; ".join(_plain(one) for one in said)
    return str(said)
