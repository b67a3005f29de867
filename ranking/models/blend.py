"""Blend: two graphs of different trainers as one, each weighing what validation says it should.

``B = (1 - share) · B₁ / |B₁| + share · B₂ / |B₂|``, |B| being the mean length of a row's weights over all entries, so
that a share means the same whatever the units of two trainers are. A row of the result is the union of its rows in
both, cut to the heaviest; scores are linear in the graph, so serving the blend is serving the weighted sum of both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.errors import TrainingError
from ranking.graph import ItemGraph, blocks
from ranking.interactions import Interactions
from ranking.models import als, ease, neighbours, spectral
from ranking.models.dense import Scores
from ranking.models.progress import Progress, stage
from ranking.models.space import Real
from ranking.models.trainer import Trainer, require, require_entries, require_width

PARTS: Mapping[str, Trainer] = MappingProxyType(
    {each.TRAINER.name: each.TRAINER for each in (spectral, ease, als, neighbours)}
)
"""The trainers that may be blended."""

_ROWS = 4096


@dataclass(frozen=True, slots=True)
class BlendParameters:
    """Defaults suit catalogues of every size; `weir tune` finds the parts and the share for one's own data."""

    first: str = "spectral"
    """Trainer of the first graph."""

    second: str = "neighbours"
    """Trainer of the second graph."""

    share: float = 0.3
    """What the second graph counts, 0 to 1; the first counts the rest."""

    width: int = 400
    """M: neighbours kept a row, of the union of both."""

    first_parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the first trainer other than its defaults."""

    second_parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of the second trainer other than its defaults."""

    weighted: bool = False
    """Whether event weights count in the parts that do not say it themselves."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with, in the parts too."""
        require(0 <= self.share <= 1, "share", self.share, "from 0 to 1")
        require_width(self.width)
        for name, given in self.parts:
            if name not in PARTS:
                raise TrainingError(f"blend has no part {name}; its parts may be: {', '.join(PARTS)}")
            PARTS[name].parse(given)

    @property
    def parts(self) -> tuple[tuple[str, Mapping[str, Any]], tuple[str, Mapping[str, Any]]]:
        """Trainer and parameters of each part."""
        weighted = {"weighted": True} if self.weighted else {}
        return (self.first, {**weighted, **self.first_parameters}), (
            self.second,
            {**weighted, **self.second_parameters},
        )


def train(interactions: Interactions, parameters: BlendParameters, *, seed: int, progress: Progress) -> ItemGraph:
    """Train both parts on interactions and blend them; raises TrainingError where a part does."""
    require_entries(interactions, "blend")
    stages = (stage(progress, 0.0, 0.6), stage(progress, 0.6, 0.95))
    first, second = (
        PARTS[name].train(interactions, PARTS[name].parse(given), seed=seed, progress=within)
        for (name, given), within in zip(parameters.parts, stages, strict=True)
    )
    graph = blended(first, second, interactions, parameters, seed=seed)
    progress(1.0, "blending")
    return graph


def dense(interactions: Interactions, parameters: BlendParameters, *, seed: int, progress: Progress) -> Scores:
    """The sum of the parts' dense models; their graphs are trained too, for the scales of the blend."""
    require_entries(interactions, "blend")
    popularity = interactions.popularity()
    summed = []
    for number, (name, given) in enumerate(parameters.parts):
        part, within = PARTS[name], stage(progress, number / 2, (number + 1) / 2)
        counts, settings = (1 - parameters.share, parameters.share)[number], part.parse(given)
        if counts == 0:
            continue
        graph = part.train(interactions, settings, seed=seed, progress=stage(within, 0.0, 0.5))
        assert part.dense is not None, f"{name} may be blended, so it has a dense model"
        scores = part.dense(interactions, settings, seed=seed, progress=stage(within, 0.5, 1.0))
        summed.append((scores, np.float32(counts / (_strength(graph, popularity) * graph.scale))))

    def scores_of(readers: NDArray[np.int64]) -> NDArray[np.float32]:
        total = np.zeros((readers.size, interactions.rows), np.float32)
        for each, factor in summed:
            total += each(readers) * factor
        return total

    return scores_of


def blended(
    first: ItemGraph, second: ItemGraph, interactions: Interactions, parameters: BlendParameters, *, seed: int
) -> ItemGraph:
    """The blend of graphs that ``parameters`` name and that were trained on ``interactions`` with ``seed``."""
    popularity = interactions.popularity()
    scaled = (
        (first, (1 - parameters.share) / _strength(first, popularity)),
        (second, parameters.share / _strength(second, popularity)),
    )
    rows = first.rows
    kept = max(1, min(parameters.width, rows - 1))
    ids = np.full((rows, kept), -1, np.int32)
    weights = np.zeros((rows, kept), np.float32)
    for start, stop in blocks(rows, _ROWS):
        union = np.concatenate([graph.neighbours[start:stop] for graph, _ in scaled], axis=1)
        values = np.concatenate([graph.weights[start:stop] * np.float32(factor) for graph, factor in scaled], axis=1)
        union, values = _united(union, values)
        best = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :kept]
        width = best.shape[1]
        ids[start:stop, :width] = np.take_along_axis(union, best, axis=1)
        weights[start:stop, :width] = np.take_along_axis(values, best, axis=1)
    return ItemGraph.from_arrays(
        ids, weights, trainer="blend", parameters={**dataclasses.asdict(parameters), "seed": seed}
    )


def _united(ids: NDArray[np.int32], values: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Rows sorted by id, a neighbour named twice once with the sum of its values; -1 and 0 where there is none."""
    order = np.argsort(ids, axis=1, kind="stable")
    ids, values = np.take_along_axis(ids, order, axis=1), np.take_along_axis(values, order, axis=1)
    again = ids[:, 1:] == ids[:, :-1]
    values[:, :-1] += np.where(again, values[:, 1:], np.float32(0))
    ids[:, 1:][again] = -1
    values[ids < 0] = 0
    return np.where(values == 0, -1, ids), values


def _strength(graph: ItemGraph, popularity: NDArray[np.int64]) -> float:
    """Mean length of the weights of a row over all entries, in integer units; 1 for a graph without neighbours."""
    lengths = np.zeros(graph.rows)
    for start, stop in blocks(graph.rows):
        block = graph.weights[start:stop].astype(np.float64)
        lengths[start:stop] = np.sqrt(np.einsum("ij,ij->i", block, block))
    mean = float(lengths @ popularity[: graph.rows]) / max(1, int(popularity.sum()))
    return mean if mean > 0 else 1.0


TRAINER = Trainer(
    "blend",
    "two models as one graph, weighed on validation",
    BlendParameters,
    train,
    dense=dense,
    space={"share": Real(0.02, 0.98)},
)
