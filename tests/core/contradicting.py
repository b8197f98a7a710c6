"""Everything a policy can say against itself: what is changed in the small policy, and the fault that must be named."""

from __future__ import annotations

from typing import Any

from case_events.policies.clock_faults import TABLE_OF_CLOCK

Change = tuple[str, Any]
RETURN_LEG = {
    "address_within": {"days": 2},
    "ship_within": {"days": 7},
    "receive_within": {"days": 10},
    "on_address_timeout": "owe",
    "on_shipping_timeout": "lapse",
    "on_receipt_timeout": "owe",
}
TABLES: dict[str, dict[str, Any]] = {
    "acceptance": {"within": {"hours": 24}, "again_after": {"hours": 12}},
    "evidence": {"within": {"days": 3}},
    "return_leg": RETURN_LEG,
    "follow_up": {"within": {"days": 7}},
    "lateness": {"ship_within": {"hours": 24}, "moves_within": {"hours": 24}, "excused_by": ["carrier_notice"]},
    "advance": {"up_to": 50_000},
}
TEXT = {"zh": "规则。", "en": "A rule."}
KINDS: Change = ("evidence_kinds", {"groups": {"goods": ["photo", "video"]}, "name_their_region": ["video"]})
LADDER: Change = (
    "departments",
    [{"name": "customer_service", "title": TEXT}, {"name": "platform_supervision", "title": TEXT}],
)


def collective(department: str) -> Change:
    return ("collective", {"window": {"days": 7}, "by_merchant": 2, "by_reason": 2, "department": department})


def insured(by: list[str], insurance: str | None) -> list[Change]:
    leg = {**RETURN_LEG, "insured_by": by, **({"insurance": insurance} if insurance else {})}
    return [("types.slow.return_leg", leg), ("types.slow.clauses", {"return_leg": TEXT})]


def advance(**said: Any) -> list[Change]:
    return [("types.slow.advance", {"up_to": 500, **said}), ("types.slow.clauses", {"advance": TEXT})]


def evidence(**said: Any) -> list[Change]:
    return [KINDS, ("types.slow.evidence", {"within": {"days": 3}, **said}), ("types.slow.clauses", {"evidence": TEXT})]


CONTRADICTIONS: list[tuple[str, list[Change], str, str]] = [
    (
        "nothing can be rejected",
        [("types.broken.ruling.outcomes", ["refund"])],
        "/types/broken/ruling/outcomes",
        "a claim can always be rejected",
    ),
    (
        "an amount of no outcome",
        [("types.slow.ruling", {"amounts": {"repair": {"fixed": 1}}})],
        "/types/slow/ruling/amounts/repair",
        "no outcome of this ruling",
    ),
    (
        "a sanction of no clause",
        [("types.slow.ruling", {"sanctions": {"grave": [{"kind": "points", "points": 6}]}})],
        "/types/slow/ruling/sanctions/grave",
        "names no clause",
    ),
    (
        "a sanction the ruling may not impose",
        [("types.slow.ruling", {"sanctions": {"reply": [{"kind": "points", "points": 6}]}, "penalties": ["warning"]})],
        "/types/slow/ruling/sanctions/reply/0/kind",
        "this ruling may not impose it",
    ),
    (
        "a department that is not on the ladder",
        [LADDER, ("types.slow.department", "consumer_protection")],
        "/types/slow/department",
        "no department; one of customer_service, platform_supervision",
    ),
    (
        "an intervention at no department",
        [("types.slow.intervention", {"department": "police"})],
        "/types/slow/intervention/department",
        "no department; one of customer_service, consumer_protection, platform_supervision",
    ),
    (
        "an entry at no department",
        [LADDER, ("types.slow.entry", {"late": "consumer_protection"})],
        "/types/slow/entry/late",
        "no department; one of customer_service, platform_supervision",
    ),
    (
        "collective complaints at no department",
        [LADDER, collective("consumer_protection")],
        "/collective/department",
        "no department; one of customer_service, platform_supervision",
    ),
    (
        "a department twice",
        [("departments", [{"name": "customer_service", "title": TEXT}] * 2)],
        "/departments",
        "a department stands twice on the ladder",
    ),
    (
        "an entry for no reason",
        [("types.slow.entry", {"never": "customer_service"})],
        "/types/slow/entry/never",
        "no reason of this type",
    ),
    (
        "demands of no reason",
        [("types.slow.demands_of", {"never": ["refund"]})],
        "/types/slow/demands_of/never",
        "no reason of this type",
    ),
    (
        "a demand the type does not have",
        [("types.slow.demands_of", {"late": ["refund", "exchange"]})],
        "/types/slow/demands_of/late/1",
        "no demand of this type",
    ),
    (
        "evidence for no reason",
        evidence(required={"never": ["photo"]}, required_within={"days": 3}),
        "/types/slow/evidence/required/never",
        "no reason of this type",
    ),
    (
        "required evidence of no kind",
        evidence(required={"late": ["photo", "hearsay"]}, required_within={"days": 3}),
        "/types/slow/evidence/required/late/1",
        "no kind of evidence",
    ),
    (
        "required evidence without a day",
        evidence(required={"late": ["photo"]}),
        "/types/slow/evidence/required_within",
        "missing: required evidence has a day",
    ),
    (
        "conformity of no reason",
        [KINDS, ("types.slow.filing", {"conformity": {"reasons": ["never"], "evidence": ["photo"]}})],
        "/types/slow/filing/conformity/reasons/0",
        "no reason of this type",
    ),
    (
        "conformity disproved by no kind of evidence",
        [KINDS, ("types.slow.filing", {"conformity": {"reasons": ["late"], "evidence": ["hearsay"]}})],
        "/types/slow/filing/conformity/evidence/0",
        "no kind of evidence",
    ),
    (
        "lateness excused by no kind of evidence",
        [KINDS, ("types.slow.lateness", TABLES["lateness"]), ("types.slow.clauses", {"lateness": TEXT})],
        "/types/slow/lateness/excused_by/0",
        "no kind of evidence",
    ),
    (
        "a region for no kind of evidence",
        [("evidence_kinds", {"groups": {"goods": ["photo"]}, "name_their_region": ["video"]})],
        "/evidence_kinds/name_their_region/0",
        "no kind of evidence",
    ),
    (
        "an amount in a circumstance nobody can file",
        [("types.broken.ruling.amounts.refund", {"when": {"drowned": {"fixed": 1}}})],
        "/types/broken/ruling/amounts/refund/when/drowned",
        "no circumstance of filing.circumstances",
    ),
    (
        "a scale in a circumstance nobody can file",
        [("types.broken.ruling.amounts.refund", {"fixed": 1, "scale_when": {"drowned": 13_000}})],
        "/types/broken/ruling/amounts/refund/scale_when/drowned",
        "no circumstance of filing.circumstances",
    ),
    (
        "a cap in a circumstance nobody can file",
        [("types.slow.cap", {"by_category": {"fresh": {"when": {"drowned": {"fixed": 1}}}}})],
        "/types/slow/cap/by_category/fresh/when/drowned",
        "no circumstance of filing.circumstances",
    ),
    (
        "a share of nothing",
        [("types.slow.cap", {"fixed": 1, "basis_points": 500})],
        "/types/slow/cap",
        "share_of and basis_points go together",
    ),
    (
        "a formula that says nothing",
        [("types.broken.ruling.amounts.refund", {"refund_included": False})],
        "/types/broken/ruling/amounts/refund",
        "a formula says at least one of add, fixed, contract, share_of, by_category, when",
    ),
    (
        "a reminder of no clock",
        [("types.slow.reminders", {"patience": {"hours": 1}})],
        "/types/slow/reminders/patience",
        f"no clock; one of {', '.join(TABLE_OF_CLOCK)}",
    ),
    (
        "a reminder of a clock this type has not",
        [("types.slow.reminders", {"return_receipt": {"hours": 1}})],
        "/types/slow/reminders/return_receipt",
        "this type has no return_leg",
    ),
    (
        "a reminder in working days",
        [("types.slow.reminders", {"appeal": {"working_days": 1}})],
        "/types/slow/reminders/appeal",
        "elapsed time only: seconds, hours or days",
    ),
    (
        "a reminder before its clock starts",
        [("types.slow.reminders", {"appeal": {"days": 7}})],
        "/types/slow/reminders/appeal",
        "the reminder would come before its clock starts",
    ),
    (
        "a longest interval that is shorter than the first",
        [("types.slow.ruling", {"again_up_to": {"working_days": 1}, "again_after": {"working_days": 2}})],
        "/types/slow/ruling/again_up_to",
        "shorter than ruling.again_after",
    ),
    (
        "days that are shorter than the hours they grow from",
        [("types.slow.remedy", {"again_after": {"hours": 49}, "again_up_to": {"days": 2}})],
        "/types/slow/remedy/again_up_to",
        "shorter than remedy.again_after",
    ),
    (
        "an interval that grows into another unit",
        [
            ("types.slow.acceptance", TABLES["acceptance"] | {"again_up_to": {"working_days": 5}}),
            ("types.slow.clauses", {"acceptance": TEXT}),
        ],
        "/types/slow/acceptance/again_up_to",
        "in a unit that cannot be compared with acceptance.again_after",
    ),
    (
        "a target after its limit",
        [("types.slow.ruling", {"target": {"working_days": 4}})],
        "/types/slow/ruling/target",
        "later than ruling.within",
    ),
    (
        "a channel's target after its limit",
        [("types.slow.ruling", {"channels": {"phone": {"target": {"hours": 73}, "within": {"days": 3}}}})],
        "/types/slow/ruling/channels/phone/target",
        "later than ruling.channels.phone.within",
    ),
    (
        "a window that closes before it opens",
        [("types.slow.filing", {"opens_after": {"days": 16}})],
        "/types/slow/filing/opens_after",
        "later than filing.closes_after",
    ),
    (
        "special goods with a window in working days",
        [("types.slow.filing", {"categories": {"fresh": {"working_days": 1}}})],
        "/types/slow/filing/categories/fresh",
        "elapsed time only: seconds, hours or days",
    ),
    (
        "a window counted from nothing",
        [("types.slow.without", ["filing.counted_from"])],
        "/procedures/claim/filing/counted_from",
        "missing: the window is counted from it (in slow)",
    ),
    (
        "more at filing than at all",
        advance(instant_up_to=501, instant_reasons=["late"]),
        "/types/slow/advance/instant_up_to",
        "more than advance.up_to",
    ),
    (
        "an instant refund for no reason",
        advance(instant_up_to=500, instant_reasons=["never"]),
        "/types/slow/advance/instant_reasons/0",
        "no reason of this type",
    ),
    (
        "a longer window nobody grants",
        [("types.slow.filing", {"extension": {"reasons": ["late"], "within": {"days": 1}}})],
        "/types/slow/filing/extension",
        "nobody would decide it: this needs acceptance",
    ),
    (
        "lateness for no reason of the type",
        [
            ("types.slow.lateness", TABLES["lateness"] | {"reasons": ["late", "never"]}),
            ("types.slow.clauses", {"lateness": TEXT}),
        ],
        "/types/slow/lateness/reasons/1",
        "no reason of this type",
    ),
    (
        "a cap on what nobody paid",
        [("types.slow.filing", {"order_states": []})],
        "/procedures/claim/cap",
        "nothing was paid: this type is about no order (in slow)",
    ),
    (
        "offers that would never end",
        [("types.slow.offers", ["repair"]), ("types.slow.without", ["negotiation"])],
        "/types/slow/offers",
        "an offer nobody answers would never end: this needs negotiation",
    ),
    (
        "a refusal that would never end",
        [("types.slow.reply.on_refusal", "unlock"), ("types.slow.without", ["negotiation"])],
        "/types/slow/reply/on_refusal",
        "a refusal nobody answers would never end: this needs negotiation",
    ),
    (
        "offers without a turn",
        [("types.slow.offers", ["repair"]), ("types.slow.without", ["reply"]), ("types.slow.reply", None)],
        "/types/slow/offers",
        "nobody offers anything where the respondent has no turn",
    ),
    (
        "goods that have no way back",
        [("types.slow.demands", ["return_and_refund"])],
        "/types/slow/return_leg",
        "missing: goods may have to go back",
    ),
    (
        "more appeals than instances",
        [("types.slow.appeal", {"instances": ["appeal", "arbitration"]})],
        "/procedures/claim/appeal/rounds",
        "2 instances are named (in slow)",
    ),
    ("insurance of no type", insured(["insured"], "clouds"), "/types/slow/return_leg/insurance", "names no type"),
    (
        "insurance nobody opens",
        insured(["insured"], None),
        "/types/slow/return_leg/insurance",
        "missing: what is insured opens a complaint of this type",
    ),
    (
        "sent to a type there is not",
        [("elsewhere", {"quick": {**TEXT, "see": "fast"}})],
        "/elsewhere/quick/see",
        "names no type",
    ),
    (
        "sent away from a type there is",
        [("elsewhere", {"slow": {**TEXT, "see": "broken"}})],
        "/elsewhere/slow",
        "this type exists; nobody is sent elsewhere",
    ),
    (
        "a placeholder for nothing",
        [("types.slow.placeholders", ["reply.patience"])],
        "/types/slow/placeholders/0",
        "reply.patience is no figure of this type",
    ),
    (
        "a placeholder of the policy for nothing",
        [("placeholders", ["minimum_patience"])],
        "/placeholders/0",
        "minimum_patience is no figure of this policy",
    ),
    (
        "a placeholder twice",
        [("types.slow.placeholders", ["remedy.within", "remedy.within"])],
        "/types/slow/placeholders/1",
        "remedy.within is marked twice",
    ),
    (
        "subtypes of a subtype",
        [("types.broken.subtypes.shoes.subtypes", {"boots": {}})],
        "/types/broken/subtypes/shoes/subtypes",
        "a subtype has no subtypes of its own",
    ),
]
