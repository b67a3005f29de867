"""What a report of quality shows."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.beyond import Facts
from experiments.holdout import Report, evaluate_store
from feed.cli.evaluate import reranked
from feed.cli.failures import BadInput
from feed.cli.reports import print_report
from ranking.interactions import Interactions
from ranking.parameters import Parameters


def report(facts: Facts | None = None, *, peers: bool = False) -> Report:
    draw = np.random.default_rng(1)
    readers, rows = np.repeat(np.arange(20), 6), draw.integers(0, 30, 120)
    interactions = Interactions.from_columns(readers, rows, draw.permutation(120), rows=30)
    return evaluate_store(interactions, model="neighbours", facts=facts, peers=peers)


def shown(capsys: pytest.CaptureFixture[str], facts: Facts | None, standing: dict[str, float] | None = None) -> str:
    print_report(report(facts), standing)
    return capsys.readouterr().out


def test_what_lists_do_beside_hitting_is_shown_beside_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, Facts(np.arange(30, dtype=np.int32)[:, None] % 3, np.zeros(30, np.int64)))
    for name in ("recall", "ndcg", "coverage", "gini", "novelty", "head", "tail", "topic_diversity", "calibration_kl"):
        (line,) = [line for line in out.splitlines() if line.strip().startswith(f"{name}@20")]
        assert "–" not in line, "both the model and popularity have a figure"


def test_what_the_data_does_not_tell_is_shown_as_absent(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, None, {"ndcg@20": 0.25})
    (line,) = [line for line in out.splitlines() if "calibration_kl@20" in line]
    assert line.count("–") == 3, "the model, the active one, popularity"
    assert report().as_json()["calibration_kl@20"] is None
    assert "0.2500" in out


def test_the_best_peer_is_shown_with_the_interval_of_the_difference(capsys: pytest.CaptureFixture[str]) -> None:
    assert "implicit" not in shown(capsys, None)
    print_report(report(peers=True))
    out = capsys.readouterr().out
    table = out[out.index("beside the best model of the implicit library") :]
    for name in ("recall@20", "ndcg@20"):
        (line,) = [line for line in table.splitlines() if name in line]
        assert " to " in line and line.count("(") == 1


def test_re_ranks_are_asked_for_by_name_or_by_what_they_set() -> None:
    assert reranked(None) == {}
    assert reranked(["calibrated", "topic_max=2"]) == {"calibration": Parameters().calibration, "topic_max": 2}
    for wrong in ("sideways", "calibration=much", "=3"):
        with pytest.raises(BadInput, match="nor PARAMETER=VALUE"):
            reranked([wrong])
