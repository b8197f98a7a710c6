"""Was it shipped late: the first pickup that counts, what excuses it, a scan that is a fake (E5, M1)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from case_events.core.commands import RejectEvidence, Rule
from case_events.core.lateness import Shipment, shipment
from case_events.core.promises import Rulebook
from case_events.core.values import Evidence, Instant, Penalty
from tests.core.shipped import at_the_desk, complaint, fen
from tests.examples import NOON, TICK, calendar, proof
from tests.spec import Dispute, days, hours

PAID_AT = Instant.of(NOON - days(5))
SHIP_BY = Instant.of(PAID_AT + hours(24))
GRANT = Rule(outcome="compensation", amount=fen(645), rule="shipped_late", reasons="未按时发货。")
REJECT = Rule(outcome="rejected", rule="shipped_in_time", reasons="按时发货。")


SOON = hours(1)


def pickup(at: timedelta, moved: timedelta | None = SOON, number: int = 20) -> Evidence:
    """A scan so long after the last instant to ship, and the first movement so long after the scan."""
    scanned = Instant.of(SHIP_BY + at)
    moved_at = None if moved is None else Instant.of(scanned + moved)
    return replace(proof(number, "pickup_record"), shows_at=scanned, moved_at=moved_at)


def presale(at: timedelta, number: int = 30) -> Evidence:
    return replace(proof(number, "presale_terms"), shows_at=Instant.of(SHIP_BY + at))


NOTICE = replace(proof(40, "carrier_notice"), region="浙江")


def judged(*evidence: Evidence, type_: str = "late_shipment", policy: str = "taobao") -> Dispute:
    return at_the_desk(complaint(type_, evidence=evidence, amount=fen(645), policy=policy), policy=policy)


def found(dispute: Dispute) -> Shipment:
    in_force = dispute.in_force
    rules = in_force.type_of(dispute.case.type, dispute.case.subtype)
    notice = in_force.policy.minimum_notice
    book = Rulebook(rules=rules, minimum_notice=notice, calendar=calendar(), policy=in_force.policy)
    seen = shipment(dispute.case, book)
    assert seen is not None
    return seen


NEVER = hours(0)
TALES: dict[str, tuple[tuple[Evidence, ...], bool]] = {
    # what was brought, and whether the respondent answers for it
    "nothing": ((), True),
    "picked up at the last instant": ((pickup(NEVER),), False),
    "a microsecond later": ((pickup(TICK),), True),
    "the first of several counts": ((pickup(hours(9), number=21), pickup(-hours(1), number=22)), False),
    "moved at the last instant": ((pickup(NEVER, hours(24)),), False),
    "moved a microsecond later": ((pickup(NEVER, hours(24) + TICK),), True),
    "never moved": ((pickup(-hours(9), None),), True),
    "the first was a fake though a later one moved": ((pickup(-hours(9), None, 21), pickup(NEVER, number=22)), True),
    "a scan that says no instant": ((proof(20, "pickup_record"),), True),
    "a carrier's notice": ((pickup(hours(50)), NOTICE), False),
    "a carrier's notice and no pickup": ((NOTICE,), False),
    "a presale until that instant": ((pickup(days(3)), presale(days(3))), False),
    "a presale until a microsecond before": ((pickup(days(3)), presale(days(3) - TICK)), True),
    "the latest day agreed": ((pickup(days(3)), presale(days(1)), presale(days(3), 31)), False),
    "a presale that says no day": ((pickup(TICK), proof(30, "presale_terms")), True),
    "a presale agreed for earlier": ((pickup(NEVER), presale(-TICK)), True),
}


@pytest.mark.parametrize("tale", TALES)
def test_the_evidence_decides_and_a_ruling_against_it_says_why(tale: str) -> None:
    evidence, guilty = TALES[tale]
    dispute = judged(*evidence)
    right, wrong = (GRANT, REJECT) if guilty else (REJECT, GRANT)
    dispute.fork().when(right, at=hours(3)).then("ruled")
    problem = dispute.fork().when(wrong, at=hours(3)).faults("/data/outcome").last.problem
    assert problem is not None
    assert found(dispute).ship_by.rfc3339() in problem.errors[0].detail
    dispute.when(replace(wrong, departs="另有约定。"), at=hours(3)).then("ruled")


def test_the_finding_tells_the_promised_instant_the_pickup_and_what_it_makes_of_them() -> None:
    seen = found(judged(pickup(TICK), NOTICE, replace(NOTICE, sha256=proof(41).sha256)))
    assert (seen.ship_by, seen.picked_up_at) == (SHIP_BY, SHIP_BY + TICK)
    assert (seen.late, seen.fake, seen.excused_by) == (True, False, ("carrier_notice",))
    fake = found(judged(pickup(-hours(1), None)))
    assert (fake.late, fake.fake, fake.excused_by) == (True, True, ())
    assert found(judged()).picked_up_at is None
    assert found(judged(pickup(NEVER), presale(days(2)))).ship_by == SHIP_BY + days(2)


@pytest.mark.parametrize(("still", "moved"), [(21, 22), (22, 21)])
def test_of_two_records_of_one_scan_the_one_that_shows_the_movement_counts(still: int, moved: int) -> None:
    """Whoever brought them, in whatever order, and whatever their digests are."""
    records = pickup(NEVER, None, still), pickup(NEVER, hours(1), moved)
    for told in (records, records[::-1], (*records, pickup(NEVER, hours(30), 23))):
        assert (found(judged(*told)).late, found(judged(*told)).fake) == (False, False)


def test_rejected_evidence_neither_proves_nor_excuses() -> None:
    dispute = judged(pickup(NEVER), NOTICE)
    assert not found(dispute).late
    dispute.when(RejectEvidence(evidence=(proof(20).sha256,), reason="看不清。"), at=hours(3)).then("evidence_rejected")
    assert (found(dispute).late, found(dispute).excused_by) == (True, ("carrier_notice",))
    dispute.when(RejectEvidence(evidence=(proof(40).sha256,), reason="无公章。"), at=hours(3)).then("evidence_rejected")
    assert found(dispute).excused_by == ()
    dispute.when(REJECT, at=hours(3)).faults("/data/outcome")


def test_where_evidence_was_forged_forgery_decides() -> None:
    dispute = judged(NOTICE, pickup(TICK))
    dispute.when(RejectEvidence(evidence=(NOTICE.sha256,), reason="伪造公章。", forged=True), at=hours(3))
    caught = Penalty(kind="warning", on="complainant")
    dispute.when(replace(REJECT, penalties=(caught,)), at=hours(3)).then("ruled")


def test_lateness_decides_only_the_reasons_it_is_about() -> None:
    added = complaint("not_shipped_as_agreed", reason="price_added", amount=fen(645), policy="tmall")
    shown = replace(added, evidence=(pickup(NEVER),))
    grant = replace(GRANT, reasons="要求加价。")
    at_the_desk(shown, policy="tmall").when(grant, at=hours(3)).then("ruled")
    late = replace(shown, reason="late_shipment")
    at_the_desk(late, policy="tmall").when(grant, at=hours(3)).faults("/data/outcome")


@pytest.mark.parametrize("policy", ["taobao", "tmall"])
def test_shipping_later_than_24_hours_costs_five_percent_of_the_order(policy: str) -> None:
    dispute = judged(pickup(TICK), policy=policy)
    problem = dispute.when(replace(GRANT, amount=fen(646)), at=hours(3)).faults("/data/amount").last.problem
    assert problem is not None
    assert "645" in problem.errors[0].detail
    dispute.when(GRANT, at=hours(3)).then("ruled")
