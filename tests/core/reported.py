"""A report by somebody who is not to be named, and what others see of it (domain F8)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec.structs import replace

from case_events.core.events import (
    Event,
    Filed,
    History,
    Recorded,
)
from case_events.core.facts import ExtensionFacts, FilingFacts, ListingFacts, ReviewFacts
from case_events.core.values import Evidence, LegalEntity, Money, Party, PolicyRef, Who
from case_events.core.viewer import Viewer, seen
from tests.examples import NOON

SHOP, OTHER = Party(role="merchant", id="m-1"), Party(role="merchant", id="m-2")
NAMED = "lei@example.com"
"""Who reported, wherever it could be said."""
HERS, OURS, THE_SHOPS = (Evidence(kind="photo", uri=f"s3://{NAMED}/{n}", sha256=f"{n:064x}") for n in (1, 2, 3))
SECRETLY = [replace(one, visibility="platform") for one in (HERS, OURS, THE_SHOPS)]
LIMITED = Viewer(merchants=("m-1",))
FACTS = FilingFacts(
    review=ReviewFacts(rating="negative", in_effect=True),
    listing=ListingFacts(listing_id="l-1", title="毛衣", url=f"https://{NAMED}"),
    circumstance="returned",
    extension=ExtensionFacts(reason="faulty_goods", explanation=NAMED),
    trusted=True,
)
FILED = Filed(
    number="C-1",
    type="counterfeit_report",
    reason="counterfeit",
    marketplace="taobao",
    policy=PolicyRef(name="taobao", version="2026.6", digest="0" * 64),
    complainant=Party(role="buyer", id=NAMED),
    respondent=SHOP,
    demand="takedown",
    amount=Money(amount=0, currency="CNY"),
    description=f"假货。{NAMED}",
    department="customer_service",
    evidence=(replace(HERS, region="浙江省", shows_at=NOON),),
    anonymous=True,
    facts=FACTS,
    complainant_entity=LegalEntity(name=NAMED, place="杭州"),
    respondent_entity=LegalEntity(name="小店", place="义乌"),
    marks=2,
    previous=UUID(int=7),
    external_ref=NAMED,
)


def told(*events: tuple[Event, Who]) -> History:
    """These events, in this order, each sent by somebody with a name and a client of their own."""
    return tuple(
        Recorded(
            case_id=UUID(int=99),
            version=number,
            event_id=UUID(int=number),
            event=event,
            occurred_at=NOON,
            effective_at=NOON,
            recorded_at=NOON,
            who=who,
            client=f"client of {who}",
            agent=f"agent of {who}",
            correlation=UUID(int=number),
        )
        for number, (event, who) in enumerate(events, 1)
    )


def filed(**changes: Any) -> Filed:
    return replace(FILED, **changes)


def about(*events: tuple[Event, Who], viewer: Viewer = LIMITED, **changes: Any) -> History:
    """What the viewer sees of these events of the report (with these changes), its filing first."""
    return seen(told((filed(**changes), "complainant"), *events), viewer)


def versions(history: History) -> list[int]:
    return [one.version for one in history]


def brought(history: History, version: int) -> tuple[object, ...]:
    (event,) = (one.event for one in history if one.version == version)
    return tuple(getattr(event, "evidence"))  # noqa: B009 - several kinds of events have it
