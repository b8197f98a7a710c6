"""Whoever complains anonymously is not named to the side they complain about (domain F8), in no event at all."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from case_events.core.canonical import canonical
from case_events.core.events import (
    Appealed,
    Event,
    EvidenceSubmitted,
    Expedited,
    Filed,
    InterventionRequested,
    MerchantReplied,
    Messaged,
    Noted,
    Rated,
    Returned,
    Settled,
    Withdrawn,
)
from case_events.core.facts import ExtensionFacts, FilingFacts, ListingFacts, ReviewFacts
from case_events.core.values import Evidence, Party, Who
from case_events.core.viewer import Viewer, absent, seen
from tests.core.reported import (
    FILED,
    HERS,
    LIMITED,
    NAMED,
    OTHER,
    OURS,
    THE_SHOPS,
    about,
    brought,
    filed,
    told,
)
from tests.examples import NOON, ORDER, yuan


def test_the_filing_of_an_anonymous_report_says_what_is_wrong_and_not_who_says_so() -> None:
    (shown,) = about()
    assert shown.event == filed(
        complainant=Party(role="buyer", id="anonymous"),
        complainant_entity=None,
        external_ref=None,
        previous=None,
        marks=0,
        description="withheld",
        evidence=(Evidence(kind="photo", uri="withheld", sha256=HERS.sha256, shows_at=NOON),),
        facts=FilingFacts(
            review=ReviewFacts(rating="negative", in_effect=True),
            listing=ListingFacts(listing_id="l-1", title="毛衣"),
            circumstance="returned",
            extension=ExtensionFacts(reason="faulty_goods", explanation="withheld"),
        ),
    )
    assert (shown.client, shown.agent) == ("anonymous", None)
    assert NAMED.encode() not in canonical(shown.event)
    assert absent(OTHER) == Party(role="merchant", id="anonymous")


def test_what_an_anonymous_filing_did_not_say_is_not_made_up() -> None:
    (shown,) = about(facts=None, evidence=())
    assert isinstance(shown.event, Filed)
    assert (shown.event.facts, shown.event.evidence) == (None, ())
    (shown,) = about(facts=FilingFacts(loss=yuan(3)))
    assert isinstance(shown.event, Filed)
    assert shown.event.facts == FilingFacts(loss=yuan(3))


def test_one_filed_by_the_platform_for_somebody_names_the_platforms_client_and_not_them() -> None:
    (shown,) = seen(told((FILED, "platform")), LIMITED)
    assert NAMED.encode() not in canonical(shown.event)
    assert (shown.client, shown.agent) == ("client of platform", "agent of platform")


SAID: list[tuple[Event, dict[str, str]]] = [
    (InterventionRequested(ground="requested", by="complainant", department="d", reason=NAMED), {"reason": "withheld"}),
    (Expedited(reason=NAMED, priority=1), {"reason": "withheld"}),
    (Appealed(by="complainant", reason=NAMED), {"reason": "withheld"}),
    (Withdrawn(reason=NAMED), {"reason": "withheld"}),
    (Withdrawn(), {}),
    (Returned(step="shipped", tracking=NAMED), {"tracking": "withheld"}),
    (Returned(step="address", address=NAMED), {"address": "withheld"}),
    (Rated(score=2, comment=NAMED), {"comment": "withheld"}),
    (Rated(score=2), {}),
    (Messaged(by="complainant", text="请下架。"), {}),
    (Settled(basis="offer", remedy="refund", owed=None), {}),
]


@pytest.mark.parametrize(("event", "changed"), SAID)
def test_about_no_order_an_anonymous_complainants_words_are_withheld_but_messages(
    event: Event, changed: dict[str, str]
) -> None:
    shown = about((event, "complainant"))[1]
    assert shown.event == replace(event, **changed)
    assert (shown.client, shown.agent) == ("anonymous", None)


@pytest.mark.parametrize("event", [event for event, _ in SAID])
def test_about_an_order_the_respondent_reads_what_it_must_answer(event: Event) -> None:
    shown = about((event, "complainant"), order=ORDER)
    assert shown[1].event == event
    assert (shown[1].client, shown[1].agent) == ("anonymous", None)
    assert isinstance(shown[0].event, Filed)
    assert shown[0].event.description == FILED.description
    assert shown[0].event.complainant.id == "anonymous"


def test_an_anonymous_complainants_files_are_known_by_kind_and_digest_alone() -> None:
    shown = about(
        (EvidenceSubmitted(by="complainant", evidence=(HERS, OURS)), "complainant"),
        (EvidenceSubmitted(by="platform", evidence=(OURS,)), "platform"),
        (MerchantReplied(decision="refuse", reason="是正品。", evidence=(THE_SHOPS,)), "respondent"),
    )
    assert brought(shown, 2) == (replace(HERS, uri="withheld"), replace(OURS, uri="withheld"))
    assert (brought(shown, 3), brought(shown, 4)) == ((OURS,), (THE_SHOPS,))


def test_the_words_of_the_others_stand_with_their_names() -> None:
    others: tuple[tuple[Event, Who], ...] = (
        (MerchantReplied(decision="refuse", reason="是正品。"), "respondent"),
        (InterventionRequested(ground="refused", by="respondent", department="d", reason="不认可。"), "respondent"),
        (Noted(text="已转12315。", internal=False), "platform"),
        (Appealed(by="respondent", reason="不服。"), "respondent"),
    )
    assert about(*others)[1:] == told((FILED, "complainant"), *others)[1:]


def test_what_follows_from_a_complainants_step_tells_no_more_than_the_step() -> None:
    caused = InterventionRequested(ground="direct", by="platform", department="d", reason="x")
    (_, shown) = about((caused, "complainant"))
    assert (shown.client, shown.agent) == ("anonymous", None)
    assert shown.event == replace(caused, reason="withheld")
    clocked = replace(caused, by="complainant")
    (_, shown) = about((clocked, "scheduler"))
    assert (shown.client, shown.agent) == ("client of scheduler", "agent of scheduler")
    assert shown.event == replace(caused, by="complainant", reason="withheld")


@pytest.mark.parametrize(
    ("viewer", "changes"),
    [
        (LIMITED, {"anonymous": False}),
        (Viewer(merchants=("m-1", "m-2")), {"complainant": OTHER}),
        (Viewer(merchants=("m-2",)), {"complainant": OTHER}),
    ],
)
def test_where_nobody_is_hidden_from_the_viewer_everything_stands(viewer: Viewer, changes: dict[str, Any]) -> None:
    history = told((filed(marks=0, **changes), "complainant"), *((event, "complainant") for event, _ in SAID))
    assert seen(history, viewer) == history
