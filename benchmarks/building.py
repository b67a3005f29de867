"""Building a graph: seconds and peak memory against catalogue size and interactions, one fresh process a point.

Interactions are made with a power law over items, log-normal histories, and readers at home in one of many
neighbourhoods of a thousand items. Memory is the process's own peak (``ru_maxrss``), its libraries and the
interactions included; seconds are those of training alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ranking.interactions import Interactions
from ranking.models import silent, trainer

WIDTH = 100
COMPONENTS = 64
PLOT = Path(__file__).resolve().parent.parent / "docs" / "plots" / "building.svg"

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "neighbours": ("neighbours", {"width": WIDTH}),
    "spectral, all pairs": (
        "spectral",
        {"width": WIDTH, "components": COMPONENTS, "oversampling": 32, "power_iterations": 2, "pairs": "all"},
    ),
    "spectral, shared pairs": (
        "spectral",
        {"width": WIDTH, "components": COMPONENTS, "oversampling": 32, "power_iterations": 2, "pairs": "shared"},
    ),
}
GROWING = ((10_000, 100_000), (100_000, 1_000_000), (1_000_000, 10_000_000))
"""Items and interactions that grow together, ten an item."""
DENSER = ((100_000, 3_000_000),)
"""More interactions on as many items."""
LARGEST_ALL_PAIRS = 100_000
_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Point:
    """One training."""

    model: str
    items: int
    interactions: int
    """Distinct pairs of reader and item."""

    pairs: int
    """Pairs of entries of one reader: what shared pairs and neighbours have to look at."""

    seconds: float
    peak_mb: float
    data_mb: float
    """Peak before training began."""


@dataclass(frozen=True, slots=True)
class Building:
    """All points."""

    points: tuple[Point, ...]

    def results(self) -> dict[str, float]:
        """Flat keys for ``benchmarks/results/latest.json``: the largest catalogue of each model."""
        flat: dict[str, float] = {}
        for name in MODELS:
            mine = [point for point in self.points if point.model == name]
            if mine:
                largest = max(mine, key=lambda point: (point.items, point.interactions))
                key = f"build_{name.replace(', ', '_').replace(' ', '_')}"
                flat |= {f"{key}_items": largest.items, f"{key}_interactions": largest.interactions}
                flat |= {f"{key}_seconds": largest.seconds, f"{key}_peak_mb": largest.peak_mb}
        return flat


def run(*, quick: bool = False, told: Callable[[Point], None] = lambda point: None) -> Building:
    """Measure every model at every size; ``quick`` leaves the largest ones out. Each point is ``told`` at once."""
    sizes = GROWING[:-1] if quick else GROWING + DENSER
    points = []
    for items, count in sizes:
        for name in MODELS:
            if "all pairs" in name and (items > LARGEST_ALL_PAIRS or quick):
                continue
            points.append(_point(name, items, count))
            told(points[-1])
    return Building(tuple(points))


def drawn(items: int, count: int, *, seed: int = 1) -> Interactions:
    """``count`` drawn interactions of ``count / 10`` readers, duplicates merged."""
    draw = np.random.default_rng(seed)
    readers, homes = max(1, count // 10), max(1, items // 1000)
    activity = draw.lognormal(0, 1, readers)
    who = draw.choice(readers, size=count, p=activity / activity.sum())
    at_home = draw.random(count) < 0.8
    near = draw.integers(0, homes, readers)[who] + homes * (1000 * draw.random(count) ** 2).astype(np.int64)
    far = (items * draw.random(count) ** 3).astype(np.int64)
    return Interactions.from_columns(who, np.minimum(np.where(at_home, near, far), items - 1), rows=items)


def plot(building: Building, path: Path) -> None:
    """Draw seconds and peak memory against interactions, log-log, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "weir"
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(7, 8), sharex=True, layout="constrained")
    for number, name in enumerate(MODELS):
        colour = f"C{number}"
        mine = [point for point in building.points if point.model == name]
        for items, marker in ((10_000, "o"), (100_000, "s"), (1_000_000, "^")):
            at = [(point.interactions, point.seconds, point.peak_mb) for point in mine if point.items == items]
            if at:
                counts, seconds, peaks = zip(*at, strict=True)
                above.plot(counts, seconds, marker, color=colour, label=f"{name}, {items:,} items")
                below.plot(counts, peaks, marker, color=colour)
        growing = [(point.interactions, point.seconds, point.peak_mb) for point in mine if _together(point)]
        if growing:
            counts, seconds, peaks = zip(*growing, strict=True)
            above.plot(counts, seconds, "-", color=colour, linewidth=0.8)
            below.plot(counts, peaks, "-", color=colour, linewidth=0.8)
    above.set(xscale="log", yscale="log", ylabel="seconds of training")
    below.set(xscale="log", yscale="log", xlabel="interactions", ylabel="peak memory, MB")
    below.axhline(8192, color="grey", linewidth=0.8, linestyle="--")
    above.set_title(f"Building a graph, M = {WIDTH}, K = {COMPONENTS}; lines: ten interactions an item")
    above.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _together(point: Point) -> bool:
    return any(point.items == items and point.interactions <= count for items, count in GROWING)


def _point(name: str, items: int, count: int) -> Point:
    command = [sys.executable, "-m", "benchmarks.building", "--point", name, str(items), str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_SECONDS, check=True)
    return Point(**json.loads(done.stdout))


def _measured(name: str, items: int, count: int) -> Point:
    """One point, in this process."""
    model, parameters = MODELS[name]
    used = trainer(model)
    settings = used.parse(parameters)
    used.train(drawn(1000, 5000), settings, seed=0, progress=silent)  # compiles the kernels
    interactions = drawn(items, count)
    held = np.diff(interactions.indptr)
    before = _peak_mb()
    began = time.perf_counter()
    used.train(interactions, settings, seed=0, progress=silent)
    seconds = time.perf_counter() - began
    return Point(name, items, interactions.count, int((held * held).sum()), seconds, _peak_mb(), before)


def _print(point: Point) -> None:
    sizes = f"{point.items:>10,}{point.interactions:>14,}{point.pairs:>15,}"
    print(f"{point.model:<24}{sizes}{point.seconds:>9.1f}{point.peak_mb:>9,.0f}{point.data_mb:>8,.0f}", flush=True)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what was measured and draw it; ``--quick`` stays below a minute and draws nothing."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="the smaller sizes only, and no plot")
    parser.add_argument("--point", nargs=3, metavar=("MODEL", "ITEMS", "COUNT"), help="measure one point, as JSON")
    given = parser.parse_args(arguments)
    if given.point:
        name, items, count = given.point
        print(json.dumps(asdict(_measured(name, int(items), int(count)))))
        return
    print(
        f"{'model':<24}{'items':>10}{'interactions':>14}{'reader pairs':>15}{'seconds':>9}{'peak MB':>9}{'before':>8}"
    )
    building = run(quick=given.quick, told=_print)
    if not given.quick:
        plot(building, PLOT)


if __name__ == "__main__":
    main()
