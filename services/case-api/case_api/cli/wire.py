"""One request to a running Caselog: where it is and with which key, and what comes back or went wrong."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import ValidationError

from case_api.cli.outcomes import Denied, Misused, Silence
from case_api.settings import CallerSettings

ASK_S = 30.0
SILENCE_S = 45.0
"""A stream that is there says so every 15 seconds."""
PAGE, PAGES_MAX = 200, 5_000
UNSENDABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeEncodeError)
"""What a request ends with that nobody could have sent."""
ATTEMPTS = 2
"""A post whose answer was lost is sent once more, with the same key: it is recorded once."""


@dataclass(frozen=True)
class Answer:
    """What the API said: the body, and whether it had said so before to the same key."""

    body: Any
    replayed: bool = False


def get(path: str, **params: str | int | None) -> Answer:
    """Read something. Raises Denied, Silence or Misused."""
    return _ask("GET", path, {name: str(said) for name, said in params.items() if said is not None}, {}, None)


def each(path: str, **params: str | None) -> Iterator[dict[str, Any]]:
    """Every item of a list, page by page. Raises Denied, Silence or Misused."""
    after: str | None = None
    for _ in range(PAGES_MAX):
        page = get(path, limit=PAGE, cursor=after, **params).body
        yield from page["items"]
        after = page["next"]
        if after is None:
            return
    raise Misused(f"the list has more than {PAGES_MAX * PAGE} items; ask the API page by page")


def fetch(path: str, **params: str | int | None) -> bytes:
    """Read something as it is sent, whatever it is. Raises Denied, Silence or Misused."""
    said = {name: str(value) for name, value in params.items() if value is not None}
    answer, url = _answered("GET", path, said, {}, None)
    if not answer.is_success:
        _read(answer, url)
    return answer.content


def post(
    path: str, body: object, *, key: str | None = None, version: int | None = None, dry_run: bool = False
) -> Answer:
    """Post something, once: without ``key`` it gets one of its own. Raises Denied, Silence or Misused."""
    headers = {"Content-Type": "application/json"}
    if key is not None and not (key and key.isascii() and key.isprintable()):
        raise Misused("--key is made of printable ASCII characters")
    if not dry_run:
        headers["Idempotency-Key"] = key or str(uuid.uuid4())
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    return _ask("POST", path, {"dry_run": "true"} if dry_run else {}, headers, json.dumps(body).encode())


def patch(path: str, body: object) -> Answer:
    """Change what is named in the body; twice is the same. Raises Denied, Silence or Misused."""
    return _ask("PATCH", path, {}, {"Content-Type": "application/json"}, json.dumps(body).encode())


def delete(path: str) -> Answer:
    """Delete something; twice is the same. Raises Denied, Silence or Misused."""
    return _ask("DELETE", path, {}, {}, None)


def _ask(method: str, path: str, params: dict[str, str], headers: dict[str, str], body: bytes | None) -> Answer:
    return _read(*_answered(method, path, params, headers, body))


def stream(path: str, **params: str | None) -> Iterator[bytes]:
    """What an endless answer brings, piece by piece, until it ends or is cut off. Raises Denied, Silence, Misused."""
    url, headers = _caller()
    said = {name: value for name, value in params.items() if value is not None}
    try:
        with (
            _client(url, httpx.Timeout(ASK_S, read=SILENCE_S)) as client,
            client.stream("GET", url + path, params=said, headers=headers) as answer,
        ):
            if not answer.is_success:
                answer.read()
                _read(answer, url)
            yield from answer.iter_bytes()
    except UNSENDABLE as fault:
        raise _unsendable(fault) from None
    except httpx.TransportError as fault:
        raise Silence(f"nothing answers at {url} (CASELOG_URL): {type(fault).__name__}") from None


def _caller() -> tuple[str, dict[str, str]]:
    """Where to call, and as whom."""
    try:
        settings = CallerSettings()
    except ValidationError as fault:
        raise Misused(f"cannot read the environment: {fault}") from None
    if settings.key is None:
        raise Misused("CASELOG_KEY is not set: the API key to call with, for example dev-ops in development")
    return settings.url.rstrip("/"), {"Authorization": f"Bearer {settings.key.get_secret_value()}", "Accept": "*/*"}


def _client(url: str, timeout: httpx.Timeout) -> httpx.Client:
    """What speaks to the API at ``url``. Where that is plain HTTP there is no certificate to check: reading those it
    could be checked by takes as long as many a command (30 to 70 ms)."""
    return httpx.Client(timeout=timeout, trust_env=False, verify=not url.lower().startswith("http://"))


def _answered(
    method: str, path: str, params: dict[str, str], headers: dict[str, str], body: bytes | None
) -> tuple[httpx.Response, str]:
    """What was answered, and where."""
    url, own = _caller()
    sent = {**headers, **own}
    try:
        with _client(url, httpx.Timeout(ASK_S)) as client:
            answer = _sent(client, httpx.Request(method, url + path, params=params, headers=sent, content=body))
    except UNSENDABLE as fault:
        raise _unsendable(fault) from None
    except httpx.TransportError as fault:
        again = f"; to send it again safely: --key {headers['Idempotency-Key']}" if "Idempotency-Key" in headers else ""
        raise Silence(f"nothing answers at {url} (CASELOG_URL): {type(fault).__name__}{again}") from None
    return answer, url


def _unsendable(fault: Exception) -> Misused:
    # A header that cannot be sent is told whole by its fault, the key with it.
    why = "a key is printable ASCII characters" if isinstance(fault, httpx.LocalProtocolError) else fault
    return Misused(f"CASELOG_URL or CASELOG_KEY cannot be used: {why}")


def _sent(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """Sent, and sent again where only the answer may have been lost."""
    for _ in range(ATTEMPTS - 1):
        try:
            return client.send(request)
        except (httpx.ReadError, httpx.RemoteProtocolError):
            continue
    return client.send(request)


def _read(answer: httpx.Response, url: str) -> Answer:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.is_success and body is not None:
        return Answer(body, answer.headers.get("idempotency-replayed") == "true")
    if not isinstance(body, dict) or "code" not in body:
        raise Silence(f"what answers at {url} (CASELOG_URL) is no Caselog: it said {answer.status_code}")
    raise Denied(body, answer.status_code)
