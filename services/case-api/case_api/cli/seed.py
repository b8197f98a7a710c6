"""`caselog seed`: many cases to try lists and loads on, by the real rules; never in production."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from case_api.cli.premises import CannotStart

CASES_MAX = 10_000_000
TOLD_EVERY = 5_000


def seed(cases: Annotated[int, typer.Option(min=1, max=CASES_MAX, help="How many.")]) -> None:
    """Make so many cases of many merchants, in every state, by the real rules. Not in production."""
    from case_api.cli.reach import in_words, reached  # noqa: PLC0415 - `caselog --help` answers sooner without
    from case_api.settings import Settings  # noqa: PLC0415 - the same
    from case_events.ledger.bulk.seeding import sow  # noqa: PLC0415 - the same

    settings = Settings()
    if settings.env == "production":
        raise CannotStart("cases that never happened are not made in production")

    def tell(made: int) -> None:
        if made == cases or made % TOLD_EVERY == 0:
            print(f"{made} of {cases} cases", file=sys.stderr, flush=True)  # noqa: T201 - progress, for a person

    async def sown() -> None:
        async with reached(settings) as ledger:
            await sow(ledger, cases, tell)

    with in_words():
        try:
            asyncio.run(sown())
        except LookupError as fault:
            raise CannotStart(f"{fault}; `caselog up` keeps the shipped policies when it starts") from None
        except TimeoutError as fault:
            raise CannotStart(str(fault)) from None
