"""A loss that is shared (domain R1): the respondent owes its share of it, and the complainant bears the other."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from case_events.core.commands import AcceptRuling, Correct, Correction, PayAdvance, Recover, Rule
from case_events.core.values import Liable, Side
from tests.core.shipped import at_the_desk, complaint, fen, taken
from tests.examples import REFUSE
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


# what the platform paid first

WHOLE = replace(SHARED, amount=fen(10_000))
THREE = (
    Liable(party="complainant", share=2_000),
    Liable(party="respondent", share=5_000),
    Liable(party="platform", share=3_000),
)
"""Of 10,000 fen the complainant is to get 8,000."""


def advanced(*advances: PayAdvance, ruling: Rule) -> Dispute:
    """Paid first, refused, ruled and accepted by both."""
    claimed = complaint("after_sales_guarantee", "consumer_protection", demand="refund", amount=fen(10_000))
    dispute = taken(claimed)
    for one in advances:
        dispute.when(one, at=hours(1)).then("advance_paid")
    return stands(dispute.when(REFUSE, at=hours(2)).when(ruling, at=hours(3)))


def back(dispute: Dispute) -> dict[str, int]:
    return {one.party: one.amount.amount for one in dispute.case.recoveries}


@pytest.mark.parametrize(
    ("first", "owed", "recovered"),
    [
        (10_000, 0, {"respondent": 5_000, "complainant": 2_000}),
        (8_000, 0, {"respondent": 5_000}),
        (4_000, 4_000, {"respondent": 1_000}),
        (3_000, 5_000, {}),
    ],
)
def test_what_the_platform_bears_stays_paid_and_the_respondent_pays_its_share_and_no_more(
    first: int, owed: int, recovered: dict[str, int]
) -> None:
    dispute = advanced(PayAdvance(amount=fen(first)), ruling=replace(WHOLE, liable=THREE))
    assert (dispute.case.owed, back(dispute)) == (fen(owed) if owed else None, recovered)
    assert owed + recovered.get("respondent", 0) == 5_000


def test_who_bears_all_of_it_pays_back_what_was_paid_first_and_nobody_looks_how_it_was_handled() -> None:
    alone = (Liable(party="complainant", share=10_000), Liable(party="respondent", share=0))
    dispute = advanced(PayAdvance(amount=fen(4_000)), ruling=replace(WHOLE, liable=alone))
    assert (dispute.case.status, back(dispute)) == ("waiting_for_recovery", {"complainant": 4_000})
    dispute.when(Recover(party="complainant", amount=fen(4_000)), at=hours(6)).then("recovered", "closed")


def test_an_advance_that_names_its_debtor_takes_no_more_of_it_than_its_share() -> None:
    named = PayAdvance(amount=fen(8_000), recover_from="respondent")
    dispute = advanced(named, ruling=replace(WHOLE, liable=THREE))
    assert (dispute.case.owed, back(dispute)) == (None, {"respondent": 5_000})
    given_back = advanced(replace(named, recover_from="complainant"), ruling=replace(WHOLE, liable=THREE))
    assert (given_back.case.owed, back(given_back)) == (fen(5_000), {"complainant": 5_000})


@pytest.mark.parametrize("outcome", ["refund", "shared_liability"])
def test_the_complainants_own_share_is_not_owed_and_comes_back_from_it_whatever_the_outcome_is_called(
    outcome: str,
) -> None:
    ruling = replace(WHOLE, outcome=outcome, liable=HALVES)
    assert advanced(ruling=ruling).case.owed == fen(5_000)
    dispute = advanced(PayAdvance(amount=fen(10_000)), ruling=ruling)
    assert (dispute.case.owed, back(dispute)) == (None, {"respondent": 5_000, "complainant": 5_000})


def test_a_ruling_put_right_shares_out_anew_what_the_platform_paid_first() -> None:
    ruling = replace(WHOLE, outcome="refund", liable=HALVES)
    dispute = advanced(PayAdvance(amount=fen(8_000)), ruling=ruling)
    assert back(dispute) == {"respondent": 5_000, "complainant": 3_000}
    right = Correct(event=dispute.case.rulings[0].event_id, reason="写错。", fields=Correction(liable=THREE))
    dispute.when(right, at=hours(6)).then("corrected", status="waiting_for_recovery", owed=None)
    assert (back(dispute), amounts(dispute)) == ({"respondent": 5_000}, [2_000, 5_000, 3_000])
