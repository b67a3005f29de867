"""What a trainer is: a name, its parameters, and a function from interactions to an ItemGraph.

Owns the type and the checks every trainer's parameters share. One contract suite runs on all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ranking.errors import TrainingError
from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models.dense import Dense
from ranking.models.progress import Progress
from ranking.models.scratch import Scratch
from ranking.models.space import NO_SPACE, Space

LONGEST_HISTORY = 5000
"""Entries of a reader that count unless more are asked for, where work grows with the square of a history: a reader
with 100,000 would cost more than all others."""


class Train(Protocol):
    """Train on interactions with one seed; equal input, equal graph on the same machine."""

    def __call__(self, interactions: Interactions, parameters: Any, *, seed: int, progress: Progress) -> ItemGraph:
        """The trained graph; its rows are the rows of ``interactions``."""


class Resume(Protocol):
    """Train as `Train` does, to the same graph, and take what an earlier run has finished from ``scratch``."""

    def __call__(
        self, interactions: Interactions, parameters: Any, *, seed: int, progress: Progress, scratch: Scratch
    ) -> ItemGraph:
        """The trained graph."""


class Warm(Protocol):
    """Train as `Resume` does, but begin from an earlier graph of the same trainer. Equal input and equal start, equal
    graph, which names its start among its parameters (``start``, a version)."""

    def __call__(
        self,
        interactions: Interactions,
        parameters: Any,
        *,
        seed: int,
        progress: Progress,
        scratch: Scratch,
        start: ItemGraph,
    ) -> ItemGraph:
        """The trained graph."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """One way to an ItemGraph."""

    name: str
    """The word on the command line and in the graph."""

    summary: str
    """One line for people who choose."""

    parameters: type
    """A frozen dataclass of defaults, with a docstring under every field."""

    train: Train
    """Takes interactions and an instance of ``parameters``."""

    resume: Resume | None = None
    """The same, keeping what is finished in a Scratch; None where training is not made of blocks."""

    dense: Dense | None = None
    """The same model before it is cut to a graph, to measure what the cut costs; None where there is none."""

    space: Space = dataclasses.field(default_factory=lambda: NO_SPACE)
    """Where a search looks for parameters; what is not named keeps its default."""

    warm: Warm | None = None
    """The same from an earlier graph; None where training always begins anew."""

    def parse(self, given: Mapping[str, Any]) -> Any:
        """Parameters from plain values; TrainingError names an unknown field or a wrong value."""
        fields = {field.name: field for field in dataclasses.fields(self.parameters)}
        unknown = sorted(set(given) - set(fields))
        if unknown:
            known = ", ".join(fields)
            raise TrainingError(f"{self.name} has no parameter {unknown[0]}; it has: {known}")
        for name, value in given.items():
            plain = fields[name].default
            wanted = dict if plain is dataclasses.MISSING else type(plain)
            allowed = (int, float) if wanted is float else (wanted,)
            if not isinstance(value, allowed) or (isinstance(value, bool) and wanted is not bool):
                raise TrainingError(f"{self.name}: {name} must be {wanted.__name__}, got {value!r}")
        return self.parameters(**given)


def require(holds: bool, field: str, value: object, needs: str) -> None:
    """Raise TrainingError unless ``holds``: how a parameter dataclass validates a field."""
    if not holds:
        raise TrainingError(f"{field} is {value!r}, it must be {needs}")


def require_width(width: int) -> None:
    """The check on the neighbour slots a row, which every trainer has."""
    require(1 <= width <= 4096, "width", width, "from 1 to 4096 neighbours a row")


def require_entries(interactions: Interactions, trainer: str) -> None:
    """Raise TrainingError when there is nothing to learn from."""
    if interactions.count == 0:
        raise TrainingError(
            f"{trainer}: there are no interactions to train on; collect events (or import some) first, "
            "popular, fresh and editorial items serve until then"
        )
