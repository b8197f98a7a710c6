"""Cases that were read or written a moment ago, folded: who comes to one again reads only what happened since.

What is kept of a case is used only where the database has, at the version it ends with, the very hash it ends with:
that hash names everything before it. The case's keys are compared as well, so that an erased text is not remembered.
"""

from __future__ import annotations

from collections import OrderedDict

from case_events.core.case import Case
from case_events.core.events import History
from case_events.core.plan import Step
from case_events.core.values import CaseId, Value
from case_events.ledger.sealing import SubjectKey

EVENTS_MAX = 20_000
"""Events of all cases that are remembered together; some 40 MB, measured."""
BYTES_MAX = 16_000_000
"""Stored bytes of all those events: what few cases with very long texts take is bounded as well."""
EVENTS_OF_ONE_MAX, BYTES_OF_ONE_MAX = 500, 1_000_000
"""A case with more is read anew each time, rather than push out a hundred others."""

Hashes = tuple[tuple[bytes, bytes], ...]
"""Of each event the hash of its payload, and its own."""


class Remembered(Value, frozen=True, kw_only=True):
    """A case as it was a moment ago; ``opened``: every text of it, not only who the parties are.

    ``size``: of its events' payloads as they are stored, in bytes.
    """

    history: History
    hashes: Hashes
    keys: tuple[SubjectKey, ...]
    case: Case
    size: int
    opened: bool

    @property
    def known(self) -> tuple[int, bytes]:
        """The version it ends with, and the hash of that version's event."""
        return len(self.history), self.hashes[-1][1]


class Recent:
    """The cases of one process that were asked for last; those that were not for longest are forgotten first."""

    def __init__(self, events_max: int = EVENTS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._events_max = events_max
        self._bytes_max = bytes_max
        self._cases: OrderedDict[CaseId, Remembered] = OrderedDict()
        self._events = self._bytes = 0

    def of(self, case_id: CaseId, *, opened: bool) -> Remembered | None:
        """What is remembered of the case; with ``opened`` only if all its texts were."""
        found = self._cases.get(case_id)
        return found if found is not None and (found.opened or not opened) else None

    def add(self, step: Step, head: bytes, keys: tuple[SubjectKey, ...], hashes: Hashes, size: int) -> None:
        """A step of this ``size`` was written: what was remembered up to its ``head``, or nothing where it files, goes
        on with it.

        It goes on only from the very case that the step was judged on: another reading of the same events, by somebody
        who came meanwhile, may have opened more of their texts.
        """
        assert step.case is not None, "only a case is written"
        before = self._cases.get(step.case_id)
        if step.before is None:
            now = Remembered(history=step.events, hashes=hashes, keys=keys, case=step.case, size=size, opened=True)
        elif before is not None and before.case is step.before and before.known[1] == head:
            history, hashes = (*before.history, *step.events), (*before.hashes, *hashes)
            size, opened = before.size + size, before.opened
            now = Remembered(history=history, hashes=hashes, keys=keys, case=step.case, size=size, opened=opened)
        else:
            return
        self.keep(step.case_id, now)

    def forget(self, case_id: CaseId) -> None:
        """Remember nothing of this case."""
        before = self._cases.pop(case_id, None)
        if before is not None:
            self._forgotten(before)

    def _forgotten(self, case: Remembered) -> None:
        self._events -= len(case.history)
        self._bytes -= case.size

    def keep(self, case_id: CaseId, case: Remembered) -> None:
        """Remember this, and nothing older of the same case."""
        self.forget(case_id)
        if len(case.history) > EVENTS_OF_ONE_MAX or case.size > BYTES_OF_ONE_MAX:
            return
        self._cases[case_id] = case
        self._events += len(case.history)
        self._bytes += case.size
        while self._events > self._events_max or self._bytes > self._bytes_max:
            self._forgotten(self._cases.popitem(last=False)[1])
