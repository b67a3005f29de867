"""Hold-out reports, automatic choice, and the quality that real data gives."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from experiments.evaluation import evaluate_graph
from experiments.holdout import HeldOut, evaluate_files, evaluate_store, hold_out, time_split, train_store
from experiments.selection import LADDER, WIDE, Candidate, blends, ladder, select
from experiments.splits import Split, latest_of_each
from ranking.errors import DataError, TrainingError
from ranking.interactions import Interactions, rating_kinds
from ranking.models import silent, trainer


def communities(seed=0, groups=4, rows_each=15, readers_each=25):
    """Readers who act on ten rows of their own group, at rising seconds."""
    draw = np.random.default_rng(seed)
    readers, rows = [], []
    for reader in range(groups * readers_each):
        readers += [reader] * 10
        rows += (draw.choice(rows_each, 10, replace=False) + reader % groups * rows_each).tolist()
    return Interactions.from_columns(readers, rows, draw.permutation(len(rows)))


def ticking():
    """A clock that moves one second a look."""
    return iter(range(10**6)).__next__


def test_a_report_compares_with_popularity_on_the_same_readers():
    report = evaluate_store(communities(), model="neighbours", k=5, clock=ticking())
    plain = report.as_json()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["model"] == "neighbours" and plain["train_seconds"] == 1
    assert plain["recall@5"] > plain["popularity"]["recall@5"]
    assert plain["over_popularity"]["recall@5"]["low"] > 0
    assert plain["readers"] == plain["popularity"]["readers"] == 100
    assert plain["tried"] == []


def test_popularity_is_level_with_itself():
    plain = evaluate_store(communities(), model="popularity").as_json()
    assert plain["over_popularity"]["ndcg@20"]["low"] == plain["over_popularity"]["ndcg@20"]["high"] == 0


def test_training_for_service_uses_everything_and_carries_the_held_out_metrics():
    interactions = communities()
    graph, report = train_store(interactions, created_at=77, model="neighbours", k=5)
    again = trainer("neighbours").train(interactions, trainer("neighbours").parse({}), seed=0, progress=silent)
    assert graph.version == again.version != report.graph.version
    assert graph.created_at == 77
    assert dict(graph.metrics) == report.evaluation.metrics()


def test_progress_runs_from_nothing_to_all():
    told = []
    train_store(communities(), created_at=0, model="auto", progress=lambda done, words: told.append(done))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_auto_keeps_the_best_on_validation_and_reports_all():
    report = evaluate_store(communities(), model="auto", k=5)
    tried = report.as_json()["tried"]
    assert {each["model"] for each in tried} == {"popularity", "neighbours", "als", "ease", "spectral", "blend"}
    assert sum(each["model"] == "blend" for each in tried) == 9
    quality = [each["metrics"]["ndcg@5"] * each["metrics"]["recall@5"] for each in tried]
    assert report.graph.trainer == tried[int(np.argmax(quality))]["model"]


def test_auto_never_looks_at_what_is_held_out():
    split = latest_of_each(communities())
    selection = hold_out(split, model="auto").selection
    assert selection and selection.best == select(split.train).best


def test_auto_skips_a_model_that_refuses_and_fails_when_all_do(monkeypatch):
    monkeypatch.setattr("ranking.models.ease.LARGEST", 10)
    ladder = (Candidate("ease"), Candidate("popularity"))
    chosen = select(communities(), candidates=ladder)
    assert chosen.best.model == "popularity"
    assert "use spectral" in chosen.tried[0].refused
    with pytest.raises(TrainingError, match="no model could be trained: ease"):
        select(communities(), candidates=ladder[:1])


def test_auto_takes_no_parameters():
    with pytest.raises(TrainingError, match="auto chooses parameters"):
        evaluate_store(communities(), model="auto", parameters={"width": 3})


def test_an_empty_store_is_said_clearly():
    with pytest.raises(DataError, match="nothing to judge by"):
        evaluate_store(Interactions.from_columns([], [], readers=2, rows=2), model="popularity")
    with pytest.raises(TrainingError, match="no interactions"):
        evaluate_store(Interactions.from_columns([], [], readers=2, rows=2), model="ease")


def test_the_split_follows_what_was_asked_and_what_there_is():
    timed = communities()
    newest = time_split(timed, HeldOut.NEWEST_SLICE, 0.2, seed=0)
    assert newest.train.times.max() < newest.test.times.min()
    each = time_split(timed, HeldOut.LATEST_OF_EACH, 0.2, seed=0)
    assert np.diff(each.test.indptr).tolist() == [2] * 100
    untimed = Interactions.from_columns(timed.entry_readers(), timed.indices)
    assert np.diff(time_split(untimed, HeldOut.NEWEST_SLICE, 0.2, seed=0).test.indptr).tolist() == [2] * 100


def test_where_the_catalogue_is_small_the_ladder_keeps_wider_graphs():
    assert ladder(20_001) == LADDER
    small = ladder(20_000)
    assert [each.model for each in small] == [each.model for each in LADDER]
    cut = {"als", "ease", "spectral"}
    assert {each.parameters.get("width") for each in small if each.model in cut} == {WIDE}
    assert not any("width" in each.parameters for each in small if each.model not in cut)
    assert all(each.parameters["width"] == 9 for each in blends(small[1:4], {"width": 9}))
    for each in small:
        trainer(each.model).parse(each.parameters)


def test_files_give_the_report_of_their_split(tmp_path):
    timed = latest_of_each(communities())
    train, test = (Interactions.from_columns(side.entry_readers(), side.indices) for side in (timed.train, timed.test))
    split = Split(train, test)
    for name, side in (("train.txt", split.train), ("test.txt", split.test)):
        lines = [
            " ".join(map(str, [reader, *side.indices[side.indptr[reader] : side.indptr[reader + 1]]]))
            for reader in range(side.readers)
        ]
        (tmp_path / name).write_text("\n".join(lines))
    report = evaluate_files(tmp_path / "train.txt", tmp_path / "test.txt", model="ease", k=5)
    direct = hold_out(split, model="ease", k=5)
    assert report.as_json()["recall@5"] == direct.as_json()["recall@5"]


@pytest.fixture(scope="module")
def ratings(movielens):
    with open(movielens / "ratings.csv", newline="") as file:
        table = [(int(r["userId"]), int(r["movieId"]), r["rating"], r["timestamp"]) for r in csv.DictReader(file)]
    readers, rows, stars, times = zip(*table, strict=True)
    numbered = np.unique(rows, return_inverse=True)[1]
    return np.array(readers), numbered, np.array(times, int), np.array(stars, float)


@pytest.fixture(scope="module")
def films(ratings):
    readers, rows, times, stars = ratings
    return latest_of_each(Interactions.from_events(readers, rows, times, rating_kinds(stars)))


FILM_QUALITY = {
    "popularity": (None, 0.072, 0.069),
    "neighbours": ({}, 0.138, 0.125),
    "als": ({"factors": 64, "confidence": 1.0}, 0.144, 0.129),
    "ease": ({"regularization": 200.0}, 0.136, 0.121),
    "spectral": ({"row_exponent": 0.2}, 0.136, 0.119),
}
"""Recall@20 and NDCG@20 on ml-latest-small, ratings from 3.5 up, each reader's latest 20 % held out."""


@pytest.mark.parametrize("name", FILM_QUALITY)
def test_every_family_reaches_its_known_quality_on_films(films, name):
    parameters, recall, ndcg = FILM_QUALITY[name]
    metrics = hold_out(films, model=name, parameters=parameters or {}).evaluation.metrics()
    assert metrics["recall@20"] == pytest.approx(recall, abs=0.005)
    assert metrics["ndcg@20"] == pytest.approx(ndcg, abs=0.005)


def test_low_ratings_do_not_train_because_as_clicks_they_cost_quality(ratings, films):
    readers, rows, _, stars = ratings
    low = stars < 3.5
    met = Interactions.from_columns(
        np.concatenate([films.train.entry_readers(), readers[low]]),
        np.concatenate([films.train.indices, rows[low]]),
        weight=np.repeat([2.0, 1.0], [films.train.count, np.count_nonzero(low)]),
        readers=films.train.readers,
        rows=films.train.rows,
    )
    # What was met is left out of both lists: only what trains and what votes differs.
    split, likes = Split(met, films.test), (met.weights > 1).astype(np.int64)
    neighbours = trainer("neighbours")
    liked = neighbours.train(films.train, neighbours.parse({}), seed=0, progress=silent)
    clicked = neighbours.train(met, neighbours.parse({}), seed=0, progress=silent)
    quality = evaluate_graph(liked, split, history_weights=likes).ndcg.mean()
    assert quality > 1.05 * evaluate_graph(clicked, split).ndcg.mean()


def test_signed_weights_matter_on_films(films):
    graph = hold_out(films, model="ease").graph
    unsigned = type(graph).assemble(
        np.where(graph.weights > 0, graph.neighbours, -1), np.maximum(graph.weights, 0), 1.0, "test", {}, 0, {}
    )
    assert (graph.weights < 0).mean() > 0.05
    assert evaluate_graph(graph, films).ndcg.mean() > evaluate_graph(unsigned, films).ndcg.mean()


@pytest.mark.slow
def test_spectral_reaches_its_known_quality_on_gowalla_with_a_third_of_its_components(gowalla):
    parameters = {"components": 512, "row_exponent": 0.4, "tail": 0.0, "width": 100}
    report = evaluate_files(gowalla / "train.txt", gowalla / "test.txt", parameters=parameters)
    metrics = report.evaluation.metrics()
    assert metrics["recall@20"] == pytest.approx(0.185, abs=0.002)
    assert metrics["ndcg@20"] == pytest.approx(0.156, abs=0.002)
