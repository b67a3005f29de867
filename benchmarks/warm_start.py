"""What beginning from an earlier model saves, and what it costs: `spectral` anew and warm, on one validation part.

The earlier model is made of a random nine tenths of what the others train on. Settings take turns, because machines are
shared, once with each seed. Data: the training file of Gowalla in the folder that ``WEIR_DATA`` names, else drawn
interactions. Run it with ``taskset -c 0 python -m benchmarks.warm_start``; docs/freshness.md has its figures.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.building import drawn
from benchmarks.markdown import table
from experiments.evaluation import Evaluation, evaluate_graph
from experiments.splits import Split, carve, read_one
from experiments.statistics import Interval
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models import silent
from ranking.models.spectral import SpectralParameters, train

SEEDS = (0, 2)
SETTINGS = ((False, 3), (True, 1), (True, 0), (False, 2), (False, 1))
"""Whether it begins from the earlier model, and refinements."""

_METRICS = ("recall@20", "ndcg@20")
_ROWS = 4000


@dataclass(frozen=True, slots=True)
class Turn:
    """One training."""

    warm: bool
    refinements: int
    seed: int
    seconds: float
    """Of processor time, on all cores together."""

    metrics: tuple[float, ...]
    over_first: tuple[Interval, ...]
    """Differences from the first turn; paired bootstrap over readers."""


def run(rows: int = _ROWS) -> list[Turn]:
    """Train in turns; without data, on drawn interactions of so many ``rows``."""
    split = _split(rows)
    draw = np.random.default_rng(5)
    older = split.train.where(draw.random(split.train.count) < 0.9)
    earlier = train(older, SpectralParameters(), seed=1, progress=silent)
    _compiled()
    first: Evaluation | None = None
    turns = []
    for seed in SEEDS:
        for warm, refinements in SETTINGS:
            seconds, graph = _timed(split.train, refinements, seed, earlier if warm else None)
            judged = evaluate_graph(graph, split)
            first = first or judged
            metrics, over = judged.metrics(), judged.over(first, seed=0)
            figures = tuple(metrics[name] for name in _METRICS), tuple(over[name] for name in _METRICS)
            turns.append(Turn(warm, refinements, seed, seconds, *figures))
    return turns


def _timed(interactions: Interactions, refinements: int, seed: int, start: ItemGraph | None) -> tuple[float, ItemGraph]:
    parameters, began = SpectralParameters(power_iterations=refinements), time.process_time()
    graph = train(interactions, parameters, seed=seed, progress=silent, start=start)
    return time.process_time() - began, graph


def _compiled() -> None:
    """Kernels are compiled before anything is timed."""
    few = drawn(100, 2000)
    start = train(few, SpectralParameters(), seed=0, progress=silent)
    train(few, SpectralParameters(), seed=0, progress=silent, start=start)


def _split(rows: int) -> Split:
    folder = os.environ.get("WEIR_DATA")
    path = Path(folder) / "gowalla" / "train.txt" if folder else None
    everything = read_one(path) if path is not None and path.exists() else drawn(rows, rows * 20)
    return carve(everything, 0.2, seed=11)


def told(turns: list[Turn]) -> str:
    """The turns as a table in Markdown."""
    lines = [
        (
            f"{'warm' if turn.warm else 'anew'}, {turn.refinements}, seed {turn.seed}",
            f"{turn.seconds:.1f}",
            " / ".join(f"{value:.4f}" for value in turn.metrics),
            " / ".join(f"{one.estimate:+.4f} ({one.low:+.4f} to {one.high:+.4f})" for one in turn.over_first),
        )
        for turn in turns
    ]
    return table(("refinements", "seconds", "Recall@20 / NDCG@20", "over the first, 95 %"), lines, words=1)


if __name__ == "__main__":
    print(told(run()))
