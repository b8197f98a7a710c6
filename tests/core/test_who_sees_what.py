"""What of a case there is for whom (domain N9, A2, E1): whose cases, the desk's notes, the platform's evidence."""

from __future__ import annotations

from uuid import UUID

import pytest
from msgspec.structs import replace

from case_events.core.commands import SubmitEvidence
from case_events.core.events import (
    Appealed,
    Corrected,
    Event,
    EvidenceRejected,
    EvidenceSubmitted,
    Filed,
    MerchantReplied,
    Messaged,
    Noted,
    Ruled,
)
from case_events.core.evolve import as_shown, fold
from case_events.core.gates import required_action_by
from case_events.core.missing import missing_evidence
from case_events.core.values import Party, Who
from case_events.core.viewer import EVERYTHING, Viewer, seen
from tests.core.reported import (
    FILED,
    HERS,
    LIMITED,
    OTHER,
    OURS,
    SECRETLY,
    SHOP,
    THE_SHOPS,
    about,
    brought,
    filed,
    told,
    versions,
)
from tests.core.shipped import at_the_desk, complaint
from tests.examples import ASK_FOR_PHOTOS, BUYER, proof
from tests.spec import hours


@pytest.mark.parametrize(
    ("viewer", "marketplace", "parties", "there"),
    [
        (EVERYTHING, "taobao", (BUYER, SHOP), True),
        (Viewer(marketplaces=("taobao",)), "taobao", (BUYER, SHOP), True),
        (Viewer(marketplaces=("taobao",)), "tmall", (BUYER, SHOP), False),
        (Viewer(marketplaces=()), "taobao", (BUYER, SHOP), False),
        (Viewer(merchants=("m-1",)), "taobao", (BUYER, SHOP), True),
        (Viewer(merchants=("m-1",)), "taobao", (SHOP, BUYER), True),
        (Viewer(merchants=("m-2", "m-1")), "tmall", (BUYER, SHOP), True),
        (Viewer(merchants=("m-2",)), "taobao", (BUYER, SHOP), False),
        (Viewer(merchants=()), "taobao", (BUYER, SHOP), False),
        (Viewer(merchants=("m-1",), marketplaces=("tmall",)), "taobao", (BUYER, SHOP), False),
        (Viewer(merchants=("m-1",)), "taobao", (Party(role="buyer", id="m-1"), OTHER), False),
    ],
)
def test_there_are_the_cases_of_ones_marketplaces_and_ones_merchants(
    viewer: Viewer, marketplace: str, parties: tuple[Party, ...], there: bool
) -> None:
    assert viewer.sees(marketplace, *parties) is there
    history = told((filed(marketplace=marketplace, complainant=parties[0], respondent=parties[1]), "complainant"))
    assert bool(seen(history, viewer)) is there


def test_only_a_merchant_one_is_limited_to_is_ones_own() -> None:
    assert LIMITED.is_party(SHOP)
    assert not LIMITED.is_party(OTHER)
    assert not LIMITED.is_party(Party(role="buyer", id="m-1"))
    assert not EVERYTHING.is_party(SHOP)


@pytest.mark.parametrize(
    ("viewer", "anonymous", "complainant", "misses"),
    [
        (LIMITED, True, BUYER, True),
        (LIMITED, True, OTHER, True),
        (LIMITED, False, BUYER, False),
        (LIMITED, True, SHOP, False),
        (Viewer(merchants=("m-1", "m-2")), True, OTHER, False),
        (Viewer(merchants=("m-2",)), True, OTHER, False),
        (Viewer(merchants=("m-3",)), True, OTHER, False),
        (EVERYTHING, True, BUYER, False),
        (Viewer(desk=False), True, BUYER, False),
    ],
)
def test_who_is_complained_about_anonymously_and_nobody_else_misses_the_complainant(
    viewer: Viewer, anonymous: bool, complainant: Party, misses: bool
) -> None:
    assert viewer.misses_complainant(anonymous=anonymous, complainant=complainant, respondent=SHOP) is misses


def test_of_nothing_there_is_nothing_to_see() -> None:
    assert seen((), EVERYTHING) == seen((), LIMITED) == ()


# The desk


NOTES: tuple[tuple[Event, Who], ...] = (
    (Noted(text="买家情绪激动。"), "platform"),
    (Noted(text="已转12315。", internal=False), "platform"),
    (Corrected(event=UUID(int=2), version=2, reason="笔误。", text="买家来电。"), "platform"),
    (Corrected(event=UUID(int=3), version=3, reason="笔误。", text="已转交12315。"), "platform"),
    (Messaged(by="respondent", text="已处理。"), "respondent"),
)


def test_the_desk_sees_the_whole_history() -> None:
    history = told((FILED, "complainant"), *NOTES)
    assert seen(history, EVERYTHING) == seen(history, Viewer(marketplaces=("taobao",))) == history


@pytest.mark.parametrize("viewer", [Viewer(desk=False), LIMITED, Viewer(merchants=("m-1",), desk=False)])
def test_outside_the_desk_there_are_neither_its_notes_to_itself_nor_what_was_corrected_in_them(viewer: Viewer) -> None:
    shown = about(*NOTES, viewer=viewer)
    assert versions(shown) == [1, 3, 5, 6]
    assert [one.event for one in shown[1:]] == [NOTES[1][0], NOTES[3][0], NOTES[4][0]]


@pytest.mark.parametrize("viewer", [Viewer(desk=False), LIMITED])
def test_outside_the_desk_a_complainant_has_no_marks(viewer: Viewer) -> None:
    for history in (about(viewer=viewer), about(*NOTES, viewer=viewer)):
        assert isinstance(history[0].event, Filed)
        assert history[0].event.marks == 0
    untouched = told((filed(marks=0, anonymous=False), "complainant"), (Noted(text="好。", internal=False), "platform"))
    assert seen(untouched, viewer) == untouched


def test_a_storefront_of_all_merchants_sees_who_complained_and_what_was_brought_for_the_platform() -> None:
    history = told(
        (filed(marks=0, evidence=(SECRETLY[0],)), "complainant"),
        (EvidenceSubmitted(by="platform", evidence=(SECRETLY[1],)), "platform"),
    )
    assert seen(history, Viewer(desk=False)) == history


def test_a_side_sees_what_the_others_brought_for_both_and_its_own_for_the_platform() -> None:
    shown = about(
        (EvidenceSubmitted(by="complainant", evidence=(SECRETLY[0], OURS)), "complainant"),
        (EvidenceSubmitted(by="platform", evidence=(SECRETLY[1],)), "platform"),
        (MerchantReplied(decision="refuse", evidence=(SECRETLY[2],)), "respondent"),
        (EvidenceSubmitted(by="respondent", evidence=(SECRETLY[2], THE_SHOPS)), "respondent"),
        (Appealed(by="complainant", reason="不服。", evidence=(SECRETLY[0],)), "complainant"),
        anonymous=False,
    )
    assert [brought(shown, version) for version in range(2, 7)] == [
        (OURS,),
        (),
        (SECRETLY[2],),
        (SECRETLY[2], THE_SHOPS),
        (),
    ]


def test_a_filing_is_its_complainants_whoever_sent_it() -> None:
    for who in ("complainant", "platform"):
        history = told((filed(evidence=(SECRETLY[0], OURS), marks=0, complainant=OTHER, anonymous=False), who))
        assert brought(seen(history, LIMITED), 1) == (OURS,)
        assert brought(seen(history, Viewer(merchants=("m-2",))), 1) == (SECRETLY[0], OURS)


def test_the_digest_of_what_one_may_not_see_is_not_told_later_either() -> None:
    ruled = Ruled(round=1, outcome="upheld", verdict="upheld", rule="r", reasons="如图。", owed=None)
    digests = (HERS.sha256, OURS.sha256, THE_SHOPS.sha256)
    later: tuple[tuple[Event, Who], ...] = (
        (EvidenceSubmitted(by="platform", evidence=(SECRETLY[1],)), "platform"),
        (EvidenceSubmitted(by="respondent", evidence=(SECRETLY[2],)), "respondent"),
        (EvidenceRejected(evidence=digests, of="complainant", forged=False, reason="模糊。"), "platform"),
        (replace(ruled, evidence=digests), "platform"),
        (replace(ruled, evidence=(THE_SHOPS.sha256,)), "platform"),
    )
    shown = about(*later, evidence=(HERS,), anonymous=False)
    assert brought(shown, 4) == brought(shown, 5) == (HERS.sha256, THE_SHOPS.sha256)
    assert brought(shown, 6) == (THE_SHOPS.sha256,)
    assert brought(seen(told((FILED, "complainant"), *later), EVERYTHING), 5) == digests


def test_evidence_that_one_does_not_see_ends_the_waiting_for_it_all_the_same() -> None:
    """A3, E6: who is next, and until when, is no other for the merchant than for the desk."""
    dispute = at_the_desk(complaint("quality", evidence=())).when(ASK_FOR_PHOTOS, at=hours(3))
    shown = seen(dispute.history, LIMITED)
    assert as_shown(dispute.case, shown) == fold(shown) == dispute.case
    secretly = tuple(replace(proof(n, kind), visibility="platform") for n, kind in ((7, "photo"), (8, "packaging")))
    dispute.when(SubmitEvidence(evidence=secretly), at=hours(4)).then("evidence_submitted", status="under_review")
    case = as_shown(dispute.case, seen(dispute.history, LIMITED))
    assert case is not None
    assert (case.status, case.clocks, case.reminders) == ("under_review", dispute.case.clocks, dispute.case.reminders)
    assert (required_action_by(case), missing_evidence(case)) == (("platform",), ())
    assert not {one.sha256 for one in secretly} & {one.evidence.sha256 for one in case.evidence}
    assert as_shown(dispute.case, seen(dispute.history, Viewer(merchants=("m-2",)))) is None
