"""A simulation over all of its pages: what it comes to, a line for each case that differs, and how far it is."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from case_api.cli import words
from case_api.cli.outcomes import Misused
from case_api.cli.printing import lines, table
from case_api.views.simulations import simulated_case
from case_events.core.comparing import Tally, Totals
from case_events.ledger.simulating import CASES_NAMED_MAX, Chosen, simulated
from case_events.outgoing.form import encoded

if TYPE_CHECKING:
    from case_events.core.comparing import AmountTotal
    from case_events.core.policy import InForce
    from case_events.core.simulating import Course, Simulated
    from case_events.ledger.database import Ledger

PAGE = 200
SHOWN_MAX = 50
"""Cases that are shown on the terminal; a report has them all."""

Watch = Callable[[], None]
"""Is told of each case that was told again."""


class Summary:
    """What came of it so far; each case that differs has its line in the report, where there is one.

    ``otherwise``: how many differ in more than due times that nobody missed; the first of them are ``shown``.
    """

    def __init__(self, report: IO[bytes] | None) -> None:
        self.shown: list[Simulated] = []
        self.otherwise = 0
        self._tally = Tally()
        self._report = report

    def add(self, one: Simulated) -> None:
        self._tally.add(one)
        if self._report is not None and one.differs:
            self._report.write(encoded(simulated_case(one)) + b"\n")
        if any(word != "due_times" for word in one.differences):
            self.otherwise += 1
            if len(self.shown) < SHOWN_MAX:
                self.shown.append(one)

    @property
    def totals(self) -> Totals:
        return self._tally.totals()


async def summed_up(ledger: Ledger, candidate: InForce, chosen: Chosen, report: Path | None) -> Summary:
    """All the cases. Raises one of UNAVAILABLE, or Misused for a report that cannot be written."""
    with _opened(report) as file, _watched() as watch:
        summary = Summary(file)
        async for one in _every(ledger, candidate, chosen):
            summary.add(one)
            watch()
    return summary


async def _every(ledger: Ledger, candidate: InForce, chosen: Chosen) -> AsyncIterator[Simulated]:
    after = None
    while True:
        page = await simulated(ledger, candidate, chosen, limit=PAGE, after=after)
        for one in page.items:
            yield one
        after = page.after
        if after is None:
            return


def _opened(report: Path | None) -> Any:
    if report is None:
        return nullcontext()
    try:
        return report.open("wb")
    except OSError as fault:
        raise Misused(f"--report: {fault}") from None


@contextmanager
def _watched() -> Iterator[Watch]:
    """How many cases, on the terminal, where there is one."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where somebody looks on
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - the same

    told = TextColumn("{task.completed:,.0f} cases")
    with Progress(BarColumn(), told, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("simulating", total=None)
        yield lambda: bar.advance(task)


def chosen_by(*, case_ids: tuple[Any, ...] | None, **filters: Any) -> Chosen:
    """Which cases, as they were typed. Raises Misused."""
    from case_events.core.values import Instant  # noqa: PLC0415 - `caselog --help` answers sooner without

    said = {name: value for name, value in filters.items() if value is not None}
    if case_ids and said:
        raise Misused("--case names the cases: no filter goes with it")
    if case_ids and len(case_ids) > CASES_NAMED_MAX:
        raise Misused(f"--case: at most {CASES_NAMED_MAX}")
    for name in ("filed_from", "filed_before"):
        if name in said:
            try:
                said[name] = Instant.parse(said[name])
            except (ValueError, OverflowError) as fault:
                raise Misused(f"--{name.replace('_', '-')}: {fault}") from None
    return Chosen(case_ids=case_ids or None, **said)


def tell(candidate: InForce, summary: Summary) -> None:
    """What came of it, for a person."""
    totals, ref = summary.totals, candidate.ref
    lines(
        f"{ref.name}@{ref.version}, digest {ref.digest}",
        f"{totals.cases} cases of {candidate.policy.marketplace}: {summary.otherwise} would go otherwise, "
        f"{totals.differing - summary.otherwise} differ in due times alone",
    )
    if totals.differences:
        table(("differs in", "cases"), [(one.difference, one.cases) for one in totals.differences])
    if totals.outcomes:
        rows = [(one.recorded or words.NONE, one.simulated or words.NONE, one.cases) for one in totals.outcomes]
        table(("outcome", "would be", "cases"), rows)
    if totals.amounts:
        table(("awarded", "would be", "change"), [_moved(one) for one in totals.amounts])
    if summary.shown:
        heads = ("case", "number", "is", "would be", "awarded", "would be", "refused")
        table(heads, [_row(one) for one in summary.shown])
    if summary.otherwise > len(summary.shown):
        lines(f"and {summary.otherwise - len(summary.shown)} more; --report FILE has them all")


def _row(one: Simulated) -> tuple[str, ...]:
    would_be = one.simulated
    return (
        str(one.case_id),
        one.number,
        _standing(one.recorded),
        _standing(would_be) if would_be else "not filed",
        _money(one.recorded.awarded.amount, one.recorded.awarded.currency),
        _money(would_be.awarded.amount, would_be.awarded.currency) if would_be else words.NONE,
        ", ".join(f"{step.type} ({step.code})" for step in one.refused),
    )


def _standing(course: Course) -> str:
    return course.outcome if course.status == "closed" and course.outcome else course.status


def _money(amount: int, currency: str) -> str:
    return words.money({"amount": amount, "currency": currency})


def _moved(one: AmountTotal) -> tuple[str, ...]:
    change = f"{'-' if one.change < 0 else '+'}{_money(abs(one.change), one.currency)}"
    return _money(one.recorded, one.currency), _money(one.simulated, one.currency), change
