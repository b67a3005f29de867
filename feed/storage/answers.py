"""Futures of writes: awaited on an event loop, or with an outcome that is known at once."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any, TypeVar

from feed.storage.errors import RecordRefused, StorageError

T = TypeVar("T")


def done(result: T) -> Future[T]:
    """The answer to a write that needed no waiting."""
    future: Future[T] = Future()
    future.set_result(result)
    return future


def failed(error: StorageError) -> Future[Any]:
    """The answer to a write that was not taken."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def refused(cause: Exception) -> Future[Any]:
    """The answer to a write whose values cannot be stored."""
    return failed(RecordRefused(f"a value cannot be stored ({cause}); nothing of this write was kept"))


async def durable(future: Future[T]) -> T:
    """Wait for a write without blocking the loop; raises what the write raised."""
    return await asyncio.wrap_future(future)
