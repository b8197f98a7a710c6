"""What speaks for the command line: over TLS nobody is believed without a certificate, over plain HTTP none is read."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from case_api.cli import wire
from case_api.cli.outcomes import Misused, Silence
from tests.certificates import certificate
from tests.serving import free_port


class Says(BaseHTTPRequestHandler):
    """Answers whatever is read or posted with an empty object; the first ``to_lose`` answers are lost."""

    to_lose = 0
    posted: ClassVar[list[tuple[str | None, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posted.append((self.headers["Idempotency-Key"], body))
        if len(self.posted) <= self.to_lose:
            self.close_connection = True
            return
        self.do_GET()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nobody reads what it would say."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    monkeypatch.setenv("CASELOG_KEY", "a-key")
    with HTTPServer(("127.0.0.1", 0), Says) as http:
        monkeypatch.setenv("CASELOG_URL", f"http://127.0.0.1:{http.server_port}")
        serving = threading.Thread(target=http.serve_forever)
        serving.start()
        yield http
        http.shutdown()
        serving.join()


def test_over_plain_http_no_certificate_is_read(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object, **__: object) -> None:
        pytest.fail("a certificate was read")

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", read)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", read)
    assert wire.get("/v1/cases").body == {}


@pytest.mark.parametrize("to_lose", [1, 2])
def test_a_post_whose_answer_was_lost_is_sent_once_more_with_the_same_key(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch, to_lose: int
) -> None:
    monkeypatch.setattr(Says, "to_lose", to_lose)
    monkeypatch.setattr(Says, "posted", [])
    if to_lose == 1:
        assert wire.post("/v1/cases", {"a": 1}).body == {}
    else:
        with pytest.raises(Silence, match="to send it again safely: --key "):
            wire.post("/v1/cases", {"a": 1})
    assert len(Says.posted) == 2
    assert len(set(Says.posted)) == 1


def test_no_proxy_is_told_the_key(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert wire.get("/v1/cases").body == {}


def test_a_key_that_cannot_be_sent_is_not_shown(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELOG_KEY", "geheim\n")
    for ask in (wire.get, lambda path: list(wire.stream(path))):
        with pytest.raises(Misused) as refused:
            ask("/v1/cases")
        assert "geheim" not in str(refused.value)


def test_over_tls_who_has_no_certificate_anybody_signed_is_not_spoken_to(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.socket = certificate(tmp_path, "127.0.0.1").wrap_socket(server.socket, server_side=True)
    for scheme in ("https", "HTTPS"):
        monkeypatch.setenv("CASELOG_URL", f"{scheme}://127.0.0.1:{server.server_port}")
        with pytest.raises(Silence, match="ConnectError"):
            wire.get("/v1/cases")
