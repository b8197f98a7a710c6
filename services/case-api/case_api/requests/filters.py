"""Which cases a list is about: the filters of a query, the same wherever cases are listed."""

from __future__ import annotations

from typing import get_args

from case_api.requests.parameters import PRIORITY_MAX, Query
from case_events.core.case import Stage, Status
from case_events.ledger.lists.lists import Wanted

ASKED = tuple("group" if name == "group_id" else name for name in Wanted.__struct_fields__)
"""The parameters' names."""


def wanted_of(query: Query) -> Wanted:
    """What is asked for; what is wrong with it ``query.check`` refuses."""
    return Wanted(
        status=query.one_of("status", get_args(Status)),
        stage=query.one_of("stage", get_args(Stage)),
        type=query.word("type"),
        marketplace=query.word("marketplace"),
        merchant_id=query.text("merchant_id"),
        buyer_id=query.text("buyer_id"),
        order_id=query.text("order_id"),
        department=query.word("department"),
        assignee=query.text("assignee"),
        priority=query.whole("priority", 0, PRIORITY_MAX),
        due_before=query.instant("due_before"),
        updated_after=query.instant("updated_after"),
        number=query.text("number"),
        kind=query.word("kind"),
        subtype=query.word("subtype"),
        group_id=query.uuid("group"),
    )
