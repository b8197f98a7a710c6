"""`caselog import` as an operator types it: a file of lines, a report, a kill in the middle, and the same again."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from case_api.cli.import_ import import_history
from case_api.cli.outcomes import Misused
from case_api.cli.prepare import prepare
from case_api.ingestion.history import LINE_MAX
from case_events.core.commands import POSTED_NAMES, File, Posted
from case_events.policies.published_days import read
from tests import examples
from tests.api.house import plain
from tests.cli.desk import COMMAND, RUN_S
from tests.commands import Ended, typed
from tests.conftest import Database, MakeDatabase
from tests.landed import keep_landed
from tests.ledger.history import DAY, HOUR, at, filing
from tests.notices import notice

MASTER_KEY = base64.b64encode(bytes(range(32)))
KILL_AFTER = 150
"""Events that are there before the importer is killed."""
CASES = 250
SAME_IN_EVERY_RUN = """
SELECT case_id, version, event_id, type, occurred_at, effective_at, who, agent, client, correlation, causation, asked
FROM events ORDER BY case_id, version
"""
READ_MODEL = "SELECT (to_jsonb(c) - 'number')::text FROM cases c ORDER BY case_id"
CLOCKS = "SELECT case_id, kind, party, set_by, due_at, next_try_at FROM deadlines ORDER BY 1, 2, 3, 4"


@dataclass(frozen=True)
class Importer:
    """Someone at a terminal who may reach a database of their own."""

    database: Database
    environment: Mapping[str, str]

    def types(self, *words: str) -> Ended:
        return typed(*words, environment=self.environment, within_s=RUN_S)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.database.superuser)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    async def count(self) -> int:
        return int((await self.rows("SELECT count(*) FROM events"))[0][0])


async def importer(make_database: MakeDatabase, folder: Path) -> Importer:
    database = await make_database()
    await prepare(database.app, development_keys=False)
    await keep_landed(database.app)
    key = folder / "master.key"
    key.write_bytes(MASTER_KEY)
    kept = {name: said for name, said in os.environ.items() if not name.startswith("CASELOG_")}
    ours = {"CASELOG_DATABASE_URL": database.app, "CASELOG_MASTER_KEY_FILE": str(key), "CASELOG_DATA_DIR": str(folder)}
    return Importer(database, {**kept, **ours})


@pytest_asyncio.fixture
async def desk(make_database: MakeDatabase, tmp_path: Path) -> Importer:
    return await importer(make_database, tmp_path)


def filed(ref: str, complaint: File | None = None, **said: Any) -> dict[str, Any]:
    return {"id": ref, "occurred_at": at(0 * HOUR).rfc3339(), **plain(complaint or filing(f"order {ref}")), **said}


def happened(ref: str, after: Any, command: Posted, actor: Any = None, **said: Any) -> dict[str, Any]:
    body = {"case_ref": ref, "type": POSTED_NAMES[type(command)], "data": plain(command)}
    return {**body, "occurred_at": at(after).rfc3339()} | ({"actor": plain(actor)} if actor else {}) | said


def lives(cases: int) -> Iterator[dict[str, Any]]:
    """Cases one after the other, and every third mixed with its neighbour; each is replied to, ruled on, appealed."""
    for number in range(cases):
        ref = f"case {number}"
        yield filed(ref)
        yield happened(ref, HOUR, examples.REFUSE, examples.MERCHANT, id=f"{number}-1")
        yield happened(ref, 2 * DAY, examples.REJECT)
        if number % 3:
            yield happened(ref, 3 * DAY, examples.APPEAL, examples.BUYER)
            yield happened(ref, 4 * DAY, examples.NOTE)


def written(folder: Path, lines: Sequence[Any]) -> str:
    file = folder / "history.ndjson"
    text = "".join((line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines)
    file.write_text(text, encoding="utf-8")
    return str(file)


async def test_a_history_is_recorded_and_every_refused_line_is_reported(desk: Importer, tmp_path: Path) -> None:
    lines = [
        filed("a"),
        happened("a", HOUR, examples.OFFER, examples.MERCHANT),
        "{",
        happened("a", 2 * HOUR, examples.AGREE),
        {**happened("a", 3 * DAY, examples.NOTE), "type": "merchant_response_timed_out", "id": "old timeout"},
        happened("b", HOUR, examples.NOTE, id="nobody's"),
        "",
        filed("c", occurred_at=None),
        filed("d", demand="the moon", surprise=1),
        happened("a", HOUR / 2, examples.NOTE),
        happened("a", 4 * DAY, examples.NOTE),
    ]
    report = tmp_path / "refused.ndjson"
    done = desk.types("import", written(tmp_path, lines), "--source", "old", "--report", str(report), "--json")
    assert done.code == 1, done.err
    said = done.json()
    assert (said["lines"], said["recorded"], said["refused"]) == (10, 3, 7)
    refused = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    codes = {one["line"]: one["problem"]["code"] for one in refused}
    assert codes == {
        3: "malformed",
        4: "forbidden",
        5: "forbidden",
        6: "not_found",
        8: "invalid",
        9: "invalid",
        10: "invalid",
    }
    assert refused[3] == refused[3] | {"id": "nobody's", "case_ref": "b"}
    assert "clocks record it themselves" in refused[2]["problem"]["detail"]
    assert {fault["pointer"] for fault in refused[5]["problem"]["errors"]} >= {"/surprise"}
    events = await desk.rows("SELECT type, client FROM events ORDER BY version")
    assert {client for _, client in events} == {"import:old"}
    assert [name for name, _ in events] == ["filed", "merchant_replied", "noted"], "answered in time: none ran out"
    verified = desk.types("audit", "verify", "--json")
    assert verified.code == 0, verified.out


async def test_a_dry_run_judges_every_line_and_keeps_nothing(desk: Importer, tmp_path: Path) -> None:
    file = written(tmp_path, [*lives(3), happened("case 0", 31 * DAY, examples.AGREE, examples.MERCHANT)])
    done = desk.types("import", file, "--source", "old", "--dry-run")
    assert done.code == 1, done.err
    assert "13 recorded, 0 known, 1 refused" in done.out
    assert "nothing was kept" in done.out
    assert await desk.count() == 0


async def test_what_ran_out_while_the_file_was_watching_did_so_in_its_time(desk: Importer, tmp_path: Path) -> None:
    file = written(tmp_path, [filed("a"), json.dumps({"id": "long", "description": "x" * LINE_MAX}), filed("c")])
    report, timeouts = tmp_path / "refused.ndjson", "SELECT type, client, effective_at, recorded_at > effective_at"
    first = desk.types("import", file, "--source", "old", "--report", str(report), "--json").json()
    assert (first["lines"], first["recorded"], first["refused"]) == (3, 2, 1)
    (refused,) = (json.loads(line) for line in report.read_text(encoding="utf-8").splitlines())
    assert (refused["line"], refused["problem"]["code"]) == (2, "too_large")
    assert {row[0] for row in await desk.rows(f"{timeouts} FROM events")} == {"filed"}
    until = at(80 * HOUR).rfc3339()
    again = desk.types("import", file, "--source", "old", "--watched-until", until, "--json").json()
    assert (again["recorded"], again["known"], again["events"] > 0) == (0, 2, True)
    ran_out = await desk.rows(f"{timeouts} FROM events WHERE type = 'merchant_response_timed_out'")
    assert ran_out == [("merchant_response_timed_out", "import:old", at(72 * HOUR + examples.TICK), True)] * 2
    assert desk.types("audit", "verify").code == 0


async def test_days_are_counted_by_the_calendar_that_was_loaded(desk: Importer, tmp_path: Path) -> None:
    def life(ref: str) -> list[dict[str, Any]]:
        return [filed(ref), happened(ref, HOUR, examples.REFUSE, examples.MERCHANT)]

    known = read(notice(2026))
    rest, work = ([day.isoformat() for day in days] for days in ((*known.rest, date(2026, 3, 3)), known.work))
    edition = tmp_path / "2026.toml"
    edition.write_text(f'year = 2026\nsource = "x"\nrest = [{", ".join(rest)}]\nwork = [{", ".join(work)}]\n')
    assert desk.types("import", written(tmp_path, life("before")), "--source", "old").code == 0
    assert desk.types("calendar", "load", str(edition)).code == 0
    assert desk.types("import", written(tmp_path, life("after")), "--source", "old").code == 0
    before, after = await desk.rows("SELECT due_at FROM deadlines WHERE kind = 'ruling' ORDER BY due_at")
    assert after[0] - before[0] == DAY, "the day that is off now"


async def test_killed_in_the_middle_and_run_again_it_records_what_one_run_does(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    whole, killed = [await importer(make_database, tmp_path) for _ in range(2)]
    words = ("import", written(tmp_path, list(lives(CASES))), "--source", "old")
    once = whole.types(*words)
    assert once.code == 0, once.err
    every = await whole.count()
    assert await _killed(killed, words) < every
    again = killed.types(*words, "--json")
    assert again.code == 0, again.err
    assert again.json()["known"] > 0
    for sql in (SAME_IN_EVERY_RUN, READ_MODEL, CLOCKS):
        assert await killed.rows(sql) == await whole.rows(sql)
    third = killed.types(*words, "--json")
    assert (third.json()["recorded"], third.json()["known"]) == (0, third.json()["lines"])
    assert await killed.count() == every


async def _killed(desk: Importer, words: tuple[str, ...]) -> int:
    """Start it, kill it when some of it is there; how many events are."""
    process = subprocess.Popen((*COMMAND, *words), env=desk.environment, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    until = time.monotonic() + RUN_S
    while time.monotonic() < until and await desk.count() < KILL_AFTER:
        assert process.poll() is None, "it ended before it could be killed"
    process.kill()
    process.wait(RUN_S)
    return await desk.count()


def test_the_file_that_is_read_is_not_written_over_by_its_report(tmp_path: Path) -> None:
    file = Path(written(tmp_path, [filed("a")]))
    said = file.read_bytes()
    (link := tmp_path / "link").symlink_to(file)
    for report in (file, link, tmp_path / "." / file.name):
        with pytest.raises(Misused, match="--report"):
            import_history(file, source="old", report=report)
        assert file.read_bytes() == said


@pytest.mark.parametrize(
    "said",
    [{"source": ""}, {"source": "a\nb"}, {"watched_until": "yesterday"}, {"report": Path("/nowhere/at/all")}],
    ids=["no name", "two lines", "no instant", "no folder"],
)
def test_what_cannot_be_understood_is_said_before_anything_is_recorded(tmp_path: Path, said: dict[str, Any]) -> None:
    with pytest.raises(Misused):
        import_history(Path(written(tmp_path, [filed("a")])), **({"source": "old"} | said))
