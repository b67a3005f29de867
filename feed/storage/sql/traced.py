"""Writes as spans: each from when it was handed in until it is durable, under whatever handed it in."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from feed.observing import tracing
from feed.storage.sql.queue import Lane, Work
from feed.storage.sql.writer import Writes

if TYPE_CHECKING:
    from opentelemetry.trace import Span


def traced(writes: Writes) -> Writes:
    """The same writes, each with a span, if traces are on by now."""
    spans = tracing.current()
    return writes if spans is None else _Traced(writes, spans)


class _Traced:
    def __init__(self, writes: Writes, spans: tracing.Tracing) -> None:
        self._writes = writes
        self._spans = spans

    @property
    def shared(self) -> bool:
        """As below."""
        return self._writes.shared

    def submit(self, work: Work, argument: Any, *, lane: Lane, rows: int = 1, **more: Any) -> Future[Any]:
        """Queue a write, and end its span when it is durable."""
        begun = self._spans.begun("store write", {"weir.lane": lane.name.lower(), "weir.rows": rows})
        future = self._writes.submit(work, argument, lane=lane, rows=rows, **more)
        future.add_done_callback(lambda done: _end(begun, done))
        return future

    def depth(self) -> int:
        """As below."""
        return self._writes.depth()

    def close(self) -> None:
        """As below."""
        self._writes.close()


def _end(begun: Span, done: Future[Any]) -> None:
    error = None if done.cancelled() else done.exception()
    if error is not None:
        tracing.failed(begun, type(error).__name__)
    begun.end()
