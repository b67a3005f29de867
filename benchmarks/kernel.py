"""rank() with governance, on one core, against implicit.recommend with filters: same items, same allowed set, same k.

Run it with ``python -m benchmarks.kernel``.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from benchmarks.synthetic import World, readers, world
from controls.scopes import AgeClass, Audience
from ranking.pipeline import rank, warm
from ranking.reader import NO_TIERS, NOTHING_SERVED, Mode, Reader, Request, Surface

ITEMS_WANTED = 50
FACTORS = 64
HISTORY = 50
_REQUEST = Request(
    Surface(), Audience("DE", AgeClass.ADULT, "de"), ITEMS_WANTED, Mode.PERSONALIZED, NOTHING_SERVED, NO_TIERS
)


@dataclass(frozen=True, slots=True)
class KernelRow:
    """Microseconds of rank() at one catalogue size, and of the peer in the same run (with one BLAS thread, and as
    installed). ``short`` counts pages with fewer items than wanted."""

    items: int
    blocked: float
    skewed: bool
    history: int
    p50_us: float
    p99_us: float
    short: int
    implicit_us: tuple[float, float] | None

    @property
    def ratios(self) -> tuple[float, float] | None:
        """How many times faster than the peer with one BLAS thread, and than the peer as it comes installed."""
        if self.implicit_us is None:
            return None
        alone, installed = self.implicit_us
        return alone / self.p50_us, installed / self.p50_us


def run(
    sizes: Sequence[int] = (100_000, 1_000_000),
    *,
    shares_blocked: Sequence[float] = (0.0, 0.5, 0.99),
    histories: Sequence[int] = (0, 1, 20, 50, 200, 1000),
    requests: int = 2000,
    peer: bool = True,
) -> list[KernelRow]:
    """Rows by size (uniform and skewed), by share blocked, and by history length at the largest size."""
    warm()
    rows = []
    for size in sizes:
        for blocked in shares_blocked:
            made = world(size, blocked=blocked)
            rows.append(_measure(made, blocked, False, HISTORY, requests, peer=peer))
            if size == max(sizes) and blocked == shares_blocked[0]:
                rows += [_measure(made, blocked, False, n, requests) for n in histories if n != HISTORY]
        rows.append(_measure(world(size, skewed=True), 0.0, True, HISTORY, requests))
    return rows


def _measure(
    made: World, blocked: float, skewed: bool, history: int, requests: int, *, peer: bool = False
) -> KernelRow:
    asking = readers(made, 200, history)
    snapshot = made.snapshot
    times, short = [], 0

    def one(reader: Reader) -> int:
        return len(rank(snapshot, reader, _REQUEST, snapshot.parameters).rows)

    for reader in asking:
        one(reader)
    for number in range(requests):
        began = time.perf_counter_ns()
        count = one(asking[number % len(asking)])
        times.append((time.perf_counter_ns() - began) / 1000)
        short += count < ITEMS_WANTED
    times.sort()
    return KernelRow(
        items=snapshot.catalogue.rows,
        blocked=blocked,
        skewed=skewed,
        history=history,
        p50_us=statistics.median(times),
        p99_us=times[int(len(times) * 0.99)],
        short=short,
        implicit_us=_implicit(made, asking) if peer else None,
    )


def _implicit(made: World, asking: Sequence[Reader]) -> tuple[float, float]:
    """The peer's median microseconds: with one BLAS thread, its best on one core, and as it comes installed."""
    with threadpool_limits(1, "blas"):
        alone = _timed(implicit_recommender(made, asking))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it warns of just what is measured here
        return alone, _timed(implicit_recommender(made, asking))


def _timed(recommend: Callable[[int], object]) -> float:
    times = []
    for number in range(12):
        began = time.perf_counter_ns()
        recommend(number)
        times.append((time.perf_counter_ns() - began) / 1000)
    return statistics.median(times[2:])


def implicit_recommender(made: World, asking: Sequence[Reader]) -> Callable[[int], object]:
    """implicit's recommend over random factors, leaving out what is blocked and what the reader already liked."""
    from implicit.cpu.als import AlternatingLeastSquares

    rng = np.random.default_rng(3)
    size = made.snapshot.catalogue.rows
    model = AlternatingLeastSquares(factors=FACTORS, num_threads=1)
    model.item_factors = rng.standard_normal((size, FACTORS), dtype=np.float32)
    model.user_factors = rng.standard_normal((len(asking), FACTORS), dtype=np.float32)
    banned = np.flatnonzero(made.blocked)
    lines = [np.unique(reader.history[:, 0]) for reader in asking]
    ones = np.ones(sum(map(len, lines)), dtype=np.float32)
    pointers = np.cumsum([0, *map(len, lines)])
    liked = sparse.csr_matrix((ones, np.concatenate(lines), pointers), shape=(len(asking), size))
    return lambda reader: model.recommend(reader, liked[reader], N=ITEMS_WANTED, filter_items=banned)


def main() -> None:
    """Print the rows."""
    for row in run():
        ratio = "" if row.ratios is None else "  {:.0f}x implicit (as installed {:.0f}x)".format(*row.ratios)
        print(
            f"{row.items:>9} items  {row.blocked:>4.0%} blocked  history {row.history:>4}  "
            f"{'skewed ' if row.skewed else 'uniform'}  p50 {row.p50_us:7.1f} us  p99 {row.p99_us:7.1f} us  "
            f"short {row.short}{ratio}"
        )


if __name__ == "__main__":
    main()
