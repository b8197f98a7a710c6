"""Who looks, and what of a case there is for them: the one projection of a history, made before anything is folded."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from case_events.core.events import Event, Filed, History, Recorded
from case_events.core.values import Evidence, Party, Side, Value

MERCHANT = "merchant"
ABSENT = "anonymous"
"""The role's bearer where a complainant is not shown; no id is behind it."""


class Viewer(Value, frozen=True, kw_only=True):
    """Whose cases there are for somebody: those of these marketplaces and merchants; None is no limit.

    Who is limited to merchants looks as the merchant's side; everybody else sees whole cases.
    """

    marketplaces: tuple[str, ...] | None = None
    merchants: tuple[str, ...] | None = None

    def sees(self, marketplace: str, *parties: Party) -> bool:
        """Is there a case of this marketplace and these parties for the viewer?"""
        if self.marketplaces is not None and marketplace not in self.marketplaces:
            return False
        return self.merchants is None or any(self.is_party(party) for party in parties)

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
    """``history`` without what the viewer may not see; empty when the case does not exist for them."""
    if not history:
        return history
    filed = history[0].event
    assert isinstance(filed, Filed), "a history starts with its filing"
    if not viewer.sees(filed.marketplace, filed.complainant, filed.respondent):
        return ()
    if viewer.merchants is None:
        return history
    sides: dict[Side, Party] = {"complainant": filed.complainant, "respondent": filed.respondent}
    own = {side for side, party in sides.items() if viewer.is_party(party)}
    hidden = {one.sha256 for recorded in history for one in _hidden(recorded, own)}
    nameless = viewer.misses_complainant(
        anonymous=filed.anonymous, complainant=filed.complainant, respondent=filed.respondent
    )
    return tuple(replace(one, event=_seen(one, own, hidden, nameless)) for one in history)


def _hidden(recorded: Recorded, own: set[Side]) -> tuple[Evidence, ...]:
    """The evidence in this event that was meant for the platform only, and is not the viewer's own."""
    if _by(recorded) in own:
        return ()
    brought = getattr(recorded.event, "evidence", ())
    return tuple(one for one in brought if isinstance(one, Evidence) and one.visibility == "platform")


def _seen(recorded: Recorded, own: set[Side], hidden: set[str], nameless: bool) -> Event:
    event, changes = recorded.event, dict[str, Any]()
    brought = getattr(event, "evidence", ())
    out_of_sight = _hidden(recorded, own)
    if out_of_sight:
        changes["evidence"] = tuple(one for one in brought if one not in out_of_sight)
    elif any(isinstance(one, str) and one in hidden for one in brought):
        changes["evidence"] = tuple(one for one in brought if one not in hidden)
    if nameless and isinstance(event, Filed):
        changes["complainant"] = absent(event.complainant)
    return replace(event, **changes) if changes else event


def _by(recorded: Recorded) -> str:
    """Whose words the event is in: a filing is the complainant's, whoever sent it."""
    if isinstance(recorded.event, Filed):
        return "complainant"
    return str(getattr(recorded.event, "by", recorded.who))
