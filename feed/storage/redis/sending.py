"""Telling others: one thread that sends what many callers gave in one go, and owes a word for what it could not."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future

from feed.storage.errors import SharingFailed
from feed.storage.ports.sharing import Message
from feed.storage.redis.place import GAP, LEFT, Place
from feed.storage.redis.scripts import LEAVE, PUSH
from feed.storage.redis.server import Server

LENGTH = 32_768
"""Messages that Redis keeps, approximately; who is further behind is told that it lost some."""

_MOST, _MOST_BYTES = 500, 1 << 20
"""Messages, and bytes of them, sent in one go."""

_WAITING = 20_000
"""Messages that may wait; more are refused at once."""

_PAUSE, _LONGEST_PAUSE = 0.05, 0.5


class Sending:
    """The thread that sends."""

    def __init__(self, server: Server, place: Place) -> None:
        self._server = server
        self._place = place
        self._waiting: deque[tuple[Sequence[Message], Future[int]]] = deque()
        self._count = 0
        self._marked = False
        self._owing = False
        self._pause = _PAUSE
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="weir-bus-sending", daemon=True)
        self._thread.start()

    def send(self, messages: Sequence[Message]) -> Future[int]:
        """Let messages wait to be sent."""
        future: Future[int] = Future()
        with self._changed:
            if self._closed or self._count + len(messages) > _WAITING:
                self._owing = self._owing or not self._closed
                why = "the bus is closed" if self._closed else "more messages wait than Redis takes"
                future.set_exception(SharingFailed(why))
                return future
            self._waiting.append((messages, future))
            self._count += len(messages)
            self._changed.notify()
        return future

    def mark(self) -> None:
        """Tell one's mark soon."""
        with self._changed:
            self._marked = True
            self._changed.notify()

    def close(self) -> None:
        """Send what waits, and say that the process leaves."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def forget(self) -> None:
        """Take the mark away, when the process is no longer there to renew it."""
        if self._place.name:
            self._server.run(LEAVE, [self._place.keys[3]], [self._place.name])

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._due, self._pause if self._owing else None)
                batch = self._batch()
                self._marked = False
                last = self._closed and not self._waiting
            self._push(batch, last)
            if last:
                return

    def _due(self) -> bool:
        return bool(self._waiting) or self._marked or self._closed

    def _batch(self) -> list[tuple[Sequence[Message], Future[int]]]:
        batch: list[tuple[Sequence[Message], Future[int]]] = []
        count = size = 0
        while self._waiting:
            messages, _ = self._waiting[0]
            count += len(messages)
            size += sum(len(message.content) for message in messages)
            if batch and (count > _MOST or size > _MOST_BYTES):
                count -= len(messages)
                break
            batch.append(self._waiting.popleft())
        self._count -= count
        return batch

    def _push(self, batch: Sequence[tuple[Sequence[Message], Future[int]]], last: bool) -> None:
        owing = self._owing
        arguments: list[str | bytes | int] = [*self._place.mark, self._place.sender, LENGTH]
        if owing:
            arguments += [GAP, "", b""]
        count = 0
        for messages, _ in batch:
            for message in messages:
                arguments += [message.topic, message.key, message.content]
            count += len(messages)
        if last:
            arguments += [LEFT, "", b""]
        try:
            head, _ = self._place.read(self._server.run(PUSH, self._place.keys, arguments))
        except SharingFailed as failure:
            self._owing = owing or bool(batch)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            for _, future in batch:
                if future.set_running_or_notify_cancel():
                    future.set_exception(failure)
            return
        if owing:
            self._owing, self._pause = False, _PAUSE
        position = head - last - count
        for messages, future in batch:
            position += len(messages)
            if future.set_running_or_notify_cancel():
                future.set_result(position)
