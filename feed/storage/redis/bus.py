"""The bus on Redis: a stream that all processes read, and a hash of how far each is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress

from feed.storage.errors import SharingFailed
from feed.storage.ports.sharing import CONTENT_LIMIT, Mark, Message
from feed.storage.redis.listening import PATIENCE, Listening
from feed.storage.redis.place import Place
from feed.storage.redis.scripts import MARKS
from feed.storage.redis.sending import Sending
from feed.storage.redis.server import Server

_LATELY = 5_000_000
"""Microseconds for which the mark of a process counts."""

_FORGOTTEN = 60_000_000
"""Microseconds after which it goes."""

_SHARED_FOR = 0.002


class RedisBus:
    """Fulfils :class:`feed.storage.ports.sharing.Bus`."""

    def __init__(self, server: Server, prefix: str, deployment: str) -> None:
        self._server = server
        self._place = Place(prefix, deployment)
        self._sending = Sending(server, self._place)
        self._listening: Listening | None = None
        self._marks: Mapping[str, Mark] = {}
        self._marks_at = float("-inf")
        self._marks_lock = threading.Lock()

    @property
    def patience(self) -> float:
        """Seconds after which a process that hears nothing knows that it is cut off."""
        return PATIENCE

    def start(self, name: str, heard: Callable[[Sequence[Message]], None], lost: Callable[[], None]) -> None:
        """Join, and hear of what others send from now on."""
        self._place.name = name
        self._listening = Listening(self._server, self._place, heard, lost)

    def send(self, messages: Sequence[Message]) -> Future[int]:
        """Send with what others send at the same time."""
        for message in messages:
            if len(message.content) > CONTENT_LIMIT:
                raise ValueError(f"a message of {len(message.content)} bytes; the limit is {CONTENT_LIMIT}")
        return self._sending.send(messages)

    def current(self) -> bool:
        """Whether everything sent ``patience`` seconds ago was heard."""
        return self._listening is not None and self._listening.current()

    def acknowledge(self, revision: int) -> None:
        """Tell which revision is obeyed."""
        if revision > self._place.revision:
            self._place.revision = revision
            self._sending.mark()

    def marks(self) -> Mapping[str, Mark]:
        """How far everybody is; one answer serves all who ask meanwhile."""
        asked = time.monotonic()
        with self._marks_lock:
            if self._marks_at < asked - _SHARED_FOR:
                began = time.monotonic()
                now, marks = self._server.run(MARKS, [self._place.keys[3]], [_FORGOTTEN])
                self._marks = _lately(int(now), marks)
                self._marks_at = began
            return self._marks

    def close(self) -> None:
        """Send what waits, and leave."""
        if self._listening is not None:
            self._listening.leaving()
        self._sending.close()
        if self._listening is not None:
            self._listening.close()
            with suppress(SharingFailed):
                self._sending.forget()


def _lately(now: int, marks: Sequence[bytes]) -> Mapping[str, Mark]:
    found: dict[str, Mark] = {}
    for name, value in zip(marks[::2], marks[1::2], strict=True):
        position, revision, at = map(int, value.split())
        if at > now - _LATELY:
            found[name.decode()] = Mark(position, revision)
    return found
