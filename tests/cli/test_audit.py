"""`caselog audit verify` as it is typed: shared by processes, stopped and gone on with, reported and in exit codes."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from asyncio import to_thread
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from msgspec.structs import replace

from case_api.cli import checkpoints, main
from case_api.cli.auditors import State
from case_events.core.canonical import canonical, encode_hook
from case_events.core.values import CaseId, Instant, Party, Sha256
from case_events.ledger import policy_book
from case_events.ledger.audit import chosen
from case_events.ledger.audit.audit import Done, database
from case_events.ledger.audit.chosen import AFTER_ALL, Selection
from case_events.ledger.audit.digests import NOTHING, Digest
from case_events.ledger.database import open_ledger
from case_events.ledger.feed.sequencing import tick
from case_events.ledger.proving.checkpoints import Checkpoint, take
from case_events.proof import note
from tests import examples
from tests.commands import Ended
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, a_filing, one_of_each
from tests.ledger.tampering import tampered
from tests.serving import free_port

RUN_S = 60
GONE_S = 10
LAST = "(SELECT max(seq) FROM events)"
SMALL = "from case_events.ledger.audit import chosen; chosen.PARCEL_EVENTS = 4; "
"""Some dozen parcels of a few events, so that there is something to share."""
RUN = "from case_api.cli import main; main()"
STOP = (
    "import os, signal; from case_api.cli import auditors; auditors.SAVED_EVERY_S = 0; take = auditors.Course.take; "
    "auditors.Course.take = lambda self, number, verdict: "
    "(take(self, number, verdict), number == 4 and os.kill(os.getpid(), signal.{signal})); "
)
"""Ends the audit when the fifth parcel has come back; with two processes the first may still be under way."""


@pytest_asyncio.fixture(scope="module")
async def cases(module_database: Database) -> dict[str, CaseId]:
    ledger = await open_ledger(module_database.app, master_key=MASTER_KEY, calendar=examples.calendar())
    try:
        async with ledger.connection() as connection:
            await policy_book.keep(connection, examples.taobao_text())
        desk = Desk(ledger)
        made = await one_of_each(desk)
        made["other"] = await desk.filed(a_filing(respondent=Party(role="merchant", id="m-other")))
        return made
    finally:
        await ledger.close()


@pytest_asyncio.fixture
async def superuser(module_database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(module_database.superuser)
    yield connection
    await connection.close()


Typed = Callable[..., Ended]


@pytest.fixture
def environment(module_database: Database, cases: dict[str, CaseId], tmp_path: Path) -> dict[str, str]:
    """What the commands are told about where they are."""
    key = tmp_path / "master.key"
    key.write_bytes(base64.b64encode(MASTER_KEY))
    return {"CASELOG_DATABASE_URL": module_database.app, "CASELOG_MASTER_KEY_FILE": str(key)}


@pytest.fixture
def started(environment: dict[str, str], tmp_path: Path) -> Typed:
    """Types the command in a process of its own; ``first`` is done in it before."""
    inherited = {name: said for name, said in os.environ.items() if not name.startswith("CASELOG_")}

    def run(*words: str, first: str = "") -> Ended:
        command = (sys.executable, "-c", SMALL + first + RUN, "audit", "verify", *words)
        done = subprocess.run(
            command,
            env=inherited | environment,
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
            cwd=tmp_path,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def typed(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types the command in this process, which is sooner."""
    for name, said in environment.items():
        monkeypatch.setenv(name, said)
    monkeypatch.setattr(chosen, "PARCEL_EVENTS", 4)

    def run(*words: str) -> Ended:
        capsys.readouterr()
        command = words if words[:1] in {("checkpoint",), ("key",)} else ("verify", *words)
        monkeypatch.setattr(sys, "argv", ["caselog", "audit", *command])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run


def verdict(ended: Ended) -> Any:
    assert ended.code in {0, 1}, ended.err
    return ended.json()


def test_the_verdict_is_the_same_however_many_share_the_work(
    typed: Typed, started: Typed, cases: dict[str, CaseId], tmp_path: Path
) -> None:
    alone, shared = typed("--json", "--jobs", "1"), started("--json", "--jobs", "2", "--report", "verdict.json")
    assert (alone.code, shared.code, shared.err) == (0, 0, "")
    assert verdict(alone) == verdict(shared) == json.loads((tmp_path / "verdict.json").read_bytes())
    assert (verdict(alone)["cases"], verdict(alone)["findings"]) == (len(cases), [])
    told = typed("--jobs", "1").out
    assert told.startswith(f"{len(cases)} cases, {verdict(alone)['events']} events, 0 positions of the feed verified")
    assert told.endswith(": clean\n")


def test_only_some_cases_are_verified_when_they_are_named(typed: Typed, cases: dict[str, CaseId]) -> None:
    alone = ("--jobs", "1", "--json")
    two = ("--case", str(cases["ruled"]), "--case", str(cases["live"]))
    assert verdict(typed(*two, *alone))["cases"] == 2
    assert verdict(typed("--merchant", "m-other", *alone))["cases"] == 1
    assert verdict(typed("--merchant", "m-other", *two, *alone))["cases"] == 0
    assert verdict(typed("--since", "2999-01-01T00:00:00Z", *alone))["cases"] == 0
    assert verdict(typed("--since", "2020-01-01T00:00:00Z", *alone))["cases"] == len(cases)
    nobody = typed("--case", "00000000-0000-4000-8000-000000000000", *alone)
    assert (nobody.code, verdict(nobody)["findings"][0]["what"]) == (1, "nothing is kept of this case")


@pytest.mark.parametrize(
    "words", [("--since", "yesterday"), ("--case", "x"), ("--jobs", "0"), ("--report", "no/where")]
)
def test_what_cannot_be_understood_exits_2(typed: Typed, words: tuple[str, ...]) -> None:
    ended = typed(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err


@pytest.mark.parametrize(("number", "jobs"), [(signal.SIGKILL, 2), (signal.SIGINT, 1)])
async def test_what_ends_an_audit_in_the_middle_does_not_change_its_verdict(
    typed: Typed,
    started: Typed,
    cases: dict[str, CaseId],
    superuser: asyncpg.Connection,
    tmp_path: Path,
    number: signal.Signals,
    jobs: int,
) -> None:
    state = tmp_path / "state.json"
    resumed = ("--resume", str(state), "--json")
    told = ", ".join(f"'{case_id}'" for case_id in cases.values())
    forged = f"UPDATE events SET client = 'another' WHERE version = 1 AND case_id IN ({told})"  # noqa: S608
    async with tampered(superuser, forged, changes=len(cases)):
        whole = await asyncio.to_thread(typed, "--json", "--jobs", "1")
        assert len(verdict(whole)["findings"]) == len(cases)
        stopped = await asyncio.to_thread(started, *resumed, "--jobs", str(jobs), first=STOP.format(signal=number.name))
        assert (stopped.code, stopped.out) == (-9 if number == signal.SIGKILL else 130, "")
        done = json.loads(state.read_bytes())["done"]["verdict"]
        assert 2 - jobs <= done["cases"] < len(cases)
        await _all_gone(superuser)
        other = await asyncio.to_thread(typed, *resumed, "--merchant", "m-other")
        assert (other.code, "another audit" in other.err) == (2, True)
        again = await asyncio.to_thread(typed, *resumed, "--jobs", "1")
    assert verdict(again) == verdict(whole)
    assert again.code == 1
    assert not state.exists(), "the next one begins at the beginning"


async def _all_gone(superuser: asyncpg.Connection) -> None:
    """No process of an audit is left over: each has a connection."""
    end = time.monotonic() + GONE_S
    while time.monotonic() < end:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'caselog-audit'"
        if not await superuser.fetchval(asked):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("somebody still audits")


def test_a_file_that_holds_something_else_is_left_alone(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    file.write_text("[]", encoding="utf-8")
    refused = typed("--resume", str(file))
    assert (refused.code, file.read_text(encoding="utf-8")) == (2, "[]")
    assert "--resume" in refused.err


async def test_a_checkpoint_is_kept_line_by_line_and_verified_against(
    typed: Typed, module_database: Database, superuser: asyncpg.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "kept.ndjson"
    empty = await to_thread(typed, "checkpoint", str(file))
    assert (empty.code, empty.out) == (0, "there is no checkpoint yet: a scheduler takes one every few minutes\n")
    scheduler = await open_ledger(module_database.scheduler, master_key=MASTER_KEY, calendar=examples.calendar())
    try:
        head = (await tick(scheduler)).numbered
        async with scheduler.connection() as connection:
            assert await take(connection, scheduler.vault)
    finally:
        await scheduler.close()
    taken = (await to_thread(typed, "checkpoint", str(file), "--json")).json()
    assert (taken["size"], [json.loads(line) for line in file.read_text().splitlines()]) == (head, [taken])
    key = note.key_in((await to_thread(typed, "key")).out)
    assert note.read(taken["note"], key) == note.Root(size=head, root=bytes.fromhex(taken["root"]))
    again = await to_thread(typed, "checkpoint", str(file))
    assert (again.code, again.out) == (0, f"position {head}, taken {taken['taken_at']}: there is none newer yet\n")
    clean = (await to_thread(typed, "--checkpoints", str(file), "--json")).json()
    assert (clean["checkpoints"], clean["findings"]) == (1, [])
    async with tampered(superuser, f"UPDATE events SET hash = sha256(hash) WHERE seq = {LAST}"):  # noqa: S608
        found = await to_thread(typed, "--checkpoints", str(file))
    what = f"checkpoint of {head}, {taken['taken_at']}: positions 1 to {head} of the feed are not what they were"
    assert (found.code, f"position {head}: {what} when a checkpoint was taken" in found.out.splitlines()) == (1, True)
    file.write_text(json.dumps(taken | {"root": "00" * 32}))
    refused = await to_thread(typed, "checkpoint", str(file))
    assert (refused.code, "does not go on from this one" in refused.err) == (1, True), refused
    assert found.out.splitlines()[-1].split(": ")[0].endswith("1 checkpoints compared")


async def test_an_audit_is_gone_on_with_only_against_the_checkpoints_it_began_with(
    typed: Typed, superuser: asyncpg.Connection, tmp_path: Path
) -> None:
    """What the feed was is compared as the feed is read: of what was read before, nothing would be."""
    state, file = tmp_path / "state.json", tmp_path / "kept.ndjson"
    head: int = await superuser.fetchval("SELECT max(head) FROM feed_state")
    done = Done(after=AFTER_ALL, position=head)
    begun = State(database=await database(superuser), selection=Selection(), done=done)
    state.write_bytes(msgspec.json.encode(begun, enc_hook=encode_hook))
    one = Checkpoint(size=1, root=Sha256(NOTHING), note="", taken_at=Instant.of(examples.NOON))
    file.write_bytes(canonical(one))
    refused = await to_thread(typed, "--resume", str(state), "--checkpoints", str(file))
    assert (refused.code, "compared with other checkpoints" in refused.err, state.exists()) == (2, True, True), refused
    assert (await to_thread(typed, "--resume", str(state))).code == 0


def test_a_file_that_is_none_of_checkpoints_is_not_understood(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "kept.ndjson"
    assert typed("--checkpoints", str(file)).code == 2
    line = f'{{"position":2,"digest":"{"0" * 64}","taken_at":"2026-03-01T00:00:00Z"}}\n'
    none = line.replace('"position":2', '"position":0')
    rootless = line.replace("digest", "root").replace("position", "size").replace('"taken', '"note":"","taken')
    for content, why in (
        (line + "half", "line 2: no checkpoint"),
        (line + line, "line 2: its position is not behind"),
        (rootless.replace('0"', 'x"', 1), "line 1: no checkpoint"),
        (none, "line 1: its position is not behind"),
    ):
        file.write_text(content)
        for words in (("--checkpoints", str(file)), ("checkpoint", str(file))):
            ended = typed(*words)
            assert (ended.code, why in ended.err) == (2, True), ended.err
    file.write_text(line)
    ended = typed("--checkpoints", str(file), "--report", str(file))
    assert (ended.code, file.read_text()) == (2, line), "nor are they written over by a report"
    assert typed("checkpoint", str(tmp_path)).code == 2


def test_a_selection_that_chooses_nothing_is_no_proof(typed: Typed) -> None:
    ended = typed("--merchant", "m-mistyped")
    assert (ended.code, "nothing was verified" in ended.err) == (1, True), ended


def test_where_no_report_can_be_is_said_before_hours_of_work_and_a_verdict_is_told_all_the_same(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = typed("--jobs", "1", "--report", str(tmp_path))
    assert (ended.code, ended.out.endswith(": clean\n")) == (2, True), ended
    monkeypatch.setenv("CASELOG_DATABASE_URL", f"postgresql://x@127.0.0.1:{free_port()}/x")
    ended = typed("--report", "no/where")
    assert (ended.code, ended.out, "there is no folder no" in ended.err) == (2, "", True), ended


def test_a_checkpoint_stands_on_a_line_of_its_own(tmp_path: Path) -> None:
    file, at = tmp_path / "kept.ndjson", Instant.of(examples.NOON)
    file.write_bytes(canonical(Digest(position=1, digest=Sha256(NOTHING), taken_at=at)))  # some editors leave it so
    one = Checkpoint(size=2, root=Sha256(NOTHING), note="", taken_at=at)
    checkpoints.append(file, one)
    checkpoints.append(file, replace(one, size=3))
    assert [checkpoints.position(line) for line in checkpoints.read(file)] == [1, 2, 3]
