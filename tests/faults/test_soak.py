"""The soak in its short form, and that its verdict would say so if a watermark lied."""

from __future__ import annotations

from datetime import timedelta

from case_events.core.values import Instant
from tests.examples import NOON
from tests.faults.soak import LIVE, MUST_BE_ZERO, Sample, Samples, breaches, soak, went_back
from tests.serving import serving

SECONDS, SEED = 4.0, 6
HOUR = timedelta(hours=1)


async def test_random_disputes_under_clocks_that_move_never_fall_behind_a_watermark() -> None:
    with serving(workers=2, schedulers=2) as running:
        report = await soak(running, SECONDS, SEED)
    assert {name: report[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
    for name in ("cases", "timeouts", "posted", "advanced"):
        assert report[name], f"nothing of this happened: {name}"
    assert all(report["samples"].values())


def sample(hours: int, xmax: int, *under_way: int) -> Sample:
    return Sample(Instant.of(NOON + HOUR * hours), xmax, frozenset(under_way))


def test_a_watermark_that_goes_back_is_counted() -> None:
    assert went_back([sample(1, 10), sample(1, 11), sample(3, 12)]) == 0
    assert went_back([sample(1, 10), sample(3, 11), sample(2, 12)]) == 1


def test_what_is_written_before_a_watermark_that_was_told_is_a_breach() -> None:
    samples: Samples = {"clock": [sample(1, 10), sample(5, 20, 18)], LIVE: [sample(4, 20)]}

    def event(tx: int, hours: int, *, clock: str | None = "clock", who: str = "scheduler") -> dict[str, object]:
        at = Instant.of(NOON + HOUR * hours)
        return {"tx": tx, "clock": clock, "who": who, "effective_at": at, "occurred_at": at}

    assert breaches(samples, [event(9, 0), event(15, 2), event(25, 6), event(18, 5)]) == 0
    assert breaches(samples, [event(15, 0)]) == 1, "the first watermark was told, and did not see it"
    assert breaches(samples, [event(18, 4)]) == 1, "it was under way when the second was told"
    assert breaches(samples, [event(25, 4, who="complainant")]) == 1, "no step is judged in the past of its clock"
    assert breaches(samples, [event(25, 3, clock=None)]) == 1
    assert breaches(samples, [event(25, 3, clock=None, who="respondent")]) == 0, "what they say of when is theirs"
