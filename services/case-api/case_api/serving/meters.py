"""What an API process counts and measures, for Prometheus; under `caselog up`, together with its other workers.

There the workers listen on one port, and whoever scrapes it meets any of them: each writes its numbers to a file of
its own in a folder they share (prometheus_client's multiprocess mode, on where PROMETHEUS_MULTIPROC_DIR names one), and
whichever is asked tells the sum. What a worker counted stays when it ends; what it measured goes with it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import Scope

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
TOGETHER = (1, 2, 4, 8, 16, 32)
BUSY, IDLE = "busy", "idle"
ROOM = {
    "counter": 1 << 20,
    "histogram": 1 << 22,
    "gauge_livesum": 1 << 16,
    "gauge_livemin": 1 << 16,
    "gauge_livemax": 1 << 16,
}
"""Bytes of each file that a worker counts in: more than all routes with all that they answer take."""

_Kind = tuple[str, str, int]


class Meters:
    """What one process has counted. ``shared``: the folder where it stands beside what the other workers counted."""

    def __init__(self, shared: str | None = None) -> None:
        if shared:
            _make_room(Path(shared))
        self._shared = shared
        self._registry = CollectorRegistry()
        self._seen: dict[_Kind, tuple[Counter, Histogram]] = {}
        self._look: Callable[[], None] = _nothing
        self._process = _Process(self._registry) if shared else None
        if not shared:
            ProcessCollector(registry=self._registry)
        self._count()
        self._measure()

    def _count(self) -> None:
        requests = "Requests answered."
        self.requests = self._counter("http_requests", requests, "method", "route", "status")
        self.seconds = Histogram(
            "caselog_http_request_seconds",
            "Time from a request's head to its answer's end.",
            ("method", "route"),
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._refusals = self._counter("http_refusals", "Requests refused, by the code of the problem.", "code")
        self._limited = self._counter("rate_limited", "Of them, those that came faster than their key may.")
        self._strangers = self._counter("auth_failures", "Of them, those without a key or token that holds.")
        self._together = Histogram(
            "caselog_commit_steps",
            "Steps that were judged and written in one transaction.",
            registry=self._registry,
            buckets=TOGETHER,
        )

    def _measure(self) -> None:
        self.streams = self._gauge("streams", "Event streams that are open.")
        self._in_flight = self._gauge("http_requests_in_flight", "Requests that are being answered.")
        self._workers = self._gauge("api_workers", "API processes whose numbers these are.")
        self._connections = self._gauge("database_connections", "Connections to Postgres that are open.", "state")
        self._away = self._gauge(
            "database_away", "API processes that Postgres leaves waiting: it hangs, which is not refusing."
        )
        build = Gauge(
            "caselog_build_info",
            "1, labelled with the release that answers.",
            ("version", "python"),
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        build.labels(version("caselog"), platform.python_version()).set(1)
        self._workers.set(1)

    def exposed(self) -> bytes:
        """All of it in Prometheus' text format, of all workers where they share it."""
        self.look()
        if self._shared is None:
            return generate_latest(self._registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, self._shared)  # type: ignore[no-untyped-call]  # as it comes
        return generate_latest(everybody)

    def watch(self, look: Callable[[], None]) -> None:
        """Have what is measured looked at by this, whenever somebody asks."""
        self._look = look

    def look(self) -> None:
        """Measure now; called every second, because another worker may be asked."""
        self._look()
        if self._process is not None:
            self._process.look()

    def measured(self, *, streams: int, in_flight: int, connections: int, idle: int, away: bool) -> None:
        self.streams.set(streams)
        self._in_flight.set(in_flight)
        self._connections.labels(BUSY).set(connections - idle)
        self._connections.labels(IDLE).set(idle)
        self._away.set(away)

    def saw(self, scope: Scope, status: int, seconds: float, code: str | None = None) -> None:
        """A request was answered, or refused with a problem of this ``code``."""
        kind = (method_of(scope), route_of(scope), status)
        requests, took = self._seen.get(kind) or self._seen.setdefault(kind, self._labelled(*kind))
        requests.inc()
        took.observe(seconds)
        if code is None:
            return
        self._refusals.labels(code).inc()
        if code == "rate_limited":
            self._limited.inc()
        elif code == "unauthenticated":
            self._strangers.inc()

    def together(self, steps: int) -> None:
        """So many steps shared a transaction."""
        self._together.observe(steps)

    def _labelled(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self.requests.labels(method, route, str(status)), self.seconds.labels(method, route)

    def _counter(self, name: str, means: str, *labels: str) -> Counter:
        return Counter(f"caselog_{name}", means, labels, registry=self._registry)

    def _gauge(self, name: str, means: str, *labels: str) -> Gauge:
        return Gauge(f"caselog_{name}", means, labels, registry=self._registry, multiprocess_mode="livesum")


def method_of(scope: Scope) -> str:
    """The method, if it is one that has a name; anybody may invent others."""
    return scope["method"] if scope["method"] in METHODS else "other"


def route_of(scope: Scope) -> str:
    """The template of the route that took the request, never the path: that is the caller's to choose."""
    return getattr(scope.get("route"), "path", "unknown")


def _make_room(folder: Path) -> None:
    """All the room that counting will ever take, written before: the kernel ends (SIGBUS) who counts on a full disk.

    A process that had this one's id may have counted in the same files: what it counted stays.
    """
    for kind, size in ROOM.items():
        file = folder / f"{kind}_{os.getpid()}.db"
        if not file.exists():
            file.write_bytes(bytes(size))


class _Process:
    """What prometheus_client tells of a single process, in a form that can be added up over several."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._collector = ProcessCollector(registry=None)
        self._cpu = Counter("process_cpu_seconds", "CPU time spent, of all workers.", registry=registry)
        self._cpu_told = 0.0
        sums = ("process_virtual_memory_bytes", "process_resident_memory_bytes", "process_open_fds")
        least = ("process_start_time_seconds", "process_max_fds")
        self._gauges = {
            name: Gauge(name, "The sum of all workers'.", registry=registry, multiprocess_mode="livesum")
            for name in sums
        } | {
            name: Gauge(name, "The least of all workers'.", registry=registry, multiprocess_mode="livemin")
            for name in least
        }

    def look(self) -> None:
        for name, value in self._samples():
            if name in self._gauges:
                self._gauges[name].set(value)
            elif name == "process_cpu_seconds_total":
                self._cpu.inc(max(0.0, value - self._cpu_told))
                self._cpu_told = value

    def _samples(self) -> Iterable[tuple[str, float]]:
        metrics: Iterable[Any] = self._collector.collect()
        return ((sample.name, sample.value) for metric in metrics for sample in metric.samples)


def _nothing() -> None:
    """Nobody has opened the ledger yet."""
