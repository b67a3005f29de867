"""The Spark engine, on real local Spark: the graph of the local engine, and the same one every time."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.evaluation import evaluate_graph
from experiments.holdout import HeldOut, hold_out, time_split
from experiments.splits import read_pair
from feed.models.parquet import Exchange
from ranking.errors import TrainingError
from ranking.interactions import Interactions, rating_kinds
from ranking.models import silent, trainer
from ranking.models.engine import local
from ranking.models.neighbours import NeighboursParameters
from ranking.models.spark import VALUE_BITS, Spark, _bits, session

MASTER = "local[2]"


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spark")
    with session(MASTER, folder=str(folder / "own")) as running:
        yield Spark(running, Exchange(folder / "exchange"))


def drawn(*, readers=150, rows=80, count=1800, seed=6):
    draw = np.random.default_rng(seed)
    who, what = draw.integers(0, readers, count), np.minimum(draw.zipf(1.4, count), rows - 3)
    return Interactions.from_columns(
        who, what, np.arange(count), draw.integers(1, 4, count), readers=readers, rows=rows
    )


def both(spark, interactions, **parameters):
    used = trainer("neighbours")
    settings = used.parse(parameters)
    run = (used, interactions, settings)
    return spark(*run, seed=0, progress=silent), local(*run, seed=0, progress=silent)


def agreement(graph, other):
    """Share of neighbours that both graphs have, over all rows."""
    shared = [
        len(set(a) & set(b) - {-1}) for a, b in zip(graph.neighbours.tolist(), other.neighbours.tolist(), strict=True)
    ]
    return sum(shared) / int((other.neighbours >= 0).sum())


@pytest.fixture(scope="module")
def likes(movielens):
    """Each reader's ratings of ml-latest-small, split by time."""
    columns = np.loadtxt(movielens / "ratings.csv", delimiter=",", skiprows=1)
    reader, film = (np.unique(columns[:, at], return_inverse=True)[1] for at in (0, 1))
    kinds = rating_kinds(columns[:, 2])
    return time_split(
        Interactions.from_events(reader, film, columns[:, 3].astype(np.int64), kinds),
        HeldOut.LATEST_OF_EACH,
        0.2,
        seed=0,
    )


@pytest.mark.parametrize(("similarity", "weighted"), [("bm25", False), ("cosine", True)])
def test_spark_makes_the_graph_of_the_local_engine(spark, similarity, weighted):
    graph, expected = both(spark, drawn(), similarity=similarity, weighted=weighted, width=79)
    assert graph.rows == expected.rows
    found, wanted = (np.zeros((80, 80)) for _ in range(2))
    for target, made in ((found, graph), (wanted, expected)):
        row, slot = np.nonzero(made.neighbours >= 0)
        target[row, made.neighbours[row, slot]] = made.weights[row, slot] * made.scale
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(found, wanted, atol=2 * expected.scale)


def test_the_graph_does_not_depend_on_how_the_work_is_dealt_out(spark):
    first, _ = both(spark, drawn(), weighted=True, width=9)
    dealt = spark.session.conf.get("spark.sql.shuffle.partitions")
    spark.session.conf.set("spark.sql.shuffle.partitions", "3")
    again, _ = both(spark, drawn(), weighted=True, width=9)
    spark.session.conf.set("spark.sql.shuffle.partitions", dealt)
    assert again.version == first.version


def test_on_films_spark_and_local_have_nearly_the_same_neighbours_and_the_same_quality(spark, likes):
    graph, expected = both(spark, likes.train, width=50)
    assert agreement(graph, expected) > 0.99
    ours, theirs = (evaluate_graph(each, likes).metrics() for each in (graph, expected))
    assert ours["recall@20"] == pytest.approx(theirs["recall@20"], abs=0.002)
    assert ours["ndcg@20"] == pytest.approx(theirs["ndcg@20"], abs=0.002)


@pytest.mark.slow
def test_on_gowalla_spark_has_the_quality_of_the_local_engine(spark, gowalla):
    split = read_pair(gowalla / "train.txt", gowalla / "test.txt")
    ours, theirs = (
        hold_out(split, model="neighbours", parameters={"width": 50, "newest": 100}, engine=engine).evaluation.metrics()
        for engine in (spark, local)
    )
    assert ours["recall@20"] == pytest.approx(theirs["recall@20"], rel=0.01)
    assert ours["ndcg@20"] == pytest.approx(theirs["ndcg@20"], rel=0.01)


def test_other_models_are_refused_before_anything_is_written(spark):
    used = trainer("spectral")
    with pytest.raises(TrainingError, match="trains neighbours, not spectral"):
        spark(used, drawn(), used.parse({}), seed=0, progress=silent)


def test_progress_never_falls_and_ends_at_one(spark):
    told = []
    spark(
        trainer("neighbours"),
        drawn(),
        NeighboursParameters(width=5, newest=7),
        seed=0,
        progress=lambda done, message: told.append(done),
    )
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_values_stay_within_what_their_sums_can_hold():
    assert _bits(1) == _bits(1 << 20) == VALUE_BITS
    assert 2 * _bits(1 << 30) + 30 < 63
