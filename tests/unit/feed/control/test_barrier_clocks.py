"""Who a decision waits for while the clock of the database, by which the registry tells ages, steps (law 11)."""

from __future__ import annotations

import pytest

from feed.clock import ManualClock
from feed.control.barrier import Barrier
from feed.storage.ports.deployment import ReplicaRecord


class Registry:
    """A registry whose clock may step."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.ahead = 0.0
        self._known: dict[str, float] = {}

    def confirm(self, name: str, release: str, revision: int) -> int:
        self._known[name] = self._now()
        return 0

    def living(self, within: float) -> list[ReplicaRecord]:
        ages = {name: self._now() - at for name, at in self._known.items()}
        return [ReplicaRecord(name, "", 0, age) for name, age in ages.items() if age <= within]

    def leave(self, name: str) -> None:
        del self._known[name]

    def _now(self) -> float:
        return self._clock.monotonic() + self.ahead


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def registry(clock: ManualClock) -> Registry:
    made = Registry(clock)
    for name in ("mine", "other"):
        made.confirm(name, "", 0)
    return made


@pytest.fixture
def barrier(registry: Registry, clock: ManualClock) -> Barrier:
    return Barrier(registry, None, clock, name="mine", lease=2.0)


def waited_for(barrier: Barrier) -> tuple[str, ...]:
    """Who is late for a revision that nobody obeys."""
    return barrier.obeyed(1, 0.0)[1]


def test_a_process_is_waited_for_until_its_lease_has_surely_lapsed(barrier, clock):
    assert waited_for(barrier) == ("other",)
    clock.advance(3.0)
    assert waited_for(barrier) == ("other",)
    clock.advance(0.1)
    assert waited_for(barrier) == ()


def test_a_step_forward_makes_nobody_look_gone_who_may_still_serve(barrier, registry, clock):
    barrier.look()
    registry.ahead = 3600.0
    clock.advance(2.0)
    assert waited_for(barrier) == ("other",)
    clock.advance(1.1)
    assert waited_for(barrier) == ()
    registry.confirm("other", "", 0)
    assert waited_for(barrier) == ("other",)


def test_a_step_back_makes_nobody_look_alive_who_is_gone(barrier, registry, clock):
    barrier.look()
    registry.ahead = -3600.0
    assert waited_for(barrier) == ("other",)
    clock.advance(3.1)
    assert waited_for(barrier) == ()
    registry.confirm("other", "", 0)
    assert waited_for(barrier) == ("other",)


def test_who_has_left_is_not_waited_for_whatever_the_clock_shows(barrier, registry):
    barrier.look()
    registry.ahead = 3600.0
    registry.leave("other")
    assert waited_for(barrier) == ()


def test_who_lives_is_looked_at_twice_a_second_at_most(barrier, registry, clock):
    barrier.look()
    registry.confirm("third", "", 0)
    barrier.look()
    registry.ahead = 3600.0
    assert waited_for(barrier) == ("other",)
    registry.ahead = 0.0
    clock.advance(0.5)
    barrier.look()
    registry.ahead = 3600.0
    assert waited_for(barrier) == ("other", "third")
