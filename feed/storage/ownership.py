"""Who owns a store: an operating-system lock on a file beside it, which names its holder.

The lock goes with the process that holds it, however that ends; the file stays and is no obstacle.
"""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from feed.storage.errors import StoreFailed, StoreInUse


class Ownership:
    """Holds the lock from creation until :meth:`release`."""

    def __init__(self, store: Path, since: int) -> None:
        """Take the lock. Raises ``StoreInUse`` naming the holder, ``StoreFailed`` if the lock cannot be tried."""
        path = store.with_name(store.name + ".lock")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as cause:
            raise StoreFailed(f"{path}: {cause.strerror}; let this user write to its folder") from cause
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = os.pread(self._file, 1000, 0)
            os.close(self._file)
            raise _in_use(store, held) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid(), "since": since}).encode(), 0)

    def release(self) -> None:
        """Give the store up."""
        os.ftruncate(self._file, 0)
        os.close(self._file)


def _in_use(store: Path, held: bytes) -> StoreInUse:
    try:
        holder = json.loads(held)
        pid = int(holder["pid"])
        since = datetime.fromtimestamp(holder["since"], UTC).isoformat(" ")
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        pid, who = 0, "another process"
    else:
        who = f"process {pid} since {since}"
    return StoreInUse(f"{store} is in use by {who}; stop it, or use its API, or open the store for reading", pid)
