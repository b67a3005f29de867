"""Blocks of rows that share readers: the same sums as a dense product, and an interruption costs a block at most."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
from scipy import sparse

from ranking.interactions import Interactions
from ranking.models import row_blocks, silent, trainer
from ranking.models.neighbours import NeighboursParameters, weighting
from ranking.models.row_blocks import by_blocks, plan
from ranking.models.scratch import Scratch, cleared


def drawn(*, readers=120, rows=90, count=1500, seed=4):
    """Interactions with a favourite row, a long history, and idle rows at the end."""
    draw = np.random.default_rng(seed)
    who = np.concatenate([draw.integers(0, readers, count), np.zeros(rows - 5, np.int64), np.arange(readers)])
    what = np.concatenate([draw.integers(0, rows - 5, count), np.arange(rows - 5), np.full(readers, 3)])
    weight = draw.integers(1, 4, who.size)
    return Interactions.from_columns(who, what, np.arange(who.size), weight, readers=readers, rows=rows)


def train(name, interactions, *, progress=silent, scratch=None, **parameters):
    chosen = trainer(name)
    settings = chosen.parse(parameters)
    if scratch is None:
        return chosen.train(interactions, settings, seed=0, progress=progress)
    assert chosen.resume is not None
    return chosen.resume(interactions, settings, seed=0, progress=progress, scratch=scratch)


def dense(graph):
    found = np.zeros((graph.rows, graph.rows))
    row, slot = np.nonzero(graph.neighbours >= 0)
    found[row, graph.neighbours[row, slot]] = graph.weights[row, slot] * graph.scale
    return found


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(row_blocks, "BLOCK_WORK", 4000)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("similarity", ["bm25", "cosine"])
def test_neighbours_are_those_of_implicit(small_blocks, similarity, weighted):
    from implicit.nearest_neighbours import bm25_weight, normalize

    interactions = drawn()
    graph = train("neighbours", interactions, similarity=similarity, weighted=weighted, width=89)
    by_row = interactions.matrix(binary=not weighted).T
    # Rows without readers have no length to divide by in implicit; they are left out there, and stay empty here.
    if similarity == "bm25":
        values = sparse.csr_matrix(bm25_weight(by_row, K1=1.2, B=0.2))
    else:
        values = sparse.csr_matrix(normalize(by_row))
    expected = (values @ values.T).toarray()
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(dense(graph), expected, atol=graph.scale)


def test_the_heaviest_are_kept_and_of_equals_the_smaller_rows(small_blocks):
    interactions = Interactions.from_columns(np.repeat(np.arange(6), 30), np.tile(np.arange(30), 6))
    graph = train("neighbours", interactions, similarity="cosine", width=3)
    assert graph.neighbours[0].tolist() == [1, 2, 3]
    assert graph.neighbours[20].tolist() == [0, 1, 2]
    wide, narrow = (train("neighbours", drawn(), width=width) for width in (89, 7))
    heaviest = -np.sort(-dense(wide), axis=1)[:, :7]
    np.testing.assert_allclose(-np.sort(-dense(narrow), axis=1)[:, :7], heaviest, atol=narrow.scale)


def test_only_the_newest_of_a_long_history_count_when_asked():
    interactions = drawn()
    assert interactions.newest(10_000) is interactions
    short = interactions.newest(4)
    assert np.diff(short.indptr).max() == 4
    assert short.indices[-4:].tolist() == interactions.indices[-4:].tolist()
    limited = train("neighbours", interactions, newest=4)
    assert (limited.neighbours == train("neighbours", short).neighbours).all()


def test_shared_pairs_are_the_pairs_that_readers_share_with_the_weights_of_all_pairs(small_blocks):
    draw = np.random.default_rng(8)
    interactions = Interactions.from_columns(draw.integers(0, 60, 240), draw.integers(0, 80, 240), rows=84)
    every, shared = (
        dense(train("spectral", interactions, components=10, width=83, pairs=pairs)) for pairs in ("all", "shared")
    )
    matrix = interactions.matrix(binary=True).toarray()
    together = matrix.T @ matrix > 0
    assert 0.02 < together.mean() < 0.5
    np.testing.assert_allclose(shared, np.where(together, every, 0), atol=2e-4 * np.abs(every).max())


@pytest.mark.parametrize("model", ["neighbours", "spectral"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_graph_does_not_depend_on_threads_or_blocks(monkeypatch, model, threads):
    interactions = drawn()
    chosen = {"pairs": "shared", "components": 16} if model == "spectral" else {}
    expected = train(model, interactions, width=9, **chosen).version
    monkeypatch.setattr(row_blocks, "BLOCK_WORK", 700)
    monkeypatch.setattr(row_blocks, "get_num_threads", lambda: threads)
    assert train(model, interactions, width=9, **chosen).version == expected


def test_blocks_cover_all_rows_with_about_equal_work(monkeypatch):
    monkeypatch.setattr(row_blocks, "BLOCK_WORK", 10)
    monkeypatch.setattr(row_blocks, "BLOCK_ROWS", 4)
    assert plan(np.array([4, 4, 4, 50, 1, 1, 1, 1, 1, 9])) == [(0, 2), (2, 3), (3, 4), (4, 8), (8, 10)]
    assert plan(np.zeros(0, np.int64)) == []


class Counted:
    """Work of forty blocks that notes which were computed, and is interrupted after some."""

    def __init__(self, scratch, stop_after=None, cancelled=None):
        """The last ten blocks wait for ``cancelled``: no machine computes them before the interruption is seen."""
        self.scratch, self.stop_after, self.cancelled = scratch, stop_after, cancelled
        self.computed, self.told = [], []

    def compute(self, start, space, ids, weights):
        if self.cancelled is not None and start >= 30:
            assert self.cancelled.wait(60)
        self.computed.append(start)
        ids[:] = np.arange(start, start + ids.shape[0])[:, None]
        weights[:] = 0.5

    def progress(self, done, message):
        self.told.append(done)
        if self.stop_after is not None and len(self.told) > self.stop_after:
            raise KeyboardInterrupt

    def run(self):
        return by_blocks(
            np.full(40, 3000, np.int64),
            2,
            self.compute,
            lambda: None,
            scratch=self.scratch,
            progress=self.progress,
            message="counting",
        )


def test_what_was_finished_before_an_interruption_is_not_computed_again(tmp_path, small_blocks, monkeypatch):
    cancelled = Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            cancelled.set()
            super().shutdown(wait=wait)

    monkeypatch.setattr(row_blocks, "ThreadPoolExecutor", Pool)
    first = Counted(Scratch(tmp_path), stop_after=5, cancelled=cancelled)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = Counted(Scratch(tmp_path))
    ids, weights = second.run()
    assert 5 <= len(first.computed) < 40
    assert sorted(first.computed + second.computed) == list(range(40))
    assert ids.tolist() == [[row, row] for row in range(40)]
    assert (weights == 0.5).all()
    assert second.told == sorted(second.told)
    assert second.told[0] == pytest.approx(len(first.computed) / 40)
    assert second.told[-1] == 1.0


def test_a_block_that_was_spoilt_is_computed_again(tmp_path, small_blocks):
    Counted(Scratch(tmp_path)).run()
    files = sorted(tmp_path.glob("rows-*.npz"))
    content = bytearray(files[0].read_bytes())
    content[content.index(b"\x00\x00\x00\x3f")] ^= 1
    files[0].write_bytes(content)
    files[1].write_bytes(files[1].read_bytes()[:100])
    np.savez(files[2], np.zeros(3))
    again = Counted(Scratch(tmp_path))
    again.run()
    assert len(again.computed) == 3


def test_an_interrupted_training_goes_on_to_the_same_graph(tmp_path, small_blocks):
    interactions, parameters = drawn(), NeighboursParameters(width=9)

    def interrupted(done, message):
        if done > 0.5:
            raise KeyboardInterrupt

    scratch = Scratch.of(tmp_path, interactions, "neighbours", {"width": 9}, 0)
    with pytest.raises(KeyboardInterrupt):
        train("neighbours", interactions, progress=interrupted, scratch=scratch, width=9)
    assert list(tmp_path.rglob("rows-*.npz"))
    again = Scratch.of(tmp_path, interactions, "neighbours", {"width": 9}, 0)
    assert again == scratch
    resumed = train("neighbours", interactions, scratch=again, width=9)
    assert resumed.version == trainer("neighbours").train(interactions, parameters, seed=0, progress=silent).version
    assert not list(tmp_path.rglob(".*.new"))
    cleared(tmp_path)
    assert not tmp_path.exists()


def test_two_trainings_on_the_same_data_do_not_disturb_each_other(tmp_path):
    mine, other = (Scratch(tmp_path / "same") for _ in range(2))
    first, second = (scratch.array("readers", 4, np.int32) for scratch in (mine, other))
    first[:], second[:] = 1, 2
    assert first.tolist() == [1, 1, 1, 1]
    cleared(tmp_path / "same")
    mine.put("rows-0-2", np.zeros((2, 3)))
    assert other.get("rows-0-2", (2, 3)) is not None
    assert [path.name for path in (tmp_path / "same").iterdir()] == ["rows-0-2.npz"]


def test_a_finished_decomposition_is_taken_up(tmp_path, monkeypatch):
    interactions = drawn()
    scratch = Scratch.of(tmp_path, interactions, "spectral", {}, 0)
    first = train("spectral", interactions, scratch=scratch, width=9)
    monkeypatch.setattr("ranking.models.spectral.right_singular", None)
    assert train("spectral", interactions, scratch=scratch, width=9).version == first.version


def test_other_data_and_other_parameters_have_a_scratch_of_their_own(tmp_path):
    interactions = drawn()
    folders = {
        Scratch.of(tmp_path, interactions, "neighbours", {"width": 9}, 0).folder,
        Scratch.of(tmp_path, interactions, "neighbours", {"width": 8}, 0).folder,
        Scratch.of(tmp_path, interactions, "neighbours", {"width": 9}, 1).folder,
        Scratch.of(tmp_path, interactions, "spectral", {"width": 9}, 0).folder,
        Scratch.of(tmp_path, drawn(seed=5), "neighbours", {"width": 9}, 0).folder,
    }
    assert len(folders) == 5


def test_bm25_damps_popular_rows_and_long_histories():
    interactions = drawn()
    by = weighting(interactions, NeighboursParameters(length_penalty=0.8))
    assert by.row_term[3] == by.row_term.max()
    assert by.reader_factor[0] == by.reader_factor.min()
