"""One by one: jobs that go through many matters do the others when one fails, and try that one again the next time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import structlog

from feed.storage.errors import StorageError

_log = structlog.get_logger("weir")


@contextlib.contextmanager
def left_for_later(what: str, **about: str) -> Iterator[None]:
    """Log a fault of one matter, told as ``what`` was not done and what it is ``about``, and go on. A store that cannot
    be reached fails for all: its errors pass."""
    try:
        yield
    except StorageError:
        raise
    except Exception:
        _log.exception(what, **about)
