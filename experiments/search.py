"""Search: which parameters to try next, from what was tried.

Owns the proposals: a trainer's defaults first, then random ones over its space, then ones near the best, nearer and
nearer (random search after Bergstra and Bengio 2012, then local refinement). A proposal depends on the seed, the model
and the outcomes so far and on nothing else, so a search that was interrupted proposes again what it would have.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.trials import Tried
from ranking.models.space import Space

RANDOM_SHARE = 0.4
"""Share of a model's trials that look anywhere."""

_FAR, _NEAR = 0.25, 0.05
_ATTEMPTS = 50


def proposal(
    space: Space, defaults: Mapping[str, Any], tried: Sequence[Tried], *, trials: int, score: str, seed: int
) -> dict[str, Any] | None:
    """Parameters for the next of ``trials`` trials of one model; None when the space holds nothing new.

    ``tried`` are the model's own trials in their order; ``defaults`` its plain parameters.
    """
    number = len(tried)
    if number == 0:
        return {}
    if not space:
        return None
    met = {_key(space, defaults, each.candidate.parameters) for each in tried}
    able = [each for each in tried if not each.refused]
    exploring = max(len(space) + 1, round(trials * RANDOM_SHARE))
    draw = np.random.default_rng([seed, number, zlib.crc32(repr(sorted(space)).encode())])
    for _ in range(_ATTEMPTS):
        if number < exploring or not able:
            drawn = {name: dimension.anywhere(draw) for name, dimension in space.items()}
        else:
            best = max(able, key=lambda each: each.metrics[score]).candidate.parameters
            done = (number - exploring) / max(1, trials - exploring)
            drawn = _near(space, {**defaults, **best}, _FAR * (_NEAR / _FAR) ** min(1.0, done), draw)
        if _key(space, defaults, drawn) not in met:
            return drawn
    return None


def _near(space: Space, best: Mapping[str, Any], reach: float, draw: np.random.Generator) -> dict[str, Any]:
    """The best with about half of its dimensions moved, one at least."""
    moved = draw.random(len(space)) < 0.5
    moved[int(draw.integers(len(space)))] = True
    return {
        name: dimension.near(best[name], reach, draw) if move else best[name]
        for (name, dimension), move in zip(space.items(), moved, strict=True)
    }


def _key(space: Space, defaults: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    whole = {**defaults, **parameters}
    return repr([(name, whole[name]) for name in sorted(space)])
