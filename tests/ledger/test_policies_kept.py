"""Policies as they are kept: never changed, in force by date, and pinned to the cases filed under them."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from case_events.core.values import Instant
from case_events.ledger import policy_book
from case_events.ledger.database import Ledger
from case_events.ledger.policy_book import PolicyBook, PolicyChanged
from case_events.ledger.queries import read_case
from case_events.shape import Misshapen
from tests import examples
from tests.ledger.desk import Desk, a_filing, contents

TICK = timedelta(microseconds=1)


def text(name: str, version: str = "1", start: str = "2025-01-01T00:00:00+08:00") -> str:
    """Taobao's policy under another name, for a marketplace of its own."""
    said = examples.taobao_text()
    for written, instead in (
        ('name = "taobao"', f'name = "{name}"'),
        ('marketplace = "taobao"', f'marketplace = "{name}"'),
        ('version = "2026.1"', f'version = "{version}"'),
        ('effective_from = "2025-01-01T00:00:00+08:00"', f'effective_from = "{start}"'),
    ):
        assert said.count(written) == 1, written
        said = said.replace(written, instead)
    return said


async def test_keeping_the_same_again_changes_nothing(ledger: Ledger, superuser: asyncpg.Connection) -> None:
    async with ledger.connection() as connection:
        first = await policy_book.keep(connection, text("same"))
        before = await contents(superuser)
        commented = f"# a word more\n{text('same')}"
        assert await policy_book.keep(connection, text("same")) == first
        assert await policy_book.keep(connection, commented) == first, "comments are not the policy"
    assert await contents(superuser) == before


async def test_the_same_version_with_another_rule_is_refused(ledger: Ledger, superuser: asyncpg.Connection) -> None:
    changed = text("firm").replace("stalls_after = { days = 9 }", "stalls_after = { days = 8 }")
    async with ledger.connection() as connection:
        await policy_book.keep(connection, text("firm"))
        before = await contents(superuser)
        with pytest.raises(PolicyChanged, match="firm@1"):
            await policy_book.keep(connection, changed)
        assert await contents(superuser) == before
        await policy_book.keep(connection, changed.replace('version = "1"', 'version = "2"'))


async def test_a_bad_policy_is_not_kept(ledger: Ledger, superuser: asyncpg.Connection) -> None:
    before = await contents(superuser)
    async with ledger.connection() as connection:
        with pytest.raises(Misshapen):
            await policy_book.keep(connection, text("bad").replace('currency = "CNY"', 'currency = "yuan"'))
    assert await contents(superuser) == before


async def test_the_newest_policy_that_has_taken_effect_is_in_force(ledger: Ledger) -> None:
    dates = {"a": "2026-03-01T00:00:00Z", "b": "2026-06-01T00:00:00Z", "c": "2026-09-01T00:00:00Z"}
    async with ledger.connection() as connection:
        for version in ("b", "c", "a"):
            await policy_book.keep(connection, text("dated", version, dates[version]))

        async def in_force(at: Instant) -> str | None:
            found = await PolicyBook().in_force(connection, "dated", at)
            return found.ref.version if found else None

        starts = {version: Instant.parse(start) for version, start in dates.items()}
        assert await in_force(Instant.of(starts["a"] - TICK)) is None
        assert await in_force(starts["a"]) == "a"
        assert await in_force(Instant.of(starts["b"] - TICK)) == "a"
        assert await in_force(starts["b"]) == "b"
        assert await in_force(Instant.parse("2027-01-01T00:00:00Z")) == "c"
        assert await PolicyBook().in_force(connection, "nowhere", starts["c"]) is None


async def test_of_two_in_force_since_one_instant_the_one_that_was_kept_last_judges(desk: Desk) -> None:
    async with desk.ledger.connection() as connection:
        for version in ("b", "c", "a"):
            await policy_book.keep(connection, text("level", version))
        found = await PolicyBook().in_force(connection, "level", examples.NOON)
    assert found is not None
    assert found.ref.version == "a"
    reading = await read_case(desk.ledger, await desk.filed(a_filing(marketplace="level")))
    assert reading is not None
    assert reading.case.policy.version == "a"


async def test_a_case_keeps_the_policy_it_was_filed_under(desk: Desk) -> None:
    later = examples.NOON + timedelta(days=1)
    async with desk.ledger.connection() as connection:
        await policy_book.keep(connection, text("pinned", "old"))
        await policy_book.keep(connection, text("pinned", "new", Instant.of(later).rfc3339()))
    clock = await desk.clock()
    before = await desk.filed(a_filing(clock=clock, marketplace="pinned"))
    await desk.advance(clock, Instant.of(later))
    after = await desk.filed(a_filing(clock=clock, marketplace="pinned"))
    await desk.post(before, examples.REFUSE)
    for case_id, version in ((before, "old"), (after, "new")):
        reading = await read_case(desk.ledger, case_id)
        assert reading is not None
        assert reading.case.policy.version == version


async def test_a_policy_whose_digest_is_not_the_pinned_one_is_not_applied(ledger: Ledger) -> None:
    async with ledger.connection() as connection:
        kept = await policy_book.keep(connection, text("digest"))
        forged = kept.ref.__class__(name="digest", version="1", digest="0" * 64)
        with pytest.raises(PolicyChanged):
            await PolicyBook().pinned(connection, forged)
        assert await PolicyBook().pinned(connection, kept.ref) == kept
