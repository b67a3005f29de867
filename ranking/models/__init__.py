"""Trainers: each takes interactions and ends in an ItemGraph (law 8: the model knows items, not people).

Owns the registry. The libraries that only training needs are imported when a trainer that uses them runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ranking.errors import TrainingError
from ranking.models import als, blend, ease, neighbours, popularity, spectral
from ranking.models.progress import Progress, silent
from ranking.models.trainer import Trainer

trainers: Mapping[str, Trainer] = MappingProxyType(
    {each.TRAINER.name: each.TRAINER for each in (spectral, ease, als, neighbours, blend, popularity)}
)
"""Every trainer by name."""

__all__ = ["Progress", "Trainer", "silent", "trainer", "trainers"]


def trainer(name: str) -> Trainer:
    """The trainer of that name; TrainingError lists them where there is none."""
    if name not in trainers:
        raise TrainingError(f"there is no model {name}; there are: {', '.join(trainers)}")
    return trainers[name]
