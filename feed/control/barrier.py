"""Barrier: who of the other processes obeys a revision, or has heard a message (laws 7 and 11).

Who is waited for is read from the store's registry, after what they are to obey was written: a process that registers
later catches up with it before it serves. Acknowledgements come over the bus, and with every confirmation in the
registry, so that without a bus the answer is slower and no less true.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from feed.clock import Clock
from feed.storage.errors import SharingFailed
from feed.storage.ports.deployment import ReplicaRecord, Replicas
from feed.storage.ports.sharing import Bus, Mark

_LOOK_SECONDS = 0.002
_REGISTRY_SECONDS = 0.05
"""Between two looks at the bus, and at the registry."""

_KNOWN_SECONDS = 1.0
"""For which others are remembered, and one that was slow is not waited for."""

SLACK_SECONDS = 1.0
"""A crash of the database may take back what the registry heard so lately."""

_NEVER = float("-inf")

_SIGHT_SECONDS = 0.5
"""Between two looks at who lives; shorter than the slack."""


class Barrier:
    """The other processes of one deployment. Everything blocks, and may be called from any thread."""

    def __init__(self, replicas: Replicas, bus: Bus | None, clock: Clock, *, name: str, lease: float) -> None:
        self._replicas = replicas
        self._bus = bus
        self._clock = clock
        self._name = name
        self._lease = lease
        self._pause = threading.Event()
        self._known: tuple[str, ...] = ()
        self._known_until = float("-inf")
        self._slow_until: dict[str, float] = {}
        self._lock = threading.Lock()
        self._looked_at = _NEVER
        self._confirmed: dict[str, float] = {}
        """When others last confirmed, on this process's own clock."""

    def look(self) -> None:
        """See who lives, twice a second at most, so that it is known when the database's clock steps."""
        if self._clock.monotonic() - self._looked_at >= _SIGHT_SECONDS:
            self._living()

    def obeyed(self, revision: int, timeout: float) -> tuple[int, tuple[str, ...]]:
        """How many other processes may be serving, and those of them that do not obey a revision within ``timeout``
        seconds; one whose lease has lapsed meanwhile serves nothing, and is not waited for."""
        wanted = self._living()
        late = self._late(
            wanted,
            timeout,
            lambda mark: mark.revision >= revision,
            lambda before, now: now.revision >= revision,
        )
        return len(wanted), late

    def heard(self, position: int, timeout: float) -> tuple[str, ...]:
        """The other processes that may be serving and have not heard a message within ``timeout`` seconds."""
        return self._late(self._living(), timeout, lambda mark: mark.position >= position, lambda before, now: False)

    def heard_lately(self, position: int, timeout: float) -> None:
        """Wait a moment for the processes that were there a second ago, but for those that kept somebody waiting."""
        now = self._clock.monotonic()
        if now >= self._known_until:
            self._known_until, self._known = now + _KNOWN_SECONDS, tuple(self._living())
        wanted = dict.fromkeys(name for name in self._known if self._slow_until.get(name, now) <= now)
        for name in self._late(wanted, timeout, lambda mark: mark.position >= position, None):
            self._slow_until[name] = now + _KNOWN_SECONDS

    def confirmed_twice(self, timeout: float) -> tuple[str, ...]:
        """The processes that have not confirmed twice since this was called: what each reads before it confirms, it
        has read in between."""
        times: dict[str, int] = {}

        def count(before: ReplicaRecord, now: ReplicaRecord) -> bool:
            times[now.name] = times.get(now.name, 0) + (now.age < before.age)
            return times[now.name] >= 2

        return self._late(self._living(), timeout, None, count)

    def _living(self) -> dict[str, ReplicaRecord | None]:
        """Who confirmed lately. Ages are by the database's clock; when that steps, what was seen before still counts
        for as long as a lease may last, and who was heard of only before does not count for longer."""
        records = {one.name: one for one in self._replicas.living(float("inf")) if one.name != self._name}
        now = self._clock.monotonic()
        with self._lock:
            seen = self._confirmed
            self._confirmed = {name: max(seen.get(name, _NEVER), _since(now, one)) for name, one in records.items()}
            self._looked_at = now
            lately = [name for name, at in self._confirmed.items() if now - at <= self._lease + SLACK_SECONDS]
        return {name: records[name] for name in lately}

    def _late(
        self,
        wanted: Mapping[str, ReplicaRecord | None],
        timeout: float,
        marked: Callable[[Mark], bool] | None,
        recorded: Callable[[ReplicaRecord, ReplicaRecord], bool] | None,
    ) -> tuple[str, ...]:
        waiting = dict(wanted)
        began = asked = self._clock.monotonic()
        while waiting:
            if marked is not None:
                marks = self._marks()
                waiting = {name: at for name, at in waiting.items() if name not in marks or not marked(marks[name])}
            now = self._clock.monotonic()
            if waiting and recorded is not None and now - asked >= _REGISTRY_SECONDS:
                asked = now
                waiting = self._asked(waiting, recorded)
            if not waiting or now - began >= timeout:
                break
            self._pause.wait(_LOOK_SECONDS)
        return tuple(sorted(waiting))

    def _asked(
        self,
        waiting: Mapping[str, ReplicaRecord | None],
        recorded: Callable[[ReplicaRecord, ReplicaRecord], bool],
    ) -> dict[str, ReplicaRecord | None]:
        known = self._living()
        left: dict[str, ReplicaRecord | None] = {}
        for name, before in waiting.items():
            record = known.get(name)
            if record is None:
                continue  # its lease has lapsed, or it has left
            if before is None or not recorded(before, record):
                left[name] = record
        return left

    def _marks(self) -> Mapping[str, Mark]:
        if self._bus is None:
            return {}
        try:
            return self._bus.marks()
        except SharingFailed:
            return {}


def _since(now: float, record: ReplicaRecord) -> float:
    """When a process confirmed; never, when that was before the database's clock was stepped back."""
    return now - max(record.age, 0.0) if record.age >= -SLACK_SECONDS else _NEVER
