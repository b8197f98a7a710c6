"""`caselog verify FILE`: a dossier checked by somebody who has nothing else of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from case_api.cli.outcomes import REFUSED, Misused
from case_api.cli.printing import AsJson, as_json, lines

if TYPE_CHECKING:
    from case_api.dossier.checking import Checked

UNCHECKED = (
    "not checked: what came after its last event; sentences, titles and clauses; "
    "of parties, their words and where files lie: that they read so"
)


def verify(
    file: Annotated[Path, typer.Argument(help="A dossier or bundle, as JSON.", metavar="FILE")],
    key: Annotated[
        str | None,
        typer.Option(help="The log's public key, as `caselog audit key` says it; default: the one in the file."),
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Checkpoints that you kept; that of the file must be one of them.")
    ] = None,
    json_wanted: AsJson = False,
) -> None:
    """Check a dossier without a database, a secret or a network: the chain, the proofs, and what follows from both.

    Exit code 1 if something is not as it was written; with --key or --checkpoints also if something is not proved.
    """
    from case_api.cli import checkpoints as kept  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_api.cli.reach import plain  # noqa: PLC0415 - the same
    from case_api.dossier.checking import NoDossier, checked  # noqa: PLC0415 - the same
    from case_events.proof.note import NotGenuine  # noqa: PLC0415 - the same

    if checkpoints is not None and not checkpoints.exists():
        raise Misused(f"--checkpoints: there is no {checkpoints}")
    roots = kept.roots(checkpoints) if checkpoints is not None else None
    try:
        came_to = checked(file.read_bytes(), key)
    except OSError as fault:
        raise Misused(f"{file} cannot be read: {fault}") from None
    except NoDossier as fault:
        whole = "a dossier in JSON that was made with a key of auditor, ops or platform"
        raise Misused(f"{file} is not {whole}: {fault}") from None
    except NotGenuine as fault:
        raise Misused(f"--key: {fault}") from None
    wrong = [*came_to.findings, *(_compared(came_to, roots) if roots is not None else ())]
    if came_to.unproved and not wrong and (key is not None or roots is not None):
        wrong = [_unproved(came_to)]
    if json_wanted:
        as_json(plain(came_to) | {"findings": wrong})
    else:
        _tell(came_to, wrong, given=key is not None)
    raise typer.Exit(REFUSED if wrong else 0)


def _compared(came_to: Checked, roots: dict[int, str]) -> list[str]:
    if came_to.size not in roots:
        said = "has no checkpoint" if came_to.size is None else f"is proved from the checkpoint of {came_to.size}"
        return [f"the file {said}, and you kept {', '.join(map(str, roots)) or 'none'}: ask for it from one of those"]
    same = roots[came_to.size] == came_to.root
    return [] if same else [f"the checkpoint of {came_to.size} is not the one that you kept"]


def _unproved(came_to: Checked) -> str:
    first, last = came_to.proved + 1, came_to.proved + came_to.unproved
    which = f"version {first} is" if first == last else f"versions {first} to {last} are"
    return f"{which} proved by nothing: whoever had the file could have written what it says of them"


def _tell(came_to: Checked, wrong: list[str], *, given: bool) -> None:
    lines(*wrong)
    proved = f"{came_to.proved} of them proved from the checkpoint of {came_to.size}" if came_to.size else "none proved"
    lines(f"case {came_to.case_id}, {came_to.number}: {came_to.events} events, {proved}")
    if came_to.signed_by is not None:
        whose = "the key that you gave" if given else "the key in the file; compare it with one that you were given"
        lines(f"signed by {came_to.signed_by}, {whose}")
    lines(UNCHECKED)
    if wrong:
        lines(f"{len(wrong)} findings")
    else:
        lines(f"nothing is wrong; {_unproved(came_to)}" if came_to.unproved else "clean")
