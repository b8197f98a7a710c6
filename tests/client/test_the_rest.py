"""What a storefront, its desk and its admins ask beside disputes themselves, on a whole running Caselog."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from caselog_client import (
    AsyncCaselog,
    Case,
    Caselog,
    Evidence,
    Forbidden,
    Invalid,
    NotFound,
    NotYet,
    Unauthenticated,
    Unreachable,
)
from caselog_client.exporting import Exporting
from tests.client.filings import BUYER, MERCHANT, REFUSES, complaint
from tests.serving import Serving

START = datetime(2026, 3, 2, 2, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256))
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def ops(caselog: Serving) -> Iterator[Caselog]:
    with Caselog(caselog.url, "dev-ops") as caller:
        yield caller


def test_a_file_is_put_away_named_as_evidence_and_read_again(storefront: Caselog) -> None:
    case = storefront.file(complaint())
    stored = storefront.store_evidence(case.case_id, JPEG, media_type="image/jpeg")
    assert (stored.size, stored.media_type) == (len(JPEG), "image/jpeg")
    assert stored.evidence == Evidence(
        kind="photo",
        uri=f"/v1/cases/{case.case_id}/evidence/{stored.evidence.sha256}",
        sha256=hashlib.sha256(JPEG).hexdigest(),
        visibility="both",
    )
    storefront.post(case.case_id, "merchant_replied", REFUSES, MERCHANT)
    storefront.post(case.case_id, "evidence_submitted", {"evidence": [stored.evidence]}, BUYER)
    assert storefront.evidence_file(case.case_id, stored.evidence.sha256) == JPEG
    again = storefront.store_evidence(
        case.case_id, JPEG, media_type="image/jpeg", kind="proof_of_delivery", visibility="platform"
    )
    assert (again.evidence.kind, again.evidence.visibility) == ("proof_of_delivery", "platform")
    with pytest.raises(NotFound):
        storefront.evidence_file(case.case_id, "0" * 64)


def test_deadlines_are_read_of_a_case_and_of_all(storefront: Caselog, ops: Caselog) -> None:
    case = storefront.file(complaint())
    response = next(one for one in storefront.case_deadlines(case.case_id).items if one.kind == "response")
    assert (response.kind, response.due_at) == ("response", case.filed_at + 3 * DAY)
    assert response.counting is not None
    due = list(ops.deadlines(due_before=response.due_at + DAY, kind="response", limit=50))
    assert [one.due_at for one in due] == sorted(one.due_at for one in due)
    (mine,) = (one for one in due if one.case_id == case.case_id)
    assert (mine.party, mine.set_by, mine.live, mine.test_clock) == ("respondent", 1, True, None)


def test_the_desk_reads_counts_and_how_the_clock_is(ops: Caselog, storefront: Caselog) -> None:
    case = storefront.file(complaint())
    counts = ops.stats()
    assert counts.cases >= counts.by_status["waiting_for_merchant"] >= 1
    mine = ops.stats(
        marketplace=case.marketplace,
        type=case.type,
        filed_from=case.filed_at,
        filed_before=case.filed_at + timedelta(microseconds=1),
    )
    assert mine.by_status == {"waiting_for_merchant": 1}
    ready = storefront.readiness()
    assert (ready.ready, {*ready.missing} - {"calendar"}) == (True, set()), "not every year's days are published"
    clock = ops.scheduler()
    assert len(clock.schedulers) >= 1
    assert not clock.watermark.breached
    assert {one.status for one in ops.holds().items} <= {"in_force"}
    assert all(one.began_at < one.ended_at for one in ops.outages())
    assert all(entry.number > 0 for entry in ops.journal(limit=5))


def test_test_clocks_are_listed_asked_frozen_and_deleted(admin: Caselog, storefront: Caselog) -> None:
    clock = admin.create_clock(START)
    assert clock.id in {one.id for one in admin.clocks(limit=50)}
    case = storefront.file(complaint(succeeded_at=START - DAY, test_clock=clock.id))
    due = next(one for one in admin.clock_due(clock.id, before=START + 4 * DAY) if one.kind == "response")
    assert (due.case_id, due.due_at) == (case.case_id, START + 3 * DAY)
    assert admin.freeze_clock(clock.id).status == "frozen"
    assert admin.unfreeze_clock(clock.id).status == "ready"
    assert admin.delete_clock(clock.id).status == "deleted"
    assert admin.delete_clock(clock.id).status == "deleted"


def test_cases_are_taken_away_as_items_whole_and_as_a_table(storefront: Caselog) -> None:
    order_id = f"T{uuid4().hex[:12]}"
    case = storefront.file(complaint(order_id))
    assert list(storefront.export(order_id=order_id)) == list(storefront.cases(order_id=order_id))
    (whole,) = storefront.export_full(order_id=order_id)
    assert isinstance(whole, Case)
    assert (whole.case_id, whole.order) == (case.case_id, case.order)
    heads, row = b"".join(storefront.export_csv(order_id=order_id)).decode("utf-8-sig").splitlines()
    assert heads.count(",") == row.count(",")
    assert str(case.case_id) in row
    with pytest.raises(Invalid):
        next(storefront.export(colour="red"))


class Cut(httpx.SyncByteStream):
    """An answer whose line is lost after these bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        raise httpx.RemoteProtocolError("the line was lost")


def test_an_export_that_is_cut_off_goes_on_after_the_last_case_that_was_whole(
    storefront: Caselog, caselog: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caselog_client.line.AGAIN_S", 0.0)
    order_ids = [storefront.file(complaint()).order.order_id for _ in range(3)]  # type: ignore[union-attr]
    assert len(order_ids) == 3
    key = {"Authorization": "Bearer dev-storefront"}
    whole = httpx.get(f"{caselog.url}/v1/export/cases", params={"format": "ndjson"}, headers=key).content
    first, second = whole.splitlines(keepends=True)[:2]
    asked: list[httpx.QueryParams] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params)
        if len(asked) == 1:
            return httpx.Response(200, stream=Cut(first + second[:30]))
        return httpx.Response(200, content=second)

    http = httpx.Client(transport=httpx.MockTransport(answer))
    taken = [item.case_id for item in Caselog("http://caselog", "a-key", http=http).export(status="closed")]
    assert len(set(taken)) == 2
    assert asked[1] == asked[0].set("after", str(taken[0]))
    asked.clear()
    with pytest.raises(Unreachable):
        list(Caselog("http://caselog", "a-key", http=http).export(due_before=START))
    assert len(asked) == 1, "what is listed by when it is due has moved since"
    assert Exporting(Case, {}).begin()[0]["full"] == "true"


def test_a_webhook_is_made_changed_paused_rotated_and_deleted(storefront: Caselog) -> None:
    made = storefront.webhooks.create(
        "https://shop.example/hooks", types=["filed", "closed"], idempotency_key=(key := uuid4().hex)
    )
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    again = storefront.webhooks.create("https://shop.example/hooks", types=["filed", "closed"], idempotency_key=key)
    assert (again.id, again.secret) == (made.id, made.secret)
    assert made.id in {one.id for one in storefront.webhooks.list(limit=1)}
    assert storefront.webhooks.update(made.id, {"types": None, "description": "the till"}).types is None
    paused = storefront.webhooks.pause(made.id, "a release")
    assert (paused.state, paused.why) == ("paused", "a release")
    rotated = storefront.webhooks.rotate(made.id, overlap=timedelta(hours=1))
    assert rotated.secret != made.secret
    assert [one.number for one in rotated.signing] == [2, 1]
    standing = storefront.webhooks.get(made.id)
    assert (standing.state, standing.waiting, standing.circuit.failures) == ("paused", 0, 0)
    assert standing.lag == standing.head - standing.position
    assert list(storefront.webhooks.errands(made.id)) == []
    assert list(storefront.webhooks.attempts(made.id)) == []
    with pytest.raises(Invalid):
        storefront.webhooks.redeliver(made.id, first=standing.position + 1, last=standing.position + 2)
    assert storefront.webhooks.delete(made.id).deleted_at is not None
    with pytest.raises(NotFound):
        storefront.webhooks.get(made.id)
    with pytest.raises(Invalid) as refused:
        storefront.webhooks.create("https://10.0.0.1/hooks", types=["no_such_thing"])
    assert {fault.pointer for fault in refused.value.errors} == {"/url", "/types/0"}


async def test_a_key_is_made_used_rotated_and_revoked(caselog: Serving, admin: Caselog) -> None:
    made = admin.keys.create(client="shop", name="till", role="storefront", marketplaces=["taobao"], per_minute=600)
    assert made.secret not in repr(made)
    assert admin.keys.get(made.key.key_id) == made.key
    async with AsyncCaselog(caselog.url, made.secret) as till:
        case = await till.file(complaint())
        assert [item.case_id async for item in till.cases(order_id=case.order.order_id)] == [case.case_id]  # type: ignore[union-attr]
        with pytest.raises(Forbidden):
            await till.keys.get(made.key.key_id)
    rotated = admin.keys.rotate(made.key.key_id, overlap=timedelta(hours=1))
    with pytest.raises(NotYet):
        admin.keys.rotate(made.key.key_id)
    async with AsyncCaselog(caselog.url, made.secret) as old, AsyncCaselog(caselog.url, rotated.secret) as new:
        assert await old.case(case.case_id) == await new.case(case.case_id)
    assert admin.keys.revoke(made.key.key_id).revoked_at is not None
    assert made.key.key_id in {one.key_id for one in admin.keys.list(limit=50)}
    with Caselog(caselog.url, "ck_nobody") as stranger, pytest.raises(Unauthenticated):
        next(stranger.keys.list())


def test_an_auditor_tells_cases_again_under_another_policy(caselog: Serving, storefront: Caselog) -> None:
    cases = [storefront.file(complaint()).case_id for _ in range(3)]
    with Caselog(caselog.url, "dev-auditor") as auditor:
        found = list(auditor.simulate("taobao@2026.6", case_ids=cases, limit=2))
        assert [one.case_id for one in found] == cases[::-1]
        assert not any(one.differs for one in found)
        assert found[0].simulated == found[0].recorded
        with pytest.raises(Invalid):
            list(auditor.simulate(policy_text="name = 3"))
    with pytest.raises(Forbidden):
        list(storefront.simulate("taobao@2026.6"))
