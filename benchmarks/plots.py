"""Plots of what was measured: latency against catalogue size, and recall against latency, as small SVG files.

Colours are told apart by all kinds of sight and by marker. Ink is the page's own: black on light, white on dark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.kernel import KernelRow, size_name
from benchmarks.peers import OURS, PeerRow

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "plots"
LATENCY, RECALL = "latency.svg", "recall.svg"
BLOCKED = 0.5
"""Share blocked in the plot of latency."""

_INK = "#010203"
_STYLES: Mapping[str, tuple[str, str]] = {
    OURS: (_INK, "*"),
    "numpy": ("#8c8c8c", "x"),
    "implicit": ("#d55e00", "o"),
    "faiss Flat": ("#0072b2", "s"),
    "faiss IVF": ("#56b4e9", "D"),
    "faiss HNSW": ("#009e73", "^"),
    "hnswlib": ("#cc79a7", "v"),
    "usearch": ("#e69f00", "P"),
}
_INKED = """<style>svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>"""


def draw(growth: Sequence[KernelRow], rows: Sequence[PeerRow], folder: Path = FOLDER) -> None:
    """Draw both plots of one run: rank() by size, and all contenders at every setting."""
    folder.mkdir(parents=True, exist_ok=True)
    figure, axis = subplots(figsize=(8, 5))
    _latency(axis, growth, rows)
    _legend(figure, axis)
    saved(figure, folder / LATENCY)
    largest = max(row.items for row in rows)
    shares = sorted({row.blocked for row in rows if row.items == largest})
    figure, axes = subplots(1, len(shares), figsize=(3.6 * len(shares), 4.6), sharey=True)
    panels = [axes] if len(shares) == 1 else list(axes)
    for axis, blocked in zip(panels, shares, strict=True):
        _recall(axis, [row for row in rows if (row.items, row.blocked) == (largest, blocked)])
        axis.set_title(f"{largest:,} items, {blocked:.0%} blocked", fontsize="medium")
    panels[0].set_ylabel("recall of the exact governed top 50\nof the contender's own model")
    _legend(figure, panels[0])
    saved(figure, folder / RECALL)


def _latency(axis: Any, growth: Sequence[KernelRow], rows: Sequence[PeerRow]) -> None:
    """Of each peer the fastest setting at .95 recall, by size; nothing where it has none."""
    for name, (colour, marker) in _STYLES.items():
        points = {row.items: row.spread.p50_own_us for row in growth} if name == OURS else {}
        for row in rows:
            if (row.name, row.blocked) == (name, BLOCKED) and row.recall >= 0.95 and name != OURS:
                points[row.items] = min(row.spread.p50_own_us, points.get(row.items, row.spread.p50_own_us))
        if not points:
            continue
        sizes = sorted(points)
        line = {"linewidth": 2.5, "markersize": 11} if name == OURS else {"linewidth": 1.3, "markersize": 6}
        axis.plot(sizes, [points[size] for size in sizes], marker + "-", color=colour, label=name, **line)
    axis.set(xscale="log", yscale="log", xlabel="items in the catalogue", ylabel="median processor time, one core")
    axis.xaxis.set_major_formatter(lambda size, _: size_name(int(size)))
    axis.yaxis.set_major_formatter(_latency_name)
    axis.set_title(f"The best 50 of N items, {BLOCKED:.0%} of them blocked; peers at recall ≥ .95", fontsize="medium")
    axis.grid(True, which="major", linewidth=0.4, alpha=0.5)


def _recall(axis: Any, rows: Sequence[PeerRow]) -> None:
    """Each contender's settings as a line from fast to slow."""
    for name, (colour, marker) in _STYLES.items():
        mine = sorted((row.spread.p50_own_us, row.recall) for row in rows if row.name == name)
        latencies, recalls = [latency for latency, _ in mine], [recall for _, recall in mine]
        size = 13 if name == OURS else 6
        if mine:
            axis.plot(latencies, recalls, marker + "-", color=colour, label=name, linewidth=1.3, markersize=size)
    axis.set(xscale="log", ylim=(-0.03, 1.05), xlabel="median processor time, one core")
    axis.xaxis.set_major_formatter(_latency_name)
    axis.grid(True, which="major", linewidth=0.4, alpha=0.5)


def _latency_name(microseconds: float, _: int) -> str:
    return f"{microseconds / 1000:g} ms" if microseconds >= 1000 else f"{microseconds:g} µs"


def _legend(figure: Any, axis: Any) -> None:
    handles, names = axis.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)


def subplots(*counts: int, **asked: Any) -> tuple[Any, Any]:
    """A figure with its axes, in the style of all plots."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    inked: Sequence[Any] = (
        "text.color",
        "axes.edgecolor",
        "axes.labelcolor",
        "xtick.color",
        "ytick.color",
        "grid.color",
    )
    matplotlib.rcParams.update(
        {"svg.hashsalt": "weir", "svg.fonttype": "none", "font.family": "sans-serif", **dict.fromkeys(inked, _INK)}
    )
    figure, axes = pyplot.subplots(*counts, layout="constrained", **asked)
    return figure, axes


def saved(figure: Any, path: Path) -> None:
    """Write without a background, and with ink of the page's own colour."""
    from matplotlib import pyplot

    figure.savefig(path, transparent=True, metadata={"Date": None})
    pyplot.close(figure)
    text = path.read_text(encoding="utf-8").replace(_INK, "currentColor")
    # What matplotlib leaves without a colour is text, which would be black on a dark page.
    text = re.sub(r'<text style="(?![^"]*fill)', '<text style="fill: currentColor; ', text)
    text = re.sub(r"(<svg [^>]*>)", lambda found: found.group(1) + _INKED, text, count=1)
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")
