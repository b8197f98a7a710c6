"""What a policy may say about one type of complaint, table by table: windows, clocks, what silence does."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from case_events.core.formulas import Fen, Formula
from case_events.core.spans import Again, Count, MaybeTerm, Term
from case_events.core.values import Penalty, Text, Value, Word

Words = tuple[Word, ...]
OrderInstant = Literal["created_at", "paid_at", "shipped_at", "succeeded_at", "closed_at"]
Effect = Literal["escalate", "unlock", "concede"]
"""What a respondent's silence does (domain N6)."""
Silence = Literal["owe", "lapse"]
"""What silence on a step of the return does (domain N8)."""
FactName = Literal["refund", "review", "listing", "rights", "contract", "document", "circumstance", "loss"]


class Clause(Text, frozen=True, kw_only=True):
    """What a refusal or a ruling cites; ``rows``: the rows of the domain page it carries."""

    rows: tuple[str, ...] = ()


class Extension(Value, frozen=True, kw_only=True):
    """The buyer may file late and ask for a longer window (domain F3): for these reasons, and this long."""

    reasons: Annotated[Words, Meta(min_length=1)]
    within: Term


class Conformity(Value, frozen=True, kw_only=True):
    """After apparent conformity was confirmed: these reasons need one of these kinds of evidence (domain F11)."""

    reasons: Annotated[Words, Meta(min_length=1)]
    evidence: Annotated[Words, Meta(min_length=1)]


class Filing(Value, frozen=True, kw_only=True):
    """When one may file and about what (domain F1-F4, F7, F11): order states, and a window from an instant of it.

    No ``order_states``: the type is about no order (a report, F8). ``counted_from``: of several instants the first
    the order has; without ``closes_after`` the window has no end. ``entitlement``: a period of its own; the longer
    wins. ``categories``: what special goods have instead of both; of several goods the longest window counts.
    ``promises``: what the merchant promised, where it is longer. ``extension``: decided by accepting, so that a type
    with one needs ``acceptance``. ``refund_after``: only where a refund was applied for longer than this after
    payment, and succeeded. ``needs``: the facts a filing must bring; ``ratings``, ``documents``, ``circumstances``,
    ``rights``: which of them this type is about. ``accuracy``: the least the contract must promise, in basis points
    (L10).
    """

    order_states: Words = ()
    counted_from: OrderInstant | tuple[OrderInstant, ...] | None = None
    closes_after: MaybeTerm = None
    opens_after: MaybeTerm = None
    refund_after: MaybeTerm = None
    entitlement: MaybeTerm = None
    categories: dict[Word, Term] = {}
    promises: dict[Word, Term] = {}
    extension: Extension | None = None
    conformity: Conformity | None = None
    needs: tuple[FactName, ...] = ()
    ratings: Words = ()
    documents: Words = ()
    circumstances: Words = ()
    rights: Words = ()
    accuracy: Count | None = None


class Acceptance(Again, frozen=True, kw_only=True):
    """The platform answers first (domain A1); without this table the reply clock runs from filing.

    ``again_after``: late, its clock runs again; with ``again_up_to`` twice as long each time in a row, up to that.
    """

    within: Term


class EvidenceTerms(Value, frozen=True, kw_only=True):
    """Evidence asked for (domain A3) and evidence a reason requires (domain E4).

    ``within``: the time a side has, unless the platform names another. ``required``: kinds by reason; a filing
    without them is taken, and shows what is missing until ``required_within``.
    """

    within: Term
    required: dict[Word, Words] = {}
    required_within: MaybeTerm = None


class Reply(Value, frozen=True, kw_only=True):
    """The respondent's turn (domain N1, N2, N6).

    It lasts ``open_period`` and then ``final_period``. Amending the claim in the open period moves nothing;
    in the final period it moves the deadline to the amendment plus ``final_period``. ``after_amendment``: the time
    for an answer to a claim amended when the respondent had already answered; a turn of one period is never left
    shorter than that by an amendment.
    """

    open_period: Term
    on_timeout: Effect
    on_refusal: Literal["escalate", "unlock"]
    final_period: MaybeTerm = None
    after_amendment: MaybeTerm = None


class Negotiation(Value, frozen=True, kw_only=True):
    """How long the parties may talk (domain N3), counted from filing."""

    stalls_after: Term
    on_stall: Literal["escalate", "unlock"]


class Intervention(Value, frozen=True, kw_only=True):
    """How long a right to call the platform in stays open before the case lapses, and where it enters (domain I1, I2).

    ``steps_in_within``: the time until somebody at the desk has the case (N1); late raises priority. ``expedites``:
    how often a complainant may press.
    """

    lapses_after: Term
    department: Word
    steps_in_within: MaybeTerm = None
    expedites: Count = 1


class Stint(Value, frozen=True, kw_only=True):
    """The time of one channel (domain I3): what the platform aims at, and what it must keep."""

    within: Term
    target: MaybeTerm = None


class Ruling(Again, frozen=True, kw_only=True):
    """The platform's time to rule (domain I3) and what it may rule (domain R1-R3, M2).

    ``again_after``, ``again_up_to``: as of acceptance. ``target``: what it aims at; the desk is reminded then.
    ``channels``: other times by the filing's channel.
    ``amounts``: the formula of an outcome. ``sanctions``: the penalties that citing a clause brings.
    ``penalties``: those that may be imposed at all; empty is no limit but the department's.
    A ruling that says why (``departs``) may differ from formula, cap, sanctions and lateness; never from E2.
    """

    within: Term
    outcomes: Annotated[Words, Meta(min_length=1)]
    amounts: dict[Word, Formula] = {}
    target: MaybeTerm = None
    channels: dict[Word, Stint] = {}
    sanctions: dict[str, tuple[Penalty, ...]] = {}
    penalties: Words = ()


class Appeal(Value, frozen=True, kw_only=True):
    """The next look (domain P1-P3, I4): how many rulings can be appealed, the window, and the time to rule again.

    ``instances``: what each further instance is (appeal, reconsideration, arbitration), in the policy's order, and
    so how many there are; none named is as many appeals as ``rounds``. ``needs_evidence``: evidence not seen before.
    """

    rounds: Annotated[int, Meta(ge=0, le=9)]
    window: Term
    ruling_within: Term
    instances: Words = ()
    needs_evidence: bool = True


class ReturnLeg(Value, frozen=True, kw_only=True):
    """Sending the goods back before the refund (domain N8): the time for each step, and what silence on it does.

    ``owe``: the refund is owed at once; ``lapse``: the case closes and nothing is owed. ``freight_by``: who bears the
    return freight, unless a promise of the merchant says otherwise (B3). ``insured_by``: promises that insure it;
    where the respondent bore it and one of them stands, a complaint of type ``insurance`` against ``insurer`` opens
    by itself (B1). ``disputable``: the respondent may say that the goods did not come; the platform then decides.
    """

    address_within: Term
    ship_within: Term
    receive_within: Term
    on_address_timeout: Silence
    on_shipping_timeout: Silence
    on_receipt_timeout: Silence
    freight_by: Literal["complainant", "respondent"] = "respondent"
    freight_by_promise: dict[Word, Literal["complainant", "respondent"]] = {}
    disputable: bool = False
    insured_by: Words = ()
    insurance: Word | None = None
    insurer: str | None = None


class Remedy(Again, frozen=True, kw_only=True):
    """The time to do what is owed (domain P4), and what is recovered (domain P6).

    ``again_after``, ``again_up_to``: as of acceptance.
    """

    within: Term


class FollowUp(Value, frozen=True, kw_only=True):
    """The platform looks how the respondent handled it (domain P4); nobody looked in time: the case closes."""

    within: Term


class AdvanceTerms(Value, frozen=True, kw_only=True):
    """What the platform may pay first (domain P6): ``up_to``; ``instant_up_to`` at filing, to a trusted buyer."""

    up_to: Fen
    instant_up_to: Fen | None = None
    instant_reasons: Words = ()


class Lateness(Value, frozen=True, kw_only=True):
    """When a shipment is late (domain E5, M1): the time to ship from payment, how soon a pickup must move.

    ``excused_by``: the evidence that excuses it; ``presale_terms`` among them put their own day in the place of the
    time to ship. ``reasons``: those it decides; none named, all of the type.
    """

    ship_within: Term
    moves_within: Term
    excused_by: Words
    reasons: Words = ()


class Elsewhere(Text, frozen=True, kw_only=True):
    """A type one may look for and that does not exist (domain F8); ``see``: the one to use."""

    see: Word


class Department(Value, frozen=True, kw_only=True):
    """A rung of the ladder (domain I1) and what it may impose; no penalty named: all of them."""

    name: Word
    title: Text
    penalties: Words = ()


class Collective(Value, frozen=True, kw_only=True):
    """When complaints are one matter (domain C1): so many against a merchant, or about one reason, in a window."""

    window: Term
    by_merchant: Count
    by_reason: Count
    department: Word


class Relief(Value, frozen=True, kw_only=True):
    """What an outage of ours gives back: as much as it took of the ``last`` hours of a party's window.

    ``least``: an outage that lasted less gives nothing back. Elapsed time only; the platform's own windows get none.
    """

    last: Term
    least: MaybeTerm = None


class Credit(Value, frozen=True, kw_only=True):
    """What malicious complaints cost their complainant (domain A2): so many marks in a window and filing is refused."""

    window: Term
    refused_at: Count


class EvidenceKinds(Value, frozen=True, kw_only=True):
    """The kinds of evidence there are, by group (domain E1), and those that must name their region."""

    groups: dict[Word, Words]
    name_their_region: Words = ()


Reminders = dict[Word, Term]
"""How long before a clock runs out its party is reminded (domain Q2), by the clock's kind; elapsed time only."""
