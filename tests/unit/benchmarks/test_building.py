"""The measuring of building itself: same draws, honest points, and a plot of what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.building import Building, Point, _point, drawn, plot


def test_a_point_is_measured_in_a_process_of_its_own() -> None:
    point = _point("neighbours", 2000, 20_000)
    interactions = drawn(2000, 20_000)
    held = np.diff(interactions.indptr)
    assert (point.items, point.interactions, point.pairs) == (2000, interactions.count, int((held**2).sum()))
    assert point.seconds > 0
    assert 0 < point.data_mb <= point.peak_mb


def test_draws_repeat_and_have_a_head_and_long_histories() -> None:
    first, again = drawn(5000, 50_000), drawn(5000, 50_000)
    assert (first.indices == again.indices).all()
    popularity = np.sort(first.popularity())[::-1]
    assert popularity[:500].sum() > 0.3 * first.count
    assert np.diff(first.indptr).max() > 5 * np.diff(first.indptr).mean()


def test_results_are_those_of_the_largest_catalogue_and_the_plot_shows_every_model(tmp_path: Path) -> None:
    points = [
        Point(name, items, items * 10, items * 300, seconds, 200.0, 100.0)
        for name in ("neighbours", "spectral, shared pairs")
        for items, seconds in ((10_000, 1.0), (100_000, 9.0))
    ]
    building = Building(tuple(points))
    assert building.results()["build_neighbours_seconds"] == 9.0
    assert building.results()["build_spectral_shared_pairs_items"] == 100_000
    plot(building, tmp_path / "plots" / "building.svg")
    drawing = (tmp_path / "plots" / "building.svg").read_text(encoding="utf-8")
    assert "neighbours, 100,000 items" in drawing and "spectral, shared pairs, 10,000 items" in drawing
