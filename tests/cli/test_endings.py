"""How commands end: each exit code there is, and the shell's completion, as a shell meets them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from case_api.cli.outcomes import DONE, MEANINGS, REFUSED, SILENT, STOPPED, USAGE
from tests.api.house import complaint
from tests.cli.desk import COMMAND, RUN_S, Desk
from tests.serving import Serving, free_port

UNKNOWN = "00000000-0000-4000-8000-000000000000"
NOBODY = "nobody listens"
SHUT = "a door that says: not now"
NO_CASELOG = "something else answers"

ENDINGS: list[tuple[int, tuple[str, ...], dict[str, str]]] = [
    # The exit code, what is typed, and what the environment says beside the usual.
    (DONE, ("case", "--help"), {}),
    (DONE, ("--version",), {}),
    (DONE, ("queue", "--json"), {}),
    (DONE, ("policies", "list"), {}),
    (REFUSED, ("case", "show", UNKNOWN), {}),
    (REFUSED, ("clock", "show", UNKNOWN, "--json"), {}),
    (REFUSED, ("queue",), {"CASELOG_KEY": "nobody's"}),
    (REFUSED, ("keys", "list"), {"CASELOG_DATA_DIR": "/nowhere"}),
    (REFUSED, ("keys", "revoke", "key_nobody"), {}),
    (USAGE, ("case",), {}),
    (USAGE, ("case", "show"), {}),
    (USAGE, ("case", "show", UNKNOWN, "--colour", "red"), {}),
    (USAGE, ("queue", "--limit", "0"), {}),
    (USAGE, ("feed", "--after", "yesterday"), {}),
    (USAGE, ("queue",), {"CASELOG_URL": "no address"}),
    (USAGE, ("keys", "list"), {"CASELOG_PORT": "eighty"}),
    (USAGE, ("queue",), {"CASELOG_KEY": "dev-ops\n"}),
    (USAGE, ("feed", "--follow"), {"CASELOG_KEY": "dev-ops\n"}),
    (USAGE, ("post", UNKNOWN, "noted", "--key", "é"), {}),
    (USAGE, ("keys", "list"), {"CASELOG_DATABASE_URL": "no address", "CASELOG_MASTER_KEY_FILE": "its own"}),
    (USAGE, ("migrate",), {"CASELOG_MIGRATION_URL": "no address"}),
    (SILENT, ("migrate",), {"CASELOG_MIGRATION_URL": NOBODY}),
    (SILENT, ("seed", "--cases", "1"), {"CASELOG_DATABASE_URL": NOBODY, "CASELOG_MASTER_KEY_FILE": "its own"}),
    (SILENT, ("queue",), {"CASELOG_URL": NOBODY}),
    (SILENT, ("queue",), {"CASELOG_URL": SHUT}),
    (SILENT, ("queue",), {"CASELOG_URL": NO_CASELOG}),
    (SILENT, ("keys", "list"), {"CASELOG_DATABASE_URL": NOBODY, "CASELOG_MASTER_KEY_FILE": "its own"}),
]


@pytest.fixture(scope="module")
def desk(caselog: Serving) -> Desk:
    return Desk(caselog)


class _Answering(BaseHTTPRequestHandler):
    """429 with a problem below /shut, and a page of something else anywhere else."""

    def do_GET(self) -> None:
        shut = self.path.startswith("/shut")
        body = json.dumps({"code": "too_many_requests", "detail": "later"}) if shut else "<h1>It works!</h1>"
        self.send_response(429 if shut else 200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: what is asked here is nobody's news."""


@pytest.fixture(scope="module")
def places(caselog: Serving) -> Iterator[dict[str, str]]:
    """Where the environment of the table points to."""
    with HTTPServer(("127.0.0.1", 0), _Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        at = f"http://127.0.0.1:{server.server_port}"
        yield {SHUT: f"{at}/shut", NO_CASELOG: at, "its own": str(caselog.data / "master.key")}
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("code", "words", "settings"), ENDINGS, ids=lambda said: str(said)[:60])
def test_a_command_ends_with_the_code_that_says_how(
    desk: Desk, places: dict[str, str], code: int, words: tuple[str, ...], settings: dict[str, str]
) -> None:
    there = {
        name: f"{'http://' if name == 'CASELOG_URL' else 'postgresql://a:b@'}127.0.0.1:{free_port()}/x"
        if said == NOBODY
        else places.get(said, said)
        for name, said in settings.items()
    }
    ended = desk.types(*words, settings=there)
    assert ended.code == code, (ended.out, ended.err)
    assert "Traceback" not in ended.err
    if code != DONE:
        assert ended.err or "--help" in ended.out, "why is said"


def test_every_code_is_met_here_but_the_one_of_ctrl_c() -> None:
    assert {code for code, _, _ in ENDINGS} | {STOPPED} == set(MEANINGS)


def test_the_release_is_told(desk: Desk) -> None:
    assert desk.types("--version").out == f"caselog {version('caselog')}\n"


def test_a_shell_is_told_what_may_come_next(desk: Desk) -> None:
    said = {"_CASELOG_COMPLETE": "complete_bash", "COMP_WORDS": "caselog case ", "COMP_CWORD": "2"}
    assert desk.types(settings=said).out.split()[:3] == ["show", "timeline", "events"]
    said = {"_CASELOG_COMPLETE": "complete_bash", "COMP_WORDS": "caselog keys create --role pla", "COMP_CWORD": "4"}
    assert desk.types(settings=said).out.split() == ["platform"]
    assert "_caselog_completion" in desk.types(settings={"_CASELOG_COMPLETE": "source_zsh"}).out


@pytest.mark.parametrize("words", [("--version",), ("queue", "--json"), ("policies", "list"), ("export",)])
def test_a_command_that_nobody_reads_ends_with_1_and_without_a_word(
    caselog: Serving, desk: Desk, words: tuple[str, ...]
) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    assert ended_into(writes, caselog, desk, *words) == (REFUSED, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="where no disk is always full")
@pytest.mark.parametrize("words", [("--version",), ("queue", "--json"), ("policies", "list"), ("export",)])
def test_a_command_whose_output_finds_no_room_says_so(caselog: Serving, desk: Desk, words: tuple[str, ...]) -> None:
    code, said = ended_into(os.open("/dev/full", os.O_WRONLY), caselog, desk, *words)
    assert (code, said.splitlines()[-1]) == (REFUSED, "caselog: cannot go on: [Errno 28] No space left on device")
    assert "Traceback" not in said


def ended_into(out: int, caselog: Serving, desk: Desk, *words: str) -> tuple[int, str]:
    """How a command ends whose output goes to ``out``, as Python writes it by itself: a block at a time."""
    headers = {"Authorization": "Bearer dev-storefront"}
    assert httpx.post(f"{caselog.url}/v1/cases", json=complaint(), headers=headers, timeout=30).status_code in (
        201,
        409,
    )
    environment = {name: said for name, said in desk.environment("ops").items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        (*COMMAND, *words), check=False, env=environment, stdout=out, stderr=subprocess.PIPE, timeout=RUN_S, text=True
    )
    os.close(out)
    return done.returncode, done.stderr
