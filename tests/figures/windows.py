"""Until when each type may be filed, to the microsecond, and what bends it (F2-F4)."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from case_events.core.facts import ExtensionFacts, RefundFacts
from case_events.core.values import Instant
from tests.examples import NOON, TICK
from tests.figures.promise import Bend, Promise
from tests.figures.scene import Market, facts, order
from tests.spec import days

LONG = days(700)


def window(promise: Promise, market: Market) -> None:
    """F2, F4: at its last instant it may be filed, a microsecond later not; without a window whenever."""
    if promise.window is None:
        market.ask_to_file(promise, Instant.of(NOON + LONG))
        return
    closes_after(promise, market, Bend(window=promise.window))


def closes_after(promise: Promise, market: Market, bend: Bend) -> None:
    bought = order(promise)
    if bend.category is not None:
        bought = replace(bought, goods=(replace(bought.goods[0], category=bend.category),))
    if bend.promise is not None:
        bought = replace(bought, merchant_promises=(bend.promise,))
    said = facts(promise)
    if bend.extension is not None:
        said = replace(said, extension=ExtensionFacts(reason=bend.extension, explanation="商家拒绝处理。"))
    closes = Instant.of(NOON + bend.window)
    filed = market.ask_to_file(promise, closes, order=bought, facts=said)
    assert filed.last.problem is None, filed.last.problem
    late = market.ask_to_file(promise, Instant.of(closes + TICK), order=bought, facts=said)
    late.refused("not_eligible", closed_at=closes)


def bends(promise: Promise, market: Market) -> None:
    """F3: special goods have less, a longer promise wins, a longer window may be asked for."""
    for bend in promise.bends:
        closes_after(promise, market, bend)


def refund_before(promise: Promise, market: Market) -> None:
    """F4: the refund was applied for more than so long after payment, not just so long."""
    assert promise.refund_after is not None
    paid = order(promise).paid_at
    assert paid is not None
    at = Instant.of(paid + promise.refund_after)
    _refunded(promise, market, at, timedelta(0))
    _refunded(promise, market, at, TICK)


def _refunded(promise: Promise, market: Market, at: Instant, later: timedelta) -> None:
    said = replace(facts(promise), refund=RefundFacts(applied_at=Instant.of(at + later), succeeded_at=NOON))
    filed = market.ask_to_file(promise, facts=said)
    if later:
        assert filed.last.problem is None, filed.last.problem
    else:
        filed.refused("not_eligible", closed_at=None)
