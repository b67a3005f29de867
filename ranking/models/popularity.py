"""Popularity: a graph without neighbours.

A model of what is popular needs no neighbours: where the graph gives no candidates, the pool's popular list
fills the page. So this graph serves exactly the popular list, to every reader, and is what other models are
compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.graph import ItemGraph
from ranking.interactions import Interactions
from ranking.models.progress import Progress
from ranking.models.trainer import Trainer


@dataclass(frozen=True, slots=True)
class PopularityParameters:
    """There is nothing to choose."""


def train(interactions: Interactions, parameters: PopularityParameters, *, seed: int, progress: Progress) -> ItemGraph:
    """A graph of one empty slot a row; it works on an empty store too."""
    progress(1.0, "nothing to train")
    rows = interactions.rows
    return ItemGraph.from_arrays(
        np.full((rows, 1), -1, np.int32), np.zeros((rows, 1), np.float32), trainer="popularity"
    )


TRAINER = Trainer("popularity", "no graph: everybody is served the popular list", PopularityParameters, train)
