"""Faults of one process on an embedded store, each under load, with an oracle that forgets nothing.

After each: nothing acknowledged is lost, nothing blocked was served, nothing is there twice, and nobody lends a hand.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from feed.settings import Settings
from feed.storage.entries import pack
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


def test_a_process_that_cannot_obey_an_edition_ends_saying_why_and_serves_again_once_it_is_mended(alone, oracle):
    with closing(sqlite3.connect(alone.settings.store_file, timeout=30, isolation_level=None)) as connection:
        with oracle.load():
            oracle.goes_on()
            edition = published(connection, b'["author","somebody","no number","",0]\n')
            assert alone.process.wait(30) == 1
        last = alone.said.read_text().splitlines()[-1]
        assert "could not be obeyed" in last and "restore a backup" in last
        oracle.kept()
        connection.execute("UPDATE editions SET entries = ? WHERE edition = ?", (pack(b""), edition))
    with served(alone.said.parent, alone.settings) as again:
        oracle.grown = again
        with oracle.load():
            oracle.goes_on()
        oracle.holds()


def published(connection: sqlite3.Connection, line: bytes) -> int:
    """The number of a next edition, which consists of one line."""
    connection.execute("BEGIN IMMEDIATE")
    follows = "UPDATE heads SET number = number + 1 WHERE name = 'journal' RETURNING number"
    (edition,) = connection.execute(follows).fetchone()
    connection.execute("INSERT INTO editions VALUES (?, 0, ?)", (edition, pack(line)))
    connection.execute("COMMIT")
    return int(edition)
