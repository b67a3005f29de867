"""Replay: rebuild the state a page was made in and make the page again (laws 2 and 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from controls.policy import Policy
from feed.control.follow import catch_up
from feed.pages.listing import items_json
from feed.pages.recording import Inputs, decode, digest
from feed.storage.ports.store import Store
from feed.storage.records import ServingRecord
from ranking.fold import EMPTY_GRAPH, Fold
from ranking.graph import ItemGraph
from ranking.page import Page
from ranking.pipeline import rank
from ranking.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Replayed:
    """A page made again. ``erased``: the reader's inputs were erased, so there is nothing to compare."""

    serving: ServingRecord
    reproduced: bytes
    erased: bool

    @property
    def identical(self) -> bool:
        """Whether the reproduced ``items`` are the recorded ones byte for byte, told by their SHA-256."""
        return not self.erased and self.serving.items == digest(self.reproduced)


class Replayer:
    """Replays recorded Servings of one store."""

    def __init__(self, store: Store, policies: Callable[[str], Policy], graphs: Callable[[str], ItemGraph]) -> None:
        self._store = store
        self._policies = policies
        self._graphs = graphs

    def replay(self, servings: Sequence[ServingRecord]) -> Iterator[Replayed]:
        """Replay Servings in the order of their states, folding forward once where their order allows it."""
        fold = self._fold()
        for serving in sorted(servings, key=lambda one: (one.revision, one.edition, one.as_of)):
            if serving.erased:
                yield Replayed(serving, b"", erased=True)
                continue
            if lies_before(serving, fold):
                fold = self._fold()
            yield self._one(fold, serving)

    def _fold(self) -> Fold:
        return Fold(self._policies, self._graphs)

    def _one(self, fold: Fold, serving: ServingRecord) -> Replayed:
        page, snapshot, inputs = made_again(fold, self._store, self._graphs, serving)
        reproduced = items_json(page, snapshot, inputs.request)
        return Replayed(serving, reproduced, erased=False)


def made_again(
    fold: Fold, store: Store, graphs: Callable[[str], ItemGraph], serving: ServingRecord
) -> tuple[Page, Snapshot, Inputs]:
    """The page of a Serving, made from a fold that is brought to its state, with what it was made from. Raises
    ``RankingError`` or ``OSError`` when its model cannot be had."""
    bring(fold, store, serving)
    return made_from(fold, fold.snapshot(), graphs, serving)


def bring(fold: Fold, store: Store, serving: ServingRecord) -> None:
    """Bring a fold to the state of a Serving that it has not gone past."""
    if serving.as_of > fold.as_of:
        fold.advance(serving.as_of)
    catch_up(fold, store, revision=serving.revision, edition=serving.edition)


def made_from(
    fold: Fold, snapshot: Snapshot, graphs: Callable[[str], ItemGraph], serving: ServingRecord
) -> tuple[Page, Snapshot, Inputs]:
    """The page of a Serving, made from a Snapshot of a fold at its state. Raises as :func:`made_again` does."""
    if snapshot.model != serving.model:
        # The page was made while the model could not be had, or could when it cannot now.
        graph = graphs(serving.model) if serving.model else EMPTY_GRAPH
        snapshot = replace(snapshot, model=serving.model, graph=graph, growth=fold.growth(graph))
    inputs = decode(serving.inputs).inputs
    return rank(snapshot, inputs.reader, inputs.request, inputs.parameters), snapshot, inputs


def lies_before(serving: ServingRecord, fold: Fold) -> bool:
    """Whether a fold has gone past the state of a Serving."""
    return fold.revision > serving.revision or fold.edition > serving.edition or fold.as_of > serving.as_of
