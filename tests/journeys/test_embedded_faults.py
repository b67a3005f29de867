"""Faults of one process on an embedded store, each under load, with an oracle that forgets nothing.

After each: nothing acknowledged is lost, nothing blocked was served, nothing is there twice, and nobody lends a hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from feed.settings import Settings
from tests.journeys.faulty_machine import FaultyMachine
from tests.journeys.grown_oracle import Oracle
from tests.journeys.grown_service import QUIET, Grown, served
from tests.journeys.http_service import until

pytestmark = pytest.mark.journey
ITEMS = 1500


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> FaultyMachine:
    return FaultyMachine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, machine: FaultyMachine) -> Iterator[Grown]:
    folder = tmp_path_factory.mktemp("embedded")
    settings = Settings(home=folder / "home", **{**QUIET, "write_patience": 1})
    with served(folder, settings, environ=machine.environment) as service:
        service.put_items(ITEMS)
        yield service


@pytest.fixture(scope="module")
def oracle(alone: Grown) -> Oracle:
    return Oracle(alone, ITEMS)


def test_on_a_slow_disk_pages_go_on_and_what_is_answered_is_stored(alone, machine, oracle):
    with oracle.load():
        oracle.goes_on()
        with machine.slow_disk(0.3):
            oracle.goes_on()
        # What takes longer than anybody waits for is refused; sent again, it is there once.
        before = len(oracle.unanswered)
        with machine.slow_disk(1.5):
            until(lambda: any("store-slow" in one for one in oracle.unanswered[before:]), 20)
            oracle.goes_on(kinds=("looked", "decided", "chosen"))
        oracle.goes_on()
    assert all(one.startswith("report 503") for one in oracle.unanswered), oracle.unanswered[:5]
    oracle.holds()


def test_on_a_full_disk_what_is_new_is_refused_and_pages_go_on(alone, machine, oracle):
    with oracle.load():
        oracle.goes_on()
        before = len(oracle.unanswered)
        with machine.full_disk():
            until(lambda: {"report", "decide", "choose"} <= {one.split()[0] for one in oracle.unanswered[before:]}, 20)
            oracle.goes_on(kinds=("looked",))
            assert "the disk is full" in oracle.unanswered[-1]
        oracle.goes_on()
    refused = {one.split()[0] for one in oracle.unanswered[before:]}
    assert refused == {"report", "decide", "choose"}
    oracle.holds()
