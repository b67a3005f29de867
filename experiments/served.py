"""Served lists: what readers would be shown by ``rank()`` itself, as served and under other parameters.

Owns the judging of whole pages: governance, turns of sources, windows and calibration included. `experiments.top_lists`
judges a graph by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controls.scopes import Audience
from experiments.beyond import Facts
from experiments.evaluation import Evaluation, judge
from experiments.splits import Split
from experiments.top_lists import popular_order
from experiments.votes import kinds_of
from ranking.errors import DataError, InvalidParameters
from ranking.graph import ItemGraph
from ranking.growth import NO_GROWTH
from ranking.interactions import Interactions
from ranking.models import Progress, silent
from ranking.parameters import Parameters
from ranking.pipeline import rank
from ranking.reader import CONSUMED, NO_TIERS, NOTHING_SERVED, Mode, Reader, Request, Settings, Surface
from ranking.snapshot import Snapshot
from ranking.workspace import LARGEST_PAGE

AS_SCORED: Mapping[str, int] = MappingProxyType({"calibration": 0, "topic_max": 0})
"""Without any re-rank by topics."""

RERANKS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "calibrated": MappingProxyType({"calibration": Parameters().calibration}),
        "diversified": MappingProxyType({"topic_max": 3}),
    }
)
"""Re-ranks by name, each with what it sets."""

_LISTED = 1000
_EVERY = 256


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """Pages of the same readers without a re-rank by topics and with one."""

    changed: Mapping[str, int]
    """What the re-rank sets."""

    without: Evaluation
    reranked: Evaluation
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Plain values; ``difference`` has 95 % intervals, negative where the re-rank costs accuracy."""
        over = self.reranked.over(self.without, seed=self.seed)
        return {
            "rerank": dict(self.changed),
            "without": self.without.as_json(),
            "with": self.reranked.as_json(),
            "difference": {name: interval.as_json() for name, interval in over.items()},
        }


def compare_served(
    snapshot: Snapshot,
    graph: ItemGraph,
    split: Split,
    changed: Mapping[str, int],
    *,
    k: int = 20,
    seed: int = 0,
    progress: Progress = silent,
) -> Served:
    """Judge pages of k rows that ``rank()`` makes of a Snapshot with another graph, under the Snapshot's parameters
    without a re-rank by topics, and with ``changed`` ones.

    ``graph`` is one of the training part; lists of the Snapshot that may know what is held out are replaced by those of
    the training part, or left out. Raises DataError for k beyond a page, InvalidParameters for what cannot be set.
    """
    if not 1 <= k <= LARGEST_PAGE:
        raise DataError(f"pages have 1 to {LARGEST_PAGE} items, got k = {k}")
    known = asdict(snapshot.parameters)
    unknown = sorted(changed.keys() - known.keys())
    if unknown:
        raise InvalidParameters(f"ranking has no parameter {unknown[0]}; there are {', '.join(known)}")
    plain = replace(snapshot.parameters, **AS_SCORED)
    reranked = replace(plain, **changed)
    past = _of_training(snapshot, graph, split.train)
    readers = np.flatnonzero(np.diff(split.test.indptr)).astype(np.int64)
    facts = Facts.of(snapshot.catalogue, split.train.rows)
    lists = [np.full((readers.size, k), -1, np.int32) for _ in range(2)]
    for at, reader in enumerate(readers):
        view = reader_of(split.train, int(reader))
        request = Request(Surface(), Audience(), k, Mode.PERSONALIZED, NOTHING_SERVED, NO_TIERS, seed + at)
        for made, parameters in zip(lists, (plain, reranked), strict=True):
            rows = rank(past, view, request, parameters).rows
            made[at, : rows.size] = rows
        if at % _EVERY == 0:
            progress(at / readers.size, "serving every reader")
    without, with_ = (judge(made, readers, split, facts=facts) for made in lists)
    return Served(MappingProxyType(dict(changed)), without, with_, seed)


def reader_of(train: Interactions, reader: int) -> Reader:
    """A reader's entries as ``rank()`` reads them: events of the kinds whose weights they have, all consumed."""
    entries = slice(train.indptr[reader], train.indptr[reader + 1])
    history = np.empty((entries.stop - entries.start, 3), np.int64)
    history[:, 0], history[:, 1] = train.indices[entries], train.times[entries]
    history[:, 2] = kinds_of(train.weights[entries])
    seen = np.empty((history.shape[0], 2), np.int32)
    seen[:, 0], seen[:, 1] = history[:, 0], CONSUMED
    for array in (history, seen):
        array.setflags(write=False)
    return Reader(history, seen, Settings())


def _of_training(snapshot: Snapshot, graph: ItemGraph, train: Interactions) -> Snapshot:
    popular: NDArray[np.int32] = popular_order(train)[:_LISTED]
    popular.setflags(write=False)
    return replace(
        snapshot, graph=graph, model=graph.version, popular={"home": popular}, exploration={}, growth=NO_GROWTH
    )
