"""`caselog webhooks`: where a client is told of events, how that goes, and events once more; over the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

import typer

from case_api.cli import webhook_words, words
from case_api.cli.outcomes import Misused
from case_api.cli.printing import AsJson, as_json, json_line, lines, table

WEBHOOKS = "/v1/webhooks"
ATTEMPTS_MAX, ERRANDS_MAX = 200_000, 200
ALL = "all"
"""Said in place of a filter: there is none."""
EndpointId = Annotated[
    UUID, typer.Argument(help="The endpoint's id, as `caselog webhooks list` shows it.", metavar="ID")
]
Again = Annotated[str | None, typer.Option("--key", help="The same key again asks for the same thing, once.")]

webhooks = typer.Typer(help="Webhooks: endpoints that are told of events, and how that goes.", no_args_is_help=True)


@webhooks.callback()
def group() -> None:
    """Webhooks: endpoints that are told of events, and how that goes."""


@webhooks.command("list")
def list_endpoints(
    state: Annotated[str | None, typer.Option(help="Only these: active, paused or disabled.")] = None,
    json_wanted: AsJson = False,
) -> None:
    """Your client's endpoints; with a key of ops, an auditor or an admin every client's."""
    found = list(_each(WEBHOOKS, state=state))
    if json_wanted:
        as_json({"items": found})
        return
    rows = (
        (one["id"], one["client"], one["state"], one["url"], webhook_words.filters(one), one["description"])
        for one in found
    )
    table(("id", "client", "state", "url", "of", ""), rows)


@webhooks.command("show")
def show(endpoint_id: EndpointId, json_wanted: AsJson = False) -> None:
    """One endpoint: how far it has read, what waits, and how its receiver answered lately."""
    said = _get(_path(endpoint_id))
    if json_wanted:
        as_json(said)
        return
    circuit, waiting = said["circuit"], said["waiting"]
    opens = f", nothing is sent before {words.instant(circuit['open_until'])}" if circuit["open_until"] else ""
    since = f", the first since {words.instant(said['waiting_since'])}" if waiting else ""
    lines(
        *webhook_words.told(said),
        f"  read:      up to {said['position']} of {said['head']}, {said['lag']} ahead",
        f"  waiting:   {waiting}{since}",
        *(f"  parked:    {webhook_words.parked(one)}" for one in said["parked"]),
        f"  failures:  {circuit['failures']} in a row{opens}",
        f"  succeeded: {words.instant(said['succeeded_at'])}",
        f"  failed:    {words.instant(said['failed_at'])}",
        *(f"  secret {one['number']}:  {webhook_words.signs(one)}" for one in said["signing"]),
    )


@webhooks.command("create")
def create(
    url: Annotated[str, typer.Argument(help="Where to: https, or http to this machine in development.")],
    *,
    description: Annotated[str, typer.Option(help="What it is for, for those who read the list.")] = "",
    type_: Annotated[list[str] | None, typer.Option("--type", help="Only this event; repeatable.")] = None,
    merchant: Annotated[list[str] | None, typer.Option(help="Only this merchant's cases; repeatable.")] = None,
    after: Annotated[str, typer.Option(help="The position of the feed to begin behind, or now.")] = "now",
    key: Again = None,
    json_wanted: AsJson = False,
) -> None:
    """Make an endpoint. The secret it signs with is printed this once."""
    if after != "now" and not (after.isascii() and after.isdigit()):
        raise Misused("--after is a position of the feed, or now")
    body = {"url": url, "description": description, "types": type_ or None, "merchants": merchant or None}
    said = _post(WEBHOOKS, {**body, "after": after if after == "now" else int(after)}, key=key)
    if json_wanted:
        as_json(said)
        return
    lines(
        *webhook_words.told(said),
        f"  secret:    {said['secret'] or 'told before; `caselog webhooks rotate` gives another'}",
    )


@webhooks.command("change")
def change(
    endpoint_id: EndpointId,
    *,
    url: Annotated[str | None, typer.Option(help="Where to from now on; what waits goes there, too.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for, for those who read the list.")] = None,
    type_: Annotated[list[str] | None, typer.Option("--type", help="Only this event; repeatable; all: every.")] = None,
    merchant: Annotated[
        list[str] | None, typer.Option(help="Only this merchant's cases; repeatable; all: every one's.")
    ] = None,
    json_wanted: AsJson = False,
) -> None:
    """Change where an endpoint is, what it is for, or what it is told of; what is not named stays."""
    asked = {"url": url, "description": description, "types": type_, "merchants": merchant}
    body = {name: None if said == [ALL] else said for name, said in asked.items() if said is not None}
    if not body:
        raise Misused("nothing to change: --url, --description, --type or --merchant")
    _tell(_patch(_path(endpoint_id), body), json_wanted=json_wanted)


@webhooks.command("rotate")
def rotate(
    endpoint_id: EndpointId,
    overlap: Annotated[
        str, typer.Option(help="How long the old secret signs beside the new one (ISO 8601); PT0S: at once.")
    ] = "PT24H",
    json_wanted: AsJson = False,
) -> None:
    """Give an endpoint a new secret, printed this once; the old one signs too for the overlap, 7 days at most."""
    said = _post(f"{_path(endpoint_id)}/rotate", {"overlap": overlap})
    if json_wanted:
        as_json(said)
        return
    lines(said["secret"], *(f"  secret {one['number']}: {webhook_words.signs(one)}" for one in said["signing"]))


@webhooks.command("pause")
def pause(
    endpoint_id: EndpointId,
    reason: Annotated[str, typer.Option(help="Why; it stands in the journal, and whoever looks sees it.")],
    json_wanted: AsJson = False,
) -> None:
    """Send an endpoint nothing until it is resumed; nothing is lost."""
    _tell(_post(f"{_path(endpoint_id)}/pause", {"reason": reason}), json_wanted=json_wanted)


@webhooks.command("resume")
def resume(endpoint_id: EndpointId, json_wanted: AsJson = False) -> None:
    """Let an endpoint go on exactly where it stood, paused or disabled."""
    _tell(_post(f"{_path(endpoint_id)}/resume", {}), json_wanted=json_wanted)


@webhooks.command("test")
def send_test(endpoint_id: EndpointId, key: Again = None, json_wanted: AsJson = False) -> None:
    """Have a test event sent, even to an endpoint that is paused; `attempts` says what came of it."""
    _tell_errand(_post(f"{_path(endpoint_id)}/test", {}, key=key), json_wanted=json_wanted)


@webhooks.command("redeliver")
def redeliver(
    endpoint_id: EndpointId,
    *,
    event: Annotated[UUID | None, typer.Option(help="This event, which was sent lately.")] = None,
    first: Annotated[int | None, typer.Option(help="From this position of the feed on.")] = None,
    last: Annotated[int | None, typer.Option(help="Up to this one; none: only the first.")] = None,
    key: Again = None,
    json_wanted: AsJson = False,
) -> None:
    """Have events sent once more: one, or a range of positions that the endpoint has read already."""
    if (event is None) == (first is None) or (last is not None and first is None):
        raise Misused("one of --event and --first; --last goes with --first")
    span = {"first": first, "last": first if last is None else last}
    body = span if event is None else {"event_id": str(event)}
    _tell_errand(_post(f"{_path(endpoint_id)}/redeliver", body, key=key), json_wanted=json_wanted)


@webhooks.command("attempts")
def attempts(
    endpoint_id: EndpointId,
    *,
    event: Annotated[UUID | None, typer.Option(help="Only at this event: its webhook-id.")] = None,
    case: Annotated[UUID | None, typer.Option(help="Only at events of this case.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Only with this outcome, for example refused.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=ATTEMPTS_MAX)] = 50,
    json_wanted: AsJson = False,
) -> None:
    """What was sent and what came of it, the latest first; with --json one a line."""
    asked = {"event_id": event, "case_id": case, "outcome": outcome}
    params = {name: str(said) for name, said in asked.items() if said is not None}
    found = []
    for one in _each(f"{_path(endpoint_id)}/attempts", **params):
        if json_wanted:
            json_line(one)
        found.append(one)
        if len(found) >= limit:
            break
    if not json_wanted:
        table(
            ("at", "type", "position", "attempt", "outcome", "status", "ms", "webhook-id"),
            map(webhook_words.attempt, found),
        )


@webhooks.command("errands")
def errands(
    endpoint_id: EndpointId,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=ERRANDS_MAX)] = 50,
    json_wanted: AsJson = False,
) -> None:
    """What was asked for, tests and redeliveries, and how far each has come; the latest first."""
    said = _get(f"{_path(endpoint_id)}/errands", limit=limit)
    if json_wanted:
        as_json(said)
        return
    table(("asked at", "by", "what", "reached", "ended at", "outcome", "id"), map(webhook_words.errand, said["items"]))


@webhooks.command("delete")
def delete(endpoint_id: EndpointId, json_wanted: AsJson = False) -> None:
    """Delete an endpoint with its secrets; what waits for it is never sent. Once or twice is the same."""
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    _tell(wire.delete(_path(endpoint_id)).body, json_wanted=json_wanted)


def _path(endpoint_id: UUID) -> str:
    return f"{WEBHOOKS}/{endpoint_id}"


def _get(path: str, **params: str | int | None) -> dict[str, Any]:
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    said: dict[str, Any] = wire.get(path, **params).body
    return said


def _post(path: str, body: dict[str, Any], *, key: str | None = None) -> dict[str, Any]:
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    said: dict[str, Any] = wire.post(path, body, key=key).body
    return said


def _patch(path: str, body: dict[str, Any]) -> dict[str, Any]:
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    said: dict[str, Any] = wire.patch(path, body).body
    return said


def _each(path: str, **params: str | None) -> Iterator[dict[str, Any]]:
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    return wire.each(path, **params)


def _tell(said: dict[str, Any], *, json_wanted: bool) -> None:
    if json_wanted:
        as_json(said)
    else:
        lines(*webhook_words.told(said))


def _tell_errand(said: dict[str, Any], *, json_wanted: bool) -> None:
    if json_wanted:
        as_json(said)
        return
    lines(f"{said['id']}  {webhook_words.asked(said)}, asked for at {words.instant(said['asked_at'])}")
