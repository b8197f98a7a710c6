"""`caselog case`, `queue` and `post`: a case as the API tells it, what is due next, and what happened next."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer

from case_api.cli import words
from case_api.cli.outcomes import Misused
from case_api.cli.printing import AsJson, as_json, lines, table

if TYPE_CHECKING:
    from case_api.cli.wire import Answer

QUEUE_MAX = 200
CaseId = Annotated[UUID, typer.Argument(help="The case's id.", metavar="CASE")]

Version = Annotated[int | None, typer.Option(help="As it was at this version.")]
At = Annotated[str | None, typer.Option(help="As it was at this instant (RFC 3339).", metavar="INSTANT")]
KnownAt = Annotated[
    str | None, typer.Option(help="As it was answered at this instant: by what was recorded.", metavar="INSTANT")
]

case = typer.Typer(help="Look at a case.", no_args_is_help=True)


@case.callback()
def group() -> None:
    """Look at a case."""


@case.command("show")
def show(
    case_id: CaseId,
    version: Version = None,
    at: At = None,
    known_at: KnownAt = None,
    json_wanted: AsJson = False,
) -> None:
    """The case: its state, who is next and until when, and what may be posted."""
    said = _get(f"/v1/cases/{case_id}", version=version, at=at, known_at=known_at)
    if json_wanted:
        as_json(said)
    else:
        _tell(said)


@case.command("timeline")
def timeline(
    case_id: CaseId,
    lang: Annotated[Literal["zh", "en"], typer.Option(help="The language it is told in.")] = "en",
    version: Version = None,
    at: At = None,
    known_at: KnownAt = None,
    json_wanted: AsJson = False,
) -> None:
    """What happened, by whom and under which clause; who is next; what is missing."""
    said = _get(f"/v1/cases/{case_id}/timeline", version=version, at=at, known_at=known_at)
    if json_wanted:
        as_json(said)
        return
    lines(f"{said['number']}  {said['title'][lang]}  {said['status'][lang]}")
    for entry in said["entries"]:
        clause = f"  [{entry['rule']['clause']}: {entry['rule'][lang]}]" if entry["rule"] else ""
        # Indented line by line, so that what somebody wrote looks like no entry of ours.
        told = entry[lang].replace("\n", "\n   ")
        lines("", f"{entry['version']}. {words.instant(entry['at'])}", f"   {told}{clause}")
    ahead, lacking = {"zh": ("下一步：", "尚缺："), "en": ("Next: ", "Missing: ")}[lang]
    lines("", f"{ahead}{said['next'][lang] if said['next'] else words.NONE}")
    for missing in said["missing"]:
        lines(f"{lacking}{missing[lang]}")


@case.command("events")
def events(
    case_id: CaseId, version: Version = None, at: At = None, known_at: KnownAt = None, json_wanted: AsJson = False
) -> None:
    """The raw history, event by event."""
    said = _get(f"/v1/cases/{case_id}/events", version=version, at=at, known_at=known_at)
    if json_wanted:
        as_json(said)
        return
    rows = [
        (one["version"], one["type"], one["who"], words.instant(one["effective_at"]), json.dumps(one["data"]))
        for one in said["items"]
    ]
    table(("version", "event", "who", "when", "data"), rows)


@case.command("dossier")
def dossier(
    case_id: CaseId,
    form: Annotated[Literal["html", "json"], typer.Option("--format", help="For people, or for machines.")] = "html",
    checkpoint: Annotated[
        int | None, typer.Option(help="JSON, proved from the checkpoint of this size; for a key of auditor.", min=1)
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to write it; none: stdout.")] = None,
) -> None:
    """The whole case in one file: history, evidence list, rulings, and the chain that proves them."""
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    if checkpoint is None:
        content = wire.fetch(f"/v1/cases/{case_id}/dossier", format=form)
    else:
        content = wire.fetch(f"/v1/audit/cases/{case_id}", format="bundle", checkpoint=checkpoint)
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as fault:
        raise Misused(f"--output: {fault}") from None
    lines(f"{output}: {len(content)} bytes")


def queue(
    due_before: Annotated[str | None, typer.Option(help="Only what is due before this instant (RFC 3339).")] = None,
    kind: Annotated[str | None, typer.Option(help="Only clocks of this kind.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=QUEUE_MAX)] = 20,
    json_wanted: AsJson = False,
) -> None:
    """What is due next, the earliest first."""
    said = _get("/v1/deadlines", due_before=due_before, kind=kind, limit=limit)
    if json_wanted:
        as_json(said)
        return
    rows = [
        (words.instant(one["due_at"]), one["kind"], one["party"], one.get("number", words.NONE), one["case_id"])
        for one in said["items"]
    ]
    table(("due", "clock", "party", "number", "case"), rows)
    if said["next"]:
        lines("There is more: --limit, or --json for the cursor.")


def post(  # noqa: PLR0917 - typer gives them by name
    case_id: CaseId,
    name: Annotated[str, typer.Argument(help="What happened, for example merchant_replied.", metavar="TYPE")],
    data: Annotated[str, typer.Option(help="Its data in JSON, @FILE, or - for stdin.")] = "{}",
    actor: Annotated[str | None, typer.Option("--as", help="Who acts, as role:id.", metavar="ROLE:ID")] = None,
    if_match: Annotated[int | None, typer.Option(help="The version that was judged.", min=0)] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would happen; record nothing.")] = False,
    key: Annotated[str | None, typer.Option(help="The Idempotency-Key; none: a fresh one.")] = None,
    json_wanted: AsJson = False,
) -> None:
    """Post what happened next in a case."""
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    body: dict[str, Any] = {"type": name, "data": _data(data)}
    if actor is not None:
        body["actor"] = _party(actor)
    answer = wire.post(f"/v1/cases/{case_id}/events", body, key=key, version=if_match, dry_run=dry_run)
    if json_wanted:
        as_json(answer.body)
    else:
        _tell_step(answer, dry_run=dry_run)


def _get(path: str, **params: str | int | None) -> Any:
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    return wire.get(path, **params).body


def _data(said: str) -> object:
    try:
        if said == "-":
            said = sys.stdin.read()
        elif said.startswith("@"):
            said = Path(said[1:]).read_text(encoding="utf-8")
        return json.loads(said)
    except (OSError, ValueError) as fault:
        raise Misused(f"--data: {fault}") from None


def _party(said: str) -> dict[str, str]:
    role, colon, party_id = said.partition(":")
    if not (role and colon and party_id):
        raise Misused(f"--as is role:id, for example merchant:m-1, not {said}")
    return {"role": role, "id": party_id}


def _tell(said: dict[str, Any]) -> None:
    rows = [
        ("number", said["number"]),
        ("complaint", f"{_kind(said)} on {said['marketplace']}, policy {_policy(said['policy'])}"),
        ("state", f"{said['stage']}, {said['status']}" + (f", {said['outcome']}" if said["outcome"] else "")),
        ("version", said["version"]),
        ("demand", f"{said['demand']}, {words.money(said['amount'])}"),
        ("filed", words.instant(said["filed_at"])),
        ("closed", words.instant(said["closed_at"])),
        ("must act", ", ".join(said["required_action_by"]) or words.NONE),
        *((f"{one['kind']} of {one['party']}", _until(one)) for one in said["deadlines"]),
        *((f"missing of {one['from']}", f"{one['kind']}, {_until(one)}") for one in said["missing_evidence"]),
        *((f"ruling {one['round']}", _ruling(one)) for one in said["rulings"]),
        ("may be posted", ", ".join(one["type"] for one in said["allowed_events"]) or words.NONE),
    ]
    table(("case", said["case_id"]), rows)


def _tell_step(answer: Answer, *, dry_run: bool) -> None:
    said = answer.body
    if dry_run:
        lines("Nothing was recorded; this is what would be:")
    elif answer.replayed:
        lines("This was recorded before; the original answer:")
    for one in said["events"]:
        lines(f"{one['version']}. {one['type']} by {one['who']}, {words.instant(one['effective_at'])}")
    _tell(said["case"])


def _policy(said: dict[str, Any]) -> str:
    return f"{said['name']}@{said['version']}"


def _kind(said: dict[str, Any]) -> str:
    return f"{said['type']}/{said['subtype']}" if said.get("subtype") else str(said["type"])


def _ruling(said: dict[str, Any]) -> str:
    told = [said["outcome"], words.money(said["owed"])] if said["owed"] else [said["outcome"]]
    told += [words.penalty(one) for one in said["penalties"]]
    return ", ".join([*told, "final"] if said["final"] else told)


def _until(clock: dict[str, Any]) -> str:
    if clock["due_at"] is None:
        return "no time runs for it"
    return f"until {words.instant(clock['due_at'])}" + (" (provisional)" if clock.get("provisional") else "")
