"""The plot of a soak: memory by requests."""

from __future__ import annotations

from pathlib import Path

from benchmarks.load_soak import HOUR_RATE, Soak
from benchmarks.plots import saved, subplots

PLOT = "soak.svg"


def draw(soaked: Soak, folder: Path) -> Path:
    """Draw the memory by requests into a folder; returns the file."""
    course = soaked.course
    figure, axis = subplots(figsize=(8, 4))
    requests = [one / 1000 for one, _ in course.points]
    axis.plot(
        requests, [own for _, own in course.points], "-", color="#0072b2", linewidth=1.3, label="memory of no file"
    )
    middle, last = requests[-1] / 2, requests[-1]
    for half, (start, end) in ((course.first, (0, middle)), (course.second, (middle, last))):
        axis.plot((start, end), (half.own_mb, half.own_mb), "--", color="#d55e00", linewidth=1.3)
        axis.annotate(f"median {half.own_mb:,.1f} MB", (start, half.own_mb), xytext=(4, 8), textcoords="offset points")
    axis.set(
        xlabel="thousand requests after the warm-up", ylabel="MB", ylim=(0, 1.25 * max(y for _, y in course.points))
    )
    title = f"{soaked.hours:.2f} hours of {HOUR_RATE:g} requests a second, in {soaked.seconds / 60:.1f} minutes"
    axis.set_title(title, fontsize="medium")
    axis.grid(True, which="major", linewidth=0.4, alpha=0.5)
    axis.legend(frameon=False, loc="lower right")
    path = folder / PLOT
    saved(figure, path)
    return path
