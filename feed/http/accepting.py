"""Accepting: every connection that waits is taken in each turn of the event loop.

The loop's own server takes one a turn (libuv since 1.47), so that under load new connections would wait in the kernel,
where nobody sees for how long; here they come to be answered or refused (``feed.http.overload``).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

MOST = 512
"""Connections taken in one turn, so that those that are there are heard, too."""
OF_SEVERAL = 16
"""The same of a process that is one of several at one address: the others are to have their share."""


@contextlib.contextmanager
def accepting(listener: socket.socket, protocol: Callable[[], asyncio.Protocol], most: int = MOST) -> Iterator[None]:
    """Take what comes to a listening socket, at most so many in one turn, beside whoever else takes from it, while this
    is open."""
    loop = asyncio.get_running_loop()
    under_way: set[asyncio.Task[object]] = set()
    with listener.dup() as mine:
        mine.setblocking(False)

        def take() -> None:
            for _ in range(most):
                try:
                    connection, _ = mine.accept()
                except OSError:
                    # Nothing waits any more, or the caller has gone already.
                    return
                task: asyncio.Task[object] = loop.create_task(loop.connect_accepted_socket(protocol, connection))
                under_way.add(task)
                task.add_done_callback(under_way.discard)

        loop.add_reader(mine.fileno(), take)
        try:
            yield
        finally:
            loop.remove_reader(mine.fileno())
