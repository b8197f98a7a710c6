"""The dashboard and the alert rules speak of metrics that there are, and of all of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from case_api.serving.meters import Meters as ApiMeters
from case_events.core.values import Instant
from case_events.ledger.clock.calendars import Coverage
from case_events.ledger.clock.firing import Fired
from case_events.ledger.clock.overview import ClockState, Late, Mark, Overdue, Overview, Replica
from case_events.ledger.feed.sequencing import FeedState
from case_events.ledger.webhooks.endpoints import STATES
from case_events.ledger.webhooks.measured import Standing
from case_scheduler.meters import Meters as SchedulerMeters
from case_scheduler.pulse import Pulse
from tests.deploy.promql import Labels, Vector
from tests.deploy.promql import asked as asked_now

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
TESTED = ROOT / "deploy" / "prometheus" / "alerts_test.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "caselog.json"
NAME = re.compile(r"\bcaselog[a-z0-9_:]*")
LABELS = re.compile(r"by \(([a-z_, ]+)\)|{{\s*\$labels\.([a-z_]+)|([a-z_]+)=~?\"")
OF_PROMETHEUS = {"instance", "alertname", "alertstate"}
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
WINDOW = re.compile(r"(?<=[a-z}])\[(.*?)\]")
WIDTH = 24
ROUTES = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"].keys()
LASTING = {"/v1/events/stream", "/v1/events:batch", "/v1/export/cases"}


NOW = Instant.parse("2026-11-23T12:00:00Z")


def seen(lag_s: float = 7.0, waiting_since: Instant | None = None, **overdue: Any) -> Overview:
    """How the clock is where one scheduler runs, and nothing is overdue but what is said."""
    at = Instant.of(NOW - timedelta(seconds=lag_s))
    nothing: dict[str, Any] = {"count": 0, "complete": True, "held": 0, "failed": 0, "oldest": (), "failing": ()}
    runs: dict[str, Any] = {"seen_at": NOW, "swept_at": NOW, "offset_ms": 0.0, "paused": None, "batch": 100}
    return Overview(
        now=NOW,
        watermark=Mark(at=at, lag_s=lag_s, published_at=NOW, breached=False),
        clock=ClockState(high_water=NOW, paused=None),
        overdue=Overdue(**nothing | overdue),
        waiting_since=waiting_since,
        lateness=Late(hour=(), day=()),
        schedulers=(Replica(name="one:1", running=True, started_at=NOW, **runs),),
        calendar=Coverage(
            last_day=NOW.date(), days_left=400, provisional=0, nearest_due_at=None, waiting_due_at=None, now=NOW
        ),
        holds=(),
    )


def families() -> list[Metric]:
    """Our metrics, each with something to tell."""
    api, scheduler = ApiMeters(), SchedulerMeters()
    api.saw({"method": "GET"}, 200, 0.1, "rate_limited")
    api.measured(streams=1, in_flight=1, connections=2, idle=1, away=False)
    scheduler.fired(Fired(written=1, late=(("response", 0.1),)))
    scheduler.upkept("verify", well=True)
    scheduler.linked(well=True)
    told = api.exposed().decode(), scheduler.exposed().decode()
    return [
        one
        for text in told
        for one in text_string_to_metric_families(text)
        if one.name.startswith("caselog_") and not one.name.endswith("_created")
    ]


def exposed() -> dict[str, str]:
    """Their names as they are asked for, and the metric each belongs to."""
    return {one.name + suffix: one.name for one in families() for suffix in SUFFIXES[one.type]}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [one for one in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"] if one["type"] != "row"]


def asked() -> Iterator[str]:
    """Everything that is asked of Prometheus."""
    for rule in rules():
        yield rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]


def test_every_metric_that_is_asked_for_is_one_that_we_have() -> None:
    known = exposed().keys() | {rule["record"] for rule in rules() if "record" in rule}
    for expr in asked():
        named = set(NAME.findall(expr))
        assert named, expr
        assert named <= known, expr


def test_every_metric_that_we_have_is_looked_at_by_somebody() -> None:
    have = exposed()
    named = {have[name] for expr in asked() for name in NAME.findall(expr) if name in have}
    assert named == set(have.values())


def test_what_is_asked_for_has_the_labels_that_it_is_asked_by() -> None:
    known = {label for one in families() for sample in one.samples for label in sample.labels} | OF_PROMETHEUS
    texts = [*asked(), *(rule["annotations"]["summary"] for rule in rules() if "alert" in rule)]
    named = {label.strip() for text in texts for found in LABELS.findall(text) for label in ",".join(found).split(",")}
    assert {"kind", "route", "instance"} < named
    assert named - {""} <= known


def test_what_lasts_as_long_as_its_caller_wants_is_no_slow_request() -> None:
    asked_of = [expr for expr in asked() if "caselog_http_request_seconds_bucket" in expr]
    assert len(asked_of) == 3
    for expr in asked_of:
        (left_out,) = re.findall(r'route!~"(.*?)"', expr)
        assert {path for path in ROUTES if re.fullmatch(left_out, path)} == LASTING


def test_what_is_asked_is_written_as_it_should_be() -> None:
    for expr in asked():
        for opening, closing in ("()", "[]", "{}"):
            assert expr.count(opening) == expr.count(closing), expr
        assert all(re.fullmatch(r"[1-9]\d*[mh]", window) for window in WINDOW.findall(expr)), expr


def test_every_alert_says_how_bad_it_is_what_is_wrong_and_where_to_read_on() -> None:
    page = (ROOT / "docs" / "clock.md").read_text(encoding="utf-8")
    alerts = [rule for rule in rules() if "alert" in rule]
    names = [rule["alert"] for rule in alerts]
    assert len(set(names)) == len(names) >= 14
    for rule in alerts:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"].endswith(".")
        assert f"| `{rule['alert']}` |" in page, f"{rule['alert']} has no line in docs/clock.md"
        assert "### Alerts" in page
        assert rule["annotations"]["runbook"] == 'docs/clock.md, "Alerts"'


def test_the_dashboard_lies_side_by_side_and_every_panel_says_what_it_is_for() -> None:
    said = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    taken = set[tuple[int, int]]()
    for panel in said["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= WIDTH
        taken |= cells
    assert len({panel["id"] for panel in said["panels"]}) == len(said["panels"])
    assert all(panel["description"] for panel in panels())
    assert all(target["datasource"]["uid"] == "${datasource}" for panel in panels() for target in panel["targets"])


def told(meters: SchedulerMeters, instance: str = "one") -> dict[str, Vector]:
    """What Prometheus has of a scheduler after a scrape."""
    samples: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(meters.exposed().decode()):
        for sample in family.samples:
            labels = frozenset({**sample.labels, "instance": instance}.items())
            samples.setdefault(sample.name, []).append((labels, sample.value))
    return {name: Vector(some) for name, some in samples.items()}


def going_off(series: Mapping[str, Vector], now: float) -> set[str]:
    """The alerts that ask of gauges, and that go off if it stays so."""
    alerts = [
        rule for rule in rules() if "alert" in rule and not WINDOW.search(rule["expr"]) and ":" not in rule["expr"]
    ]
    assert len(alerts) > 10
    return {rule["alert"] for rule in alerts if asked_now(rule["expr"], series, now).samples}


def test_a_scheduler_that_never_gets_ready_sets_off_the_alerts_that_it_must() -> None:
    meters, now = SchedulerMeters(), [0.0]
    meters.watch(Pulse("one:1", lambda: now[0]))
    now[0] = 300.0
    assert going_off(told(meters), time.time()) == {
        "CaselogSchedulerMissing",
        "CaselogSweepStale",
        "CaselogNothingMeasured",
        "CaselogFeedStandsStill",
    }


def test_a_scheduler_that_is_well_sets_off_none_whoever_else_does_not_get_ready() -> None:
    one, other, pulse = SchedulerMeters(), SchedulerMeters(), Pulse("one:1")
    for meters in (one, other):
        meters.watch(pulse)
    one.saw(seen(), FeedState(head=7, ticked_at=NOW, waiting=False, waiting_since=None, lost=False, now=NOW))
    one.saw_webhooks(Standing(waiting=0, parked=0, lag_s=0, failing=0, endpoints=dict.fromkeys(STATES, 0)))
    others = told(other, "other")
    both = {name: mine | others.get(name, Vector()) for name, mine in told(one).items()}
    assert going_off(both, time.time()) == set()
    assert going_off({}, time.time()) == {"CaselogSchedulerMissing"}, "nobody runs"


def test_what_is_held_hides_nothing_that_falls_behind() -> None:
    meters = SchedulerMeters()
    meters.watch(Pulse("one:1"))
    meters.saw_webhooks(Standing(waiting=0, parked=0, lag_s=0, failing=0, endpoints=dict.fromkeys(STATES, 0)))
    feed = FeedState(head=7, ticked_at=NOW, waiting=False, waiting_since=None, lost=False, now=NOW)
    for waiting_since, behind in ((None, set()), (Instant.of(NOW - timedelta(minutes=2)), {"CaselogWatermarkBehind"})):
        meters.saw(seen(3600.0, waiting_since, count=1, held=1), feed)
        assert going_off(told(meters), time.time()) == {"CaselogWatermarkHeld", *behind}
    meters.saw(seen(3600.0, count=1, failed=1), feed)
    assert "CaselogWatermarkBehind" in going_off(told(meters), time.time()), "nobody holds it"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_itself_finds_nothing_wrong_and_the_alerts_go_off_when_they_should() -> None:
    for command in (("check", "rules", ALERTS), ("test", "rules", TESTED)):
        done = subprocess.run(("promtool", *command), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
