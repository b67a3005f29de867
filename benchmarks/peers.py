"""Peers in the same run: the same items, the same allowed set, the same k, one core each, in turn.

Contenders are compared by their threads' own processor time: on a shared machine a peer that takes milliseconds is
interrupted by others again and again, while rank() is over before that happens, so the wall clock would flatter it.

A vector peer is judged by the exact inner product over the allowed items, rank() by the exact scores of its own graph:
each by the exact governed top of its own model. Run it with ``python -m benchmarks peers``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.exact import plain_parameters, ranked_tops
from benchmarks.indexes import INDEXES, Index, Rows, Setting
from benchmarks.kernel import HISTORY, HOME, ITEMS_WANTED, READERS, WIDTH, size_name
from benchmarks.synthetic import World, catalogue, governed, random_graph, readers
from benchmarks.timing import Spread, interleaved
from benchmarks.vectors import Vectors, exact_tops, vectors
from ranking.parameters import Parameters
from ranking.pipeline import rank, warm
from ranking.reader import Reader

OURS, WHOLE = "weir rank()", "weir, whole pages"
"""rank() for what the peers are asked for, the best of the graph among the allowed; and as it is shipped, with turns of
other sources, windows of authors, decay, the re-rank by topics and exploration, which no peer has."""

REMAINING = 30
"""About so many items are still allowed in a starved catalogue: fewer than wanted."""

PATIENCE = 300.0
"""Seconds of building at one size after which no further index is begun, so that a busy machine comes to an end."""

_JUDGED = 100
_GOOD = 0.95


@dataclass(frozen=True, slots=True)
class PeerRow:
    """One contender at one setting, catalogue size and share blocked."""

    items: int
    blocked: float
    name: str
    setting: str
    spread: Spread
    recall: float
    """Share of the exact governed top that it gave out, mean over the readers judged."""

    violations: int
    """Blocked items among what it gave out to all readers judged."""

    note: str


@dataclass(frozen=True, slots=True)
class BuiltRow:
    """What an index took to build, and what it holds."""

    items: int
    name: str
    seconds: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class StarvedRow:
    """With fewer than k items allowed: blocked and allowed items on a page, on average."""

    name: str
    setting: str
    violations: float
    given: float


@dataclass(frozen=True, slots=True)
class Peers:
    """All that was measured."""

    rows: tuple[PeerRow, ...]
    built: tuple[BuiltRow, ...]
    starved: tuple[StarvedRow, ...]
    left_out: tuple[str, ...] = ()
    """Indexes over so many items that were not built, because building the others had taken too long."""

    def best(self, items: int, blocked: float) -> list[PeerRow]:
        """Of every contender, the fastest setting that recalls .95, or failing that the one that recalls most."""
        cell = [row for row in self.rows if (row.items, row.blocked) == (items, blocked)]
        chosen = []
        for name in dict.fromkeys(row.name for row in cell):
            mine = [row for row in cell if row.name == name]
            good = [row for row in mine if row.recall >= _GOOD]
            chosen.append(min(good, key=_p50) if good else max(mine, key=lambda row: row.recall))
        return chosen

    def results(self) -> dict[str, float]:
        """Flat keys: how many times faster than each peer rank() is, at the largest catalogue."""
        largest = max(row.items for row in self.rows)
        flat: dict[str, float] = {}
        for blocked in sorted({row.blocked for row in self.rows if row.items == largest}):
            best = {row.name: row for row in self.best(largest, blocked)}
            ours, whole = best.pop(OURS), best.pop(WHOLE)
            suffix = "" if blocked == 0.5 else f"_{blocked * 100:.0f}_blocked"
            flat[f"rank_recall_of_exact{suffix}"] = round(ours.recall, 4)
            for name, row in best.items():
                key = f"rank_{size_name(largest)}_over_{name.lower().replace(' ', '_')}{suffix}"
                flat[key] = round(row.spread.p50_own_us / ours.spread.p50_own_us, 1)
                flat[key.replace("_over_", "_whole_over_")] = round(row.spread.p50_own_us / whole.spread.p50_own_us, 1)
                flat[f"{key.replace('_over_', '_recall_')}"] = round(row.recall, 4)
        for starved in self.starved:
            if starved.name in (OURS, "implicit"):
                flat[f"starved_violations_{starved.name.split()[0]}"] = starved.violations
        return flat


def run(
    sizes: Sequence[int] = (100_000, 1_000_000),
    *,
    shares_blocked: Sequence[float] = (0.0, 0.5, 0.99),
    rounds: int = 4,
    seconds: float = 0.25,
    patience: float = PATIENCE,
    told: Callable[[str], None] = lambda line: None,
) -> Peers:
    """Build every index at every size, none any more after ``patience`` seconds of building at a size, then time and
    judge all contenders at every share blocked."""
    warm()
    rows: list[PeerRow] = []
    built: list[BuiltRow] = []
    starved: list[StarvedRow] = []
    left_out: list[str] = []
    for size in sizes:
        rng = np.random.default_rng(7)
        items, graph = catalogue(size, rng), random_graph(size, WIDTH, rng, skewed=False)
        made = vectors(size, READERS, rng)
        all_indexes: list[Index] = []
        ends = time.monotonic() + patience
        for name, build in INDEXES.items():
            if time.monotonic() > ends:
                left_out.append(f"{name} over {size:,} items")
                told(f"left out: {left_out[-1]}")
                continue
            index = build(made)
            told(f"{index.name} over {size:,} items: {index.seconds:.0f} s, {index.megabytes:.0f} MB")
            built.append(BuiltRow(size, index.name, index.seconds, index.megabytes))
            all_indexes.append(index)
        with threadpool_limits(1):
            for blocked in shares_blocked:
                told(f"{size:,} items, {blocked:.0%} blocked")
                world = governed(items, graph, blocked, rng)
                rows += _cell(world, blocked, made, all_indexes, rounds, seconds)
            if size == min(sizes):
                told(f"{size:,} items, all but {REMAINING} blocked")
                starved += _starved(governed(items, graph, 1 - REMAINING / size, rng), made, all_indexes)
    return Peers(tuple(rows), tuple(built), tuple(starved), tuple(left_out))


def _cell(
    world: World, blocked: float, made: Vectors, all_indexes: Sequence[Index], rounds: int, seconds: float
) -> list[PeerRow]:
    asking = readers(world, READERS, HISTORY)
    allowed = None if blocked == 0 else ~world.blocked
    settings = [setting for index in all_indexes for setting in index.settings(allowed, ITEMS_WANTED)]
    contenders = {f"{each.name} {each.setting}": _round(each.answer) for each in settings}
    asked = {OURS: plain_parameters(), WHOLE: world.snapshot.parameters}
    mine = {name: _ours(world, asking, parameters) for name, parameters in asked.items()}
    spreads = interleaved({**mine, **contenders}, rounds=rounds, seconds=seconds)
    tops = exact_tops(made, _JUDGED, ~world.blocked, ITEMS_WANTED)
    best = ranked_tops(world, asking[:_JUDGED], ITEMS_WANTED)
    rows = []
    setting = f"history {HISTORY}, M={WIDTH}"
    for name, parameters in asked.items():
        given = [_page(world, reader, parameters) for reader in asking[:_JUDGED]]
        wrong = sum(violations(page, world.blocked) for page in given)
        rows.append(
            PeerRow(len(world.blocked), blocked, name, setting, spreads[name], recall_of(given, best), wrong, "")
        )
    for each in settings:
        given = [each.answer(reader) for reader in range(_JUDGED)]
        recall, wrong = recall_of(given, tops), sum(violations(page, world.blocked) for page in given)
        spread = spreads[f"{each.name} {each.setting}"]
        rows.append(PeerRow(len(world.blocked), blocked, each.name, each.setting, spread, recall, wrong, each.note))
    return rows


def _starved(world: World, made: Vectors, all_indexes: Sequence[Index]) -> list[StarvedRow]:
    settings = [setting for index in all_indexes for setting in index.settings(~world.blocked, ITEMS_WANTED)]
    asking = readers(world, _JUDGED, HISTORY)
    ours = Setting(OURS, "", lambda reader: _page(world, asking[reader], world.snapshot.parameters))
    rows: list[StarvedRow] = []
    for each in [ours, *settings]:
        given = [each.answer(reader) for reader in range(_JUDGED)]
        wrong = sum(violations(page, world.blocked) for page in given) / _JUDGED
        right = sum(int((page >= 0).sum()) for page in given) / _JUDGED - wrong
        rows.append(StarvedRow(each.name, each.setting, wrong, right))
    return rows


def recall_of(given: Sequence[Rows], tops: NDArray[np.int64]) -> float:
    """Mean share of each exact top (-1: fewer than k exist) that was given out."""
    found = [np.isin(top[top >= 0], page).mean() for page, top in zip(given, tops, strict=True) if (top >= 0).any()]
    return float(np.mean(found))


def violations(page: Rows, blocked: NDArray[np.bool_]) -> int:
    """Blocked items on a page; -1 stands for no item."""
    return int(blocked[page[page >= 0]].sum())


def _ours(world: World, asking: Sequence[Reader], parameters: Parameters) -> Callable[[int], object]:
    snapshot = world.snapshot
    return lambda number: rank(snapshot, asking[number % READERS], HOME, parameters)


def _page(world: World, reader: Reader, parameters: Parameters) -> Rows:
    return rank(world.snapshot, reader, HOME, parameters).rows.astype(np.int64)


def _round(answer: Callable[[int], Rows]) -> Callable[[int], object]:
    return lambda number: answer(number % READERS)


def _p50(row: PeerRow) -> float:
    return row.spread.p50_own_us
