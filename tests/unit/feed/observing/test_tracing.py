"""Traces tell where time went: request, reader state, rank, store writes, decisions; nothing while they are off."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from feed.errors import SetupInvalid
from feed.observing import tracing
from feed.settings import Settings
from tests.journeys.http_service import Http, decision, running

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(autouse=True)
def off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    yield
    tracing.stop()


@pytest.fixture
def spans() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    tracing.start(Settings(), exporter)
    return exporter


@pytest.fixture
def http(spans: InMemorySpanExporter, tmp_path: Any) -> Iterator[Http]:
    with running(tmp_path) as http:
        http.put_items()
        spans.clear()
        yield http


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


def times(span: ReadableSpan) -> tuple[int, int]:
    """When it began and ended, in nanoseconds."""
    assert span.start_time is not None and span.end_time is not None
    return span.start_time, span.end_time


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def identity(span: ReadableSpan) -> tuple[int, int]:
    """Of its trace and of itself."""
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def above(span: ReadableSpan) -> int:
    return span.parent.span_id if span.parent is not None else 0


def only(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    (span,) = named(spans, name)
    return span


def test_a_page_is_a_span_with_its_reader_state_and_rank_within_it(http, spans):
    carried = {"traceparent": f"00-{TRACE}-{PARENT}-01", **http.bearer("reader", subject="xanthippe-lovelace")}
    answer = http.client.get("/v1/feed?limit=3", headers=carried)
    page = only(spans, "GET /v1/feed")
    assert page.attributes == {
        "weir.request_id": answer.headers["x-request-id"],
        "http.request.method": "GET",
        "http.route": "/v1/feed",
        "http.response.status_code": 200,
    }
    assert page.kind is SpanKind.SERVER
    assert (f"{identity(page)[0]:032x}", f"{above(page):016x}") == (TRACE, PARENT)
    for name in ("reader state", "rank"):
        part = only(spans, name)
        assert above(part) == identity(page)[1]
        assert times(page)[0] <= times(part)[0] <= times(part)[1] <= times(page)[1]
    assert times(only(spans, "reader state"))[1] <= times(only(spans, "rank"))[0]
    assert "xanthippe" not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_a_decision_is_followed_from_the_store_until_it_is_enforced(http, spans):
    body = decision("suppress", "item-1", http.service.clock.now())
    assert http.call("POST", "/v1/decisions", "editor", json=body).status_code == 201
    request = only(spans, "POST /v1/decisions")
    enforced = only(spans, "decision enforced")
    assert enforced.attributes == {"weir.revision": 1}
    within = {span.name for span in spans.get_finished_spans() if above(span) == identity(request)[1]}
    assert {"store write", "decision enforced"} <= within
    writes = [span for span in named(spans, "store write") if above(span) == identity(request)[1]]
    assert [told(span)["weir.lane"] for span in writes] == ["decisions"]
    assert times(writes[0])[1] <= times(enforced)[0]


def test_events_are_written_within_their_request_and_what_fails_says_so(http, spans):
    events = [{"client_id": f"c{number}", "item": "item-1", "kind": "click"} for number in range(3)]
    http.call("POST", "/v1/events", "reader", subject="r1", json={"events": events})
    request = only(spans, "POST /v1/events")
    (write,) = [span for span in named(spans, "store write") if above(span) == identity(request)[1]]
    assert write.attributes == {"weir.lane": "events", "weir.rows": 3}
    spans.clear()
    http.service.store.close()
    assert http.call("POST", "/v1/events", "reader", subject="r1", json={"events": events}).status_code == 503
    failed = only(spans, "POST /v1/events")
    assert failed.status.status_code is StatusCode.ERROR and told(failed)["error.type"] == "503"


def test_what_a_block_raises_is_told_by_its_type_alone(spans):
    with pytest.raises(ValueError, match="Xanthippe"), tracing.span("block"):
        raise ValueError("Xanthippe")
    block = only(spans, "block")
    assert block.attributes == {"error.type": "ValueError"} and "Xanthippe" not in block.to_json()


def test_without_an_endpoint_nothing_is_traced_and_a_disabled_sdk_is_obeyed(monkeypatch):
    tracing.start(Settings())
    assert tracing.current() is None
    with tracing.span("nothing"):
        pass
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    tracing.start(Settings(otel_endpoint="http://127.0.0.1:9"))
    assert tracing.current() is None


def test_a_missing_extra_is_told_with_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.startswith("opentelemetry.exporter"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SetupInvalid, match=r"opentelemetry.exporter.* is not installed.*weir\[otel\]"):
        tracing.start(Settings(otel_endpoint="http://127.0.0.1:9"))
    assert tracing.current() is None


@pytest.mark.parametrize("by", ["setting", "environment"])
def test_spans_are_sent_by_otlp_to_where_the_setting_or_the_standard_variable_says(by, monkeypatch):
    received: list[tuple[str, str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["Content-Type"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        if by == "environment":
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        tracing.start(Settings(otel_endpoint=endpoint if by == "setting" else ""))
        with tracing.span("counted", **{"weir.rows": 7}):
            pass
        tracing.stop()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    ((path, kind, body),) = received
    assert (path, kind) == ("/v1/traces", "application/x-protobuf")
    assert b"counted" in body and b"weir.rows" in body and b"service.version" in body


def test_an_endpoint_that_is_no_address_is_refused():
    with pytest.raises(ValueError, match="otel_endpoint"):
        Settings(otel_endpoint="collector:4317")
