"""Tuning: parameters are searched on a part carved from training data alone, and the finding is confirmed on another.

Owns the course of a search: families in turn, the better half of them after half of the rounds (successive halving,
Jamieson and Talwalkar 2016), peers beside them, then blends of the best. Every finished trial is in the journal, so a
search goes on where it was interrupted. What is told of the best against the default and against the best peer is
measured on a part that no trial was judged by.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from experiments.evaluation import Evaluation
from experiments.search import proposal
from experiments.selection import BLENDED, best_parts, blend_of
from experiments.splits import Split, latest_of_each, validation, validations
from experiments.statistics import Interval
from experiments.trial_journal import Journal
from experiments.trials import BLEND, Candidate, Trials, Tried, unclocked
from ranking.errors import TrainingError
from ranking.interactions import Interactions
from ranking.models import Progress, silent, trainer
from ranking.models.blend import PARTS
from ranking.models.peers import peers
from ranking.models.progress import stage
from ranking.models.space import Choice, Real, Space

ALL = "all"
"""The model name that stands for every family and blends of them."""

_SEARCHED = 0.9
_PARTS_TIME = 0.8
"""Share of the time that families and peers may take where blends come after them."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to search."""

    trials: int = 20
    """Trials of each family, and of blends."""

    peer_trials: int = 4
    """Trials of each model of the `implicit` library; 0 leaves them out."""

    seconds: float | None = None
    """No trial is begun after so long; None for as long as the trials take."""


@dataclass(frozen=True, slots=True, eq=False)
class Tuning:
    """What a search found, and how the finding fared on data that no trial was judged by."""

    k: int
    seed: int
    tried: tuple[Tried, ...]
    best: Tried
    peer: Tried | None
    """The peer that did best on validation; None where none was tried."""

    confirmed: dict[str, Evaluation]
    """On the confirming part: ``best``, ``default``, for a blend ``alone`` (the best model that is none), and ``peer``
    where one was tried."""

    complete: bool
    """Whether all trials were made; otherwise the time was over."""

    over: dict[str, dict[str, Interval]] = field(init=False)
    """The best over each of the others: paired bootstrap by measure."""

    def __post_init__(self) -> None:
        """Compare."""
        best = self.confirmed["best"]
        others = {name: each for name, each in self.confirmed.items() if name != "best"}
        object.__setattr__(self, "over", {name: best.over(each, seed=self.seed) for name, each in others.items()})

    def as_json(self) -> dict[str, Any]:
        """Plain values; ``model`` and ``parameters`` are what `weir train --parameters` reads."""
        return {
            "model": self.best.candidate.model,
            "parameters": dict(self.best.candidate.parameters),
            "seed": self.seed,
            "complete": self.complete,
            "validation": dict(self.best.metrics),
            "peer": self.peer.as_json() if self.peer else None,
            "confirmed": {name: each.metrics() for name, each in self.confirmed.items()},
            "over": {
                other: {name: interval.as_json() for name, interval in intervals.items()}
                for other, intervals in self.over.items()
            },
            "tried": [each.as_json() for each in self.tried],
        }


def families(model: str) -> tuple[str, ...]:
    """The trainers that a search of ``model`` tries; TrainingError for a model without parameters to choose."""
    if model in (ALL, BLEND):
        return tuple(PARTS)
    if not trainer(model).space:
        raise TrainingError(f"{model} has no parameters to choose; tune one of: {', '.join((*PARTS, BLEND, ALL))}")
    return (model,)


def tuning_splits(interactions: Interactions, *, seed: int) -> tuple[tuple[Split, ...], Split]:
    """The splits that trials are judged by and the one that confirms.

    With times each reader's latest fifth confirms, the hold-out of `weir train`, and the latest fifth of what is left
    judges trials, with earlier ones where readers are few. Without, each is carved by a seed of its own.
    """
    if interactions.timed:
        confirming = latest_of_each(interactions)
        return validations(confirming.train, seed=seed), confirming
    return validations(interactions, seed=seed), validation(interactions, seed=seed + 1)


def tune(
    interactions: Interactions,
    journal: Journal,
    *,
    model: str = ALL,
    budget: Budget = Budget(),
    k: int = 20,
    seed: int = 0,
    progress: Progress = silent,
    clock: Callable[[], float] = unclocked,
) -> Tuning:
    """Search, going on after what the journal holds, and confirm.

    Raises TrainingError when no trial could be trained, DataError when nothing can be held out.
    """
    names = families(model)
    judging, confirming = tuning_splits(interactions, seed=seed)
    score = f"ndcg@{k}"
    trials = Trials(*judging, k=k, seed=seed, clock=clock)
    search = _Search(journal, trials, budget, score, seed, stage(progress, 0.0, _SEARCHED), clock)
    search.expected = budget.trials * len(names) + budget.peer_trials * len(peers)
    blending = model in (ALL, BLEND)
    if blending:
        # The worse half of the families stops half-way, and blends have as many trials as a family.
        search.expected += budget.trials * (1 - len(names) // 2) + (budget.trials + 1) // 2 * (len(names) // 2)
    search.turns(names, _PARTS_TIME if blending else 1.0)
    if blending:
        search.blends()
    ours = [each for each in journal.tried if each.candidate.model in ((BLEND,) if model == BLEND else (*names, BLEND))]
    best = _best(ours, k)
    if best is None:
        refused = {each.refused: None for each in journal.tried if each.refused}
        raise TrainingError("no trial could be trained: " + ("; ".join(refused) or "there was no time for any"))
    peer = _best([each for each in journal.tried if each.candidate.model in peers], k)
    told = stage(progress, _SEARCHED, 1.0)
    asked = {"best": best.candidate, "default": Candidate(best.candidate.model)}
    alone = _best([each for each in journal.tried if each.candidate.model in names], k)
    if best.candidate.model == BLEND and alone is not None:
        asked["alone"] = alone.candidate
    if peer is not None:
        asked["peer"] = peer.candidate
    confirmed = _confirmed(Trials(confirming, k=k, seed=seed, clock=clock), asked, told)
    return Tuning(k, seed, tuple(journal.tried), best, peer, confirmed, search.complete)


def _best(tried: Sequence[Tried], k: int) -> Tried | None:
    able = [each for each in tried if not each.refused]
    return max(able, key=lambda each: each.quality(k)) if able else None


def _confirmed(trials: Trials, asked: dict[str, Candidate], progress: Progress) -> dict[str, Evaluation]:
    done: dict[str, Evaluation] = {}
    for number, (name, candidate) in enumerate(asked.items()):
        same = next((done[other] for other in done if asked[other].key == candidate.key), None)
        within = stage(progress, number / len(asked), (number + 1) / len(asked))
        done[name] = same if same is not None else trials.judged(candidate, within)
    return done


@dataclass(slots=True)
class _Search:
    """The state of a search: what it may still do, and how it tells of it."""

    journal: Journal
    trials: Trials
    budget: Budget
    score: str
    seed: int
    progress: Progress
    clock: Callable[[], float]
    expected: int = 1
    complete: bool = True
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def turns(self, names: tuple[str, ...], until: float) -> None:
        """Families in turn, the better half of them in the later rounds, and peers in the first ones."""
        rounds, going = self.budget.trials, list(names)
        for number in range(max(rounds, self.budget.peer_trials)):
            if number == (rounds + 1) // 2 and len(names) > 1:
                going = self._better_half(names, number)
            for name in going if number < rounds else ():
                chosen = trainer(name)
                self._turn(name, number, chosen.space, dataclasses.asdict(chosen.parameters()), rounds, until)
            for name, peer in peers.items() if number < self.budget.peer_trials else ():
                self._turn(name, number, peer.space, dict(peer.defaults), self.budget.peer_trials, until)

    def _better_half(self, names: tuple[str, ...], rounds: int) -> list[str]:
        """By their first ``rounds`` trials alone, whatever else the journal holds already."""
        first: list[Tried] = []
        for name in names:
            first += [each for each in self.journal.tried if each.candidate.model == name][:rounds]
        return [each.model for each in best_parts(first, self.score)][: max(2, len(names) // 2)]

    def blends(self) -> None:
        """Blends of the best families: which two, and what the second counts."""
        parts = best_parts(self.journal.tried, self.score)
        pairs = tuple(_pair(first, second) for first, second in combinations(parts[:BLENDED], 2))
        if not pairs:
            return
        space: Space = {"pair": Choice(pairs), "share": Real(0.02, 0.98)}
        for number in range(self.budget.trials):
            self._turn(BLEND, number, space, {"pair": pairs[0], "share": 0.5}, self.budget.trials, 1.0)

    def _turn(self, name: str, number: int, space: Space, defaults: dict[str, Any], of: int, until: float) -> None:
        """Trial ``number`` of a model, unless the journal has it, its first one was refused, or time is over."""
        own = [_plain(each) for each in self.journal.tried if each.candidate.model == name]
        if number < len(own) or (own and own[0].refused):
            return
        if self.budget.seconds is not None and self.clock() - self.started >= until * self.budget.seconds:
            self.complete = False
            return
        given = proposal(space, defaults, own, trials=of, score=self.score, seed=self.seed)
        if given is not None:
            candidate = _blend({**defaults, **given}) if name == BLEND else Candidate(name, given)
            self.journal.add(self.trials.tried(candidate, self._told))

    def _told(self, done: float, message: str) -> None:
        finished = min(1.0, (len(self.journal.tried) + done) / max(1, self.expected))
        if self.budget.seconds is not None:
            finished = max(finished, min(1.0, (self.clock() - self.started) / self.budget.seconds))
        self.progress(finished, f"trial {len(self.journal.tried) + 1}, {message}")


def _pair(first: Candidate, second: Candidate) -> str:
    return json.dumps([first.model, dict(first.parameters), second.model, dict(second.parameters)], sort_keys=True)


def _blend(given: dict[str, Any]) -> Candidate:
    first, first_parameters, second, second_parameters = json.loads(given["pair"])
    return blend_of(Candidate(first, first_parameters), Candidate(second, second_parameters), given["share"])


def _plain(tried: Tried) -> Tried:
    """A trial as the search sees it: a blend by its pair and share."""
    if tried.candidate.model != BLEND or not tried.candidate.parameters:
        return tried
    given = tried.candidate.parameters
    first = Candidate(given["first"], given["first_parameters"])
    second = Candidate(given["second"], given["second_parameters"])
    plain = {"pair": _pair(first, second), "share": given["share"]}
    return dataclasses.replace(tried, candidate=Candidate(BLEND, plain))
