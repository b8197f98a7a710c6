"""What no schema can say of a type's clocks: a reminder that would come too early, an interval that could not grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from case_events.policies.expansion import Path
from case_events.policies.tolerant import Tree, apart, elapsed, longer, table

Found = tuple[Path, str]
"""Where in the policy, spelled out, and what."""
Check = Callable[[Tree, Tree], Iterator[Found]]
"""A look at one type, with the policy around it; where it stands in the type, and what."""

TABLE_OF_CLOCK = {
    "response": "reply",
    "negotiation": "negotiation",
    "acceptance": "acceptance",
    "evidence": "evidence",
    "return_address": "return_leg",
    "return_shipment": "return_leg",
    "return_receipt": "return_leg",
    "follow_up": "follow_up",
    "intervention": "intervention",
    "assignment": "intervention",
    "ruling": "ruling",
    "appeal": "appeal",
    "remedy": "remedy",
    "recovery": "remedy",
}
"""The clocks there are, by kind, and the table each is started by."""
CLOCKS_OF: dict[str, tuple[tuple[str, ...], ...]] = {
    "response": (("reply", "open_period"), ("reply", "final_period")),
    "negotiation": (("negotiation", "stalls_after"),),
    "acceptance": (("acceptance", "within"),),
    "evidence": (("evidence", "within"),),
    "return_address": (("return_leg", "address_within"),),
    "return_shipment": (("return_leg", "ship_within"),),
    "return_receipt": (("return_leg", "receive_within"),),
    "follow_up": (("follow_up", "within"),),
    "intervention": (("intervention", "lapses_after"),),
    "appeal": (("appeal", "window"),),
    "remedy": (("remedy", "within"),),
}
"""The spans a clock's time adds up from, where a reminder can be held against it."""
AGAIN = ("acceptance", "ruling", "remedy")
"""The tables whose clock runs again when it ran out."""


def reminders(rules: Tree, _policy: Tree) -> Iterator[Found]:
    for kind in table(rules, "reminders"):
        at = ("reminders", kind)
        if kind not in TABLE_OF_CLOCK:
            yield at, f"no clock; one of {', '.join(TABLE_OF_CLOCK)}"
            continue
        if TABLE_OF_CLOCK[kind] not in rules:
            yield at, f"this type has no {TABLE_OF_CLOCK[kind]}"
        lead = elapsed(rules, *at)
        if lead is None and table(rules, *at):
            yield at, "elapsed time only: seconds, hours or days"
        spans = [elapsed(rules, *path) for path in CLOCKS_OF.get(kind, ()) if table(rules, *path)]
        if lead is not None and spans and None not in spans and lead >= sum(one for one in spans if one):
            yield at, "the reminder would come before its clock starts"


def again(rules: Tree, _policy: Tree) -> Iterator[Found]:
    """What grows ends no shorter than it began, and says so in a unit of which that can be told."""
    for name in AGAIN:
        first, longest = table(rules, name, "again_after"), table(rules, name, "again_up_to")
        if longer(first, longest):
            yield (name, "again_up_to"), f"shorter than {name}.again_after"
        if apart(first, longest):
            yield (name, "again_up_to"), f"in a unit that cannot be compared with {name}.again_after"
