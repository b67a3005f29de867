"""Engines: where and how a trainer runs. The graph is the same, and nothing of a reader is kept by any (law 8).

Owns the type and the engines of this machine; `ranking.models.spark` owns the one that takes a cluster.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models.progress import Progress
from ranking.models.scratch import Scratch
from ranking.models.trainer import Trainer


class Engine(Protocol):
    """Run a trainer on interactions with an instance of its parameters."""

    def __call__(
        self,
        trainer: Trainer,
        interactions: Interactions,
        parameters: Any,
        *,
        seed: int,
        progress: Progress,
        start: ItemGraph | None = None,
    ) -> ItemGraph:
        """The trained graph; begun from ``start`` where trainer and engine can do that, else anew. Whether
        an earlier graph may be begun from is the caller's to know (law 8)."""


def local(
    trainer: Trainer,
    interactions: Interactions,
    parameters: Any,
    *,
    seed: int,
    progress: Progress,
    start: ItemGraph | None = None,
) -> ItemGraph:
    """On this machine, keeping nothing for a run after an interruption."""
    if trainer.warm is not None and start is not None and start.trainer == trainer.name:
        return trainer.warm(interactions, parameters, seed=seed, progress=progress, scratch=Scratch(), start=start)
    return trainer.train(interactions, parameters, seed=seed, progress=progress)


@dataclass(frozen=True, slots=True)
class Resuming:
    """On this machine; what is finished is kept in a folder, so that a run after an interruption goes on from there.

    Who owns the folder removes it when all is done (`ranking.models.scratch.cleared`).
    """

    folder: Path

    def __call__(
        self,
        trainer: Trainer,
        interactions: Interactions,
        parameters: Any,
        *,
        seed: int,
        progress: Progress,
        start: ItemGraph | None = None,
    ) -> ItemGraph:
        """The trained graph, the same as `local` makes."""
        plain = dataclasses.asdict(parameters)
        if trainer.warm is not None and start is not None and start.trainer == trainer.name:
            scratch = Scratch.of(self.folder, interactions, trainer.name, {**plain, "start": start.version}, seed)
            return trainer.warm(interactions, parameters, seed=seed, progress=progress, scratch=scratch, start=start)
        if trainer.resume is None:
            return local(trainer, interactions, parameters, seed=seed, progress=progress)
        scratch = Scratch.of(self.folder, interactions, trainer.name, plain, seed)
        return trainer.resume(interactions, parameters, seed=seed, progress=progress, scratch=scratch)
