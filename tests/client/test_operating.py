"""What an operator's program asks: holds, outages, published days; and CloudEvents from who has them already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from caselog_client import Case, Caselog, Forbidden, IdReused, Invalid, NotFound, Step
from tests.client.filings import MERCHANT, complaint
from tests.serving import Serving

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def ops(caselog: Serving) -> Iterator[Caselog]:
    with Caselog(caselog.url, "dev-ops") as caller:
        yield caller


def test_a_hold_is_placed_once_read_and_released(ops: Caselog, storefront: Caselog) -> None:
    key = str(uuid4())
    hold = ops.place_hold("their system is away", merchant_id="m-away", lasts=HOUR, idempotency_key=key)
    assert (hold.merchant_id, hold.status) == ("m-away", "in_force")
    again = ops.place_hold("their system is away", merchant_id="m-away", lasts=HOUR, idempotency_key=key)
    assert again == hold == ops.hold(hold.id)
    with pytest.raises(IdReused):
        ops.place_hold("another", merchant_id="m-away", lasts=HOUR, idempotency_key=key)
    assert hold.id in {one.id for one in ops.holds().items}
    assert ops.release_hold(hold.id, "it is back").status == "released"
    assert ops.release_hold(hold.id, "it is back").released_at is not None
    with pytest.raises(Invalid):
        ops.place_hold("of nothing", lasts=HOUR)
    with pytest.raises(Forbidden):
        storefront.place_hold("mine", merchant_id="m-1", lasts=HOUR)


def test_an_outage_is_declared_once_and_says_what_it_made_late(ops: Caselog) -> None:
    ended, key = datetime.now(UTC) - HOUR, str(uuid4())
    report = ops.declare_outage(ended - HOUR, ended, "the line was cut", idempotency_key=key)
    assert ops.declare_outage(ended - HOUR, ended, "the line was cut", idempotency_key=key).outage == report.outage
    assert (report.outage.source, report.outage.reason) == ("declared", "the line was cut")
    assert ops.outage(report.outage.id).outage == report.outage
    assert len(list(ops.made_late(report.outage.id, limit=10))) == report.aftermath.timeouts
    with pytest.raises(NotFound):
        ops.outage(uuid4())


def test_published_days_are_read_and_those_of_a_year_tried(ops: Caselog) -> None:
    known = ops.calendars()
    year = ops.calendar(known.known_until.year)
    assert year.published
    assert all(day.year == year.year for day in (*year.rest, *year.work))
    tried = ops.load_calendar(year.year, source="the same", rest=year.rest, work=year.work, dry_run=True)
    assert (tried.edition, tried.new_rest, tried.new_work) == (None, (), ())
    more = next(day for day in (date(year.year, 3, 1 + number) for number in range(7)) if day.weekday() == 0)
    run = (more, more + timedelta(days=1))
    tried = ops.load_calendar(year.year, source="more", rest=[*year.rest, run], work=year.work, dry_run=True)
    assert tried.new_rest == run
    with pytest.raises(Invalid):
        ops.load_notice("no notice", dry_run=True)


def test_a_cloud_event_files_and_another_posts_each_once(storefront: Caselog) -> None:
    source = f"/shop/{uuid4()}"
    filed = {"specversion": "1.0", "id": "1", "source": source, "type": "caselog.filed.v1", "data": complaint()}
    case = storefront.post_cloud_event(filed)
    assert isinstance(case, Case)
    assert storefront.post_cloud_event(filed) == case
    said = {"actor": msgspec.to_builtins(MERCHANT), "decision": "agree"}
    event = {**filed, "id": "2", "type": "caselog.merchant_replied.v1", "subject": str(case.case_id), "data": said}
    tried = storefront.post_cloud_event(event, dry_run=True)
    assert storefront.case(case.case_id).version == 1
    step = storefront.post_cloud_event(event)
    assert isinstance(step, Step)
    assert isinstance(tried, Step)
    assert [one.type for one in step.events] == [one.type for one in tried.events] == ["merchant_replied", "settled"]
    again = storefront.post_cloud_event(event)
    assert isinstance(again, Step)
    assert (again.replayed, again.events) == (True, step.events)
    with pytest.raises(Invalid):
        storefront.post_cloud_event({**event, "id": "3", "specversion": "0.3"})
    assert storefront.case(case.case_id, known_at=case.filed_at).version == 1
    assert [one.type for one in storefront.events(case.case_id, version=2)] == ["filed", "merchant_replied"]
    assert storefront.timeline(case.case_id, at=case.filed_at).version == 1
