"""Deep sessions: five hundred items page by page, how long each page takes, and whether one is ever short.

A page is short when it has fewer items than wanted while its pool holds an eligible item that the session has not
been served. Run it with ``python -m benchmarks sessions``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.kernel import HISTORY, HOME, ITEMS_WANTED, WIDTH
from benchmarks.synthetic import World, catalogue, governed, random_graph, readers
from controls.scopes import SurfaceKind
from ranking.pipeline import rank, warm
from ranking.reader import Reader, Surface

LONGEST = 500
TOPIC = 1
"""A topic under no rule: its surface is a pool of one item in a hundred."""

_SURFACES = {"home": Surface(), "1 % pool": Surface(SurfaceKind.TOPIC, f"topic-{TOPIC}")}


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Sessions on one surface. ``p50_us`` by page, in turn; ``pages`` of all sessions, ``short`` of them short."""

    items: int
    blocked: float
    surface: str
    pool: int
    """Eligible items of the pool."""

    pages: int
    short: int
    p50_us: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sessions:
    """All that was measured."""

    rows: tuple[SessionRow, ...]

    def results(self) -> dict[str, float]:
        """Flat keys for ``benchmarks/results/latest.json``."""
        deep = next(row for row in self.rows if row.surface == "home")
        return {
            "fill_pages": sum(row.pages for row in self.rows),
            "fill_short_pages": sum(row.short for row in self.rows),
            "session_last_page_over_first": round(deep.p50_us[-1] / deep.p50_us[0], 2),
        }


def run(
    size: int = 1_000_000,
    *,
    shares_blocked: Sequence[float] = (0.0, 0.5, 0.99),
    sessions: int = 200,
    told: Callable[[str], None] = lambda line: None,
) -> Sessions:
    """Play sessions on the home surface and on a topic's, at every share blocked."""
    warm()
    rng = np.random.default_rng(7)
    items, graph = catalogue(size, rng), random_graph(size, WIDTH, rng, skewed=False)
    rows = []
    for blocked in shares_blocked:
        world = governed(items, graph, blocked, rng)
        for surface in _SURFACES:
            told(f"sessions, {surface}, {blocked:.0%} blocked")
            rows.append(_played(world, blocked, surface, sessions))
    return Sessions(tuple(rows))


def _played(world: World, blocked: float, surface: str, sessions: int) -> SessionRow:
    eligible = ~world.blocked
    if surface != "home":
        eligible = eligible & (world.snapshot.catalogue.topics[:, 0] == TOPIC)
    pool = int(eligible.sum())
    times: list[list[float]] = [[] for _ in range(LONGEST // ITEMS_WANTED)]
    pages = short = 0
    for reader in readers(world, sessions, HISTORY):
        made, missing = _session(world, reader, _SURFACES[surface], pool, times)
        pages, short = pages + made, short + missing
    return SessionRow(
        len(eligible), blocked, surface, pool, pages, short, tuple(float(np.median(each)) for each in times if each)
    )


def _session(world: World, reader: Reader, surface: Surface, pool: int, times: list[list[float]]) -> tuple[int, int]:
    """Pages of one session and how many were short; ``times`` takes the microseconds of each by its place."""
    rows: NDArray[np.int32] = np.empty(0, dtype=np.int32)
    tiers: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
    short, snapshot = 0, world.snapshot
    for number, taken in enumerate(times):
        asked = replace(HOME, surface=surface, served_rows=_frozen(rows), served_tiers=_frozen(tiers))
        began = time.perf_counter_ns()
        page = rank(snapshot, reader, asked, snapshot.parameters)
        taken.append((time.perf_counter_ns() - began) / 1000)
        short += len(page.rows) < min(ITEMS_WANTED, pool - len(rows))
        if len(page.rows) == 0:
            return number + 1, short
        rows, tiers = np.concatenate((rows, page.rows)), np.concatenate((tiers, page.tiers))
    return len(times), short


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
