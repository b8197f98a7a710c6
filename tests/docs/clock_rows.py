"""Every clock there is: what starts it, what ends it, what its expiry does; a test holds the list complete."""

from __future__ import annotations

from typing import NamedTuple


class ClockRow(NamedTuple):
    """One clock, in words; ``party``: whose time it is."""

    kind: str
    party: str
    figure: str
    starts: str
    ends: str
    expires: str


CLOCKS = (
    ClockRow(
        "acceptance",
        "platform",
        "`acceptance.within`, then `again_after`, doubled each time up to `again_up_to`",
        "`filed`, where the type wants acceptance",
        "`accepted`, `dismissed`, `withdrawn`",
        "`acceptance_timed_out`: the case gains priority and the clock runs again; nothing is lost",
    ),
    ClockRow(
        "evidence",
        "the side that is asked",
        "`evidence.within`, or the time the platform names; `required_within` for what the reason requires",
        "`evidence_requested`; `filed` without what its reason requires",
        "`evidence_submitted` by that side, whatever it brings; what its reason requires: with the last missing kind",
        "`evidence_timed_out`: the case goes on without it",
    ),
    ClockRow(
        "response",
        "respondent",
        "`reply.open_period` + `final_period`; `after_amendment` where the respondent had answered before",
        "`filed`, or `accepted` where the type wants acceptance; `claim_amended` in the final period moves it",
        "`merchant_replied`, `respondent_replied`, `withdrawn`, an intervention",
        "`merchant_response_timed_out`, `response_timed_out`; then as `reply.on_timeout` says: escalate brings the "
        "platform in, unlock lets the complainant call it, concede takes silence as agreement",
    ),
    ClockRow(
        "negotiation",
        "complainant",
        "`negotiation.stalls_after`, counted from filing",
        "with the response clock",
        "a settlement, an intervention, `withdrawn`",
        "`negotiation_stalled`: the complainant may call the platform in, or it comes in, as `on_stall` says",
    ),
    ClockRow(
        "intervention",
        "complainant",
        "`intervention.lapses_after`",
        "a silence or a stall that unlocks the right to call the platform in; after a refusal that did, the stall",
        "`intervention_requested`, a settlement, `withdrawn`",
        "`intervention_window_expired`: the case closes as lapsed",
    ),
    ClockRow(
        "assignment",
        "platform",
        "`intervention.steps_in_within`",
        "the intervention",
        "`assigned`, `ruled`",
        "`assignment_timed_out`: the case gains priority",
    ),
    ClockRow(
        "ruling",
        "platform",
        "`ruling.within`, or the channel's; `appeal.ruling_within` on appeal; then `again_after`, doubled each "
        "time up to `again_up_to`",
        "the intervention; `appealed`",
        "`ruled`, `withdrawn`",
        "`ruling_timed_out`: the case gains priority and the clock runs again; at `ruling.target` the desk is reminded",
    ),
    ClockRow(
        "appeal",
        "both",
        "`appeal.window`",
        "`ruled`, while an instance is left",
        "`appealed` by either side; `ruling_accepted` by both",
        "`appeal_window_expired`: the ruling stands",
    ),
    ClockRow(
        "return_address",
        "respondent",
        "`return_leg.address_within`",
        "a settlement or final ruling of return_and_refund",
        "`returned` with the address, or a pickup",
        "`return_timed_out`: as `on_address_timeout` says, the refund is owed or the case lapses",
    ),
    ClockRow(
        "return_shipment",
        "complainant",
        "`return_leg.ship_within`",
        "`returned` with the address",
        "`returned` with the tracking number",
        "`return_timed_out`: as `on_shipping_timeout` says",
    ),
    ClockRow(
        "return_receipt",
        "respondent",
        "`return_leg.receive_within`",
        "`returned` with the tracking number",
        "`returned` with the receipt",
        "`return_timed_out`: as `on_receipt_timeout` says",
    ),
    ClockRow(
        "remedy",
        "respondent",
        "`remedy.within`, then `again_after`, doubled each time up to `again_up_to`",
        "a settlement or final ruling that owes something; the receipt of the goods",
        "`remedied`, `closed` by the platform once it ran out",
        "`remedy_timed_out`: the case gains priority and the clock runs again; the platform may close it",
    ),
    ClockRow(
        "recovery",
        "the side that owes the platform",
        "`remedy.within`, then `again_after`, doubled each time up to `again_up_to`",
        "the end of a case in which the platform paid first",
        "`recovered`, `closed` by the platform once it ran out",
        "`recovery_timed_out`: the case gains priority and the clock runs again; the platform may write it off",
    ),
    ClockRow(
        "follow_up",
        "platform",
        "`follow_up.within`",
        "`remedied`, where the type has a follow-up",
        "`followed_up`",
        "`follow_up_timed_out`: the case closes as it was decided",
    ),
    ClockRow(
        "any of them, its reminder",
        "as the clock's",
        "`reminders` by kind, before the end; `ruling.target`",
        "with the clock",
        "with the clock",
        "`deadline_approaching`: the clock goes on",
    ),
)
