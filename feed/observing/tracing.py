"""Tracing: where the time of a request, a write or a decision went, as OpenTelemetry spans. Off unless asked for.

Needs the extra ``otel``. Spans name routes, statuses, counts and request ids; never a credential, a path, a query or a
reader. What traces cost when they are off is a call of :func:`current`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any

from feed.errors import SetupInvalid
from feed.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

_STANDARD = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FAILED = 500


def current() -> Tracing | None:
    """The process's tracing; None while traces are off."""
    return _process[0]


def start(settings: Settings, exporter: SpanExporter | None = None) -> None:
    """Trace from now on if the settings, or OpenTelemetry's own environment variables, say where to; or into the
    ``exporter``, each span as it ends. Raises ``SetupInvalid`` when the extra is missing."""
    if exporter is None and not _wanted(settings):
        return
    try:
        processor = _sending(settings.otel_endpoint) if exporter is None else _telling(exporter)
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError as missing:
        raise SetupInvalid(
            f"traces are asked for, but {missing.name} is not installed; run: pip install 'weir[otel]', or unset "
            f"WEIR_OTEL_ENDPOINT and {_STANDARD[0]}"
        ) from missing
    named = {"service.version": version("weir"), "service.instance.id": f"{socket.gethostname()}-{os.getpid()}"}
    if "OTEL_SERVICE_NAME" not in os.environ:
        named["service.name"] = "weir"
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    _process[0] = Tracing(provider)


def stop() -> None:
    """Send what waits, and trace no more."""
    tracing, _process[0] = _process[0], None
    if tracing is not None:
        tracing.close()


@contextmanager
def span(name: str, **attributes: str | int) -> Iterator[None]:
    """A span around the block, if traces are on."""
    tracing = current()
    if tracing is None:
        yield
        return
    with tracing.around(name, attributes):
        yield


def _sending(endpoint: str) -> SpanProcessor:
    """Spans in batches over HTTP, from a thread of their own; where the network is slow, the newest are dropped."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None))


def _telling(exporter: SpanExporter) -> SpanProcessor:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    return SimpleSpanProcessor(exporter)


def _wanted(settings: Settings) -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return bool(settings.otel_endpoint or any(os.environ.get(name) for name in _STANDARD))


class Tracing:
    """Spans of one process. The provider is its own: no library that traces by itself sends through it."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("weir", version("weir"))
        self._propagator = TraceContextTextMapPropagator()

    def request(self, headers: Iterable[tuple[bytes, bytes]], request_id: str) -> RequestSpan:
        """Begin the span of a request, within the trace that its ``traceparent`` names; it is the current one."""
        carried = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name[:5] == b"trace"}
        above = self._propagator.extract(carried)
        return RequestSpan(self._begin("request", {"weir.request_id": request_id}, above, server=True))

    @contextmanager
    def around(self, name: str, attributes: dict[str, Any]) -> Iterator[None]:
        """A span around the block; what it raises is a failure, told by its type alone."""
        from opentelemetry.trace import use_span

        begun = self._begin(name, attributes)
        with use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield
            except BaseException as error:
                failed(begun, type(error).__name__)
                raise

    def begun(self, name: str, attributes: dict[str, Any]) -> Span:
        """A span under the current one, which its caller ends, on any thread."""
        return self._begin(name, attributes)

    def past(self, name: str, began_ns: int, ended_ns: int) -> None:
        """A span under the current one for what is over, in nanoseconds of the performance counter."""
        since = time_ns() - perf_counter_ns()
        self._tracer.start_span(name, start_time=began_ns + since).end(ended_ns + since)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()

    def _begin(self, name: str, attributes: dict[str, Any], above: Any = None, *, server: bool = False) -> Span:
        from opentelemetry.trace import SpanKind

        kind = SpanKind.SERVER if server else SpanKind.INTERNAL
        return self._tracer.start_span(name, context=above, kind=kind, attributes=attributes)


class RequestSpan:
    """The span of a request that is being answered."""

    def __init__(self, begun: Span) -> None:
        from opentelemetry import context
        from opentelemetry.trace import set_span_in_context

        self._span = begun
        self._token = context.attach(set_span_in_context(begun))

    def end(self, method: str, route: str, status: int) -> None:
        """The request was answered."""
        from opentelemetry import context

        self._span.update_name(f"{method} {route}")
        self._span.set_attributes(
            {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        )
        if status >= _FAILED:
            failed(self._span, str(status))
        self._span.end()
        context.detach(self._token)


_process: list[Tracing | None] = [None]


def failed(begun: Span, why: str) -> None:
    """Say that what a span stands for failed."""
    from opentelemetry.trace import StatusCode

    begun.set_attribute("error.type", why)
    begun.set_status(StatusCode.ERROR)
