"""Progress of long work: a callable that is told how much is done and what is being done.

Owns the type and how a stage reports within a whole; what becomes of it (a bar, a log line) is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called with the share done, 0 to 1 and never falling, and a few words."""


def silent(done: float, message: str) -> None:
    """Progress that nobody watches."""


def stage(progress: Progress, start: float, stop: float) -> Progress:
    """Progress of a stage that takes the whole's share from ``start`` to ``stop``."""

    def told(done: float, message: str) -> None:
        progress(start + (stop - start) * min(1.0, max(0.0, done)), message)

    return told
