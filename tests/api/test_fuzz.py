"""The API sent what its own OpenAPI document allows and forbids, by every role, on a real process and Postgres."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from case_api.operations import OPERATIONS
from case_events.ledger.callers.keys import ROLES
from tests.api.house import AGREE, APPEAL, BUYER, OFFER, REFUND, REFUSE, SETTLE, complaint, happened
from tests.conftest import Database
from tests.serving import free_port

EXAMPLES = int(os.environ.get("CASELOG_FUZZ_EXAMPLES", "4"))
"""Of each operation and mode; each is sent by every role and by nobody."""
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
ENDLESS = ("stream_feed",)
"""Operations whose answer does not end; what they refuse is tested with the pages."""
FREE = ("get_problem",)
"""Operations that take a string of any form and nothing else: no document can say what would be wrong."""
RECORDED = ("events", "streams", "cases", "deadlines", "subject_keys", "test_clocks")


@dataclass(frozen=True)
class Target:
    """One API process, a case in it with a file, and a clock."""

    url: str
    schema: Any
    known: dict[str, str]
    recorded: Callable[[], int]


@pytest.fixture(scope="module")
def target(prepared: Database, master_key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """No scheduler runs and no time passes: whatever is recorded, a request recorded."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    environment = {
        **os.environ,
        "CASELOG_DATABASE_URL": prepared.app,
        "CASELOG_MASTER_KEY_FILE": str(master_key_file),
        "CASELOG_DATA_DIR": str(tmp_path_factory.mktemp("fuzz")),
        "CASELOG_PORT": str(port),
        "CASELOG_EVIDENCE_TYPES": "application/octet-stream,text/plain,image/png",
    }
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen((sys.executable, "-m", "case_api"), env=environment, stderr=subprocess.DEVNULL)
        )
        stack.callback(process.terminate)
        runner = stack.enter_context(asyncio.Runner())
        connection = runner.run(asyncpg.connect(prepared.superuser))
        stack.callback(lambda: runner.run(connection.close()))
        counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in RECORDED)  # noqa: S608 - names of ours
        _until_ready(url)
        document = httpx.get(f"{url}/openapi.json").json()
        schema = schemathesis.openapi.from_dict(document)
        yield Target(
            url, schema, _something_known(url), lambda: int(runner.run(connection.fetchval(f"SELECT {counts}")))
        )


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - set(ENDLESS)))
def test_whatever_is_sent_is_answered_as_documented(target: Target, name: str, mode: Any) -> None:
    operation = target.schema.find_operation_by_id(name)
    takes = bool(operation.query or operation.headers or operation.body or operation.path_parameters)
    if mode == schemathesis.GenerationMode.NEGATIVE and (not takes or name in FREE):
        return  # nothing can be wrong with it

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES if takes else 1,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def send(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if mode == schemathesis.GenerationMode.POSITIVE and data.draw(st.booleans()):
            case.body = _nearer(case.body, name, data.draw)
        if data.draw(st.integers(0, 3)):
            case.path_parameters = {**(case.path_parameters or {}), **_within(target.known, operation.path)}
        for role in CALLERS:
            _answered_as_documented(target, case, role)

    send()


def test_the_count_sees_what_is_recorded(target: Target) -> None:
    """The guard guards: one filing moves the count that a refusal must not move."""
    before = target.recorded()
    answer = httpx.post(f"{target.url}/v1/cases", json=complaint(), headers=_key("storefront"))
    assert answer.status_code == 201
    assert target.recorded() > before


def _nearer(body: Any, name: str, draw: Callable[[Any], Any]) -> Any:
    """A body of which much is right, so that what the rules say is met as well; the rest stays as it was made."""
    if not isinstance(body, dict) or name not in ("file_case", "post_event"):
        return body
    right = (
        complaint() if name == "file_case" else draw(st.sampled_from([AGREE, REFUSE, OFFER, SETTLE, APPEAL, REFUND]))
    )
    kept = draw(st.sets(st.sampled_from(sorted(right)), max_size=1))
    return {**right, **{said: body[said] for said in kept if said in body}}


def _answered_as_documented(target: Target, case: Any, role: str | None) -> None:
    before = target.recorded()
    answer = case.call(base_url=target.url, headers=_key(role), timeout=ANSWER_S)
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400:
        assert target.recorded() == before, f"{role} was refused with {answer.status_code}, and yet it was recorded"


def _key(role: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer dev-{role}" if role else ""}


def _within(known: dict[str, str], path: str) -> dict[str, str]:
    return {name: value for name, value in known.items() if f"{{{name}}}" in path}


def _until_ready(url: str) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/healthz").is_success:
                return
        time.sleep(0.05)
    raise RuntimeError("the API did not start")


def _something_known(url: str) -> dict[str, str]:
    """What a path can lead to: a case, a file in it, a clock, a policy, a problem."""
    with httpx.Client(base_url=url, headers=_key("storefront")) as storefront:
        case_id = storefront.post("/v1/cases", json=complaint()).json()["case_id"]
        path = f"/v1/cases/{case_id}"
        stored = storefront.post(f"{path}/evidence", files={"file": ("a.png", b"a", "image/png")}).json()
        bringing = happened("evidence_submitted", BUYER, evidence=[stored["evidence"]])
        brought = storefront.post(f"{path}/events", json=bringing)
        assert brought.status_code == 201
        clock = storefront.post("/v1/test-clocks", json={"at": "2026-03-02T02:00:00Z"}, headers=_key("admin")).json()
    return {
        "case_id": case_id,
        "sha256": stored["evidence"]["sha256"],
        "clock_id": clock["id"],
        "policy": "taobao@2026.1",
        "code": "stale",
    }
