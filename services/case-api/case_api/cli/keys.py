"""`caselog keys`: who may call, written to the ledger itself, so that the first key needs no key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from case_api.cli import words
from case_api.cli.outcomes import REFUSED, Misused
from case_api.cli.printing import AsJson, as_json, lines, refused, table

if TYPE_CHECKING:
    from case_events.ledger.callers.keys import Caller

RoleName = Literal["storefront", "platform", "ops", "auditor", "admin"]
Client = Annotated[str, typer.Option(help="Whose it is; idempotency keys belong to the client.")]
Name = Annotated[str, typer.Option(help="What it is called, for those who read the list.")]

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
    """Make the first admin key; refused where there is one already."""
    from case_api.cli.reach import with_connection  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.callers import keys as kept  # noqa: PLC0415 - the same

    made = with_connection(lambda connection: kept.bootstrap(connection, client=client, name=name))
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
            words.instant(one["revoked_at"]),
        )
        for one in said
    ]
    table(("id", "client", "name", "role", "only", "made", "revoked"), rows)


@keys.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `caselog keys list` shows it.", metavar="ID")],
    json_wanted: AsJson = False,
) -> None:
    """Revoke a key; it works no longer than 5 seconds more."""
    from case_api.cli.reach import with_connection  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.callers import keys as kept  # noqa: PLC0415 - the same

    if not with_connection(lambda connection: kept.revoke(connection, key_id)):
        refused(f"there is no valid key with the id {key_id}")
        raise typer.Exit(REFUSED)
    if json_wanted:
        as_json({"revoked": key_id})
    else:
        lines(f"revoked: {key_id}")


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
