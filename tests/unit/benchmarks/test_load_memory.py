"""The verdict of a soak: flat memory is told from memory that grows, by no more than it takes."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest

from benchmarks.load_memory import FLAT_COUNT, Course, course_of
from benchmarks.load_server import Taken, taken
from benchmarks.load_soak import HOUR_REQUESTS, RATE, hour_seconds

MB = 1_000_000


def course(own: Callable[[int], float], *, threads: int = 20, files: int = 40, later: int = 0) -> Course:
    """A soak of 36,000 requests in 200 looks; ``own`` tells the bytes after so many requests, ``later`` how many more
    threads and files its second half has."""
    looks = range(201)
    samples = [
        Taken(0, int(own(180 * look)), 0.0, float(look), threads + later * (look >= 100), files + later * (look >= 100))
        for look in looks
    ]
    return course_of(samples, 36_000)


def test_memory_that_stays_is_flat_though_it_breathes() -> None:
    breaths = cycle((0, 3 * MB, -2 * MB))
    told = course(lambda requests: 220 * MB + next(breaths))
    assert told.flat
    assert abs(told.growth) < 0.01


@pytest.mark.parametrize(("leak", "flat"), [(100, True), (400, False)])
def test_what_every_request_leaves_behind_is_found_and_told_in_bytes(leak: int, flat: bool) -> None:
    told = course(lambda requests: 220 * MB + leak * requests)
    assert told.flat is flat
    assert told.slope_bytes == pytest.approx(leak, rel=0.02)


def test_memory_is_the_median_so_that_a_moments_work_counts_for_nothing() -> None:
    assert course(lambda requests: 220 * MB + 200 * MB * (requests > 35_000)).flat


@pytest.mark.parametrize(("later", "flat"), [(FLAT_COUNT, True), (FLAT_COUNT + 1, False)])
def test_threads_and_files_that_do_not_end_are_found(later: int, flat: bool) -> None:
    assert course(lambda requests: 220 * MB, later=later).flat is flat


def test_open_files_are_counted_and_connections_are_not(tmp_path: Path) -> None:
    before = taken(os.getpid())
    with (tmp_path / "one").open("w"), (tmp_path / "two").open("w"):
        during = taken(os.getpid())
    assert during.files - before.files == 2
    assert before.threads >= 1


def test_an_hours_requests_are_offered_in_the_time_that_the_rate_takes() -> None:
    assert hour_seconds(0) * RATE == HOUR_REQUESTS == hour_seconds(60.0) * 60
