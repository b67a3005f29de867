"""Proposals: defaults first, nothing twice, nearer the best later on, and the same again after an interruption."""

from __future__ import annotations

import numpy as np

from experiments.search import proposal
from experiments.trials import Candidate, Tried
from ranking.models.space import Choice, Real, Space, Whole

SPACE: Space = {"a": Real(0.0, 1.0), "b": Real(0.01, 100.0, log=True), "kind": Choice(("x", "y"))}
DEFAULTS = {"a": 0.0, "b": 0.01, "kind": "x", "width": 200}


def height(parameters):
    """Highest at a = .7, b = 3, kind = y."""
    whole = {**DEFAULTS, **parameters}
    far = (whole["a"] - 0.7) ** 2 + (np.log10(whole["b"] / 3) / 4) ** 2
    return float(1 - far - 0.2 * (whole["kind"] == "x"))


def searched(trials, seed=0, tried=()):
    tried = list(tried)
    while len(tried) < trials:
        given = proposal(SPACE, DEFAULTS, tried, trials=trials, score="ndcg@20", seed=seed)
        assert given is not None
        tried.append(Tried(Candidate("m", given), {"ndcg@20": height(given)}, 0.0))
    return tried


def test_the_defaults_come_first_and_nothing_comes_twice():
    tried = searched(40)
    assert tried[0].candidate.parameters == {}
    assert len({each.candidate.key for each in tried}) == 40


def test_an_interrupted_search_proposes_what_it_would_have():
    whole = searched(20)
    assert searched(20, tried=whole[:7]) == whole
    assert searched(20, seed=1) != whole


def test_refinement_finds_more_than_chance_does():
    refined = [max(height(each.candidate.parameters) for each in searched(30, seed)) for seed in range(8)]
    chance = [
        max(height({name: each.anywhere(draw) for name, each in SPACE.items()}) for _ in range(30))
        for draw in map(np.random.default_rng, range(8))
    ]
    assert np.mean(refined) > np.mean(chance)
    assert np.mean(refined) > 0.98


def test_a_space_that_holds_nothing_new_ends_the_search():
    one = {"n": Whole(1, 2)}
    tried = [Tried(Candidate("m", {"n": n}), {"s": 0.0}, 0.0) for n in (1, 2)]
    assert proposal(one, {"n": 1}, tried, trials=9, score="s", seed=0) is None
    assert proposal({}, {}, tried[:1], trials=9, score="s", seed=0) is None


def test_refused_trials_are_never_refined():
    tried = [Tried(Candidate("m", {"a": 0.1 * n}), {}, 0.0, "no") for n in range(6)]
    given = proposal(SPACE, DEFAULTS, tried, trials=8, score="ndcg@20", seed=0)
    assert given is not None and set(given) == set(SPACE)
