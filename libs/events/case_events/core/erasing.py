"""The rule of erasing a person from a case (PIPL article 47): when it is over, one side at a time, and once."""

from __future__ import annotations

from case_events.core.case import Case
from case_events.core.commands import Erase
from case_events.core.events import SubjectErased
from case_events.core.gates import refused_now
from case_events.core.outcomes import Events
from case_events.core.values import ERASED, Problem


def erase(command: Erase, case: Case) -> Events | Problem:
    """What names the side is erased; the platform is nobody who could be."""
    party = case.complainant if command.subject == "complainant" else case.respondent
    if party.id == ERASED:
        return refused_now(f"The {command.subject} is erased already.", "subject_erased", case)
    if party.role == "platform":
        return refused_now(f"The {command.subject} is the platform: it names nobody.", "subject_erased", case)
    return (SubjectErased(subject=command.subject, basis=command.basis),)
