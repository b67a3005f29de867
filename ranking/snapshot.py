"""Snapshot: all that a request reads, in one immutable reference (laws 2 and 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controls.state import Governance
from ranking.catalogue import Catalogue
from ranking.graph import ItemGraph
from ranking.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fold at (revision, edition, as_of).

    ``popular`` maps a pool (``home``, ``topic:<t>``) to int32 rows, best first. ``model`` is the active model's
    version or an empty string; ``graph`` is then the empty graph.
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
