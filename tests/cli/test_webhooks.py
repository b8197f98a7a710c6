"""`caselog webhooks` as an integrator types it, against a whole running Caselog."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from caselog_client import verify_webhook
from tests.cli.desk import Desk
from tests.commands import Ended
from tests.serving import Serving

NOBODY = "00000000-0000-4000-8000-000000000000"
URL, RARE = "http://127.0.0.1:9/hooks", "recovery_timed_out"
"""Nothing answers there, and of the only type that is told nothing happens in these tests."""
ARRIVES_S = 20.0


@pytest.fixture(scope="module")
def desk(caselog: Serving) -> Desk:
    return Desk(caselog)


def types(desk: Desk, *words: str, key: str = "storefront") -> Ended:
    return desk.types("webhooks", *words, key=key)


def test_an_endpoint_is_made_shown_rotated_paused_and_deleted_from_the_terminal(desk: Desk) -> None:
    key = ("--key", "cli-webhook")
    made, again = [types(desk, "create", URL, "--type", RARE, "--merchant", "m-1", *key) for _ in range(2)]
    assert made.code == 0, made.err
    assert again.out == made.out
    id_, state, url = made.out.splitlines()[0].split()
    assert (state, url) == ("active", URL)
    assert f"{RARE} of m-1" in made.out
    (secret,) = [line.split()[-1] for line in made.out.splitlines() if "secret:" in line]
    assert secret.startswith("whsec_")
    shown = types(desk, "show", id_)
    assert ("waiting:   0" in shown.out, "failures:  0" in shown.out, secret in shown.out) == (True, True, False)
    listed = types(desk, "list", key="ops")
    assert (id_ in listed.out, URL in listed.out, secret in listed.out) == (True, True, False), listed.err
    assert id_ in [one["id"] for one in types(desk, "list", "--json").json()["items"]]
    changed = types(desk, "change", id_, "--url", f"{URL}/2", "--type", "all")
    assert (f"{URL}/2" in changed.out, "every event of m-1" in changed.out) == (True, True), changed.err
    assert types(desk, "change", id_, "--type", RARE, "--merchant", "all", "--json").json()["merchants"] is None
    assert types(desk, "change", id_).code == 2, "nothing to change"
    rotated = types(desk, "rotate", id_, "--overlap", "PT1H")
    assert (rotated.code, rotated.out.startswith("whsec_"), secret in rotated.out) == (0, True, False), rotated.err
    assert "signs until" in rotated.out
    paused = types(desk, "pause", id_, "--reason", "接收端维护。", key="ops")
    assert ("paused" in paused.out, "接收端维护。" in paused.out) == (True, True), paused.err
    assert id_ in types(desk, "list", "--state", "paused").out
    assert "active" in types(desk, "resume", id_).out
    for _ in range(2):
        assert "deleted" in types(desk, "delete", id_).out
    assert types(desk, "show", id_).code == 1


def test_a_test_arrives_signed_and_is_listed_among_the_attempts(desk: Desk) -> None:
    with receiving() as (url, received):
        made = types(desk, "create", url, "--type", RARE, "--json").json()
        asked, again = [types(desk, "test", made["id"], "--key", "t") for _ in range(2)]
        assert (asked.code, "a test, asked for at" in asked.out, again.out) == (0, True, asked.out), asked.err
        body, headers = received.get(timeout=ARRIVES_S)
        event = verify_webhook(body, headers, made["secret"])
        assert (event.is_test, str(event.id)) == (True, asked.out.split()[0])
        attempts = until(lambda: types(desk, "attempts", made["id"], "--outcome", "delivered", "--json").out)
        (one,) = [json.loads(line) for line in attempts.splitlines()]
        assert (one["event_id"], one["status"], one["reason"]) == (str(event.id), 204, "test")
        assert str(event.id) in types(desk, "attempts", made["id"]).out
        told = types(desk, "errands", made["id"])
        assert ("a test" in told.out, "delivered" in told.out) == (True, True), told.err
        assert types(desk, "delete", made["id"]).code == 0
        assert received.empty()


def test_events_once_more_are_those_that_were_read(desk: Desk) -> None:
    made = types(desk, "create", URL, "--type", RARE, "--after", "0", "--json").json()
    assert types(desk, "pause", made["id"], "--reason", "x").code == 0
    ahead = types(desk, "redeliver", made["id"], "--first", "900000000")
    assert (ahead.code, "the endpoint has read up to" in ahead.err) == (1, True)
    one = types(desk, "redeliver", made["id"], "--event", NOBODY)
    assert (one.code, "no attempt at this event is kept" in one.err) == (1, True)
    assert types(desk, "delete", made["id"]).code == 0


@contextmanager
def receiving() -> Iterator[tuple[str, queue.Queue[tuple[bytes, dict[str, str]]]]]:
    """A receiver on this machine that takes everything, and what it took."""
    received = queue.Queue[tuple[bytes, dict[str, str]]]()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()
            received.put((body, dict(self.headers)))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks", received
        finally:
            server.shutdown()
            thread.join()


def until(asked: Callable[[], str]) -> str:
    """What is answered, once anything is."""
    limit = time.monotonic() + ARRIVES_S
    while not (said := asked()):
        assert time.monotonic() < limit
    return said


@pytest.mark.parametrize(
    ("said", "code", "why"),
    [
        (("create", "http://shop.example/"), 1, "https only"),
        (("create", URL, "--type", "rulled"), 1, "no such event"),
        (("create", URL, "--after", "yesterday"), 2, "--after is a position of the feed, or now"),
        (("show", NOBODY), 1, "There is no such webhook endpoint"),
        (("pause", NOBODY), 2, "--reason"),
        (("rotate", NOBODY, "--overlap", "P8D"), 1, "0 to 7 days"),
        (("redeliver", NOBODY), 2, "one of --event and --first"),
        (("redeliver", NOBODY, "--last", "3"), 2, "one of --event and --first"),
        (("redeliver", NOBODY, "--event", NOBODY, "--first", "1"), 2, "one of --event and --first"),
        (("attempts", NOBODY, "--outcome", "lost"), 1, "one of delivered"),
        (("list", "--state", "off"), 1, "one of active"),
    ],
)
def test_what_cannot_be_done_is_said(desk: Desk, said: tuple[str, ...], code: int, why: str) -> None:
    told = types(desk, *said)
    assert (told.code, why in told.err) == (code, True), told.err
