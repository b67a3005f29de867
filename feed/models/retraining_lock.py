"""One retraining at a time in a home folder: an operating-system lock, which goes with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from feed.errors import FeedError
from feed.settings import Settings


class AlreadyTraining(FeedError):
    """Another process trains on the schedule's behalf in this home folder."""


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the lock while the block runs; raises ``AlreadyTraining`` when another process holds it."""
    folder = settings.home / "training"
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / "retraining.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyTraining(f"another retraining works in {folder}; let it end first") from None
        yield
    finally:
        os.close(file)
