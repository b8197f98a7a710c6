"""One API process to be fuzzed from its own OpenAPI document: what there is in it, who calls, and what is checked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from case_events.ledger.callers.keys import ROLES
from tests.api.house import BUYER, complaint, happened
from tests.conftest import Database
from tests.serving import free_port

SEED = 20261122
ANSWER_S = 10.0
"""What takes longer hangs."""
START_S = 30.0
CALLERS = (*ROLES, None)
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FRAMING = ("content-length", "transfer-encoding")
"""Headers that say where a message ends (RFC 9112, section 6). Who says it wrongly comes to no operation: the server
itself refuses that, and tests/api/test_hostile.py says how."""
ENDLESS = ("stream_feed",)
"""Operations whose answer does not end; what they refuse is tested with the pages."""
RECORDED = ("events", "streams", "cases", "deadlines", "subject_keys", "test_clocks", "holds", "webhook_endpoints")
"""What no refusal adds to. Keys are not among them: their last use is told beside."""


@dataclass(frozen=True)
class Target:
    """One API process, a case in it with a file, and a clock."""

    url: str
    schema: Any
    known: dict[str, str]
    recorded: Callable[[], int]
    answers: Counter[int] = field(default_factory=Counter)
    """How many answers there were of each status."""

    def answered_as_documented(self, case: Any, role: str | None) -> Any:
        """The answer to ``case`` from ``role``. AssertionError where it is undocumented, or refused and recorded."""
        before = self.recorded()
        case.headers = {name: said for name, said in (case.headers or {}).items() if name.lower() not in FRAMING}
        answer = case.call(base_url=self.url, headers=key_of(role), timeout=ANSWER_S)
        self.answers[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert self.recorded() == before, f"{role} was refused with {answer.status_code}, and yet it was recorded"
        return answer


@contextlib.contextmanager
def fuzzed(database: Database, master_key_file: Path, data: Path) -> Iterator[Target]:
    """The process, ready. No scheduler runs and no time passes: whatever is recorded, a request recorded."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    environment = {
        **os.environ,
        "CASELOG_DATABASE_URL": database.app,
        "CASELOG_MASTER_KEY_FILE": str(master_key_file),
        "CASELOG_DATA_DIR": str(data),
        "CASELOG_PORT": str(port),
        "CASELOG_RATE_PER_MINUTE": "0",
        "CASELOG_EVIDENCE_TYPES": "application/octet-stream,text/plain,image/png",
    }
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                (sys.executable, "-m", "case_api"),
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        stack.callback(process.terminate)
        runner = stack.enter_context(asyncio.Runner())
        connection = runner.run(asyncpg.connect(database.superuser))
        stack.callback(lambda: runner.run(connection.close()))
        counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in RECORDED)  # noqa: S608 - names of ours
        _until_ready(url)
        schema = schemathesis.openapi.from_dict(httpx.get(f"{url}/openapi.json").json())
        yield Target(
            url, schema, _something_known(url), lambda: int(runner.run(connection.fetchval(f"SELECT {counts}")))
        )


def key_of(role: str | None) -> dict[str, str]:
    """The header a caller of this role sends; that of nobody is there and empty."""
    return {"Authorization": f"Bearer dev-{role}" if role else ""}


def _until_ready(url: str) -> None:
    until = time.monotonic() + START_S
    with httpx.Client(base_url=url) as http:
        while time.monotonic() < until:
            with contextlib.suppress(httpx.TransportError):
                if http.get("/healthz").is_success:
                    return
            time.sleep(0.05)
    raise RuntimeError("the API did not start")


def _something_known(url: str) -> dict[str, str]:
    """What a path can lead to: a case, a file in it, a clock, a webhook endpoint, a policy, a problem."""
    with httpx.Client(base_url=url, headers=key_of("storefront")) as storefront:
        case_id = storefront.post("/v1/cases", json=complaint()).json()["case_id"]
        path = f"/v1/cases/{case_id}"
        stored = storefront.post(f"{path}/evidence", files={"file": ("a.png", b"a", "image/png")}).json()
        bringing = happened("evidence_submitted", BUYER, evidence=[stored["evidence"]])
        brought = storefront.post(f"{path}/events", json=bringing)
        assert brought.status_code == 201
        clock = storefront.post("/v1/test-clocks", json={"at": "2026-03-02T02:00:00Z"}, headers=key_of("admin")).json()
        hooks = storefront.post("/v1/webhooks", json={"url": "https://shop.example/hooks"}).json()
    return {
        "case_id": case_id,
        "endpoint_id": hooks["id"],
        "sha256": stored["evidence"]["sha256"],
        "clock_id": clock["id"],
        "policy": "taobao@2026.1",
        "code": "stale",
    }
