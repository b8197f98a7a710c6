"""For auditors over HTTP: a case's verdict, signed checkpoints and what they prove; and the file checked without us."""

from __future__ import annotations

import copy
import html
import json
import subprocess
import sys
from asyncio import to_thread
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from httpx import AsyncClient

from case_api.cli import checkpoints, main
from case_api.cli.verify import UNCHECKED
from case_api.dossier.checking import NoDossier, checked
from case_events.core.values import Instant, Sha256
from case_events.ledger.callers import keys
from case_events.ledger.database import Ledger
from case_events.ledger.proving.checkpoints import Checkpoint, take
from case_events.ledger.sealing import Vault
from case_events.proof import note
from case_events.proof.tree import continues, includes, leaf
from tests.api.house import APPEAL, REFUND, REFUSE, REJECT, House, filed, post
from tests.api.listening import number, sequencer
from tests.commands import Ended
from tests.ledger.tampering import tampered

CHECKPOINTS = "/v1/audit/checkpoints"
PROGRAM = Path(__file__).parents[2] / "examples" / "check_dossier.py"


@pytest_asyncio.fixture(scope="module")
async def case(house: House, storefront: AsyncClient, platform: AsyncClient) -> dict[str, Any]:
    """A case of six events that two checkpoints have, the first of them only four."""
    made = await filed(storefront)
    async with sequencer(house.database) as ledger:
        for client, body, judged in ((storefront, REFUSE, None), (platform, REJECT, '"3"')):
            assert (await post(client, made, body, **({"if_match": judged} if judged else {}))).status_code == 201
        await checkpoint(ledger)
        assert (await post(storefront, made, APPEAL)).status_code == 201
        assert (await post(platform, made, REFUND, if_match='"5"')).status_code == 201
        await filed(storefront)
        await checkpoint(ledger)
    return made


async def checkpoint(ledger: Ledger) -> None:
    await number(ledger)
    async with ledger.connection() as connection:
        assert await take(connection, ledger.vault)


@pytest_asyncio.fixture
async def auditor(house: House) -> AsyncClient:
    return house.caller("auditor")


async def got(auditor: AsyncClient, path: str, **query: Any) -> Any:
    answer = await auditor.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_case_is_verified_when_it_is_asked_for(auditor: AsyncClient, case: dict[str, Any]) -> None:
    said = await got(auditor, f"/v1/audit/cases/{case['case_id']}")
    newest = (await got(auditor, CHECKPOINTS))["items"][0]
    assert (said["case_id"], said["number"], said["clean"], said["findings"]) == (
        case["case_id"],
        case["number"],
        True,
        [],
    )
    assert (said["events"], said["proved"], said["checkpoint"]) == (6, 6, newest)


async def test_what_was_changed_is_found_at_its_version(
    house: House, auditor: AsyncClient, case: dict[str, Any]
) -> None:
    superuser = await asyncpg.connect(house.database.superuser)
    try:
        event = f"case_id = '{case['case_id']}' AND version = 4"
        async with tampered(superuser, f"UPDATE events SET hash = sha256(hash) WHERE {event}"):  # noqa: S608
            said = await got(auditor, f"/v1/audit/cases/{case['case_id']}")
    finally:
        await superuser.close()
    size = said["checkpoint"]["size"]
    assert (said["clean"], said["proved"]) == (False, 0)
    assert [(one["version"], one["what"]) for one in said["findings"]] == [
        (4, "the chain is broken: the envelope or the event before it was changed"),
        (5, "the chain is broken: the envelope or the event before it was changed"),
        (None, f"the checkpoint of {size} does not prove 6 of its events"),
    ]


async def test_checkpoints_are_listed_with_the_key_that_signed_them(auditor: AsyncClient, case: dict[str, Any]) -> None:
    first = await got(auditor, CHECKPOINTS, limit=1)
    second = await got(auditor, CHECKPOINTS, limit=1, cursor=first["next"])
    assert second["next"] is None
    key = note.key_in(first["key"])
    for page in (first, second):
        (one,) = page["items"]
        assert note.read(one["note"], key) == note.Root(size=one["size"], root=bytes.fromhex(one["root"]))
    assert first["items"][0]["size"] > second["items"][0]["size"]


async def test_an_event_of_the_feed_and_an_older_checkpoint_are_proved(
    auditor: AsyncClient, case: dict[str, Any]
) -> None:
    after, before = (await got(auditor, CHECKPOINTS))["items"]
    event = (await got(auditor, "/v1/events", after=2, limit=1))["items"][0]
    said = await got(auditor, f"{CHECKPOINTS}/{after['size']}", position=event["position"], since=before["size"])
    assert said["checkpoint"] == after
    root, size = bytes.fromhex(after["root"]), after["size"]
    path = [bytes.fromhex(one) for one in said["inclusion"]["path"]]
    assert includes(root, size, event["position"] - 1, leaf(bytes.fromhex(event["hash"])), path)
    path = [bytes.fromhex(one) for one in said["consistency"]["path"]]
    assert continues(bytes.fromhex(before["root"]), before["size"], root, size, path)
    plain = await got(auditor, f"{CHECKPOINTS}/{after['size']}")
    assert (plain["inclusion"], plain["consistency"]) == (None, None)


async def test_what_there_is_not_is_refused_by_name(auditor: AsyncClient, case: dict[str, Any]) -> None:
    size = (await got(auditor, CHECKPOINTS))["items"][0]["size"]
    for path in (f"{CHECKPOINTS}/{size + 1}", f"{CHECKPOINTS}/0", f"{CHECKPOINTS}/0{size}", f"{CHECKPOINTS}/x"):
        answer = await auditor.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    answer = await auditor.get(f"{CHECKPOINTS}/{size}", params={"position": size + 1, "since": 0, "x": 1})
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["?x", "?since", "?position"]
    answer = await auditor.get(
        f"/v1/audit/cases/{case['case_id']}", params={"format": "bundle", "checkpoint": size + 1}
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await auditor.get(CHECKPOINTS, params={"cursor": "AAAA"})).status_code == 422


async def test_no_proof_is_made_up_of_a_log_that_was_changed(
    house: House, auditor: AsyncClient, case: dict[str, Any]
) -> None:
    after = (await got(auditor, CHECKPOINTS))["items"][0]
    superuser = await asyncpg.connect(house.database.superuser)
    try:
        async with tampered(superuser, "DELETE FROM feed WHERE position = 3"):
            answer = await auditor.get(f"{CHECKPOINTS}/{after['size']}", params={"position": 1})
            verdict = await got(auditor, f"/v1/audit/cases/{case['case_id']}")
            bundle = await got(auditor, f"/v1/audit/cases/{case['case_id']}", format="bundle")
    finally:
        await superuser.close()
    assert (answer.status_code, answer.json()["code"]) == (500, "record_altered")
    assert "position 3 of the feed is missing" in [one["what"] for one in verdict["findings"]]
    assert bundle["checkpoint"] is None


async def test_a_limited_auditor_gets_no_file_that_says_more_than_they_may_read(
    house: House, case: dict[str, Any]
) -> None:
    async with house.app.state.door.ledger.connection() as connection:
        _, secret = await keys.create(connection, client="a", name="a", role="auditor", merchants=["m-1"])
        _, elsewhere = await keys.create(connection, client="a", name="b", role="auditor", merchants=["m-9"])
    path = f"/v1/audit/cases/{case['case_id']}"
    said = await got(house.with_key(secret), path, format="bundle")
    assert all("envelope" not in link and "payload" not in link for link in said["chain"])
    for query in ({}, {"format": "bundle"}):
        assert (await house.with_key(elsewhere).get(path, params=query)).status_code == 404


@pytest_asyncio.fixture
async def bundle(auditor: AsyncClient, case: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = await got(auditor, f"/v1/audit/cases/{case['case_id']}", format="bundle")
    return said


def findings(said: dict[str, Any], key: str | None = None) -> tuple[str, ...]:
    return checked(json.dumps(said).encode(), key).findings


async def test_the_file_is_checked_with_nothing_else(
    auditor: AsyncClient, case: dict[str, Any], bundle: dict[str, Any]
) -> None:
    came_to = checked(json.dumps(bundle).encode())
    newest = (await got(auditor, CHECKPOINTS))["items"][0]
    assert (came_to.findings, came_to.events, came_to.proved, came_to.size) == ((), 6, 6, newest["size"])
    assert findings(bundle, bundle["checkpoint"]["key"]) == ()


async def test_the_dossier_of_anybody_who_may_read_it_whole_is_checked_likewise(
    house: House, storefront: AsyncClient, case: dict[str, Any]
) -> None:
    path = f"/v1/cases/{case['case_id']}/dossier"
    assert findings(await got(house.caller("ops"), path)) == ()
    with pytest.raises(NoDossier):
        findings(await got(storefront, path))


async def test_a_printed_dossier_says_which_checkpoint_it_is_proved_from(
    house: House, case: dict[str, Any], bundle: dict[str, Any]
) -> None:
    answer = await house.caller("ops").get(f"/v1/cases/{case['case_id']}/dossier", params={"format": "html"})
    for one in ("root", "key"):
        assert html.escape(bundle["checkpoint"][one]) in answer.text


async def test_it_is_proved_from_a_checkpoint_that_somebody_kept(auditor: AsyncClient, case: dict[str, Any]) -> None:
    _, before = (await got(auditor, CHECKPOINTS))["items"]
    said = await got(auditor, f"/v1/audit/cases/{case['case_id']}", format="bundle", checkpoint=before["size"])
    came_to = checked(json.dumps(said).encode())
    assert (came_to.findings, came_to.events, came_to.proved, came_to.size) == ((), 6, 4, before["size"])


LIES: dict[str, tuple[str, Any, str]] = {
    # What is said otherwise, where, and what is found.
    "an amount": ("amount.amount", 1, "amount does not follow from the events"),
    "a status": ("status.word", "closed", "status does not follow from the events"),
    "an outcome": ("outcome.word", "rejected", "outcome does not follow from the events"),
    "a ruling's sum": ("rulings.1.owed.amount", 1, "rulings does not follow from the events"),
    "a ruling's verdict": ("rulings.0.verdict.word", "upheld", "rulings does not follow from the events"),
    "when it was recorded": (
        "history.1.recorded_at",
        "2026-01-01T00:00:00.000000Z",
        "history does not follow from the events",
    ),
    "a file": ("evidence.0.evidence.sha256", "0" * 64, "evidence does not follow from the events"),
    "whose file it is": ("evidence.0.evidence.by", "respondent", "evidence does not follow from the events"),
    "what a file is": ("evidence.0.evidence.kind", "receipt", "evidence does not follow from the events"),
    "that a file counts": ("evidence.0.evidence.rejected", True, "evidence does not follow from the events"),
    "what was paid": ("order.paid.amount", 1, "order does not follow from the events"),
    "what was bought": ("order.goods.0.title", "x", "order does not follow from the events"),
    "a reason": ("reason.word", "x", "reason does not follow from the events"),
    "a party": ("parties.1.role", "carrier", "parties does not follow from the events"),
    "a party without a name": ("parties.1.id", 1, "parties does not follow from the events"),
    "a result from outside": ("outside", [{"authority": "court"}], "outside does not follow from the events"),
    "a deadline": ("deadlines.0.due_at", "2026-01-01T00:00:00.000000Z", "deadlines does not follow from the events"),
    "what a ruling weighed": ("rulings.0.evidence", ["0" * 64], "rulings does not follow from the events"),
    "who did it, told": ("history.1.entry.by", "platform", "history does not follow from the events"),
    "since when it holds": (
        "history.0.entry.at",
        "2026-01-01T00:00:00.000000Z",
        "history does not follow from the events",
    ),
    "what was promised": (
        "history.0.entry.clocks.0.due_at",
        "2026-01-01T00:00:00.000000Z",
        "history does not follow from the events",
    ),
    "no status": ("status", {}, "status does not follow from the events"),
    "an event more": ("version", 7, "history does not follow from the events"),
    "more events than anybody counts": ("version", 2**53, "history does not follow from the events"),
    "a policy": ("policy.version", "1", "policy does not follow from the events"),
    "a payload": ("chain.0.payload", "{}", "version 1: the payload is not the one that was hashed"),
    "who did it": (
        "chain.1.envelope.client",
        "x",
        "version 2: the chain is broken: the envelope or the event before it was changed",
    ),
    "a hash": (
        "chain.2.hash",
        "0" * 64,
        "version 3: the chain is broken: the envelope or the event before it was changed",
    ),
    "a proof": ("chain.2.path.0", "0" * 64, "version 3: not in the checkpoint of"),
    "no proof": ("chain.2.path", None, "version 3: not in the checkpoint of"),
    "no proof of hex": ("chain.2.path.0", "x", "version 3: not in the checkpoint of"),
    "a root": ("checkpoint.root", "0" * 64, "the checkpoint's note says something else than the checkpoint"),
    "a note": ("checkpoint.note", "x", "the checkpoint: not a checkpoint"),
    "a version": ("chain.3.version", 9, "version 4 is missing, or of another case"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_whatever_is_said_otherwise_is_found(bundle: dict[str, Any], lie: str) -> None:
    said = findings(lied(bundle, lie))
    assert any(one.startswith(LIES[lie][2]) for one in said), said


def lied(bundle: dict[str, Any], lie: str) -> dict[str, Any]:
    """The file with one thing said otherwise."""
    where, what, _ = LIES[lie]
    said = copy.deepcopy(bundle)
    *path, last = (int(one) if one.isdigit() else one for one in where.split("."))
    place: Any = said
    for one in path:
        place = place[one]
    assert place[last] != what
    place[last] = what
    return said


async def test_a_history_that_was_cut_short_or_signed_by_somebody_else_is_found(bundle: dict[str, Any]) -> None:
    short = bundle | {"chain": bundle["chain"][:-1], "history": bundle["history"][:-1], "version": 5}
    assert "status does not follow from the events" in findings(short)
    assert findings(bundle | {"chain": []})[0] == "there are no events"
    stranger = Vault(bytes(32))
    assert findings(bundle, note.spelled(stranger.verifying)) == ("the checkpoint: it is not signed with this key",)
    root = note.Root(size=bundle["checkpoint"]["size"], root=bytes.fromhex(bundle["checkpoint"]["root"]))
    theirs = note.signed(root, stranger.verifying, stranger.sign)
    forged = bundle | {"checkpoint": bundle["checkpoint"] | {"note": theirs}}
    assert findings(forged) == ("the checkpoint: it is not signed with this key",)


async def test_nothing_hides_behind_a_timeout_that_had_run_out_and_was_not_recorded(bundle: dict[str, Any]) -> None:
    lapsed = bundle["history"][-1] | {"entry": bundle["history"][-1]["entry"] | {"version": 7}, "recorded_at": None}
    shown = bundle | {"version": 7, "history": [*bundle["history"], lapsed]}
    closed = shown | {"status": bundle["status"] | {"word": "closed"}, "deadlines": []}
    came_to = checked(json.dumps(closed).encode())
    assert (came_to.findings, came_to.proved, came_to.unproved) == ((), 6, 1), "it may have, and that is said"
    assert findings(shown | {"demand": "x", "number": "x", "rulings": []}) == (
        "number does not follow from the events",
        "demand does not follow from the events",
        "rulings does not follow from the events",
    )
    recorded = shown | {"history": [*bundle["history"], lapsed | {"recorded_at": bundle["made_at"]}]}
    assert findings(recorded) == ("history does not follow from the events",)


async def test_who_signed_is_not_said_of_what_they_did_not_sign(bundle: dict[str, Any]) -> None:
    stranger = note.spelled(Vault(bytes(32)).verifying)
    came_to = checked(json.dumps(bundle).encode(), stranger)
    assert (came_to.signed_by, came_to.proved, came_to.unproved) == (None, 0, 6)


async def test_what_is_no_dossier_is_not_taken_for_one(bundle: dict[str, Any]) -> None:
    twice = json.dumps(bundle).replace('"demand":', '"demand": "x", "demand":', 1).encode()
    deep = json.dumps(bundle)[:-1].encode() + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for said in (b"", b"{}", b"[]", json.dumps(bundle | {"chain": [{}]}).encode(), twice, deep):
        with pytest.raises(NoDossier):
            checked(said)
    with pytest.raises(note.NotGenuine):
        findings(bundle, "no key")


@pytest.fixture
def typed(
    bundle: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Types `caselog verify` with the file, which is put away here."""
    (tmp_path / "case.json").write_text(json.dumps(bundle))
    monkeypatch.chdir(tmp_path)

    def run(*words: str, file: str = "case.json") -> Ended:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["caselog", "verify", file, *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run


async def test_typed_it_says_what_was_proved_and_by_whose_signature(
    typed: Callable[..., Ended], bundle: dict[str, Any], tmp_path: Path
) -> None:
    clean, key, size = typed(), bundle["checkpoint"]["key"], bundle["checkpoint"]["size"]
    assert (clean.code, clean.out.splitlines()) == (
        0,
        [
            f"case {bundle['case_id']}, {bundle['number']}: 6 events, 6 of them proved from the checkpoint of {size}",
            f"signed by {key}, the key in the file; compare it with one that you were given",
            UNCHECKED,
            "clean",
        ],
    )
    assert f"signed by {key}, the key that you gave" in typed("--key", key).out
    assert json.loads(typed("--json").out)["findings"] == []
    (tmp_path / "case.json").write_text(json.dumps(bundle | {"demand": "nothing"}))
    wrong = typed()
    assert (wrong.code, wrong.out.splitlines()[0]) == (1, "demand does not follow from the events")
    assert json.loads(typed("--json").out)["findings"] == ["demand does not follow from the events"]


async def test_typed_a_history_that_nothing_proves_is_not_called_clean(
    typed: Callable[..., Ended], bundle: dict[str, Any], tmp_path: Path
) -> None:
    """Anybody can chain what they made up: a chain has no key."""
    key = bundle["checkpoint"]["key"]
    young = {"chain": unplaced(bundle, 4)}
    for said, which in (({"checkpoint": None}, "versions 1 to 6 are"), (young, "versions 5 to 6 are")):
        (tmp_path / "case.json").write_text(json.dumps(bundle | said))
        why = f"{which} proved by nothing: whoever had the file could have written what it says of them"
        plain, asked = typed(), typed("--key", key)
        assert (plain.code, plain.out.splitlines()[-1]) == (0, f"nothing is wrong; {why}")
        assert (asked.code, asked.out.splitlines()[0], asked.out.splitlines()[-1]) == (1, why, "1 findings")


async def test_typed_it_compares_the_checkpoint_with_those_that_were_kept(
    typed: Callable[..., Ended], bundle: dict[str, Any], tmp_path: Path
) -> None:
    one, file = bundle["checkpoint"], tmp_path / "kept.ndjson"
    at = Instant.parse(one["taken_at"])
    line = Checkpoint(size=one["size"], root=Sha256(one["root"]), note=one["note"], taken_at=at)
    checkpoints.append(file, line)
    assert typed("--checkpoints", "kept.ndjson").code == 0
    file.unlink()
    checkpoints.append(file, Checkpoint(size=one["size"], root=Sha256("0" * 64), note=one["note"], taken_at=at))
    other = typed("--checkpoints", "kept.ndjson")
    assert (other.code, other.out.splitlines()[0]) == (
        1,
        f"the checkpoint of {one['size']} is not the one that you kept",
    )
    file.unlink()
    checkpoints.append(file, Checkpoint(size=2, root=Sha256("0" * 64), note=one["note"], taken_at=at))
    none = typed("--checkpoints", "kept.ndjson")
    said = f"the file is proved from the checkpoint of {one['size']}, and you kept 2: ask for it from one of those"
    assert (none.code, none.out.splitlines()[0]) == (1, said)


async def test_typed_with_what_cannot_be_understood_it_says_so(typed: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    for ended in (
        typed(file="missing.json"),
        typed(file="other.json"),
        typed("--key", "x"),
        typed("--checkpoints", "missing.ndjson"),
    ):
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1), ended


async def test_a_program_with_nothing_of_ours_comes_to_the_same(
    auditor: AsyncClient, case: dict[str, Any], bundle: dict[str, Any], tmp_path: Path
) -> None:
    _, before = (await got(auditor, CHECKPOINTS))["items"]
    older = await got(auditor, f"/v1/audit/cases/{case['case_id']}", format="bundle", checkpoint=before["size"])
    for said, told in (
        (bundle, "6 events, each chained to the one before, 6 of them in the log\n"),
        (older, "6 events, each chained to the one before, 4 of them in the log\n"),
    ):
        assert await to_thread(checked_by_others, said, tmp_path) == (0, told, "")
    for lie in ("a payload", "who did it", "a hash", "a proof", "no proof"):
        code, _, why = await to_thread(checked_by_others, lied(bundle, lie), tmp_path)
        assert (code, len(why.splitlines())) == (1, 1), (lie, why)
    key = bundle["checkpoint"]["key"]
    for said, why in (
        (older, "nothing proves what is after version 4\n"),
        (bundle | {"checkpoint": None, "chain": unplaced(bundle)}, "nothing proves what is after version 0\n"),
        (moved(bundle, 0), "version 1 is nowhere\n"),
        (moved(bundle, 1.5), "version 1 is nowhere\n"),
    ):
        assert await to_thread(checked_by_others, said, tmp_path, key) == (1, "", why)
    stranger = note.spelled(Vault(bytes(32)).verifying)
    assert await to_thread(checked_by_others, bundle, tmp_path, stranger) == (
        1,
        "",
        "the checkpoint is of another log\n",
    )


def unplaced(bundle: dict[str, Any], after: int = 0) -> list[dict[str, Any]]:
    """Its chain, from a version on with no place in the feed."""
    return [link | ({"position": None, "path": None} if link["version"] > after else {}) for link in bundle["chain"]]


def moved(bundle: dict[str, Any], position: float) -> dict[str, Any]:
    first, *others = bundle["chain"]
    return bundle | {"chain": [first | {"position": position}, *others]}


def checked_by_others(said: dict[str, Any], folder: Path, *key: str) -> tuple[int, str, str]:
    file = folder / "case.json"
    file.write_text(json.dumps(said), encoding="utf-8")
    # -I: not even what is installed beside it is found by a path of ours.
    command = (sys.executable, "-I", str(PROGRAM), str(file), *key)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr
