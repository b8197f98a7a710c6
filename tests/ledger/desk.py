"""A desk at the ledger: it files and posts as a storefront would, and reads tables as nobody else does."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from msgspec.structs import replace

from case_events.core.commands import BY, POSTED_NAMES, File, Posted
from case_events.core.facts import FilingFacts, ListingFacts
from case_events.core.plan import Step
from case_events.core.values import CaseId, Instant, Party
from case_events.ledger.clock import test_clocks
from case_events.ledger.clock.claims import CLAIM_CLOCKED
from case_events.ledger.clock.firing import Fired, fire
from case_events.ledger.database import Ledger
from case_events.ledger.steps import Asking, submit
from case_events.policies import shipped
from tests import examples
from tests.spec import ACTORS

MASTER_KEY = bytes(range(32))
CLIENT = "storefront"
FIRES_MAX = 500
_orders = itertools.count(1)


def swift_text() -> str:
    """Taobao's policy where the respondent has two seconds, for what must run out in real time."""
    text = examples.taobao_text()
    for written, instead in (
        ('name = "taobao"', 'name = "swift"'),
        ('marketplace = "taobao"', 'marketplace = "swift"'),
        ("open_period = { hours = 48 }", "open_period = { seconds = 1 }"),
        ("final_period = { hours = 24 }", "final_period = { seconds = 1 }"),
    ):
        assert text.count(written) == 1, written
        text = text.replace(written, instead)
    return text


def tmall_text() -> str:
    """Tmall's policy as it is shipped: every rule of the domain, where taobao's here is the first release's."""
    (text,) = (text for text in shipped() if 'name = "tmall"' in text)
    return text


SWIFT = timedelta(seconds=2)
"""How long a respondent has under ``swift_text``."""


def a_filing(*, clock: UUID | None = None, at: Instant | None = None, **changes: Any) -> File:
    """A complaint about an order of its own, filed three days after it succeeded, now or when the test clock stands."""
    number = next(_orders)
    start = at or (examples.NOON if clock else now())
    order = replace(examples.order_that_succeeded(Instant.of(start - timedelta(days=3))), order_id=f"T{number:06}")
    return replace(examples.FILING, order=order, test_clock=clock, **changes)


def on_tmall(type_: str, reason: str, **said: Any) -> File:
    """A complaint judged by the shipped rules of Tmall."""
    return a_filing(type=type_, reason=reason, marketplace="tmall", **said)


def a_report(listing: str | None = "l-1", **said: Any) -> File:
    """A report, of which nobody learns who made it: about a listing, and no order (domain F8)."""
    facts = FilingFacts(listing=ListingFacts(listing_id=listing)) if listing else None
    filing = on_tmall("counterfeit_report", "counterfeit", **({"facts": facts, "demand": "takedown"} | said))
    return replace(filing, order=None, amount=None)


def now() -> Instant:
    return Instant.of(datetime.now(UTC))


def asking(command: File | Posted, case_id: CaseId | None = None, **said: Any) -> Asking:
    """``command`` as its side would ask it; another actor, client, key or anything else may be ``said``."""
    actor: Party = command.complainant if isinstance(command, File) else ACTORS[BY[POSTED_NAMES[type(command)]][0]]
    body = repr(command).encode()
    return Asking(**({"command": command, "actor": actor, "client": CLIENT, "case_id": case_id, "body": body} | said))


class Desk:
    """What is asked of one ledger; ``post`` and ``filed`` expect not to be refused, ``ask`` takes what comes."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    async def ask(
        self, command: File | Posted, case_id: CaseId | None = None, *, dry_run: bool = False, **said: Any
    ) -> Step:
        return await submit(self.ledger, asking(command, case_id, **said), dry_run=dry_run)

    async def filed(self, filing: File | None = None, **said: Any) -> CaseId:
        step = await self.ask(filing or a_filing(), **said)
        assert step.problem is None, step.problem
        return step.case_id

    async def post(self, case_id: CaseId, command: Posted, **said: Any) -> Step:
        step = await self.ask(command, case_id, **said)
        assert step.problem is None, step.problem
        return step

    async def clock(self, at: Instant = examples.NOON) -> UUID:
        return (await test_clocks.create(self.ledger, at, CLIENT)).id

    async def advance(self, clock: UUID, to: Instant) -> None:
        stands = await test_clocks.read(self.ledger, clock)
        assert stands is not None
        assert await test_clocks.advance(self.ledger, stands, to) is not None

    async def fire_clocked(self, only: CaseId | None = None) -> list[Fired]:
        """Fire until nothing that a test clock has passed is left."""
        passes: list[Fired] = []
        for _ in range(FIRES_MAX):
            fired = await fire(self.ledger, CLAIM_CLOCKED, only=only)
            if not fired.claimed:
                return passes
            passes.append(fired)
        raise AssertionError(f"still firing after {FIRES_MAX} passes")


async def one_of_each(desk: Desk) -> dict[str, CaseId]:
    """Cases that ended, or stand, in different ways; between them most of what can be recorded."""
    clock = await desk.clock()
    names = ("open", "offered", "settled", "ruled", "appealed", "withdrawn", "silent", "rejected")
    cases = {name: await desk.filed(a_filing(clock=clock)) for name in names}
    told: dict[str, tuple[Posted, ...]] = {
        "offered": (examples.AMEND, examples.OFFER, examples.EVIDENCE),
        "settled": (examples.AGREE, examples.REFUNDED),
        "ruled": (examples.REFUSE, examples.PART_REFUND),
        "appealed": (examples.REFUSE, examples.REJECT, examples.APPEAL, examples.REFUND, examples.REFUNDED),
        "withdrawn": (examples.WITHDRAW,),
        "rejected": (examples.REFUSE, examples.REJECT),
    }
    for name, commands in told.items():
        for number, command in enumerate(commands):
            await desk.post(cases[name], command, key=f"{name} {number}")
    await desk.advance(clock, Instant.of(examples.NOON + timedelta(days=12)))
    await desk.fire_clocked()
    cases["live"] = await desk.filed()
    await desk.post(cases["live"], examples.REFUSE)
    return cases


async def contents(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row of every table, as text, sorted."""
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    assert len(names) > 8, "the ledger has its tables"
    return {
        name: sorted(row["said"] for row in await connection.fetch(f'SELECT t::text AS said FROM "{name}" t'))  # noqa: S608
        for name in (row["tablename"] for row in names)
    }


async def stored(connection: asyncpg.Connection, case_id: CaseId) -> list[asyncpg.Record]:
    """The case's rows of ``events``, as they are."""
    return await connection.fetch("SELECT * FROM events WHERE case_id = $1 ORDER BY version", case_id)
