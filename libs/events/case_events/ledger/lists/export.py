"""An export: every case that a question is about, page by page; between two pages nobody holds a connection.

Each page is a snapshot of its own. What a case is listed by, the instant it was filed, never changes: so however long
an export takes, and wherever it is taken up again, it has each case once, as it was when its page was read. What is
listed by when it is due moves: there a case may come twice, or not at all, when its clocks change meanwhile.
"""

from __future__ import annotations

from case_events.core.values import CaseId, Party
from case_events.core.viewer import Viewer
from case_events.ledger.database import Ledger
from case_events.ledger.lists.lists import After, CaseRows, Wanted, list_cases
from case_events.ledger.read_models import CaseRow

PAGE = 500
"""Cases read at once."""
PLACE = """
SELECT filed_at, marketplace, complainant_role, complainant_id, respondent_role, respondent_id
FROM cases WHERE case_id = $1
"""


class Export:
    """The rows that are left of an export; ``after`` moves with every page, so that one that failed is read again."""

    def __init__(self, ledger: Ledger, wanted: Wanted, viewer: Viewer, after: After | None) -> None:
        self._ledger = ledger
        self._wanted = wanted
        self._viewer = viewer
        self._after = after
        self.done = False

    async def page(self) -> tuple[CaseRow, ...]:
        """The next rows, PAGE at most; perhaps none, though more follow. Raises one of UNAVAILABLE: ask again."""
        page: CaseRows = await list_cases(
            self._ledger, self._wanted, viewer=self._viewer, limit=PAGE, after=self._after
        )
        self._after, self.done = page.after, page.after is None
        return page.rows


async def place_of(ledger: Ledger, case_id: CaseId, viewer: Viewer) -> After | None:
    """Where a case stands in an export; None if there is no such case for the viewer."""
    async with ledger.connection() as connection:
        row = await connection.fetchrow(PLACE, case_id)
    if row is None:
        return None
    complainant = Party(role=row["complainant_role"], id=row["complainant_id"])
    respondent = Party(role=row["respondent_role"], id=row["respondent_id"])
    return (row["filed_at"], case_id) if viewer.sees(row["marketplace"], complainant, respondent) else None
