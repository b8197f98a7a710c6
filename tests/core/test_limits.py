"""What may be said of each thing, to the exact edge: lengths, counts, sums, instants, words; and what goes unsaid."""

from __future__ import annotations

import copy
from typing import Any
from uuid import UUID

import pytest

from case_events.core.commands import (
    AcceptRuling,
    Assign,
    Correct,
    Dismiss,
    Escalate,
    File,
    FollowUp,
    Link,
    Message,
    Note,
    PayAdvance,
    Rate,
    Recover,
    RejectEvidence,
    Remedy,
    Reply,
    RequestEvidence,
    RequestIntervention,
    Return,
    Rule,
    SubmitEvidence,
)
from case_events.core.facts import FilingFacts
from case_events.core.values import (
    Evidence,
    Goods,
    LegalEntity,
    Liable,
    Money,
    Order,
    Party,
    Penalty,
)
from case_events.shape import Misshapen, convert

SHA = "0123456789abcdef" * 4
MONEY: dict[str, Any] = {"amount": 1, "currency": "CNY"}
PIECE: dict[str, Any] = {"kind": "photo", "uri": "s3://1", "sha256": SHA}
GOODS: dict[str, Any] = {"sku": "s", "title": "", "category": "apparel", "quantity": 1, "price": MONEY}
AT = "2026-03-02T04:00:00Z"
ORDER: dict[str, Any] = {
    "order_id": "T1",
    "status": "paid",
    "created_at": AT,
    "paid": MONEY,
    "freight": MONEY,
    "goods": [GOODS],
}
FILING: dict[str, Any] = {
    "type": "t",
    "reason": "r",
    "marketplace": "m",
    "complainant": {"role": "buyer", "id": "b"},
    "respondent": {"role": "merchant", "id": "m"},
    "demand": "refund",
    "description": "d",
}
RULING: dict[str, Any] = {"outcome": "refund", "rule": "r", "reasons": "x"}
HALF = {"party": "platform", "share": 5_000}


def with_(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The document with this value at the dotted path."""
    changed: dict[str, Any] = copy.deepcopy(base)
    place: Any = changed
    *before, last = path.split(".")
    for name in before:
        place = place.setdefault(name, {})
    place[last] = value
    return changed


def taken(kind: type[Any], document: dict[str, Any]) -> bool:
    try:
        convert(document, kind)
    except Misshapen:
        return False
    return True


TEXT: list[tuple[type[Any], dict[str, Any], str]] = [
    (File, FILING, "description"),
    (Evidence, PIECE, "uri"),
    (LegalEntity, {"name": "n", "place": "p"}, "name"),
    (LegalEntity, {"name": "n", "place": "p"}, "place"),
    (LegalEntity, {"name": "n", "place": "p"}, "registration"),
    (Message, {}, "text"),
    (Note, {}, "text"),
    (Reply, {"decision": "refuse"}, "reason"),
    (RequestIntervention, {}, "reason"),
    (Return, {"step": "address"}, "address"),
    (Return, {"step": "pickup"}, "pickup"),
    (Return, {"step": "shipped"}, "tracking"),
    (Remedy, {"kind": "refund"}, "reference"),
    (Rate, {"score": 1}, "comment"),
    (Rule, RULING, "reasons"),
    (Rule, RULING, "departs"),
    (Dismiss, {"reason": "r"}, "advice"),
]


@pytest.mark.parametrize(("kind", "base", "path"), TEXT)
def test_free_text_is_one_to_four_thousand_characters(kind: type[Any], base: dict[str, Any], path: str) -> None:
    lengths = (0, 1, 4_000, 4_001)
    assert [taken(kind, with_(base, path, "字" * one)) for one in lengths] == [False, True, True, False]


@pytest.mark.parametrize(
    ("kind", "base", "path", "shortest", "longest"),
    [
        (File, FILING, "type", 1, 64),
        (File, FILING, "external_ref", 1, 200),
        (File, FILING, "complainant.id", 1, 200),
        (Party, {"role": "buyer"}, "id", 1, 200),
        (Party, {"id": "b"}, "role", 1, 64),
        (Order, ORDER, "order_id", 1, 200),
        (Goods, GOODS, "sku", 1, 200),
        (Goods, GOODS, "title", 0, 400),
        (Evidence, PIECE, "region", 1, 100),
        (Assign, {"department": "d"}, "agent", 1, 200),
        (Rule, RULING, "rule", 1, 200),
        (Escalate, {"reason": "r"}, "to", 1, 64),
        (File, FILING, "facts.listing.listing_id", 1, 200),
        (Note, {"text": "t", "outside": {"authority": "court", "result": "r"}}, "outside.reference", 1, 200),
    ],
)
def test_ids_and_words_have_their_length(
    kind: type[Any], base: dict[str, Any], path: str, shortest: int, longest: int
) -> None:
    assert taken(kind, with_(base, path, "a" * shortest))
    assert taken(kind, with_(base, path, "a" * longest))
    assert not taken(kind, with_(base, path, "a" * (longest + 1)))
    if shortest:
        assert not taken(kind, with_(base, path, "a" * (shortest - 1)))


@pytest.mark.parametrize(
    ("kind", "base", "path", "one", "fewest", "most"),
    [
        (File, FILING, "evidence", PIECE, 0, 50),
        (Reply, {"decision": "refuse"}, "evidence", PIECE, 0, 50),
        (SubmitEvidence, {}, "evidence", PIECE, 1, 50),
        (RequestEvidence, {"from": "complainant"}, "kinds", "photo", 1, 50),
        (RejectEvidence, {"reason": "r"}, "evidence", SHA, 1, 50),
        (Order, ORDER, "goods", GOODS, 1, 200),
        (Order, ORDER, "merchant_promises", "promise", 0, 50),
        (Rule, RULING, "penalties", "warning", 0, 20),
        (Rule, RULING, "liable", HALF, 0, 3),
        (Rule, RULING, "evidence", SHA, 0, 200),
        (Dismiss, {"reason": "r"}, "penalties", "credit_mark", 0, 20),
        (Correct, {"event": str(UUID(int=1)), "reason": "r"}, "fields.penalties", "warning", 0, 20),
    ],
)
def test_so_many_may_be_said_at_once_and_not_one_more(
    kind: type[Any], base: dict[str, Any], path: str, one: Any, fewest: int, most: int
) -> None:
    assert taken(kind, with_(base, path, [one] * fewest))
    assert taken(kind, with_(base, path, [one] * most))
    assert not taken(kind, with_(base, path, [one] * (most + 1)))
    if fewest:
        assert not taken(kind, with_(base, path, [one] * (fewest - 1)))


@pytest.mark.parametrize(
    ("kind", "base", "path", "least", "most"),
    [
        (Money, MONEY, "amount", 0, 9_007_199_254_740_991),
        (Goods, GOODS, "quantity", 1, 9_007_199_254_740_991),
        (Liable, {"party": "platform"}, "share", 0, 10_000),
        (Penalty, {"kind": "points"}, "points", 1, 48),
        (Rate, {}, "score", 1, 5),
        (File, FILING, "facts.contract.accuracy", 0, 10_000),
    ],
)
def test_numbers_are_whole_and_within_their_range(
    kind: type[Any], base: dict[str, Any], path: str, least: int, most: int
) -> None:
    tried = (least - 1, least, most, most + 1)
    assert [taken(kind, with_(base, path, one)) for one in tried] == [False, True, True, False]
    assert not taken(kind, with_(base, path, least + 0.5))
    assert not taken(kind, with_(base, path, str(most)))


@pytest.mark.parametrize("bad", ["", "A", "a-b", "a b", "a\n", "é", "字", "a.b"])
def test_a_word_is_lower_snake(bad: str) -> None:
    assert taken(Party, {"role": "a_1", "id": "x"})
    assert not taken(Party, {"role": bad, "id": "x"})


@pytest.mark.parametrize("bad", ["", "cny", "CN", "CNYY", "CNY\n"])
def test_a_currency_is_three_capitals(bad: str) -> None:
    assert not taken(Money, MONEY | {"currency": bad})


@pytest.mark.parametrize("bad", ["", SHA[:-1], SHA + "0", SHA.upper(), SHA[:-1] + "g", SHA + "\n"])
def test_a_digest_is_sixty_four_lower_hex_digits(bad: str) -> None:
    assert not taken(Evidence, PIECE | {"sha256": bad})


def test_a_field_nobody_knows_is_refused_everywhere() -> None:
    documents: list[tuple[type[Any], dict[str, Any]]] = [
        (File, FILING),
        (Order, ORDER),
        (Goods, GOODS),
        (Evidence, PIECE),
        (Money, MONEY),
        (Rule, RULING),
        (AcceptRuling, {}),
    ]
    for kind, document in documents:
        assert taken(kind, document), kind
        assert not taken(kind, document | {"colour": "red"}), kind


def test_what_is_not_said_means_what_it_always_did() -> None:
    filing = convert(FILING, File)
    assert (filing.anonymous, filing.instant_refund, filing.evidence) == (False, False, ())
    assert convert(PIECE, Evidence).visibility == "both"
    assert convert({"kind": "warning"}, Penalty).on == "respondent"
    assert convert({"amount": MONEY}, PayAdvance).recover_from == "ruling"
    assert convert({"text": "t"}, Note).internal is True
    assert convert({"reason": "r"}, Dismiss).malicious is False
    assert convert({"evidence": [SHA], "reason": "r"}, RejectEvidence).forged is False
    assert convert({"reason": "r"}, RequestIntervention).ground == "requested"
    assert convert({}, FilingFacts).trusted is False


def test_whom_something_is_asked_from_is_said_as_from() -> None:
    assert convert({"from": "respondent", "kinds": ["photo"]}, RequestEvidence).party == "respondent"
    assert convert({"from": "complainant", "amount": MONEY}, Recover).party == "complainant"
    assert not taken(RequestEvidence, {"party": "respondent", "kinds": ["photo"]})
    assert not taken(Recover, {"from": "platform", "amount": MONEY})
    assert not taken(RequestEvidence, {"from": "platform", "kinds": ["photo"]})


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (Reply, {"decision": "perhaps"}),
        (Return, {"step": "lost"}),
        (Evidence, PIECE | {"visibility": "respondent"}),
        (Penalty, {"kind": "warning", "on": "platform"}),
        (PayAdvance, {"amount": MONEY, "recover_from": "platform"}),
        (RequestIntervention, {"reason": "r", "ground": "refused"}),
        (Link, {"group": "seven", "by": "merchant"}),
        (FollowUp, {"solved": "yes"}),
    ],
)
def test_what_is_none_of_the_words_there_are_is_refused(kind: type[Any], document: dict[str, Any]) -> None:
    assert not taken(kind, document)
