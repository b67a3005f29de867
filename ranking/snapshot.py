"""Snapshot: all that a request reads, in one immutable reference (laws 2 and 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controls.state import Governance
from ranking.catalogue import Catalogue
from ranking.errors import SnapshotMismatch
from ranking.graph import ItemGraph
from ranking.growth import NO_GROWTH, Growth
from ranking.parameters import Parameters
from ranking.workspace import INT16, INT32, Items, plain

NOTHING_LISTED: Mapping[str, NDArray[np.int32]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The fold at (revision, edition, as_of). ``popular`` maps a pool (``home``, ``topic:<t>``) to int32 rows, best
    first; read-only, each row once.

    ``model`` is the active model's version or an empty string; ``graph`` is then the empty graph. Raises
    :class:`ranking.errors.SnapshotMismatch` for a graph with more rows than the catalogue, and for verdict classes
    that are not one a row.
    """

    revision: int
    edition: int
    as_of: int
    catalogue: Catalogue
    governance: Governance
    graph: ItemGraph
    model: str
    popular: Mapping[str, NDArray[np.int32]]
    parameters: Parameters
    exploration: Mapping[str, NDArray[np.int32]] = field(default_factory=lambda: NOTHING_LISTED)
    """Rows worth exploring by pool, in any order, each once; as ``popular`` otherwise."""

    growth: Growth = NO_GROWTH
    """What rows gain beside the graph, for items that it does not know."""

    items: tuple[NDArray[np.generic], ...] = field(init=False, repr=False)
    """The columns that the kernels read: ``ranking.workspace.Items`` as a plain tuple."""
    scenes: dict[object, Any] = field(init=False, repr=False, default_factory=dict)
    """What ``ranking.arguments`` has worked out of it already, by audience, surface, recipe and parameters."""

    def __post_init__(self) -> None:
        rows, graph, class_of = self.catalogue.rows, self.graph, self.governance.class_of
        if graph.rows > rows:
            raise SnapshotMismatch(
                f"the graph {graph.version or '(empty)'} has {graph.rows} rows and the catalogue {rows}; fold the "
                "journal that it was trained on first"
            )
        if class_of.shape != (rows,):
            raise SnapshotMismatch(f"{class_of.size} verdict classes for {rows} rows; tell the state of the columns")
        items = Items(
            self.catalogue.author,
            self.catalogue.topics,
            self.catalogue.community,
            plain(graph.neighbours, INT32, "graph.neighbours", graph.width),
            plain(graph.weights, INT16, "graph.weights", graph.width),
            self.growth.block,
            plain(class_of, INT32, "class_of"),
        )
        object.__setattr__(self, "items", tuple(items))
