"""Processes that share, as the tests see them: what each heard, and how often it was told that it lost something."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from feed.storage.ports.sharing import Message, Sharing

SOON = 15.0
"""Seconds after which something that should have happened has not."""


@dataclass
class Process:
    """One that joined a bus by its name."""

    sharing: Sharing
    name: str
    heard: list[Message] = field(default_factory=list)
    lost: int = 0
    story: list[str] = field(default_factory=list)
    """The keys of what was heard, and ``lost``, in the order in which they came."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def join(self) -> Process:
        self.sharing.bus.start(self.name, self._hear, self._lose)
        return self

    def hears(self, *keys: str) -> None:
        """Wait until all these were heard."""
        with self.changed:
            assert self.changed.wait_for(lambda: set(keys) <= {message.key for message in self.heard}, SOON), self.story

    def loses(self, times: int) -> None:
        """Wait until it was told so often that it lost something."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.lost >= times, SOON), self.story

    def _hear(self, messages: Sequence[Message]) -> None:
        with self.changed:
            self.heard.extend(messages)
            self.story.extend(message.key for message in messages)
            self.changed.notify_all()

    def _lose(self) -> None:
        with self.changed:
            self.lost += 1
            self.story.append("lost")
            self.changed.notify_all()


def until(holds: Callable[[], bool], seconds: float = SOON) -> None:
    """Wait until something holds that nobody tells of."""
    never = threading.Event()
    for _ in range(int(seconds / 0.005)):
        if holds():
            return
        never.wait(0.005)
    raise AssertionError("it did not come about")
