"""Two processes of one deployment, the disk of whose database is slow, or of which one has a wrong clock, under load.

What was acknowledged is stored once, what is blocked is served by nobody, and nobody lends a hand (laws 5, 7, 10, 11).
"""

from __future__ import annotations

import http.client
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

import pytest

from tests.journeys.faulty_machine import FaultyMachine, faulty_machine
from tests.journeys.grown_oracle import Oracle
from tests.journeys.grown_servers import Ground, grounded
from tests.journeys.grown_service import Grown, going_on, serving, settings_of
from tests.journeys.http_service import until

pytestmark = pytest.mark.journey
ITEMS = 1500
HOUR = 3600


@dataclass(eq=False)
class Either(Grown):
    """Both processes, asked in turn."""

    ports: Iterator[int] = field(default_factory=lambda: iter(()))

    def opened(self, worker: int | None = None) -> http.client.HTTPConnection:
        """A connection to the next of them."""
        return http.client.HTTPConnection("127.0.0.1", next(self.ports), timeout=20)

    def whole(self) -> bool:
        """Whether both are fresh, and one of them has the duties."""
        asked = [self.gauge(name)[-1] for name in ("weir_lease_fresh", "weir_duties") for _ in range(2)]
        return asked[:2] == [1.0, 1.0] and sum(asked[2:]) == 1


@pytest.fixture(scope="module")
def disk() -> Iterator[FaultyMachine]:
    with faulty_machine() as machine:
        yield machine


@pytest.fixture(scope="module")
def ground(disk: FaultyMachine) -> Iterator[Ground]:
    with grounded(disk.environment) as found:
        yield found


@pytest.fixture(scope="module")
def healthy(ground: Ground) -> Iterator[Grown]:
    with serving(ground, settings_of(ground, write_patience=1)) as service:
        yield service


@pytest.fixture(scope="module")
def clock() -> Iterator[FaultyMachine]:
    with faulty_machine() as machine:
        yield machine


@pytest.fixture(scope="module")
def other(ground: Ground, healthy: Grown, clock: FaultyMachine) -> Iterator[Grown]:
    """The process whose clock may be wrong."""
    settings = settings_of(ground, "other", write_patience=1)
    with serving(ground, settings, whole=False, environ=clock.environment) as service:
        yield service


@pytest.fixture(scope="module")
def oracle(healthy: Grown, other: Grown) -> Oracle:
    healthy.put_items(ITEMS)
    until(lambda: other.gauge("weir_items").get(-1) == ITEMS)
    either = Either(healthy.settings, healthy.process, healthy.port, healthy.said)
    either.ports = cycle((healthy.port, other.port))
    return Oracle(either, ITEMS)


def test_on_a_slow_database_pages_go_on_and_what_is_answered_is_stored(disk, oracle):
    oracle.endures_a_slow_disk(disk, more=2)


def test_a_clock_that_steps_by_an_hour_and_back_ends_no_lease_and_nothing_that_holds(clock, healthy, other, oracle):
    oracle.unanswered.clear()
    with oracle.load():
        for seconds in (HOUR, -HOUR):
            oracle.goes_on()
            with clock.clock_ahead(seconds):
                oracle.goes_on(more=6)
        oracle.goes_on(more=6)
    assert not oracle.unanswered
    oracle.holds()


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_when_the_clock_of_the_database_steps_nobody_is_forgotten_who_may_still_serve(
    seconds, disk, healthy, other, oracle
):
    process = other.process.pid
    with going_on(process):
        os.kill(process, signal.SIGSTOP)
        with disk.clock_ahead(seconds):
            (late,) = lagging(healthy, "item-0")
            assert f":{process}:" in late
            # Its lease lapses, and then nobody waits for it.
            until(lambda: not lagging(healthy, "item-1"))
    with oracle.load():
        oracle.goes_on()
    oracle.holds()


def lagging(service: Grown, item: str) -> list[str]:
    """Who does not obey in time a decision made at a process."""
    late: list[str] = service.suppress(item).json["enforced"]["lagging"]
    return late
