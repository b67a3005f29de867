"""Logs: one JSON line for each thing worth telling, on the error output, with the id of the request it belongs to.

A request's line names its route, status, time and the scopes of its caller; never a credential, nor a path or a query:
those hold readers' ids. What libraries log comes out in the same form.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO, cast

import structlog
from structlog.contextvars import bind_contextvars, merge_contextvars
from structlog.typing import Processor

from feed.access.caller import Caller
from feed.settings import Settings

_log = structlog.get_logger("weir")

FAILED = 500
"""Statuses from here on are the service's own failures."""

_MOST = 100
"""Lines a second about slow and failed requests: when everything fails, the log is not to fail as well."""


class _ErrorOutput:
    """The error output as it is when a line is written: it may have been exchanged since logging began."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


_OUTPUT = cast(TextIO, _ErrorOutput())


def configure(level: str) -> None:
    """Log lines of ``level`` and above; those of libraries from ``warning`` on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    told: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    handler = logging.StreamHandler(_OUTPUT)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                stamp,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *told],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING))
    structlog.configure(
        processors=[merge_contextvars, structlog.processors.add_log_level, stamp, *told],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=_OUTPUT),
        cache_logger_on_first_use=True,
    )


class RequestLog:
    """What is said of requests; used from the event loop alone."""

    def __init__(self, settings: Settings, quiet: frozenset[str]) -> None:
        """``quiet`` routes are never told at info."""
        self._quiet = quiet
        self._info = settings.log_requests
        self._every = settings.log_level == "debug" or (self._info and settings.log_level == "info")
        self._slow = settings.log_slow or float("inf")
        self._second = 0
        self._said = 0
        self._unsaid = 0

    def begin(self, request_id: str) -> None:
        """Every line from here on in this context belongs to the request."""
        bind_contextvars(request_id=request_id)

    def ended(self, method: str, route: str, status: int, seconds: float, caller: Caller | None, now: float) -> None:
        """Tell of an answered request at monotonic second ``now``, as the settings want it told."""
        remarkable = status >= FAILED or seconds >= self._slow
        if not remarkable and not self._every:
            return
        told: dict[str, object] = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 2)}
        told["caller"] = ",".join(sorted(caller.scopes)) if caller is not None and caller.scopes else "nobody"
        if not remarkable:
            (_log.info if self._info and route not in self._quiet else _log.debug)("request", **told)
        elif self._room(int(now)):
            if self._unsaid:
                told["unsaid"], self._unsaid = self._unsaid, 0
            _log.warning("request failed" if status >= FAILED else "request was slow", **told)

    def _room(self, second: int) -> bool:
        if second != self._second:
            self._second, self._said = second, 0
        self._said += 1
        if self._said > _MOST:
            self._unsaid += 1
        return self._said <= _MOST
