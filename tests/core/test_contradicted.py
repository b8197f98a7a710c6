"""What a refusal tells of a shipment: when it was due, when it was picked up, and why that decides (domain E5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from case_events.core.values import Evidence
from tests.core.test_shipments import GRANT, NEVER, NOTICE, REJECT, SHIP_BY, judged, pickup, presale
from tests.examples import TICK, proof
from tests.spec import days, hours

DUE = SHIP_BY.rfc3339()
LATER = "; a ruling that departs from it says why (departs)"


def stamped(shift: timedelta) -> str:
    return (SHIP_BY + shift).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize(
    ("evidence", "wrong", "told"),
    [
        ((), REJECT, f"due {DUE}, picked up never: late (E5)"),
        ((pickup(TICK),), REJECT, f"due {DUE}, picked up {stamped(TICK)}: late (E5)"),
        ((pickup(NEVER),), GRANT, f"due {DUE}, picked up {DUE}: in time (E5)"),
        ((pickup(NEVER), NOTICE), GRANT, f"due {DUE}, picked up {DUE}: in time (E5)"),
        ((pickup(TICK), NOTICE), GRANT, f"due {DUE}, picked up {stamped(TICK)}: late, excused by carrier_notice (E5)"),
        ((NOTICE,), GRANT, f"due {DUE}, picked up never: late, excused by carrier_notice (E5)"),
        (
            (pickup(-hours(1), None),),
            REJECT,
            f"due {DUE}, picked up {stamped(-hours(1))}, not moved in time: late (E5)",
        ),
        (
            (pickup(-hours(1), None), NOTICE),
            GRANT,
            f"due {DUE}, picked up {stamped(-hours(1))}, not moved in time: late, excused by carrier_notice (E5)",
        ),
        (
            (pickup(days(2)), presale(days(1))),
            REJECT,
            f"due {stamped(days(1))}, picked up {stamped(days(2))}: late (E5)",
        ),
    ],
)
def test_a_ruling_against_the_pickup_record_is_told_what_it_shows(
    evidence: tuple[Evidence, ...], wrong: object, told: str
) -> None:
    problem = judged(*evidence).when(wrong, at=hours(3)).faults("/data/outcome").last.problem  # type: ignore[arg-type]
    assert problem is not None
    assert problem.errors[0].detail == told + LATER


@pytest.mark.parametrize("kind", ["photo", "tracking_record", "return_slip", "presale_terms"])
def test_only_a_pickup_record_proves_that_it_was_shipped(kind: str) -> None:
    shown = replace(proof(9, kind), shows_at=pickup(-hours(1)).shows_at)
    judged(shown).when(REJECT, at=hours(3)).faults("/data/outcome")
