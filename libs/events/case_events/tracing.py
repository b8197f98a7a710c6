"""Traces: what a request, a firing or a delivery did, as OpenTelemetry spans; off unless somebody takes them.

Off, a span costs a comparison. On, it is kept in a bounded queue and sent by a thread of its own: nothing ever waits
for whoever takes it, and what does not fit is dropped. A span says which statement ran, never with what.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Any
from uuid import UUID

QUEUE_MAX = 8_192
"""Spans that wait to be sent; more are dropped."""
BATCH_MAX = 512
EVERY_MS = 1_000
SEND_S = 2
CLOSE_MS = 2_000
LINKS_MAX = 32
"""A batch names so many of those who share it."""

_tracer: Any = None
_provider: Any = None
_OFF: AbstractContextManager[Any] = nullcontext()
_STATEMENT = re.compile(
    r"\b(INSERT INTO|(?<!FOR )(?<!KEY )(?<!DO )UPDATE|DELETE FROM|FROM|NOTIFY|SET|BEGIN|COMMIT|ROLLBACK)\b"
    r"\s*(?:ONLY\s+)?(\w*)"
)
_WRITES = ("INSERT", "UPDATE", "DELETE")


def configure(endpoint: str | None, service: str) -> None:
    """Call once, as a process starts. ``endpoint``: the collector's address for OTLP over HTTP, as in
    ``http://collector:4318``; None: nobody takes traces. How many are kept, and with which headers they are sent, is
    told by OpenTelemetry's own variables (``OTEL_TRACES_SAMPLER``, ``OTEL_EXPORTER_OTLP_HEADERS``)."""
    global _tracer, _provider  # noqa: PLW0603 - one process, one place where spans go
    close()
    if endpoint is None:
        return
    # Half a second of imports that nobody pays who takes no traces.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_S)
    _provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    _provider.add_span_processor(
        BatchSpanProcessor(
            exporter, max_queue_size=QUEUE_MAX, max_export_batch_size=BATCH_MAX, schedule_delay_millis=EVERY_MS
        )
    )
    _tracer = _provider.get_tracer("caselog")


def close() -> None:
    """Send what waits, within ``CLOSE_MS``, and take no more."""
    global _tracer, _provider
    provider, _tracer, _provider = _provider, None, None
    if provider is not None:
        provider.force_flush(CLOSE_MS)
        provider.shutdown()


def is_on() -> bool:
    """Does anybody take traces?"""
    return _tracer is not None


def span(name: str, **attributes: Any) -> AbstractContextManager[Any]:
    """What happens inside is a span under the one that is open. ``attributes``: never of a person, never what one
    wrote; plain words are prefixed with ``caselog.``, those with a dot stay."""
    return _OFF if _tracer is None else _begun(name, attributes)


def note(**attributes: Any) -> None:
    """Say more about the span that is open."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span  # noqa: PLC0415 - loaded long since

        get_current_span().set_attributes(_named(attributes))


@contextmanager
def serving(method: str, headers: Iterable[tuple[bytes, bytes]]) -> Iterator[Any]:
    """A request that came over HTTP: under the caller's own span, where a ``traceparent`` (W3C Trace Context) names
    it. Only while ``is_on``. Gives the span; ``trace_id_of`` tells its trace."""
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - loaded long since
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    named = (b"traceparent", b"tracestate")
    said = {name.decode(): value.decode("latin-1") for name, value in headers if name in named}
    parent = TraceContextTextMapPropagator().extract(said)
    with _begun(method, {}, context=parent, kind=SpanKind.SERVER) as opened:
        yield opened


def served(opened: Any, method: str, route: str, status: int, **attributes: Any) -> None:
    """How the request ended; its span is named after its route, never after its path."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - loaded long since

    opened.update_name(f"{method} {route}")
    said = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
    opened.set_attributes({**said, **_named(attributes)})
    if status >= 500:
        opened.set_status(StatusCode.ERROR)


def trace_id_of(opened: Any) -> str:
    """The trace of a span, as 32 hexadecimal digits."""
    return format(opened.get_span_context().trace_id, "032x")


def here() -> Any:
    """The span that is open, to be handed to whoever goes on elsewhere; None while nobody takes traces."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span  # noqa: PLC0415 - loaded long since

    return get_current_span()


def together(name: str, spans: Sequence[Any], **attributes: Any) -> AbstractContextManager[Any]:
    """What is done for several at once: a span under the first of them that names the others."""
    return _OFF if _tracer is None else _shared(name, [one for one in spans if one is not None], attributes)


def outgoing() -> dict[str, str]:
    """The headers that tell whoever is called which trace this is; none while nobody takes traces."""
    said = dict[str, str]()
    if _tracer is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        TraceContextTextMapPropagator().inject(said)
    return said


def spoken(statement: str, elapsed_s: float, fault: BaseException | None) -> None:
    """A statement was just answered by Postgres, or failed. What no span asked for is no trace of its own."""
    if _tracer is None:
        return
    from opentelemetry.trace import SpanKind, StatusCode, get_current_span  # noqa: PLC0415 - loaded long since

    if not get_current_span().is_recording():
        return
    ended = time.time_ns()
    name = summary(statement)
    said = {"db.system.name": "postgresql", "db.query.summary": name}
    began = ended - int(elapsed_s * 1e9)
    opened = _tracer.start_span(name, kind=SpanKind.CLIENT, attributes=said, start_time=began)
    if fault is not None:
        opened.set_attribute("error.type", type(fault).__name__)
        opened.set_status(StatusCode.ERROR)
    opened.end(ended)


@lru_cache(maxsize=1_000)
def summary(statement: str) -> str:
    """A statement in two words: what it does, and to which table first; nothing of what it was asked with."""
    found = [(str(verb).split()[0], str(table)) for verb, table in _STATEMENT.findall(statement)]
    writes = [one for one in found if one[0] in _WRITES]
    verb, table = (writes or found or [("FROM", "")])[0]
    words = ("SELECT" if verb == "FROM" else verb, table if verb == "FROM" or writes else "")
    return " ".join(words).rstrip()


@contextmanager
def _begun(name: str, attributes: dict[str, Any], **under: Any) -> Iterator[Any]:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - loaded long since

    # What an error says may quote what a person wrote: only its kind is told.
    quiet = {"record_exception": False, "set_status_on_exception": False}
    with _tracer.start_as_current_span(name, attributes=_named(attributes), **quiet, **under) as opened:
        try:
            yield opened
        except BaseException as fault:
            opened.set_attribute("error.type", type(fault).__name__)
            opened.set_status(StatusCode.ERROR)
            raise


def _shared(name: str, spans: list[Any], attributes: dict[str, Any]) -> AbstractContextManager[Any]:
    from opentelemetry.trace import Link, set_span_in_context  # noqa: PLC0415 - loaded long since

    parent = set_span_in_context(spans[0]) if spans else None
    links = [Link(one.get_span_context()) for one in spans[1:LINKS_MAX]]
    return _begun(name, attributes, context=parent, links=links)


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        name if "." in name else f"caselog.{name}": str(value) if isinstance(value, UUID) else value
        for name, value in attributes.items()
        if value is not None
    }
