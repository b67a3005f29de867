"""A PostgreSQL server for the tests, which do not wait for the disk: nothing of it outlives them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from feed.demo import postgres_server
from feed.demo.postgres_server import binaries, fresh_database

__all__ = ["binaries", "fresh_database", "running_server"]


def running_server(folder: Path) -> AbstractContextManager[str]:
    """A server in a folder; the URL of its maintenance database."""
    return postgres_server.running_server(folder, fsync="off", shared_buffers="32MB")
