"""rank() with governance, on one core: by history, by share blocked, by catalogue size, by where the graph lies.

Every request is another reader's, so that no reader's rows wait in the cache. Run it with ``python -m benchmarks
kernel``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.synthetic import World, catalogue, governed, random_graph, readers
from benchmarks.timing import Asked, Spread, available_bytes, interleaved
from controls.scopes import AgeClass, Audience
from ranking.graph import ItemGraph
from ranking.parameters import Parameters
from ranking.pipeline import rank, warm
from ranking.reader import NO_TIERS, NOTHING_SERVED, Mode, Request, Surface

ITEMS_WANTED = 50
HISTORY = 50
HISTORIES = (0, 1, 20, 50, 200, 1000)
WIDTH = 100
READERS = 2000

HOME = Request(
    Surface(), Audience("DE", AgeClass.ADULT, "de"), ITEMS_WANTED, Mode.PERSONALIZED, NOTHING_SERVED, NO_TIERS
)
BYTES_AN_ITEM = 900
"""What a world of this width takes while it is made, for each item: its graph's row and the catalogue's columns."""

_GROWN_FROM = 100_000
_SEED = 7


@dataclass(frozen=True, slots=True)
class KernelRow:
    """rank() in one situation. ``read``: how much of the history was read. ``short`` counts pages of fewer items than
    were wanted and allowed."""

    items: int
    blocked: float
    graph: str
    history: int
    read: int
    spread: Spread
    short: int


@dataclass(frozen=True, slots=True)
class Kernel:
    """``rows``: situations at one size. ``growth``: the same situation at each size, in turn."""

    rows: tuple[KernelRow, ...]
    growth: tuple[KernelRow, ...]

    def results(self) -> dict[str, float]:
        """Flat keys for ``benchmarks/results/latest.json``."""
        flat = {}
        if self.rows:
            base = next(row for row in self.rows if (row.blocked, row.graph, row.history) == (0.0, "uniform", HISTORY))
            name = f"rank_{size_name(base.items)}"
            flat = {
                f"{name}_p50_us": base.spread.p50_us,
                f"{name}_p99_us": base.spread.p99_us,
                f"{name}_p50_own_us": base.spread.p50_own_us,
                f"{name}_p99_own_us": base.spread.p99_own_us,
            }
        if len(self.growth) > 1:
            first = next((row for row in self.growth if row.items == _GROWN_FROM), self.growth[0])
            last = self.growth[-1]
            flat[f"rank_growth_{size_name(first.items)}_{size_name(last.items)}"] = (
                last.spread.p50_us / first.spread.p50_us
            )
        return {key: round(value, 2) for key, value in flat.items()}


@dataclass(frozen=True, slots=True)
class Case:
    """A situation to be timed."""

    world: World
    blocked: float
    graph: str
    history: int
    parameters: Parameters

    def asked(self) -> tuple[Asked, list[int]]:
        """A contender, and the list that it notes its pages' lengths in."""
        asking, snapshot = readers(self.world, READERS, self.history), self.world.snapshot
        counts: list[int] = []

        def ask(number: int) -> None:
            counts.append(len(rank(snapshot, asking[number % READERS], HOME, self.parameters).rows))

        return ask, counts


def run(
    size: int = 1_000_000,
    growing: Sequence[int] = (100_000, 1_000_000, 10_000_000),
    *,
    shares_blocked: Sequence[float] = (0.0, 0.5, 0.99),
    rounds: int = 10,
    told: Callable[[str], None] = lambda line: None,
) -> Kernel:
    """Rows at one size, then growth over the sizes that memory has room for."""
    warm()
    told(f"a catalogue of {size:,} items")
    rows = _rows(size, shares_blocked, rounds)
    room = available_bytes()
    sizes = [items for items in growing if not room or items * BYTES_AN_ITEM < room]
    for items in set(growing) - set(sizes):
        told(f"no room for {items:,} items: {items * BYTES_AN_ITEM / 1e9:.0f} GB wanted, {room / 1e9:.0f} GB there")
    told(f"growth over {', '.join(f'{items:,}' for items in sizes)} items")
    return Kernel(rows, growth(sizes, rounds))


def _rows(size: int, shares_blocked: Sequence[float], rounds: int) -> tuple[KernelRow, ...]:
    rng = np.random.default_rng(_SEED)
    items, uniform = catalogue(size, rng), random_graph(size, WIDTH, rng, skewed=False)
    worlds = {blocked: governed(items, uniform, blocked, rng) for blocked in shares_blocked}
    free = worlds[shares_blocked[0]]
    shipped = free.snapshot.parameters
    cases = [Case(world, blocked, "uniform", HISTORY, shipped) for blocked, world in worlds.items()]
    for history in HISTORIES:
        if history != HISTORY:
            cases.append(Case(free, shares_blocked[0], "uniform", history, shipped))
        if history > HISTORY:
            whole = replace(shipped, history=history)
            cases.append(Case(free, shares_blocked[0], "uniform", history, whole))
    skewed = governed(items, random_graph(size, WIDTH, rng, skewed=True), 0.0, rng)
    cases.append(Case(skewed, 0.0, "skewed", HISTORY, shipped))
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        path = Path(folder) / "graph"
        uniform.save(path)
        mapped = governed(items, ItemGraph.load(path, verify=False), 0.0, rng)
        return _timed([*cases, Case(mapped, 0.0, "mapped file", HISTORY, shipped)], rounds)


def growth(sizes: Sequence[int], rounds: int) -> tuple[KernelRow, ...]:
    """The same situation at every size, all of them in memory at once and timed in turn."""
    cases = []
    for size in sizes:
        rng = np.random.default_rng(_SEED)
        items = catalogue(size, rng)
        world = governed(items, random_graph(size, WIDTH, rng, skewed=False), 0.5, rng)
        cases.append(Case(world, 0.5, "uniform", HISTORY, world.snapshot.parameters))
    return _timed(cases, rounds)


def _timed(cases: Sequence[Case], rounds: int) -> tuple[KernelRow, ...]:
    asked = {str(number): case.asked() for number, case in enumerate(cases)}
    spreads = interleaved({name: ask for name, (ask, _) in asked.items()}, rounds=rounds)
    return tuple(
        KernelRow(
            case.world.snapshot.catalogue.rows,
            case.blocked,
            case.graph,
            case.history,
            min(case.history, case.parameters.history),
            spreads[str(number)],
            _short(case.world, asked[str(number)][1]),
        )
        for number, case in enumerate(cases)
    )


def _short(made: World, counts: Sequence[int]) -> int:
    allowed = len(made.blocked) - int(made.blocked.sum())
    return sum(count < min(ITEMS_WANTED, allowed) for count in counts)


def size_name(items: int) -> str:
    """``100k``, ``1m``, ``10m``."""
    return f"{items // 1_000_000}m" if items >= 1_000_000 else f"{items // 1000}k"
