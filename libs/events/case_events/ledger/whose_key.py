"""Under whose key a text is sealed, and so with whom it is erased."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from case_events.core.case import Post
from case_events.core.events import Corrected, Filed, Recorded
from case_events.core.values import Who
from case_events.ledger.private_places import Path
from case_events.ledger.sealing import Subject, SubjectKey


def key_of(recorded: Recorded, path: Path, keys: Mapping[Subject, SubjectKey], posts: Iterable[Post]) -> SubjectKey:
    """A party's text is under its own key, also as the platform put it right (``posts``: whose words there are).

    The platform's is under the complainant's, or once that was destroyed, the respondent's: an erased complainant does
    not keep the platform from ruling.
    """
    event, whose = recorded.event, recorded.who
    if isinstance(event, Filed):
        return keys["respondent" if path[0] in ("respondent", "respondent_entity") else "complainant"]
    if isinstance(event, Corrected) and path == ("text",):
        whose = _author(event, posts) or whose
    if whose == "respondent" or (whose == "platform" and keys["complainant"].wrapped is None):
        return keys["respondent"]
    return keys["complainant"]


def _author(corrected: Corrected, posts: Iterable[Post]) -> Who | None:
    return next((post.by for post in posts if post.event_id == corrected.event), None)
