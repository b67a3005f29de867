"""The kernel alone, under pytest-benchmark: ``pytest benchmarks --benchmark-only``, about half a minute.

Plain ``pytest`` does not collect it. Figures with peers beside them come from ``make bench``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from benchmarks.kernel import HOME, WIDTH
from benchmarks.sessions import TOPIC
from benchmarks.synthetic import World, catalogue, governed, random_graph, readers
from controls.scopes import SurfaceKind
from ranking.parameters import Parameters
from ranking.pipeline import rank, related, warm
from ranking.reader import Mode, Request, Surface

_ITEMS = 200_000
_READERS = 1000
_SECONDS = 1.0


@pytest.fixture(scope="session")
def worlds() -> dict[float, World]:
    """One catalogue and graph, with nothing, half and nearly all of it blocked."""
    warm()
    rng = np.random.default_rng(7)
    items, graph = catalogue(_ITEMS, rng), random_graph(_ITEMS, WIDTH, rng, skewed=False)
    return {blocked: governed(items, graph, blocked, rng) for blocked in (0.0, 0.5, 0.99)}


@pytest.fixture
def timed(benchmark: Any) -> Callable[[Callable[[int], object]], None]:
    """Time a contender, each request another number's, for about a second."""

    def time(contender: Callable[[int], object]) -> None:
        numbers = count()
        benchmark.pedantic(contender, setup=lambda: ((next(numbers),), {}), rounds=_rounds(contender), warmup_rounds=50)

    return time


def _rounds(contender: Callable[[int], object]) -> int:
    from benchmarks.timing import interleaved

    spread = interleaved({"": contender}, rounds=1, seconds=0.1)[""]
    return max(50, min(5000, int(_SECONDS * 1e6 / (spread.p50_us + 20))))


def _ranked(world: World, history: int, request: Request, parameters: Parameters) -> Callable[[int], object]:
    asking, snapshot = readers(world, _READERS, history), world.snapshot
    return lambda number: rank(snapshot, asking[number % _READERS], request, parameters)


@pytest.mark.parametrize("history", [0, 1, 20, 50, 200, 1000])
def test_a_page_by_length_of_history_read(worlds: dict[float, World], timed: Any, history: int) -> None:
    timed(_ranked(worlds[0.0], history, HOME, Parameters(history=history)))


@pytest.mark.parametrize("blocked", [0.0, 0.5, 0.99])
def test_a_page_by_share_blocked(worlds: dict[float, World], timed: Any, blocked: float) -> None:
    timed(_ranked(worlds[blocked], 50, HOME, Parameters()))


@pytest.mark.parametrize("mode", [Mode.POPULAR, Mode.LATEST, Mode.EDITORIAL])
def test_a_page_by_mode(worlds: dict[float, World], timed: Any, mode: Mode) -> None:
    timed(_ranked(worlds[0.5], 50, replace(HOME, mode=mode), Parameters()))


def test_a_page_of_a_small_pool(worlds: dict[float, World], timed: Any) -> None:
    request = replace(HOME, surface=Surface(SurfaceKind.TOPIC, f"topic-{TOPIC}"))
    timed(_ranked(worlds[0.5], 50, request, Parameters()))


def test_related_items(worlds: dict[float, World], timed: Any) -> None:
    snapshot = worlds[0.5].snapshot
    timed(lambda number: related(snapshot, number * 7919 % _ITEMS, HOME))
