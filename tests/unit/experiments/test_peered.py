"""What training tells beside the best model of the `implicit` library."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments import peered as module
from experiments.holdout import hold_out
from experiments.splits import latest_of_each
from experiments.trials import Candidate, Trials
from ranking.interactions import Interactions
from ranking.models import silent
from tests.unit.experiments.test_holdout import communities


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (Candidate("implicit-tfidf", {"K": 1}), Candidate("implicit-cosine", {"K": 20}))
    monkeypatch.setattr(module, "SETTINGS", settings)


def test_a_report_tells_the_interval_over_the_best_peer_on_the_same_readers():
    split = latest_of_each(communities())
    report = hold_out(split, model="popularity", k=5, peers=True)
    told = report.as_json()["peer"]
    assert json.loads(json.dumps(told)) == told
    assert told["model"] == "implicit-cosine" and told["parameters"] == {"K": 20}
    alone = Trials(split, k=5, seed=0).judged(Candidate("implicit-cosine", {"K": 20}), silent).metrics()
    assert told["metrics"] == alone
    difference = report.evaluation.metrics()["recall@5"] - alone["recall@5"]
    assert told["over"]["recall@5"]["estimate"] == pytest.approx(difference)
    assert told["over"]["recall@5"]["high"] < 0


def test_progress_never_falls_and_ends_at_one():
    told: list[float] = []
    hold_out(latest_of_each(communities()), model="ease", dense=True, peers=True, progress=lambda d, _: told.append(d))
    assert told == sorted(told) and told[-1] == pytest.approx(1.0)


def test_it_is_not_done_unasked_nor_on_too_large_a_catalogue(monkeypatch):
    split = latest_of_each(communities())
    assert hold_out(split, model="popularity").as_json()["peer"] is None
    monkeypatch.setattr(module, "LARGEST", 10)
    assert hold_out(split, model="popularity", peers=True).peered is None


def test_nothing_to_validate_by_is_no_error():
    # Five entries: one is held out, and of the four that are left none is a fifth.
    times = np.tile(np.arange(5), 10)
    split = latest_of_each(Interactions.from_columns(np.repeat(np.arange(10), 5), np.tile(np.arange(5), 10), times))
    assert split.test.count == 10
    assert hold_out(split, model="popularity", peers=True).peered is None
