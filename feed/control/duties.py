"""Duties: what one process of a deployment does for all of them: editions, Restrictions and what is due by the clock.

Who has the role does them; when that process dies, another takes over within about a second, and begins as it would
after a restart. Two that overlap for a moment harm nothing: what each writes is right by its own transaction (law 2).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from feed.control.publisher import Publisher
from feed.control.restricting import Restricting
from feed.storage.errors import StorageError
from feed.storage.ports.deployment import Role
from ranking.snapshot import Snapshot

_log = structlog.get_logger("weir")

LOOK_SECONDS = 1.0
"""Seconds between two looks at who has the role."""


@dataclass(frozen=True, slots=True)
class Post:
    """What is made anew whenever the role is taken."""

    publisher: Publisher
    restricting: Restricting


class Duties:
    """The duties as one process sees them. Every method may be called from any thread."""

    def __init__(self, role: Role, take_up: Callable[[], Post], latest: Callable[[], Snapshot]) -> None:
        self._role = role
        self._take_up = take_up
        self._latest = latest
        self._post: Post | None = None
        self._serving = False
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weir-duties", daemon=True)

    @property
    def held(self) -> bool:
        """Whether this process does them now."""
        return self._serving

    def start(self) -> None:
        """Take the role if nobody has it, and go on looking."""
        self._look()
        self._thread.start()

    def close(self) -> None:
        """Publish what is queued if the role is held, and give it up."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._lay_down()
            self._role.release()

    def swapped(self, snapshot: Snapshot) -> None:
        """Take a new Snapshot; called with each by the replica's thread."""
        post = self._post
        if post is not None:
            post.restricting.swapped(snapshot)

    def events_came(self) -> None:
        """Tell that events were stored, or that their reader's consent changed."""
        if self._post is not None:
            self._post.publisher.events_came()

    def erased(self) -> None:
        """Tell that a reader's events were erased."""
        if self._post is not None:
            self._post.publisher.erased()

    def publish(self) -> int:
        """Write an edition now, whoever has the role; returns the journal's head."""
        with self._lock:
            if self._post is None:
                self._post = self._take_up()
            return self._post.publisher.publish()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            try:
                self._look()
            except Exception:
                _log.exception("duties could not be taken up; tried again")

    def _look(self) -> None:
        try:
            held = self._role.held()
        except StorageError as error:
            _log.warning("nobody can tell who has the duties; tried again", error=str(error))
            held = False
        with self._lock:
            if held and not self._serving:
                post = self._post or self._take_up()
                # The first Snapshot tells all that holds; the replica brings those that follow.
                post.restricting.swapped(self._latest())
                self._post = post
                post.publisher.start()
                self._serving = True
                _log.info("this process has the duties")
            elif self._serving and not held:
                _log.warning("this process has the duties no longer")
                self._lay_down()

    def _lay_down(self) -> None:
        post, self._post, serving = self._post, None, self._serving
        self._serving = False
        if post is not None and serving:
            post.publisher.close()
