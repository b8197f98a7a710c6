"""`caselog reset`: an empty ledger in place of one that was played in; never in production."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from case_api.cli.outcomes import Silence
from case_api.cli.premises import CannotStart
from case_api.cli.printing import AsJson, as_json, lines, told

if TYPE_CHECKING:
    from case_api.evidence.store import EvidenceStore
    from case_api.settings import Settings
    from case_events.ledger.connection import Connection
    from case_events.ledger.resetting import Standing

CASES_AT_ONCE = 100
"""Whose files are removed together."""

Database = Annotated[
    str | None, typer.Argument(metavar="DATABASE", help="The database's name, as it is; without it nothing is wiped.")
]


def reset(database: Database = None, json_wanted: AsJson = False) -> None:
    """Wipe a database that was played in, with the owner's login, and make its tables anew. Not in production.

    Every case goes, with its files of evidence, and all else that was made since: keys, policies, webhooks, published
    days. The master key stays. Without the name it only tells what there is. Nothing of ours may run on it meanwhile.
    """
    from case_api.cli.reach import in_words, plain  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_api.settings import Settings  # noqa: PLC0415 - the same

    settings = Settings()
    if settings.env == "production":
        raise CannotStart("a record is not wiped in production")
    with in_words():
        was = asyncio.run(_done(settings, database))
    files = settings.evidence_url or str(settings.data_dir / "evidence")
    if json_wanted:
        as_json(plain(was) | {"files": files, "wiped": database is not None})
    else:
        lines(*_told(was, files, wiped=database is not None))


async def _done(settings: Settings, name: str | None) -> Standing:
    import asyncpg  # noqa: PLC0415 - `caselog --help` answers sooner without

    from case_api.cli import postgres  # noqa: PLC0415 - the same
    from case_api.cli.migrate import bring_to_head  # noqa: PLC0415 - the same
    from case_api.cli.reach import whereabouts  # noqa: PLC0415 - the same
    from case_events.ledger import resetting  # noqa: PLC0415 - the same

    async with whereabouts(settings, postgres.OWNER, alone=name is not None) as (url, _):
        connection = await resetting.connect(url)
        try:
            if name is None:
                return await resetting.look(connection)
            await resetting.hold(connection)
            was = await resetting.look(connection)
            _check(was, name)
            store = await _reached(settings)
            left = await resetting.wipe(connection, migrated=was.migrated)
            await _remove_files(store, connection, left)
        except resetting.NotReset as reason:
            raise CannotStart(f"nothing was wiped: {reason}") from None
        except resetting.NotNow as reason:
            raise Silence(f"nothing was wiped: {reason}; try again") from None
        except asyncpg.InsufficientPrivilegeError as fault:
            raise CannotStart(f"this is not the owner's login ({fault}); set CASELOG_MIGRATION_URL") from None
        finally:
            await connection.close()
        await asyncio.to_thread(bring_to_head, url)
        return was


def _check(was: Standing, name: str) -> None:
    from case_events.ledger.resetting import NotReset, in_use  # noqa: PLC0415 - `caselog --help` answers sooner without

    if name != was.database:
        raise NotReset(f"the database is {was.database}")
    if was.guarded:
        raise NotReset(_GUARDED)
    if was.others:
        raise NotReset(in_use(was.others))


_GUARDED = (
    "it has no valid development key, as none in production has one; "
    "where it is a sandbox, `caselog up` makes them, outside production"
)


async def _reached(settings: Settings) -> EvidenceStore:
    """The store of files; one that is away is found out while there is a record. Raises NotNow."""
    from case_api.evidence.store import configured  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_api.refusals.problems import Refused  # noqa: PLC0415 - the same
    from case_events.ledger.resetting import NotNow  # noqa: PLC0415 - the same

    store = configured(settings)
    try:
        await store.find(UUID(int=0), "")
    except Refused as away:
        raise NotNow(away.problem.detail) from None
    return store


async def _remove_files(store: EvidenceStore, connection: Connection, cases: int) -> None:
    """While there are no tables, nobody can bring a file under a case that was there. Raises Silence."""
    from case_api.refusals.problems import Refused  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_events.ledger import resetting  # noqa: PLC0415 - the same

    try:
        while some := await resetting.wiped(connection, CASES_AT_ONCE):
            await asyncio.gather(*(store.clear(case_id, ()) for case_id in some))
            await resetting.forget(connection, some)
            cases -= len(some)
        await resetting.finish(connection)
    except Refused as away:
        raise Silence(f"{_remain(cases)}: {away.problem.detail}") from None
    except asyncio.CancelledError:
        told(_remain(cases))
        raise


def _remain(cases: int) -> str:
    return f"the record is wiped, the files of up to {cases} cases are not; `caselog reset` with the same name goes on"


def _told(was: Standing, files: str, *, wiped: bool) -> Iterator[str]:
    yield f"database {was.database}: {was.cases} cases, {was.events} events" + (" wiped" if wiped else "")
    if was.unfinished:
        yield f"  the files of {was.unfinished} cases that were wiped before" + ("" if wiped else " are still to go")
    if wiped:
        yield "its tables are made anew; `caselog up` starts as on a new database"
        return
    if was.guarded:
        yield f"  it would be refused: {_GUARDED}"
    if was.others:
        yield f"  to be stopped first: {', '.join(was.others)}"
    yield f"nothing was wiped; `caselog reset {was.database}` does it, with keys, policies, webhooks,"
    yield f"and the files of evidence that lie under these cases in {files}"
