"""Tuning: the same search whether interrupted or not, within its time, confirmed on data it never saw."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments.trial_journal import journal
from experiments.tuning import Budget, families, tune, tuning_splits
from ranking.errors import DataError, TrainingError
from ranking.interactions import Interactions


def communities(timed=True, groups=4, rows_each=15, readers_each=20):
    """Readers who act on ten rows of their own group."""
    draw = np.random.default_rng(0)
    readers, rows = [], []
    for reader in range(groups * readers_each):
        readers += [reader] * 10
        rows += (draw.choice(rows_each, 10, replace=False) + reader % groups * rows_each).tolist()
    return Interactions.from_columns(readers, rows, draw.permutation(len(rows)) if timed else None)


def tuned(path, interactions=None, model="neighbours", trials=6, peers=0, **given):
    known = communities() if interactions is None else interactions
    with journal(path, {"data": known.digest()}) as kept:
        return tune(known, kept, model=model, budget=Budget(trials, peers, given.pop("seconds", None)), k=5, **given)


def without_seconds(found):
    plain = found.as_json()
    for tried in (*plain["tried"], *([plain["peer"]] if plain["peer"] else [])):
        del tried["seconds"]
    return plain


@pytest.mark.parametrize(("model", "after"), [("neighbours", 1), ("blend", 15)])
def test_an_interrupted_search_ends_as_one_that_was_not(tmp_path, model, after):
    begun = []

    def interrupting(done, message):
        if message.startswith("trial"):
            begun.append(message.split(",")[0])
            if len(set(begun)) > after:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path / "a", model=model, trials=4, peers=1, progress=interrupting)
    finished = len((tmp_path / "a").read_text().splitlines()) - 1
    assert finished == after
    resumed = tuned(tmp_path / "a", model=model, trials=4, peers=1)
    whole = tuned(tmp_path / "b", model=model, trials=4, peers=1)
    assert without_seconds(resumed) == without_seconds(whole)
    assert len(whole.tried) > after


def test_a_finished_search_tries_nothing_again_and_goes_on_when_more_is_asked(tmp_path):
    first = tuned(tmp_path / "a", trials=3)
    content = (tmp_path / "a").read_bytes()
    assert without_seconds(tuned(tmp_path / "a", trials=3)) == without_seconds(first)
    assert (tmp_path / "a").read_bytes() == content
    more = tuned(tmp_path / "a", trials=5)
    assert more.tried[:3] == first.tried and len(more.tried) == 5


def test_all_families_peers_and_blends_take_part(tmp_path):
    found = tuned(tmp_path / "a", model="all", trials=3, peers=1)
    by_model = {each.candidate.model for each in found.tried}
    assert by_model >= {"spectral", "ease", "als", "neighbours", "blend", "implicit-als", "implicit-bm25"}
    assert set(found.confirmed) - {"alone"} == {"best", "default", "peer"}
    assert ("alone" in found.confirmed) == (found.best.candidate.model == "blend")
    plain = found.as_json()
    assert json.loads(json.dumps(plain)) == plain
    assert set(plain["over"]) == set(found.confirmed) - {"best"}
    best = max(each.quality(5) for each in found.tried if not each.candidate.model.startswith("implicit"))
    assert found.best.quality(5) == best


def test_only_blends_are_kept_when_a_blend_is_asked_for_and_stand_beside_the_best_that_is_none(tmp_path):
    found = tuned(tmp_path / "a", model="blend", trials=2)
    assert found.best.candidate.model == "blend"
    alone = found.confirmed["alone"].recall.mean() - found.confirmed["best"].recall.mean()
    assert found.over["alone"]["recall@5"].estimate == pytest.approx(-alone)


def test_no_trial_begins_when_the_time_is_over(tmp_path):
    found = tuned(tmp_path / "a", trials=50, seconds=4.0, clock=iter(range(10**6)).__next__)
    assert not found.complete and 1 <= len(found.tried) < 50
    assert tuned(tmp_path / "a", trials=3).complete


def test_time_that_is_over_before_the_first_trial_is_said(tmp_path):
    with pytest.raises(TrainingError, match="no trial could be trained: there was no time for any"):
        tuned(tmp_path / "a", seconds=1.0, clock=iter(range(0, 10**6, 100)).__next__)


def test_a_family_that_refuses_the_data_is_tried_once_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr("ranking.models.ease.LARGEST", 3)
    found = tuned(tmp_path / "a", model="all", trials=4)
    ease = [each for each in found.tried if each.candidate.model == "ease"]
    assert len(ease) == 1 and "the closed form is for at most 3" in ease[0].refused
    with pytest.raises(TrainingError, match="no trial could be trained: ease: "):
        tuned(tmp_path / "b", model="ease")


def test_popularity_has_nothing_to_tune():
    with pytest.raises(TrainingError, match="popularity has no parameters to choose; tune one of: spectral"):
        families("popularity")
    with pytest.raises(TrainingError, match="there is no model wings"):
        families("wings")


@pytest.mark.parametrize("entries", [([], []), ([0], [0]), ([0, 1, 2], [0, 1, 2])])
def test_data_of_which_nothing_can_be_held_out_is_refused(tmp_path, entries):
    with pytest.raises((DataError, TrainingError), match=r"nothing to judge by|no interactions"):
        tuned(tmp_path / "a", Interactions.from_columns(*entries, readers=5, rows=5))


def test_what_confirms_was_held_out_of_every_trial():
    judging, confirming = tuning_splits(communities(), seed=0)
    sides = [side for split in judging for side in (split.train, split.test)]
    whole = {pair for side in sides for pair in zip(side.entry_readers(), side.indices, strict=True)}
    held = set(zip(confirming.test.entry_readers(), confirming.test.indices, strict=True))
    assert held and not whole & held


def test_without_times_trials_and_confirmation_are_carved_apart():
    [judging], confirming = tuning_splits(communities(timed=False), seed=0)
    assert judging.test.count == confirming.test.count
    assert judging.test.indices.tolist() != confirming.test.indices.tolist()


def test_progress_runs_from_nothing_to_all(tmp_path):
    told = []
    tuned(tmp_path / "a", trials=3, progress=lambda done, message: told.append(done))
    assert told == sorted(told) and told[0] < 0.1 and told[-1] == 1.0
