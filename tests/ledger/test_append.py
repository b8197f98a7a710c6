"""Appending: one chain per case, no step lost or done twice, and a case that moved on is judged again."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import rfc8785
from msgspec.structs import replace

from case_events.core.events import Recorded
from case_events.core.plan import Step
from case_events.core.values import Instant
from case_events.ledger import steps
from case_events.ledger.append_statements import FRESH_S
from case_events.ledger.judging import judge
from case_events.ledger.store import Loaded
from tests import examples
from tests.ledger.desk import SWIFT, Desk, a_filing, asking, contents, one_of_each, stored


def said(value: object) -> Any:
    """A column as the chain's public description says it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, UUID) else value


async def test_anyone_can_compute_the_chain_from_the_columns(desk: Desk, superuser: asyncpg.Connection) -> None:
    cases = await one_of_each(desk)
    hashed = 0
    for case_id in cases.values():
        head = bytes(32)
        for row in await stored(superuser, case_id):
            assert hashlib.sha256(row["payload"]).digest() == row["payload_hash"]
            envelope = {
                name: said(value) for name, value in row.items() if name not in ("payload", "hash", "tx", "seq")
            }
            head = hashlib.sha256(b"caselog.event.v1\n" + head + rfc8785.dumps(envelope)).digest()
            assert head == row["hash"], f"{row['type']} at version {row['version']}"
            hashed += 1
        assert await superuser.fetchval("SELECT head_hash FROM streams WHERE case_id = $1", case_id) == head
    assert hashed > 25


async def test_a_retry_gets_the_first_answer_although_the_case_moved_on(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    first = await desk.post(case_id, examples.EVIDENCE, key="k", if_match=1)
    await desk.post(case_id, examples.REFUSE)
    before = await contents(superuser)
    again = await desk.post(case_id, examples.EVIDENCE, key="k", if_match=1)
    assert again.replayed
    assert not first.replayed
    assert (again.answer, again.case) == (first.answer, first.case)
    assert await contents(superuser) == before


async def test_a_key_used_with_another_body_is_refused_and_nothing_is_written(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    case_id = await desk.filed()
    await desk.post(case_id, examples.EVIDENCE, key="k")
    before = await contents(superuser)
    other = await desk.ask(examples.EVIDENCE, case_id, key="k", body=b"{}")
    another_event = await desk.ask(examples.REFUSE, case_id, key="k", body=repr(examples.EVIDENCE).encode())
    for step in (other, another_event):
        assert step.problem is not None
        assert step.problem.code == "id_reused"
    assert await contents(superuser) == before


async def test_keys_belong_to_their_client_and_to_their_case(desk: Desk) -> None:
    first, second = await desk.filed(key="one"), await desk.filed(key="one", client="another")
    assert first != second
    steps_taken = [
        await desk.post(first, examples.EVIDENCE, key="one"),
        await desk.post(second, examples.EVIDENCE, key="one"),
        await desk.post(first, examples.EVIDENCE, key="one", client="another"),
    ]
    assert not any(step.replayed for step in steps_taken)
    assert len({step.answer[0].event_id for step in steps_taken}) == 3


async def test_a_complaint_may_be_filed_again_once_the_first_is_closed(desk: Desk) -> None:
    filing = a_filing()
    first = await desk.filed(filing)
    again = await desk.ask(filing)
    assert again.problem is not None
    assert again.problem.code == "already_open"
    await desk.post(first, examples.WITHDRAW)
    assert await desk.filed(filing) != first


async def judged(desk: Desk, command: Any, case_id: UUID) -> tuple[Step, Loaded]:
    """A step judged as ``submit`` would, but not committed yet."""
    async with desk.ledger.connection() as connection:
        request = steps.request_of(asking(command, case_id), desk.ledger.vault)
        (one,) = await judge(desk.ledger, connection, [request])
    assert one.loaded is not None
    assert one.step.problem is None
    return one.step, one.loaded


async def committed(desk: Desk, *judgements: tuple[Step, Loaded]) -> set[UUID]:
    async with desk.ledger.connection() as connection, connection.transaction():
        writings = [(step, loaded.head, loaded.keys) for step, loaded in judgements]
        return await steps.commit(connection, writings, desk.ledger.vault)


async def test_of_many_cases_committed_at_once_only_the_one_that_moved_on_is_left(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    cases = [await desk.filed() for _ in range(5)]
    judgements = [await judged(desk, examples.REFUSE, case_id) for case_id in cases]
    overtaken = cases[2]
    await desk.post(overtaken, examples.WITHDRAW)
    before = await stored(superuser, overtaken)
    assert await committed(desk, *judgements) == set(cases) - {overtaken}
    assert await stored(superuser, overtaken) == before
    for case_id in set(cases) - {overtaken}:
        assert [row["type"] for row in await stored(superuser, case_id)][1:] == [
            "merchant_replied",
            "intervention_requested",
        ]
        assert await superuser.fetchval("SELECT version FROM streams WHERE case_id = $1", case_id) == 3


def aged(step: Step, by: timedelta) -> Step:
    """The same step, as if it had been judged earlier."""

    def earlier(one: Recorded) -> Recorded:
        instant = Instant.of(one.recorded_at - by)
        return replace(one, recorded_at=instant, effective_at=instant)

    return replace(step, events=tuple(earlier(one) for one in step.events))


async def test_a_judgement_that_grew_stale_is_not_written(desk: Desk, superuser: asyncpg.Connection) -> None:
    case_id = await desk.filed()
    step, loaded = await judged(desk, examples.EVIDENCE, case_id)
    before = await contents(superuser)
    assert await committed(desk, (aged(step, timedelta(seconds=FRESH_S)), loaded)) == set()
    assert await contents(superuser) == before
    assert await committed(desk, (aged(step, timedelta(seconds=FRESH_S - 3)), loaded)) == {case_id}


async def test_a_filing_that_was_judged_too_long_ago_is_not_written_either(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    request = steps.request_of(asking(a_filing()), desk.ledger.vault)
    keys = desk.ledger.vault.new_keys(request.case_id)
    before = await contents(superuser)
    async with desk.ledger.connection() as connection:
        (one,) = await judge(desk.ledger, connection, [request])
        step = one.step
        old = aged(step, timedelta(seconds=FRESH_S))
        assert await steps.commit(connection, [(old, bytes(32), keys)], desk.ledger.vault) == set()
        assert await contents(superuser) == before
        assert await steps.commit(connection, [(step, bytes(32), keys)], desk.ledger.vault) == {step.case_id}


async def test_a_dry_run_answers_and_changes_nothing(desk: Desk, superuser: asyncpg.Connection) -> None:
    case_id = await desk.filed()
    before = await contents(superuser)
    filing = a_filing()
    tried = await desk.ask(filing, key="filing", dry_run=True)
    told = await desk.ask(examples.REFUSE, case_id, key="reply", dry_run=True)
    assert [one.name for one in told.answer] == ["merchant_replied", "intervention_requested"]
    assert [one.name for one in tried.answer] == ["filed"]
    assert await contents(superuser) == before
    filed = await desk.ask(filing, key="filing")
    replied = await desk.ask(examples.REFUSE, case_id, key="reply")
    assert (filed.replayed, replied.replayed) == (False, False)
    assert filed.case_id == tried.case_id
    assert [one.version for one in replied.answer] == [2, 3]


async def test_who_read_an_older_version_is_told_what_they_missed(desk: Desk, superuser: asyncpg.Connection) -> None:
    case_id = await desk.filed()
    step = await desk.post(case_id, examples.EVIDENCE)
    refused = await desk.ask(examples.EVIDENCE, case_id, if_match=1)
    assert refused.problem is not None
    assert (refused.problem.code, refused.problem.current_version) == ("stale", 2)
    assert refused.problem.missed is not None
    assert [(one["version"], one["type"]) for one in refused.problem.missed] == [(2, "evidence_submitted")]
    assert refused.problem.missed[0]["event_id"] == str(step.answer[0].event_id)
    assert len(await stored(superuser, case_id)) == 2
    assert (await desk.post(case_id, examples.EVIDENCE, if_match=2)).answer[0].version == 3


async def test_a_refused_step_still_records_what_was_overdue(desk: Desk, superuser: asyncpg.Connection) -> None:
    case_id = await desk.filed(a_filing(marketplace="swift"))
    await asyncio.sleep(SWIFT.total_seconds() + 0.05)
    refused = await desk.ask(examples.REFUSE, case_id, key="late")
    assert refused.problem is not None
    assert refused.problem.code == "deadline_passed"
    rows = await stored(superuser, case_id)
    assert [(row["type"], row["who"]) for row in rows[1:]] == [
        ("merchant_response_timed_out", "scheduler"),
        ("intervention_requested", "scheduler"),
    ]
    kinds = await superuser.fetch("SELECT kind, set_by FROM deadlines WHERE case_id = $1", case_id)
    assert [tuple(row) for row in kinds] == [("ruling", 3)]
    again = await desk.ask(examples.REFUSE, case_id, key="late")
    assert (again.replayed, again.events) == (False, ())
    assert len(await stored(superuser, case_id)) == 3


async def test_what_nobody_filed_cannot_be_posted_to(desk: Desk, superuser: asyncpg.Connection) -> None:
    before = await contents(superuser)
    step = await desk.ask(examples.EVIDENCE, UUID(int=7))
    assert step.problem is not None
    assert step.problem.code == "not_found"
    assert await contents(superuser) == before
