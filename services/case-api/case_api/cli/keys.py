"""`caselog keys`: who may call, written to the ledger itself, so that the first key needs no key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from case_api.cli import words
from case_api.cli.outcomes import REFUSED, Misused
from case_api.cli.printing import AsJson, as_json, lines, refused, table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from case_events.ledger.callers.keys import Caller
    from case_events.ledger.connection import Connection

RoleName = Literal["storefront", "platform", "ops", "auditor", "admin"]
Client = Annotated[str, typer.Option(help="Whose it is; idempotency keys belong to the client.")]
Name = Annotated[str, typer.Option(help="What it is called, for those who read the list.")]
KeyId = Annotated[str, typer.Argument(help="The key's id, as `caselog keys list` shows it.", metavar="ID")]

keys = typer.Typer(
    help="API keys: who may call. They are told once, and only their hash is kept.", no_args_is_help=True
)


@keys.callback()
def group() -> None:
    """API keys: who may call. They are told once, and only their hash is kept."""


@keys.command("bootstrap")
def bootstrap(
    client: Client = "operator",
    name: Name = "first-admin",
    json_wanted: AsJson = False,
) -> None:
    """Make the first admin key; refused where there is one already. In production a development key is none."""
    from case_api.cli.reach import with_connection  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.callers import keys as kept  # noqa: PLC0415 - the same

    made = with_connection(
        lambda connection: kept.bootstrap(connection, client=client, name=name, sandbox=_is_sandbox())
    )
    if made is None:
        refused("there is a valid admin key already; with a lost one: `caselog keys create --role admin`")
        raise typer.Exit(REFUSED)
    _tell(*made, json_wanted=json_wanted)


@keys.command("create")
def create(
    role: Annotated[RoleName, typer.Option(help="What it may do.")],
    client: Client,
    name: Name,
    marketplace: Annotated[list[str] | None, typer.Option(help="Only this marketplace; repeatable.")] = None,
    merchant: Annotated[list[str] | None, typer.Option(help="Only this merchant's cases; repeatable.")] = None,
    per_minute: Annotated[int | None, typer.Option(help="Requests a minute; else what the settings say.")] = None,
    json_wanted: AsJson = False,
) -> None:
    """Make a key. Its secret is printed this once."""
    from case_api.cli.reach import with_connection  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.callers import keys as kept  # noqa: PLC0415 - the same

    try:
        caller, secret = with_connection(
            lambda connection: kept.create(
                connection,
                client=client,
                name=name,
                role=role,
                marketplaces=marketplace or None,
                merchants=merchant or None,
                per_minute=per_minute,
            )
        )
    except ValueError as fault:
        raise Misused(str(fault)) from None
    _tell(caller, secret, json_wanted=json_wanted)


@keys.command("list")
def list_keys(json_wanted: AsJson = False) -> None:
    """Every key, revoked ones too; never a secret."""
    from case_api.cli.reach import plain, with_connection  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.callers import keys as kept  # noqa: PLC0415 - the same

    said = plain(with_connection(kept.listed))
    if json_wanted:
        as_json(said)
        return
    rows = [
        (
            one["key_id"],
            one["client"],
            one["name"],
            one["role"],
            _limits(one["marketplaces"], one["merchants"]),
            words.instant(one["created_at"]),
            words.instant(one["last_used_at"]),
            words.instant(one["revoked_at"]),
        )
        for one in said
    ]
    table(("id", "client", "name", "role", "only", "made", "last used", "revoked"), rows)


@keys.command("show")
def show(key_id: KeyId, json_wanted: AsJson = False) -> None:
    """One key: whose it is, what it may do, when it was rotated and last used; never its secret."""
    from case_api.cli.reach import plain, with_connection  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.callers import keys as kept  # noqa: PLC0415 - the same

    said: dict[str, Any] | None = plain(with_connection(lambda connection: kept.find(connection, key_id)))
    if said is None:
        refused(f"there is no key with the id {key_id}")
        raise typer.Exit(REFUSED)
    if json_wanted:
        as_json(said)
        return
    lines(
        f"{said['role']} key {said['key_id']} of {said['client']} ({said['name']})",
        f"  only:       {_limits(said['marketplaces'], said['merchants'])}",
        f"  a minute:   {said['per_minute'] or 'what the settings say'}",
        f"  made:       {words.instant(said['created_at'])}",
        f"  rotated:    {words.instant(said['rotated_at'])}",
        f"  old secret: {'works until ' + words.instant(said['old_until']) if said['old_until'] else words.NONE}",
        f"  last used:  {words.instant(said['last_used_at'])}",
        f"  revoked:    {words.instant(said['revoked_at'])}",
    )


@keys.command("rotate")
def rotate(
    key_id: KeyId,
    overlap: Annotated[
        str, typer.Option(help="How long the old secret works beside the new one (ISO 8601); PT0S: at once.")
    ] = "PT24H",
    json_wanted: AsJson = False,
) -> None:
    """Give a key a new secret, printed this once; the old one works for the overlap, 7 days at most."""
    import msgspec  # noqa: PLC0415 - `caselog --help` answers sooner without

    from case_events.ledger.callers import changing  # noqa: PLC0415 - the same

    try:
        lasts = msgspec.convert(overlap, timedelta)
    except msgspec.ValidationError:
        raise Misused(f"{overlap} is no duration; it is written like PT24H") from None
    try:
        done = _changed(lambda connection: changing.rotate(connection, key_id, lasts, sandbox=_is_sandbox()), key_id)
    except ValueError as fault:
        raise Misused(str(fault)) from None
    row, secret = done
    if json_wanted:
        as_json({**row, "secret": secret})
        return
    lines(f"{row['role']} key {key_id} of {row['client']} ({row['name']}). Its new secret is shown this once:")
    lines("", f"    {secret}", "")
    lines(
        f"the old one works until {words.instant(row['old_until'])}"
        if row["old_until"]
        else "the old one works no longer"
    )


@keys.command("revoke")
def revoke(key_id: KeyId, json_wanted: AsJson = False) -> None:
    """Revoke a key; it works no longer than 5 seconds more."""
    from case_events.ledger.callers import changing  # noqa: PLC0415 - `caselog --help` answers sooner without

    _changed(lambda connection: changing.revoke(connection, key_id, sandbox=_is_sandbox()), key_id)
    if json_wanted:
        as_json({"revoked": key_id})
    else:
        lines(f"revoked: {key_id}")


def _changed(work: Callable[[Connection], Awaitable[object]], key_id: str) -> Any:
    """What ``work`` did to the key, as JSON data; ends the command where it did nothing, with why."""
    from case_api.cli.reach import plain, with_connection  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.callers import changing  # noqa: PLC0415 - the same

    try:
        done = with_connection(work)
    except changing.LastAdmin:
        refused("this is the last valid admin key; make another first: `caselog keys create --role admin`")
    except changing.StillRotating as rotating:
        refused(
            f"the secret before the last rotation works until {rotating.until}; with --overlap PT0S both end at once"
        )
    except changing.ForDevelopment:
        refused("the secret of a development key is its name; it can be revoked")
    else:
        if done is not None:
            return plain(done)
        refused(f"there is no valid key with the id {key_id}")
    raise typer.Exit(REFUSED)


def _is_sandbox() -> bool:
    """Whether development keys count, as they do for the API with the same settings."""
    from case_api.settings import Settings  # noqa: PLC0415 - `caselog --help` answers sooner without

    return Settings().env != "production"


def _tell(caller: Caller, secret: str, *, json_wanted: bool) -> None:
    if json_wanted:
        as_json(
            {"key_id": caller.key_id, "client": caller.client, "name": caller.name, "role": caller.role}
            | {"secret": secret}
        )
        return
    lines(f"{caller.role} key {caller.key_id} of {caller.client} ({caller.name}). Its secret is shown this once:")
    lines("", f"    {secret}", "")


def _limits(marketplaces: list[str] | None, merchants: list[str] | None) -> str:
    said = [
        f"{name}: {', '.join(only)}"
        for name, only in (("marketplaces", marketplaces), ("merchants", merchants))
        if only
    ]
    return "; ".join(said) or "everything"
