"""Scenarios as values: disputes told in TOML, read once, so that both drivers play the very same story.

A scenario is a file: one of the told disputes here, or in ``rows/`` one that shows a row of the domain page, named
after it (``rows/N2_amended.toml``). In short::

    rows = ["N2"]                                # the rows it shows; those of ``tells`` count too
    title = { zh = "…", en = "…" }
    starts_at = "2026-03-02T04:00:00Z"           # when it is filed; a Monday noon in China

    [filing]                                     # what POST /v1/cases takes; parties, goods and sums are the usual ones
    type = "not_received"
    reason = "not_received"
    demand = "refund"
    amount = 12900
    description = "…"
    order = { status = "trade_success", created_at = "-P9D", paid_at = "-P9D", succeeded_at = "-P2D" }

    [[attempts]]                                 # before that: the filing with ``change`` (and ``without``), refused
    change = { order = { succeeded_at = "-P15DT0.000001S" } }
    refused = { code = "not_eligible", closed_at = "-PT0.000001S", rule = "not_received.filing" }

    [filed]                                      # or [refused], where the filing itself is
    recorded = ["filed"]
    status = "waiting_for_merchant"
    stage = "inquiry"
    deadlines = { response = "PT72H", negotiation = "P9D" }

    [[steps]]                                    # time passes to ``at``; what a step leaves unsaid is as it was
    at = "PT60H"
    says = { zh = "…", en = "…" }
    post = { type = "claim_amended", by = "complainant", data = { demand = "refund", amount = 11900 } }
    recorded = ["claim_amended"]                 # every event since the step before, reminders too; none if unsaid
    deadlines = { response = "PT84H", negotiation = "P9D" }
    reads = { "/amount" = 11900, "/rulings" = [], "/order" = { status = "trade_success" } }
    lacks = ["/offer"]                           # null or not there

Wherever an instant stands a duration says how long after ``starts_at`` it is. A sum is in fen. Evidence is
``{ kind = "photo", file = "NAME" }`` with ``region``, ``shows_at``, ``moved_at``, ``visibility`` where they matter;
elsewhere it is named by its file alone. Ids are made unique for each playing; ``{complainant}``, ``{respondent}``,
``{order}``, ``{case}``, ``{number}`` stand for them and ``{event:ruled}`` for the last event of that type.

``refused``: the code with exactly the instants it names; ``rule``: the clause; ``detail``: what it must say;
``errors``: the pointers of all faults and what the detail of each must say. ``reads``: JSON pointers into the case as
the platform reads it; a table says what it must have, a list all there is. ``outcome = ""``: none any more. A clock
that runs for both sides at once is told apart as ``"recovery.respondent"``. ``file`` instead of ``post``: another
complaint with ``change`` and ``without``; ``previous = true`` takes the case up again; the story goes on with the
new case.

``asks``: other reads, made over HTTP only: ``{ get = "/v1/cases", query = { buyer_id = "{complainant}" },
as = "storefront", count = 1, reads = {…}, lacks = […], hides = ["{complainant}"] }``; ``as = "respondent"`` is a key
limited to that merchant, ``hides`` names what must stand nowhere in the answer, ``code`` the refusal that is expected.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from case_events.core.values import Instant, Side, Text, Value
from case_events.shape import convert
from tests import examples
from tests.scenarios.sayings import Names, instant, merged, whole

FOLDER = Path(__file__).parent
ROWS = FOLDER / "rows"
Table = dict[str, Any]
NONE: Table = {}


class Passage(Value, frozen=True, kw_only=True):
    """What a scenario tells: the source document's number, its own words, and the rows of the domain page."""

    seed: str
    passage: str
    rules: tuple[str, ...] = ()


class Post(Value, frozen=True, kw_only=True):
    """An event posted by a side, or in its place by another ``actor`` altogether."""

    type: str
    by: Side
    data: Table = NONE
    actor: Table | None = None


class Refused(Value, frozen=True, kw_only=True):
    """The refusal that is expected, with exactly the instants it must name."""

    code: str
    due_at: str | None = None
    opens_at: str | None = None
    closed_at: str | None = None
    rule: str | None = None
    detail: str | None = None
    errors: dict[str, str] | None = None


class Ask(Value, frozen=True, kw_only=True, rename={"who": "as"}):
    """Something read over HTTP, and what must be in the answer."""

    get: str
    who: Literal["storefront", "platform", "ops", "auditor", "respondent"] = "auditor"
    query: dict[str, str] = {}  # noqa: RUF012 (msgspec copies defaults)
    count: int | None = None
    reads: Table = NONE
    lacks: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    code: str | None = None


class Expected(Value, frozen=True, kw_only=True):
    """What is so after a step; what is left unsaid is as it was before."""

    recorded: tuple[str, ...] = ()
    status: str | None = None
    stage: str | None = None
    outcome: str | None = None
    priority: int | None = None
    deadlines: dict[str, str] | None = None
    reads: Table = NONE
    lacks: tuple[str, ...] = ()
    asks: tuple[Ask, ...] = ()


class Attempt(Value, frozen=True, kw_only=True):
    """The filing in a way in which it is refused."""

    refused: Refused
    change: Table = NONE
    without: tuple[str, ...] = ()
    says: Text | None = None


class Another(Value, frozen=True, kw_only=True):
    """Another complaint: the filing with something different; ``previous``: it takes up the case before."""

    change: Table = NONE
    without: tuple[str, ...] = ()
    previous: bool = False


class Step(Expected, frozen=True, kw_only=True):
    """Time passes to ``at``, then perhaps something is posted or another complaint filed."""

    at: str
    says: Text | None = None
    post: Post | None = None
    file: Another | None = None
    refused: Refused | None = None


class State(Value, frozen=True, kw_only=True):
    """The whole state of a case that every step is held against."""

    status: str = ""
    stage: str = ""
    outcome: str | None = None
    priority: int = 0
    deadlines: dict[str, Instant] = {}  # noqa: RUF012 (msgspec copies defaults)


class Scenario(Value, frozen=True, kw_only=True):
    """One dispute from filing to its end, or a filing that is refused."""

    title: Text
    starts_at: Instant
    filing: Table
    rows: tuple[str, ...] = ()
    tells: tuple[Passage, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    filed: Expected | None = None
    refused: Refused | None = None
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        if (self.filed is None) == (self.refused is None):
            raise ValueError("a scenario says either filed or refused")

    @property
    def shows(self) -> tuple[str, ...]:
        """The rows of the domain page it shows."""
        return tuple(dict.fromkeys((*self.rows, *(row for told in self.tells for row in told.rules))))

    @property
    def marketplace(self) -> str:
        return str(self.filing.get("marketplace", "taobao"))

    def instant(self, said: str) -> Instant:
        return instant(said, self.starts_at)

    def whole(self, said: Any, names: Names, key: str = "") -> Any:
        """Something of this scenario as it is sent or read."""
        return whole(said, self.starts_at, names, key)

    def body(self, run: str, change: Mapping[str, Any] = NONE, without: tuple[str, ...] = ()) -> Table:
        """The filing as it is sent (api.md, "Cases"), its ids unique in ``run``."""
        said = merged(self.filing, change, without)
        parties = {
            "complainant": {"role": examples.BUYER.role, "id": examples.BUYER.id} | said.get("complainant", {}),
            "respondent": {"role": examples.MERCHANT.role, "id": examples.MERCHANT.id} | said.get("respondent", {}),
        }
        own = {side: {**one, "id": f"{one['id']}-{run}"} for side, one in parties.items()}
        body = {"marketplace": self.marketplace} | said | own
        if "order" in said:
            body["order"] = _order(said["order"], run)
        told: Table = self.whole(body, Names(run=run))
        return told

    def state_after(self, expected: Expected, before: State) -> State:
        """The state that is expected once ``expected`` was told of a case in the state ``before``."""
        clocks = expected.deadlines
        outcome = before.outcome if expected.outcome is None else expected.outcome or None
        return State(
            status=expected.status or before.status,
            stage=expected.stage or before.stage,
            outcome=outcome,
            priority=before.priority if expected.priority is None else expected.priority,
            deadlines=before.deadlines if clocks is None else {name: self.instant(at) for name, at in clocks.items()},
        )


@functools.cache
def scenarios() -> dict[str, Scenario]:
    """The told disputes by the name of their file. Raises Misshapen for one that is not told in the shape above."""
    return _read(FOLDER)


@functools.cache
def row_scenarios() -> dict[str, Scenario]:
    """The scenarios of the domain page's rows, by ``rows/NAME``."""
    return {f"rows/{name}": one for name, one in _read(ROWS).items()}


def read(file: Path) -> Scenario:
    """The scenario in one file. Raises Misshapen."""
    return convert(tomllib.loads(file.read_text(encoding="utf-8")), Scenario)


def _read(folder: Path) -> dict[str, Scenario]:
    return {file.stem: read(file) for file in sorted(folder.glob("*.toml"))}


def _order(said: Mapping[str, Any], run: str) -> Table:
    """The usual order with what is said of it; each of its goods the usual ones with what is said of them."""
    usual = msgspec.to_builtins(examples.ORDER.goods[0], builtin_types=(Instant,))
    return {
        "paid": examples.ORDER.paid.amount,
        "freight": examples.ORDER.freight.amount,
        **said,
        "goods": [usual | one for one in said.get("goods", [{}])],
        "order_id": f"{said.get('order_id', 'T')}-{run}",
    }


def party(side: Side, body: Mapping[str, Any]) -> dict[str, str]:
    """Who speaks for a side of the case that was filed with ``body``."""
    if side == "platform":
        return {"role": examples.PLATFORM.role, "id": examples.PLATFORM.id}
    return dict(body[side])
