"""Who looks, and what of a case there is for them: the one projection of a history, made before anything is folded."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from case_events.core.events import Corrected, Event, Filed, History, Noted, Recorded
from case_events.core.facts import FilingFacts
from case_events.core.values import ERASED, EventId, Evidence, Party, Sha256, Side, Value

MERCHANT = "merchant"
ABSENT = "anonymous"
"""The role's bearer where a complainant is not shown; no id is behind it."""
WITHHELD = "withheld"
"""Stands where there are words, or the place of a file, that the viewer may not see."""
WRITTEN = ("description", "reason", "comment", "address", "tracking")
"""What a complainant writes beside messages, which they send to the other side themselves."""


class Viewer(Value, frozen=True, kw_only=True):
    """Whose cases there are for somebody: those of these marketplaces and merchants; None is no limit.

    Who is limited to merchants looks as the merchant's side; everybody else sees whole cases. ``desk``: one of the
    platform's own people, who sees the desk's notes to itself and the marks on a complainant.
    """

    marketplaces: tuple[str, ...] | None = None
    merchants: tuple[str, ...] | None = None
    desk: bool = True

    def sees(self, marketplace: str, *parties: Party) -> bool:
        """Is there a case of this marketplace and these parties for the viewer?"""
        if self.marketplaces is not None and marketplace not in self.marketplaces:
            return False
        return self.merchants is None or any(self.is_party(party) for party in parties)

    @property
    def sees_desk(self) -> bool:
        """Are the desk's notes to itself, and the marks on a complainant, for the viewer?"""
        return self.desk and self.merchants is None

    def is_party(self, party: Party) -> bool:
        """Is this one of the merchants the viewer is limited to?"""
        return self.merchants is not None and party.role == MERCHANT and party.id in self.merchants

    def misses_complainant(self, *, anonymous: bool, complainant: Party, respondent: Party) -> bool:
        """Who is complained about anonymously does not learn by whom."""
        return anonymous and self.is_party(respondent) and not self.is_party(complainant)


EVERYTHING = Viewer()


def absent(complainant: Party) -> Party:
    """The complainant as the respondent of an anonymous complaint sees them."""
    return Party(role=complainant.role, id=ABSENT)


def seen(history: History, viewer: Viewer) -> History:
    """``history`` without what the viewer may not see; empty when the case does not exist for them.

    What is left out leaves a gap in the versions: those that are shown keep their own.
    """
    if not history:
        return history
    filed = history[0].event
    assert isinstance(filed, Filed), "a history starts with its filing"
    if not viewer.sees(filed.marketplace, filed.complainant, filed.respondent):
        return ()
    history = unmarked(history, viewer)
    if not viewer.sees_desk:
        history = _outside_the_desk(history)
    if viewer.merchants is None:
        return history
    sides: dict[Side, Party] = {"complainant": filed.complainant, "respondent": filed.respondent}
    own = {side for side, party in sides.items() if viewer.is_party(party)}
    hidden = {one.sha256 for recorded in history for one in _hidden(recorded, own)}
    shown = tuple(replace(one, event=_seen(one, own, hidden)) for one in history)
    nameless = viewer.misses_complainant(
        anonymous=filed.anonymous, complainant=filed.complainant, respondent=filed.respondent
    )
    return tuple(_nameless(one, mute=filed.order is None) for one in shown) if nameless else shown


def unmarked(history: History, viewer: Viewer) -> History:
    """``history`` without the marks on the complainant, for who may not see them."""
    first = history[0]
    assert isinstance(first.event, Filed), "a history starts with its filing"
    if viewer.sees_desk or not first.event.marks:
        return history
    return (replace(first, event=replace(first.event, marks=0)), *history[1:])


def files_open_to(history: History, viewer: Viewer) -> frozenset[Sha256]:
    """The files of a case that the viewer may open: those whose first evidence they see, and where its file lies.

    A file is whose evidence named it first. Who names its digest later is not given it for that, and keeps nothing of
    it once that side was erased. ``history``: all of it.
    """
    brought = files_brought(history)
    return frozenset(
        one.sha256
        for recorded in seen(history, viewer)
        for one in _evidence(recorded.event)
        if brought[one.sha256][0] == recorded.version and one.uri not in (ERASED, WITHHELD)
    )


def files_brought(history: History) -> dict[Sha256, tuple[int, Evidence]]:
    """The version whose evidence named a file first, and that evidence, of every file of a case."""
    first: dict[Sha256, tuple[int, Evidence]] = {}
    for recorded in history:
        for one in _evidence(recorded.event):
            first.setdefault(one.sha256, (recorded.version, one))
    return first


def _evidence(event: Event) -> tuple[Evidence, ...]:
    """What the event brings; a ruling's evidence only names what was brought."""
    return tuple(one for one in getattr(event, "evidence", ()) if isinstance(one, Evidence))


def _outside_the_desk(history: History) -> History:
    """Without the desk's notes to itself, and what was corrected in them."""
    notes: set[EventId] = {one.event_id for one in history if isinstance(one.event, Noted) and one.event.internal}
    return tuple(one for one in history if not _about(one, notes)) if notes else history


def _about(recorded: Recorded, notes: set[EventId]) -> bool:
    corrected = recorded.event.event if isinstance(recorded.event, Corrected) else None
    return recorded.event_id in notes or corrected in notes


def _hidden(recorded: Recorded, own: set[Side]) -> tuple[Evidence, ...]:
    """The evidence in this event that was meant for the platform only, and is not the viewer's own."""
    if _by(recorded) in own:
        return ()
    return tuple(one for one in _evidence(recorded.event) if one.visibility == "platform")


def _seen(recorded: Recorded, own: set[Side], hidden: set[str]) -> Event:
    event = recorded.event
    brought = getattr(event, "evidence", ())
    out_of_sight = _hidden(recorded, own)
    if out_of_sight:
        return replace(event, evidence=tuple(one for one in brought if one not in out_of_sight))
    if any(isinstance(one, str) and one in hidden for one in brought):
        return replace(event, evidence=tuple(one for one in brought if one not in hidden))
    if isinstance(event, Corrected) and event.ruling is not None:
        weighed = tuple(one for one in event.ruling.evidence if one not in hidden)
        return replace(event, ruling=replace(event.ruling, evidence=weighed))
    return event


def _nameless(recorded: Recorded, *, mute: bool) -> Recorded:
    """A complainant's event without who they are, or where their files lie; ``mute``: without their words too.

    Mute are complaints about no order: about an order the respondent has a turn, and must know what to answer.
    """
    if _by(recorded) != "complainant" and recorded.who != "complainant":
        return recorded
    event, changes = recorded.event, dict[str, Any]()
    if brought := _evidence(event):
        changes["evidence"] = tuple(replace(one, uri=WITHHELD, region=None) for one in brought)
    if mute:
        changes |= {name: WITHHELD for name in WRITTEN if getattr(event, name, None) is not None}
    if isinstance(event, Filed):
        changes |= {"complainant": absent(event.complainant), "complainant_entity": None, "external_ref": None}
        # Of a filing it is a word of the policy's: what the complaint is about.
        changes["reason"] = event.reason
        # An earlier complaint may have named them.
        changes |= {"facts": event.facts and _impersonal(event.facts), "previous": None}
    sent = {"agent": None, "client": ABSENT} if recorded.who == "complainant" else {}
    return replace(recorded, event=replace(event, **changes), **sent)


def _impersonal(facts: FilingFacts) -> FilingFacts:
    """What a filing says that any complainant could have said so: of registers and documents no number."""
    return FilingFacts(
        refund=facts.refund,
        review=facts.review,
        listing=facts.listing and replace(facts.listing, url=None),
        rights=facts.rights and replace(facts.rights, registration=None),
        contract=facts.contract,
        circumstance=facts.circumstance,
        loss=facts.loss,
        return_freight=facts.return_freight,
        conformity_confirmed_at=facts.conformity_confirmed_at,
        extension=facts.extension and replace(facts.extension, explanation=WITHHELD),
    )


def _by(recorded: Recorded) -> str:
    """Whose words the event is in: a filing is the complainant's, whoever sent it."""
    if isinstance(recorded.event, Filed):
        return "complainant"
    return str(getattr(recorded.event, "by", recorded.who))
