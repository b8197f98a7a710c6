"""Collective complaints (domain C1): which of the open complaints against one respondent are one matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID, uuid5

from case_events.core.terms import Collective
from case_events.core.values import CaseId, Instant, Party, Value

GROUPS = UUID("7f0c1c5e-2f1b-5d0a-9a51-6f6f0c9b3d21")
"""Never changed: the ids of all groups derive from it."""
By = Literal["merchant", "reason"]
"""What the complaints of a group have in common: whom they are against, or also what they are about."""


class Complaint(Value, frozen=True, kw_only=True):
    """What grouping must know of a complaint. ``group``, ``by``: the group it is in, and what that has in common."""

    case_id: CaseId
    version: int
    complainant: Party
    reason: str
    filed_at: Instant
    group: UUID | None = None
    by: str | None = None


class Link(Value, frozen=True, kw_only=True):
    """A complaint that belongs to a group and is not in it yet; ``version``: as of which it is so."""

    case_id: CaseId
    version: int
    group: UUID
    by: By


def links(complaints: Sequence[Complaint], terms: Collective, window: timedelta, respondent: bytes) -> tuple[Link, ...]:
    """The complaints, all against one respondent, that belong to a group now, old or new.

    ``window``: how far apart two complaints of a group may be filed. ``respondent``: what stands for it in the
    group's id (a digest, so that the id tells nobody who it is).
    """
    loose = sorted((one for one in complaints if one.group is None), key=lambda one: (one.filed_at, one.case_id))
    found = list[Link]()
    for group in _groups(complaints):
        found += _joining(group, loose, window)
        loose = _without(loose, found)
    matters: list[tuple[By, list[Complaint], int]] = [("merchant", loose, terms.by_merchant)]
    matters += [
        ("reason", [one for one in loose if one.reason == reason], terms.by_reason)
        for reason in sorted({one.reason for one in loose})
    ]
    for by, about, enough in matters:
        members = _members(_without(about, found), enough, window)
        if members:
            group_id = _group_id(by, members[0], respondent)
            found += [Link(case_id=one.case_id, version=one.version, group=group_id, by=by) for one in members]
    return tuple(found)


def _without(complaints: list[Complaint], found: list[Link]) -> list[Complaint]:
    gone = {link.case_id for link in found}
    return [one for one in complaints if one.case_id not in gone]


def _groups(complaints: Sequence[Complaint]) -> list[list[Complaint]]:
    """The groups that this function once made and that others may still join; not those the desk made of its own."""
    known: dict[UUID, list[Complaint]] = {}
    for one in complaints:
        if one.group is not None and one.by in ("merchant", "reason"):
            known.setdefault(one.group, []).append(one)
    return list(known.values())


def _joining(group: list[Complaint], loose: list[Complaint], window: timedelta) -> list[Link]:
    """Those filed within the window of the group's latest member, each of which then is the latest."""
    latest = max(one.filed_at for one in group)
    first, found = group[0], list[Link]()
    by: By = "reason" if first.by == "reason" else "merchant"
    for one in loose:
        if by == "reason" and one.reason != first.reason:
            continue
        if abs(one.filed_at - latest) <= window:
            assert first.group is not None, "it is a group's"
            found.append(Link(case_id=one.case_id, version=one.version, group=first.group, by=by))
            latest = max(latest, one.filed_at)
    return found


def _members(about: list[Complaint], enough: int, window: timedelta) -> list[Complaint]:
    """The earliest complaints, oldest first, of which enough complainants filed within one window; then who joins."""
    start, within = 0, Counter[Party]()
    for end, last in enumerate(about):
        within[last.complainant] += 1
        while last.filed_at - about[start].filed_at > window:
            earliest = about[start].complainant
            within[earliest] -= 1
            if not within[earliest]:
                del within[earliest]
            start += 1
        if len(within) >= enough:
            return _chained(about[start:], end - start, window)
    return []


def _chained(about: list[Complaint], last: int, window: timedelta) -> list[Complaint]:
    members = about[: last + 1]
    for one in about[last + 1 :]:
        if one.filed_at - members[-1].filed_at > window:
            break
        members.append(one)
    return members


def _group_id(by: By, earliest: Complaint, respondent: bytes) -> UUID:
    reason = earliest.reason if by == "reason" else ""
    return uuid5(GROUPS, f"{respondent.hex()}/{by}/{reason}/{earliest.case_id}")
