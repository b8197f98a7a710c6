"""`caselog policies`: the rules that cases are judged by; a file is checked with every fault named, then kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from case_api.cli import words
from case_api.cli.outcomes import REFUSED, STOPPED, Misused
from case_api.cli.printing import AsJson, as_json, lines, refused, table

if TYPE_CHECKING:
    from case_api.cli.simulations import Summary
    from case_events.core.policy import InForce
    from case_events.ledger.connection import Connection
    from case_events.ledger.database import Ledger
    from case_events.ledger.simulating import Chosen

File = Annotated[Path, typer.Argument(help="A policy in TOML.", metavar="FILE")]

policies = typer.Typer(help="The rules cases are judged by.", no_args_is_help=True)


@policies.callback()
def group() -> None:
    """The rules cases are judged by."""


@policies.command("list")
def list_policies(json_wanted: AsJson = False) -> None:
    """Every policy that is kept."""
    from case_api.cli.reach import with_connection  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger import policy_book  # noqa: PLC0415 - the same

    said = [_told(one) for one in with_connection(policy_book.kept)]
    if json_wanted:
        as_json(said)
        return
    heads = ("policy", "marketplace", "in force from", "complaints", "digest")
    table(
        heads,
        [
            (
                _name(one),
                one["marketplace"],
                words.instant(one["effective_from"]),
                ", ".join(one["types"]),
                one["digest"][:12],
            )
            for one in said
        ],
    )


@policies.command("show")
def show(
    policy: Annotated[str, typer.Argument(help="name@version", metavar="NAME@VERSION")],
    json_wanted: AsJson = False,
) -> None:
    """One policy, every rule of it."""
    from case_api.cli.reach import plain, with_connection  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger import policy_book  # noqa: PLC0415 - the same

    name, _, version = policy.partition("@")
    book = policy_book.PolicyBook()
    found = None if "\0" in policy else with_connection(lambda connection: book.find(connection, name, version))
    if found is None:
        refused(f"{policy} is not kept here; `caselog policies list` names those that are")
        raise typer.Exit(REFUSED)
    said = {**_told(found), "policy": plain(found.policy)}
    if json_wanted:
        as_json(said)
        return
    lines(f"{_name(said)} for {said['marketplace']}, in force from {words.instant(said['effective_from'])}")
    lines(f"digest {said['digest']}")
    for complaint, rules in said["policy"]["types"].items():
        rows = [(clause, json.dumps(rule, ensure_ascii=False)) for clause, rule in rules.items()]
        table((complaint, "rule"), rows)


@policies.command("check")
def check(file: File, json_wanted: AsJson = False) -> None:
    """Check a policy without keeping it, offline; every fault is named with its table and key."""
    _checked(file, json_wanted=json_wanted)


@policies.command("load")
def load(
    file: Annotated[Path | None, typer.Argument(help="A policy in TOML.", metavar="FILE")] = None,
    shipped: Annotated[bool, typer.Option("--shipped", help="The policies that come with Caselog.")] = False,
    json_wanted: AsJson = False,
) -> None:
    """Keep a policy; the same again changes nothing, and a kept version never changes."""
    from case_api.cli.reach import with_connection  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events import policies as ours  # noqa: PLC0415 - the same
    from case_events.ledger import policy_book  # noqa: PLC0415 - the same

    if (file is None) != shipped:
        raise Misused("one of FILE and --shipped")
    texts = ours.shipped() if file is None else (_checked(file, json_wanted=json_wanted, quiet=True),)
    try:
        kept = with_connection(lambda connection: _keep(connection, texts))
    except policy_book.PolicyChanged as fault:
        refused(f"{fault}; give the change a version of its own")
        raise typer.Exit(REFUSED) from None
    if json_wanted:
        as_json([_told(one) for one in kept])
    else:
        lines(*(f"kept: {_name(_told(one))}, digest {one.ref.digest}" for one in kept))


Words = Annotated[str | None, typer.Option(help="Only such cases, as GET /v1/cases has it.")]
Period = Annotated[str | None, typer.Option(help="RFC 3339; from its first instant on, before its last.")]


@policies.command("simulate")
def simulate(  # noqa: PLR0917 - typer gives them by name
    policy: Annotated[
        str, typer.Argument(help="A file in TOML, or name@version of one that is kept.", metavar="POLICY")
    ],
    case: Annotated[list[UUID] | None, typer.Option(help="Only this case; may be said more than once.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only complaints of this type.")] = None,
    subtype: Words = None,
    status: Words = None,
    stage: Words = None,
    merchant_id: Words = None,
    filed_from: Period = None,
    filed_before: Period = None,
    report: Annotated[
        Path | None, typer.Option(help="Write each case that differs into this file, a JSON line each.")
    ] = None,
    json_wanted: AsJson = False,
) -> None:
    """Tell the recorded cases of a policy's marketplace again under it: who would have been late, what would have come
    of it. Nothing is written.

    Exit code 0 whatever differs, 1 if the policy is not sound or not kept, or there is no such case.
    """
    from case_api.cli import simulations  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_api.cli.reach import plain  # noqa: PLC0415 - the same

    chosen = simulations.chosen_by(
        case_ids=tuple(sorted(set(case or ()))),
        type=type_,
        subtype=subtype,
        status=status,
        stage=stage,
        merchant_id=merchant_id,
        filed_from=filed_from,
        filed_before=filed_before,
    )
    candidate, summary = _simulated(policy, chosen, report, json_wanted=json_wanted)
    if json_wanted:
        as_json({"policy": plain(candidate.ref), "totals": plain(summary.totals)})
    else:
        simulations.tell(candidate, summary)
    if not summary.totals.cases:
        refused(f"there is no such case of {candidate.policy.marketplace}")
        raise typer.Exit(REFUSED)


def _simulated(policy: str, chosen: Chosen, report: Path | None, *, json_wanted: bool) -> tuple[InForce, Summary]:
    """The policy, and what came of it."""
    from case_api.cli import simulations  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_api.cli.reach import with_ledger  # noqa: PLC0415 - the same

    kept = "@" in policy and not Path(policy).exists()
    text = None if kept else _checked(Path(policy), json_wanted=json_wanted, quiet=True)

    async def told(ledger: Ledger, connection: Connection) -> tuple[InForce, Summary]:
        candidate = await _candidate(ledger, connection, policy, text)
        return candidate, await simulations.summed_up(ledger, candidate, chosen, report)

    try:
        return with_ledger(told)
    except KeyboardInterrupt:
        refused("stopped")
        raise typer.Exit(STOPPED) from None


async def _candidate(ledger: Ledger, connection: Connection, named: str, text: str | None) -> InForce:
    """The policy in ``text``, or the one that is kept under this name and version."""
    from case_events import policies as ours  # noqa: PLC0415 - `caselog --help` answers sooner without

    if text is not None:
        return ours.load(text)
    name, _, version = named.partition("@")
    found = None if "\0" in named else await ledger.policies.find(connection, name, version)
    if found is None:
        refused(f"{named} is not kept here, and no file; `caselog policies list` names those that are")
        raise typer.Exit(REFUSED)
    return found


async def _keep(connection: Connection, texts: tuple[str, ...]) -> list[InForce]:
    from case_events.ledger import policy_book  # noqa: PLC0415 - `caselog --help` answers sooner without

    return [await policy_book.keep(connection, text) for text in texts]


def _checked(file: Path, *, json_wanted: bool, quiet: bool = False) -> str:
    """The text of a sound policy; one that is not ends the command, with every fault said."""
    from case_events import policies as ours  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.shape import Misshapen  # noqa: PLC0415 - the same

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise Misused(f"{file} cannot be read: {fault}") from None
    try:
        found = ours.load(text)
    except Misshapen as fault:
        faults = [{**_place(one.pointer), "detail": one.detail} for one in fault.faults]
        if json_wanted:
            as_json({"file": str(file), "faults": faults})
        refused(f"{file}: {len(faults)} fault{'s' if len(faults) > 1 else ''}")
        refused(*(f"{file}: {_line(one)}" for one in faults), named=False)
        raise typer.Exit(REFUSED) from None
    if quiet:
        return text
    if json_wanted:
        as_json({"file": str(file), "faults": [], **_told(found)})
    else:
        lines(f"{file}: {_name(_told(found))} is sound, digest {found.ref.digest}")
    return text


def _place(pointer: str) -> dict[str, str]:
    """Where a fault stands: its table and key as they are written in TOML, and as a JSON pointer (RFC 6901)."""
    words: list[str] = []
    for step in pointer.split("/")[1:]:
        word = step.replace("~1", "/").replace("~0", "~")
        if word.isdecimal() and words:
            words[-1] += f"[{word}]"
        else:
            words.append(word)
    return {"table": ".".join(words[:-1]), "key": words[-1] if words else "", "pointer": pointer}


def _line(fault: dict[str, str]) -> str:
    place = " ".join(part for part in (f"[{fault['table']}]" if fault["table"] else "", fault["key"]) if part)
    return f"{place}: {fault['detail']}" if place else fault["detail"]


def _told(found: InForce) -> dict[str, Any]:
    from case_api.cli.reach import plain  # noqa: PLC0415 - `caselog --help` answers sooner without

    policy, ref = found.policy, plain(found.ref)
    about = {"marketplace": policy.marketplace, "effective_from": plain(policy.effective_from)}
    return {**ref, **about, "types": list(policy.types)}


def _name(said: dict[str, Any]) -> str:
    return f"{said['name']}@{said['version']}"
