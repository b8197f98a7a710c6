"""A loss that is shared (domain R1): the respondent owes its share of it, and the complainant bears the other."""

from __future__ import annotations

from msgspec.structs import replace

from case_events.core.commands import AcceptRuling, Correct, Correction, Rule
from case_events.core.values import Liable, Side
from tests.core.shipped import at_the_desk, complaint, fen
from tests.spec import Dispute, hours

HALVES = (Liable(party="complainant", share=5_000), Liable(party="respondent", share=5_000))
SHARED = Rule(
    outcome="shared_liability", amount=fen(10_101), rule="unclear_agreement", reasons="约定不清。", liable=HALVES
)


def ruled(*shares: tuple[Side, int]) -> Dispute:
    liable = tuple(Liable(party=party, share=share) for party, share in shares) or HALVES
    claimed = complaint("after_sales_guarantee", "consumer_protection", demand="refund", amount=fen(10_101))
    return at_the_desk(claimed).when(replace(SHARED, liable=liable), at=hours(3)).then("ruled")


def stands(dispute: Dispute) -> Dispute:
    dispute.when(AcceptRuling(), by="complainant", at=hours(5))
    return dispute.when(AcceptRuling(), by="respondent", at=hours(5))


def amounts(dispute: Dispute) -> list[int | None]:
    return [one.amount.amount if one.amount else None for one in dispute.case.rulings[-1].liable]


def test_the_respondent_owes_its_share_and_no_more() -> None:
    dispute = ruled()
    assert amounts(dispute) == [
        5_051,
        5_050,
    ]  # half a fen each: the first of equal remainders gets the fen that is left
    assert dispute.case.rulings[0].owed == fen(5_050)
    stands(dispute).then("ruling_accepted", status="waiting_for_remedy", owed=fen(5_050))


def test_what_the_platform_bears_is_owed_to_the_complainant_too() -> None:
    dispute = ruled(("complainant", 2_000), ("respondent", 7_000), ("platform", 1_000))
    assert amounts(dispute) == [2_020, 7_071, 1_010]
    stands(dispute).then("ruling_accepted", owed=fen(8_081))


def test_who_bears_all_of_it_is_owed_nothing() -> None:
    dispute = ruled(("complainant", 10_000), ("respondent", 0))
    stands(dispute).then("ruling_accepted", "closed", status="closed", outcome="partly_upheld", owed=None)


def test_shares_that_are_put_right_are_shares_of_the_same_loss() -> None:
    dispute = ruled()
    said = Correct(event=dispute.case.rulings[0].event_id, reason="写错。", fields=Correction(reasons="双方理解不同。"))
    dispute.when(said, at=hours(4)).then("corrected")
    assert (amounts(dispute), dispute.case.rulings[0].owed) == ([5_051, 5_050], fen(5_050))

    other = (Liable(party="complainant", share=0), Liable(party="respondent", share=10_000))
    dispute.when(replace(said, fields=Correction(liable=other)), at=hours(4)).then("corrected")
    assert (amounts(dispute), dispute.case.rulings[0].owed) == ([0, 10_101], fen(10_101))
