"""Selection: which model serves is chosen by held-out quality, not by faith.

Owns the ladder that `auto` climbs: every family with a few parameter sets, then blends of the best families, judged on
one validation set that is taken from the training entries. What is held out for the final evaluation is never seen
here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Any

from experiments.splits import validations
from experiments.trials import BLEND, Candidate, Trials, Tried, unclocked
from ranking.errors import TrainingError
from ranking.interactions import Interactions
from ranking.models import Progress, silent
from ranking.models.blend import PARTS
from ranking.models.ease import LARGEST
from ranking.models.progress import stage

__all__ = ["LADDER", "Candidate", "Selection", "Tried", "select", "unclocked"]

LADDER = (
    Candidate("popularity"),
    Candidate("neighbours"),
    Candidate("neighbours", {"similarity": "cosine"}),
    Candidate("als", {"factors": 64, "confidence": 1.0}),
    Candidate("als", {"factors": 128, "confidence": 10.0}),
    Candidate("als", {"factors": 64, "regularization": 30.0, "confidence": 4.5, "weighted": True}),
    Candidate("ease", {"regularization": 300.0}),
    Candidate("ease", {"regularization": 300.0, "dropout": 0.5, "weighted": True}),
    Candidate("spectral", {"row_exponent": 0.2}),
    Candidate("spectral"),
)
"""What `auto` tries, cheap models first; the first of equals wins."""

WIDE = 1200
"""Neighbours a row where the catalogue is small; docs/models.md has what fewer cost."""

_CUT = ("als", "ease", "spectral")
"""Families whose own default keeps fewer."""

BLENDED = 3
"""Of the best so many families, every two are blended."""

SHARES = (0.3, 0.5, 0.7)
"""What the second of two counts in a blend that `auto` tries."""

_ALONE = 0.85


@dataclass(frozen=True, slots=True)
class Selection:
    """The best candidate by recall and NDCG on validation, and all that were tried."""

    best: Candidate
    tried: tuple[Tried, ...]


def ladder(rows: int) -> tuple[Candidate, ...]:
    """The LADDER for a catalogue of so many rows."""
    if rows > LARGEST:
        return LADDER
    return tuple(
        Candidate(each.model, {**each.parameters, "width": WIDE}) if each.model in _CUT else each for each in LADDER
    )


def select(
    interactions: Interactions,
    *,
    candidates: Sequence[Candidate] | None = None,
    k: int = 20,
    seed: int = 0,
    progress: Progress = silent,
    clock: Callable[[], float] = unclocked,
) -> Selection:
    """Train every candidate (of the `ladder` where none are given) and blends of the best on part of ``interactions``
    and keep the one with the highest `Tried.quality` on the rest.

    A candidate that refuses the data (a catalogue too large for it) is skipped and says why. Raises TrainingError when
    all do, DataError when nothing can be held out.
    """
    trials = Trials(*validations(interactions, seed=seed), k=k, seed=seed, clock=clock)
    score = f"ndcg@{k}"
    asked = ladder(interactions.rows) if candidates is None else candidates
    tried = _all(trials, asked, stage(progress, 0.0, _ALONE))
    if not any(not each.refused for each in tried):
        raise TrainingError("no model could be trained: " + "; ".join(each.refused for each in tried))
    blended = blends(best_parts(tried, score), {"width": WIDE} if interactions.rows <= LARGEST else {})
    tried += _all(trials, blended, stage(progress, _ALONE, 1.0))
    best = max((each for each in tried if not each.refused), key=lambda each: each.quality(k))
    return Selection(best.candidate, tuple(tried))


def best_parts(tried: Sequence[Tried], score: str) -> list[Candidate]:
    """The best candidate of each family that may be blended, best family first; the first of equals."""
    able = sorted((each for each in tried if not each.refused), key=lambda each: -each.metrics[score])
    best: dict[str, Candidate] = {}
    for each in able:
        if each.candidate.model in PARTS:
            best.setdefault(each.candidate.model, each.candidate)
    return list(best.values())


def blend_of(
    first: Candidate, second: Candidate, share: float, given: Mapping[str, Any] = MappingProxyType({})
) -> Candidate:
    """The blend of two candidates in which the second counts ``share``, with other parameters as ``given``."""
    return Candidate(
        BLEND,
        {
            **given,
            "first": first.model,
            "second": second.model,
            "share": share,
            "first_parameters": dict(first.parameters),
            "second_parameters": dict(second.parameters),
        },
    )


def blends(parts: Sequence[Candidate], given: Mapping[str, Any] = MappingProxyType({})) -> list[Candidate]:
    """Blends of every two of the leading parts."""
    pairs = combinations(parts[:BLENDED], 2)
    return [blend_of(first, second, share, given) for first, second in pairs for share in SHARES]


def _all(trials: Trials, candidates: Sequence[Candidate], progress: Progress) -> list[Tried]:
    size = max(1, len(candidates))
    return [
        trials.tried(candidate, stage(progress, number / size, (number + 1) / size))
        for number, candidate in enumerate(candidates)
    ]
