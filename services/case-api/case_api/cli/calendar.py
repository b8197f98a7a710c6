"""`caselog calendar`: the published days, next year's once its notice is out, and the deadlines that waited for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from case_api.cli import words
from case_api.cli.outcomes import REFUSED, Misused
from case_api.cli.printing import AsJson, as_json, lines, refused, table

if TYPE_CHECKING:
    from case_events.core.calendar import PublishedYear
    from case_events.ledger.clock.calendars import Loading
    from case_events.ledger.clock.provisional import Confirmation
    from case_events.ledger.connection import Connection
    from case_events.ledger.database import Ledger

WHO = "caselog calendar"
"""Who loaded it, in the record, where it was done here and not through the API."""
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")]

calendar = typer.Typer(help="The published days that working days are counted by.", no_args_is_help=True)


@calendar.callback()
def group() -> None:
    """The published days that working days are counted by."""


@calendar.command("show")
def show(
    year: Annotated[int | None, typer.Argument(help="One year, day by day.", metavar="YEAR")] = None,
    json_wanted: AsJson = False,
) -> None:
    """How far the published days reach and what waits for more; or the days of one year."""
    from case_api.cli.reach import plain, with_ledger  # noqa: PLC0415 - `caselog --help` answers sooner without

    async def work(ledger: Ledger, _: Connection) -> dict[str, Any]:
        from case_events.ledger.clock import calendars  # noqa: PLC0415 - `caselog --help` answers sooner without
        from case_events.policies.working_days import release  # noqa: PLC0415 - the same

        known = await calendars.refresh(ledger)
        covered, editions = await calendars.coverage(ledger), await calendars.editions(ledger)
        told: dict[str, Any] = {**plain(covered), "release": release(), "editions": [plain(one) for one in editions]}
        if year is not None:
            rest, worked = (sorted(day for day in days if day.year == year) for days in (known.rest, known.work))
            told = {
                "year": year,
                "published": known.known_from.year <= year <= known.known_until.year,
                "rest": [f"{day}" for day in rest],
                "work": [f"{day}" for day in worked],
                "editions": [one for one in told["editions"] if one["year"] == year],
            }
        return told

    said = with_ledger(work)
    if json_wanted:
        as_json(said)
    elif year is None:
        _coverage(said)
    else:
        lines(f"{year}: {'published' if said['published'] else 'not published: its days are guessed from the law'}")
        lines(f"  off:    {' '.join(said['rest']) or words.NONE}", f"  worked: {' '.join(said['work']) or words.NONE}")
        _editions(said["editions"])


@calendar.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="The notice as it was published, or TOML.", metavar="FILE")],
    source: Annotated[str | None, typer.Option(help="Where it stands; a notice and TOML say so themselves.")] = None,
    dry_run: DryRun = False,
    json_wanted: AsJson = False,
) -> None:
    """Load a year's published days; what is known so already changes nothing. Every process goes by them in a minute.

    With --dry-run it tells which deadlines would be confirmed, and when each would be due.
    """
    from case_api.cli.reach import plain, with_ledger  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.clock.calendars import NotTaken  # noqa: PLC0415 - the same

    year = _read(file, source, json_wanted=json_wanted)

    async def work(ledger: Ledger, _: Connection) -> tuple[Loading, Confirmation | None]:
        from case_events.ledger.clock import calendars, provisional  # noqa: PLC0415 - the same

        loading = await calendars.load(ledger, year, WHO, dry_run=dry_run)
        return loading, await provisional.foresee(ledger, year) if dry_run else None

    try:
        loading, foreseen = with_ledger(work)
    except NotTaken as gap:
        refused(str(gap))
        raise typer.Exit(REFUSED) from None
    if json_wanted:
        as_json({"year": year.year, "dry_run": dry_run, **plain(loading), "foreseen": plain(foreseen)})
    else:
        lines(*_loaded(year, loading, dry_run=dry_run), *(_confirmed(foreseen) if foreseen else ()))


@calendar.command("correct")
def correct(dry_run: DryRun = False, json_wanted: AsJson = False) -> None:
    """Confirm the provisional deadlines whose days are published, each on record; never earlier than promised.

    The schedulers do this by themselves every hour.
    """
    from case_api.cli.reach import plain, with_ledger  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger.clock import provisional  # noqa: PLC0415 - the same

    done = with_ledger(lambda ledger, _: provisional.correct(ledger, dry_run=dry_run, who=WHO))
    if json_wanted:
        as_json(plain(done))
    else:
        lines(*_confirmed(done))


def _read(file: Path, source: str | None, *, json_wanted: bool) -> PublishedYear:
    """The year in the file; one that is not sound ends the command, with every fault said."""
    from case_events.policies import published_days  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.shape import Misshapen  # noqa: PLC0415 - the same

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise Misused(f"{file} cannot be read: {fault}") from None
    try:
        return published_days.read(text, source)
    except Misshapen as fault:
        found = [{"pointer": one.pointer, "detail": one.detail} for one in fault.faults]
    if json_wanted:
        as_json({"file": str(file), "faults": found})
    refused(f"{file}: {len(found)} fault{'s' if len(found) > 1 else ''}")
    told = (": ".join(filter(None, (one["pointer"][1:], one["detail"]))) for one in found)
    refused(*(f"{file}: {line}" for line in told), named=False)
    raise typer.Exit(REFUSED)


def _loaded(year: PublishedYear, loading: Loading, *, dry_run: bool) -> Iterator[str]:
    if not loading.changes and loading.edition is None:
        yield f"{year.year}: nothing changes, its days are known so"
        return
    would = "would be " if dry_run else ""
    edition = f"edition {loading.edition.edition} of " if loading.edition else ""
    yield f"{edition}{year.year} {would}loaded, by {year.source}; days are known until {loading.known_until}"
    for name, days in (("off", loading.new_rest), ("worked", loading.new_work)):
        if days:
            yield f"  {name} from now on: {' '.join(map(str, days))}"


def _confirmed(done: Confirmation) -> Iterator[str]:
    would = "would be " if done.dry_run else ""
    same = done.same + done.earlier
    yield f"deadlines {would}moved later: {done.later}"
    yield f"{would}confirmed where they stand: {same}, of which {done.earlier} are earlier by the published days"
    yield f"need a look: {done.look}"
    for tally in done.by:
        counts = {name: getattr(tally, name) for name in ("later", "same", "earlier", "unknown", "look", "busy")}
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        yield f"  {tally.kind} on {tally.marketplace}: {told}"
    for one in done.moved:
        becomes = one.becomes.rfc3339() if one.becomes else ""
        yield f"  case {one.case_id}: {one.kind} from {one.was.rfc3339()} to {becomes}"
    for one in done.looks:
        yield f"  look at case {one.case_id}: {one.kind} until {one.was.rfc3339()}: {one.why}"
    if not done.whole:
        yield "not everything was looked at; the same again goes on"


def _coverage(said: dict[str, Any]) -> None:
    lines(f"days are published until {said['last_day']}, {said['days_left']} days from today")
    lines(f"{said['provisional']} deadlines are provisional, the nearest until {words.instant(said['nearest_due_at'])}")
    lines(f"what nobody loaded is from {said['release']}")
    _editions(said["editions"])


def _editions(editions: list[dict[str, Any]]) -> None:
    if editions:
        rows = [
            (one["year"], one["edition"], one["source"], one["loaded_by"], words.instant(one["loaded_at"]))
            for one in editions
        ]
        table(("year", "edition", "source", "loaded by", "loaded at"), rows)
