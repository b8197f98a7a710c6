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

    Whatever is in a group already counts as it did: which complaints are linked in the end does not depend on when
    and how often this is asked. ``window``: how far apart two complaints of a group may be filed. ``respondent``: what
    stands for it in the group's id (a digest, so that the id tells nobody who it is).
    """
    ours = [one for one in complaints if one.group is None or one.by in ("merchant", "reason")]
    ours.sort(key=lambda one: (one.filed_at, one.case_id))
    matters: list[tuple[By, list[Complaint], int]] = [("merchant", ours, terms.by_merchant)]
    matters += [("reason", about, terms.by_reason) for about in _by_reason(ours)]
    runs = [(by, run, _group(by, run)) for by, about, enough in matters for run in _runs(by, about, enough, window)]
    found: dict[CaseId, Link] = {}
    for by, run, there in sorted(runs, key=lambda one: one[2] is None):  # who can join a group there is, does
        group = there or _group_id(by, run[0], respondent)
        for one in run:
            if one.group is None and one.case_id not in found:
                found[one.case_id] = Link(case_id=one.case_id, version=one.version, group=group, by=by)
    return tuple(found.values())


def _by_reason(complaints: list[Complaint]) -> list[list[Complaint]]:
    """The complaints of each reason, in the order of the reasons' names."""
    about: dict[str, list[Complaint]] = {}
    for one in complaints:
        about.setdefault(one.reason, []).append(one)
    return [about[reason] for reason in sorted(about)]


def _group(by: By, run: list[Complaint]) -> UUID | None:
    """The group of this kind that some of them are in; not those the desk made of its own."""
    return next((one.group for one in run if one.group is not None and one.by == by), None)


def _runs(by: By, about: list[Complaint], enough: int, window: timedelta) -> list[list[Complaint]]:
    """The complaints, oldest first, that are one matter, each run by itself.

    It is about those of a group there is, and of a window in which enough complainants filed; whoever files within the
    window of its latest belongs to it, too.
    """
    matter = _full(about, enough, window)
    matter |= {at for at, one in enumerate(about) if one.group is not None and one.by == by}
    matter |= _before(about, matter, window)
    runs: list[list[Complaint]] = []
    for at, one in enumerate(about):
        if runs and one.filed_at - runs[-1][-1].filed_at <= window:
            runs[-1].append(one)
        elif at in matter:
            runs.append([one])
    return runs


def _before(about: list[Complaint], matter: set[int], window: timedelta) -> set[int]:
    """The places of those within the window before the latest of a matter: others of it may be closed since."""
    before, next_, latest = set[int](), None, None
    for at in range(len(about) - 1, -1, -1):
        filed_at = about[at].filed_at
        if at in matter:
            latest = filed_at if next_ is None or next_ - filed_at > window else latest
            next_ = filed_at
        elif latest is not None and latest - filed_at <= window:
            before.add(at)
    return before


def _full(about: list[Complaint], enough: int, window: timedelta) -> set[int]:
    """The places of those that were filed in some window together with as many complainants as are enough."""
    full, start, done, within = set[int](), 0, 0, Counter[Party]()
    for end, last in enumerate(about):
        within[last.complainant] += 1
        while last.filed_at - about[start].filed_at > window:
            earliest = about[start].complainant
            within[earliest] -= 1
            if not within[earliest]:
                del within[earliest]
            start += 1
        if len(within) >= enough:
            full.update(range(max(start, done), end + 1))
            done = end + 1
    return full


def _group_id(by: By, earliest: Complaint, respondent: bytes) -> UUID:
    reason = earliest.reason if by == "reason" else ""
    return uuid5(GROUPS, f"{respondent.hex()}/{by}/{reason}/{earliest.case_id}")
