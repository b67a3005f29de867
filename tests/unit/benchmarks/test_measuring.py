"""Measuring measures what it says: every contender is asked, judged by its own model, and told in the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import concurrency, kernel, peers, sessions, touched, truncation, warm_start
from benchmarks.__main__ import write
from benchmarks.markdown import Scale, Section, table, times
from benchmarks.plots import LATENCY, RECALL, draw
from benchmarks.timing import Spread, interleaved
from benchmarks.vectors import exact_tops, vectors


@pytest.fixture(scope="module")
def measured() -> peers.Peers:
    return peers.run((2000,), shares_blocked=(0.0, 0.5), rounds=1, seconds=0.002)


def test_contenders_are_asked_in_turn_and_slow_ones_less_often() -> None:
    asked: list[str] = []
    spreads = interleaved(
        {"one": lambda number: asked.append("one"), "two": lambda number: asked.append("two")}, rounds=2, most=4
    )
    turns = [name for place, name in enumerate(asked) if place == 0 or asked[place - 1] != name]
    assert turns == ["one", "two", "one", "two"]
    assert all(spread.count == 8 and 0 < spread.p50_us <= spread.p99_us for spread in spreads.values())
    few = interleaved({"": lambda number: sum(range(20_000))}, rounds=1, seconds=0)
    assert few[""].count == 3


def test_every_peer_is_judged_by_its_own_exact_answer(measured: peers.Peers) -> None:
    names = {row.name for row in measured.rows}
    vectors = {"numpy", "implicit", "faiss Flat", "faiss IVF", "faiss HNSW", "hnswlib", "usearch"}
    assert names == {peers.OURS, peers.WHOLE, *vectors}
    exact = [row for row in measured.rows if row.name in (peers.OURS, "numpy", "implicit", "faiss Flat")]
    assert {(row.name, row.recall) for row in exact} == {(row.name, 1.0) for row in exact}
    assert max(row.recall for row in measured.rows if row.name == "hnswlib") > 0.5
    assert {row.violations for row in measured.rows} == {0}


def test_implicit_gives_out_blocked_items_when_few_are_left_and_rank_does_not(measured: peers.Peers) -> None:
    starved = {row.name: row for row in measured.starved if row.name in (peers.OURS, "implicit")}
    assert starved[peers.OURS].violations == 0 < starved[peers.OURS].given < kernel.ITEMS_WANTED
    assert starved["implicit"].violations == kernel.ITEMS_WANTED - starved["implicit"].given > 0


def test_the_best_setting_is_the_fastest_that_recalls_enough() -> None:
    def row(setting: str, microseconds: float, recall: float) -> peers.PeerRow:
        return peers.PeerRow(10, 0.0, "x", setting, Spread(1, 1.0, 1.0, microseconds, microseconds), recall, 0, "")

    rows = (row("quick", 1, 0.5), row("good", 5, 0.96), row("slow", 9, 1.0))
    assert peers.Peers(rows, (), ()).best(10, 0.0) == [rows[1]]
    assert peers.Peers(rows[:1], (), ()).best(10, 0.0) == [rows[0]]


def test_exact_tops_are_those_of_a_full_sort_and_fewer_where_fewer_are_allowed() -> None:
    made = vectors(300, 4, np.random.default_rng(1))
    allowed = np.random.default_rng(2).random(300) < 0.5
    scores = np.where(allowed, made.readers @ made.items.T, -np.inf)
    for top, row in zip(exact_tops(made, 4, allowed, 7), scores, strict=True):
        assert set(top.tolist()) == set(np.argsort(-row)[:7].tolist())
    few = np.zeros(300, dtype=np.bool_)
    few[[3, 5]] = True
    assert sorted(exact_tops(made, 1, few, 4)[0].tolist()) == [-1, -1, 3, 5]


def test_after_too_long_a_building_the_other_indexes_are_left_out_and_told() -> None:
    made = peers.run((500,), shares_blocked=(0.5,), rounds=1, seconds=0.001, patience=-1.0)
    assert {row.name for row in made.rows} == {peers.OURS, peers.WHOLE}
    assert made.left_out[-1] == "usearch over 500 items" and made.built == ()


def test_recall_counts_what_exists_and_violations_what_is_blocked() -> None:
    tops = np.array([[1, 2, 3, 4], [5, 6, -1, -1], [-1, -1, -1, -1]])
    given = [np.array([1, 2, 9, 9]), np.array([6, 5, 7, -1]), np.array([8, 8, 8, 8])]
    assert peers.recall_of(given, tops) == 0.75
    assert peers.violations(np.array([0, 1, -1]), np.array([True, False])) == 1


def test_the_report_the_figures_and_the_plots_tell_what_was_measured(
    measured: peers.Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = kernel.run(1500, (1000, 2000), rounds=1)
    assert {row.short for row in (*made.rows, *made.growth)} == {0}
    assert [row.items for row in made.growth] == [1000, 2000]
    draw(made.growth, measured.rows, tmp_path)
    for name in (LATENCY, RECALL):
        drawing = (tmp_path / name).read_text(encoding="utf-8")
        assert "faiss HNSW" in drawing and "prefers-color-scheme" in drawing and len(drawing) < 100_000
    monkeypatch.setattr("benchmarks.__main__.REPORT", tmp_path / "BENCHMARKS.md")
    monkeypatch.setattr("benchmarks.__main__.RESULTS", tmp_path / "results" / "latest.json")
    write({"kernel": Section("## rank()\n", made.results())}, "0.0, 0.0, 0.0", 1.0)
    assert "## rank()" in (tmp_path / "BENCHMARKS.md").read_text(encoding="utf-8")
    figures = json.loads((tmp_path / "results" / "latest.json").read_text(encoding="utf-8"))
    assert figures["rank_1k_p50_us"] > 0 and "rank_growth_1k_2k" in figures


def test_sessions_end_with_their_pool_and_no_page_is_short() -> None:
    made = sessions.run(3000, shares_blocked=(0.9,), sessions=2)
    home, small = made.rows
    assert (home.short, small.short) == (0, 0)
    assert 0 < small.pool < kernel.ITEMS_WANTED < home.pool < sessions.LONGEST
    assert small.pages == 4  # one with the whole pool and an empty one, twice
    assert home.pages == 2 * (-(-home.pool // kernel.ITEMS_WANTED) + 1)
    assert made.results()["fill_short_pages"] == 0


def test_parts_threads_and_widths_are_told_apart() -> None:
    parts = touched.run(2000, rounds=1)
    assert [part.lines > 0 for part in parts.parts] == [False, True, True]
    assert 100 < parts.union < 2000
    threads = concurrency.run(2000, rounds=1, seconds=0.05)
    assert [row.history for row in threads.rows] == [50, 1000]
    assert all(row.together_per_second > 0 and row.cores_used > 0 for row in threads.rows)


def test_a_cut_graph_is_held_against_the_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEIR_DATA", raising=False)
    made = truncation.run(rows=120)
    assert {(row.model, row.width, row.found.blocked) for row in made.rows} == {
        (model, width, blocked)
        for model in ("ease", "spectral")
        for width in truncation.WIDTHS
        for blocked in (0.0, 0.5)
    }
    whole = [row for row in made.rows if row.width == 400]  # wider than the catalogue: nothing is cut
    assert all(abs(row.found.ratio - 1) < 0.02 for row in whole)
    assert set(made.results()) == {"graph_recall_over_dense", "graph_recall_over_dense_50_blocked"}


def test_scales_and_tables() -> None:
    assert Scale().up_to(1_000_000) == (10_000, 100_000, 1_000_000)
    assert Scale().up_to(30_000) == (10_000, 30_000)
    assert table(("a", "b"), [("x", 1)], words=1) == "| a | b |\n|---|---:|\n| x | 1 |\n"
    assert (times(0.73), times(812.4)) == ("0.7×", "812×")


def test_warm_and_cold_training_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEIR_DATA", raising=False)
    turns = warm_start.run(rows=150)
    expected = [(*setting, seed) for seed in warm_start.SEEDS for setting in warm_start.SETTINGS]
    assert [(turn.warm, turn.refinements, turn.seed) for turn in turns] == expected
    assert all(turn.seconds > 0 and 0 < turn.metrics[0] <= 1 for turn in turns)
    assert turns[0].over_first[0].estimate == 0
    assert warm_start.told(turns).count("| warm, 1, seed ") == len(warm_start.SEEDS)
