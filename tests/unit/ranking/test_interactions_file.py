"""Interactions built from chunks are those of all columns at once, mapped and read-only."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ranking import interactions_file
from ranking.errors import DataError
from ranking.interactions import Interactions
from ranking.interactions_file import build, load
from ranking.models import silent, trainer


def columns(count=3000, readers=500, rows=60, seed=2):
    draw = np.random.default_rng(seed)
    numbers = (draw.integers(0, high, count) for high in (readers, rows, 10_000))
    return (*numbers, draw.integers(0, 4, count).astype(np.float32))


def chunks(given, size=700):
    for start in range(0, given[0].size, size):
        yield tuple(column[start : start + size] for column in given)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(interactions_file, "READERS_A_PART", 64)


def test_chunks_become_the_interactions_of_all_columns_at_once(tmp_path):
    given = columns()
    expected = Interactions.from_columns(*given, readers=700, rows=70)
    built = build(tmp_path / "columns", chunks(given), readers=700, rows=70)
    for found in (built, load(tmp_path / "columns")):
        assert (found.readers, found.rows, found.count) == (700, 70, expected.count)
        for name in ("indptr", "indices", "weights", "times"):
            array = getattr(found, name)
            assert (array == getattr(expected, name)).all()
            assert array.dtype == getattr(expected, name).dtype
            assert not array.flags.writeable
    assert sorted(path.name for path in (tmp_path / "columns").iterdir()) == sorted(
        ["about.json", "indices", "indptr", "times", "weights"]
    )


def test_mapped_interactions_train_to_the_same_graph(tmp_path):
    given = columns()
    mapped = build(tmp_path / "columns", chunks(given), readers=500, rows=60)
    for name in ("neighbours", "spectral"):
        used = trainer(name)
        whole = Interactions.from_columns(*given, readers=500, rows=60)
        graphs = [used.train(each, used.parse({"width": 5}), seed=0, progress=silent) for each in (mapped, whole)]
        assert graphs[0].version == graphs[1].version


def test_an_empty_folder_of_interactions_is_empty(tmp_path):
    built = build(tmp_path / "columns", [], readers=3, rows=2)
    assert (built.readers, built.count, built.rows) == (3, 0, 2)


def test_a_folder_that_is_not_whole_is_refused(tmp_path):
    folder = tmp_path / "columns"
    with pytest.raises(DataError, match="holds no whole interactions"):
        load(folder)
    with pytest.raises(DataError, match=r"reader 500 must lie in \[0, 500\)"):
        build(folder, [(np.array([500]), np.array([1]), np.array([0]), np.array([1.0]))], readers=500, rows=60)
    with pytest.raises(DataError, match="holds no whole interactions"):
        load(folder)
    build(folder, chunks(columns()), readers=500, rows=60)
    (folder / "times").write_bytes(b"short")
    with pytest.raises(DataError, match="times has not the"):
        load(folder)
    about = json.loads((folder / "about.json").read_text())
    (folder / "about.json").write_text(json.dumps({**about, "format": 99}))
    with pytest.raises(DataError, match="has format 99"):
        load(folder)
