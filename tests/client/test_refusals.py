"""Each refusal is an exception of its own, with what the problem is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from case_api.refusals.kinds import KINDS
from caselog_client import (
    AlreadyOpen,
    Caselog,
    DeadlinePassed,
    Forbidden,
    IdReused,
    Invalid,
    Malformed,
    NotAllowedNow,
    NotEligible,
    NotFound,
    NotYet,
    PreconditionRequired,
    ProblemError,
    Stale,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from caselog_client.problems import problem_of
from tests.client.filings import AGREES, BUYER, MERCHANT, REFUND, REFUSES, Callers, complaint
from tests.serving import Serving

START = datetime(2026, 3, 2, 2, tzinfo=UTC)


@pytest.fixture
def callers(storefront: Caselog, platform: Caselog, admin: Caselog) -> Callers:
    return Callers(storefront, platform, admin)


def _filed(by: Callers) -> UUID:
    return by.storefront.file(complaint()).case_id


def _late_reply(by: Callers) -> None:
    clock = by.admin.create_clock(START)
    filing = complaint(succeeded_at=START - timedelta(days=1), test_clock=clock.id)
    case = by.storefront.file(filing)
    by.admin.advance(clock.id, by=timedelta(hours=73))
    by.admin.wait_until_ready(clock.id)
    by.storefront.post(case.case_id, "merchant_replied", AGREES, MERCHANT)


def _filed_twice(by: Callers) -> None:
    filing = complaint()
    first = by.storefront.file(filing)
    with pytest.raises(AlreadyOpen) as refused:
        by.storefront.file(filing)
    assert refused.value.case_id == first.case_id
    raise refused.value


def _read_before(by: Callers) -> None:
    case_id = _filed(by)
    by.storefront.post(case_id, "merchant_replied", REFUSES, MERCHANT)
    by.platform.post(case_id, "ruled", REFUND, if_match=1)


def _key_used_before(by: Callers) -> None:
    case_id, key = _filed(by), uuid4().hex
    by.storefront.post(case_id, "merchant_replied", REFUSES, MERCHANT, idempotency_key=key)
    by.storefront.post(case_id, "merchant_replied", AGREES, MERCHANT, idempotency_key=key)


def _settled_twice(by: Callers) -> None:
    case_id = _filed(by)
    by.storefront.post(case_id, "merchant_replied", REFUSES, MERCHANT)
    by.storefront.post(case_id, "merchant_replied", AGREES, MERCHANT)


REFUSED: dict[type[ProblemError], tuple[int, Callable[[Callers], Any], tuple[str, ...]]] = {
    # What is raised: its status, how one comes to it, and the members it then has.
    Forbidden: (403, lambda by: by.admin.post(uuid4(), "withdrawn", {"reason": "x"}, BUYER), ()),
    NotFound: (404, lambda by: by.storefront.case(uuid4()), ()),
    Malformed: (400, lambda by: by.storefront.file({"amount": 2**60}), ()),
    NotYet: (
        409,
        lambda by: by.storefront.post(_filed(by), "intervention_requested", {"reason": "不理我"}, BUYER),
        ("rule", "opens_at", "allowed_events"),
    ),
    DeadlinePassed: (409, _late_reply, ("rule", "due_at")),
    NotAllowedNow: (409, _settled_twice, ("allowed_events",)),
    AlreadyOpen: (409, _filed_twice, ("location",)),
    Stale: (412, _read_before, ("current_version", "missed")),
    TooLarge: (413, lambda by: by.storefront.file(complaint(description="长" * 1_000_000)), ()),
    Invalid: (422, lambda by: by.storefront.file({"type": "not_received", "colour": "red"}), ("errors",)),
    NotEligible: (
        422,
        lambda by: by.storefront.file(complaint(succeeded_at=datetime.now(UTC) - timedelta(days=16))),
        ("rule", "closed_at"),
    ),
    IdReused: (422, _key_used_before, ()),
    PreconditionRequired: (428, lambda by: by.platform.post(_filed(by), "ruled", REFUND), ()),
}


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.__name__)
def test_a_refusal_says_what_it_is_about(kind: type[ProblemError], callers: Callers) -> None:
    status, met, members = REFUSED[kind]
    with pytest.raises(ProblemError) as refused:
        met(callers)
    problem = refused.value
    assert type(problem) is kind, problem
    assert (problem.status, bool(problem.detail), bool(problem.trace_id)) == (status, True, True)
    assert problem.code in str(problem)
    for member in members:
        assert getattr(problem, member), f"{member} is missing"


def test_an_unknown_key_is_unauthenticated(caselog: Serving) -> None:
    with Caselog(caselog.url, "nobody") as stranger, pytest.raises(Unauthenticated):
        stranger.case(uuid4())


def test_every_fault_is_named(storefront: Caselog) -> None:
    with pytest.raises(Invalid) as refused:
        storefront.file({"type": "not_received", "colour": "red", "amount": {"amount": -1, "currency": "yuan"}})
    pointers = {fault.pointer for fault in refused.value.errors}
    assert {"/colour", "/amount/amount", "/amount/currency"} <= pointers


def test_a_filter_nobody_knows_is_refused_when_the_list_is_read(storefront: Caselog) -> None:
    listed = storefront.cases(colour="red")
    with pytest.raises(Invalid) as refused:
        next(listed)
    assert [fault.pointer for fault in refused.value.errors] == ["?colour"]


def test_the_same_key_again_is_the_same_answer(storefront: Caselog) -> None:
    filing, key = complaint(), uuid4().hex
    assert storefront.file(filing, idempotency_key=key) == storefront.file(filing, idempotency_key=key)


def test_a_name_from_elsewhere_never_leaves_its_place_in_the_path(storefront: Caselog) -> None:
    with pytest.raises(NotFound):
        storefront.case("../policies")


def test_whatever_says_not_now_is_raised_as_that() -> None:
    for code, kind in KINDS.items():
        if kind.status in (429, 503):
            raised = problem_of(httpx.Response(kind.status, json={"code": code, "detail": "later"}))
            assert type(raised) is {429: TooManyRequests, 503: Unavailable}[kind.status], code
    assert type(problem_of(httpx.Response(503, json={"code": "since_2030"}))) is Unavailable
    assert type(problem_of(httpx.Response(409, json={"code": "since_2030"}))) is ProblemError
