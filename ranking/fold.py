"""The fold: ledger and journal and a second become a Snapshot, bit for bit the same on every replica (laws 2 and 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from controls.decisions import Decision
from controls.policy import Policy
from controls.state import State
from ranking.building import CatalogueBuilder
from ranking.errors import EditionGap, RankingError
from ranking.graph import ItemGraph
from ranking.growth import Growth, GrowthBuilder
from ranking.journal import Entry, ListPublished, RowGrown
from ranking.parameters import DEFAULTS, Parameters
from ranking.snapshot import NOTHING_LISTED, Snapshot

POPULAR, EXPLORATION = "popular", "exploration"
"""Names of the lists that are read; others are passed over."""

RETRY_SECONDS = 60
"""A graph that could not be had is asked for again when ``as_of`` enters the next minute."""

EMPTY_GRAPH = ItemGraph.from_arrays(
    np.empty((0, 1), dtype=np.int32), np.empty((0, 1), dtype=np.float64), trainer="none"
)
"""The graph while no model is active: no rows."""


class Fold:
    """A replica's accumulator of the whole Snapshot.

    ``policies`` and ``graphs`` give a policy by content hash and a graph by version; both were there before the
    decision that activates them, so that the fold never waits (law 4). A graph that cannot be had after all (the
    callable raises a ``RankingError``, ``OSError`` or ``LookupError``), or that has more rows than the journal has
    told of yet, leaves the model empty: pages are then made of the other sources. ``instead``: as in ``State``; with
    ``beside`` the same ledger and journal are looked at under these policies, too, at the cost of one fold.
    """

    def __init__(
        self,
        policies: Callable[[str], Policy],
        graphs: Callable[[str], ItemGraph],
        parameters: Parameters = DEFAULTS,
        instead: str | None = None,
        beside: Sequence[str] = (),
    ) -> None:
        self._state = State(policies, instead)
        self._others = tuple(State(policies, other) for other in beside)
        self._builder = CatalogueBuilder()
        self._growth = GrowthBuilder()
        self._graphs = graphs
        self._parameters = parameters
        self._lists: dict[str, Mapping[str, NDArray[np.int32]]] = dict.fromkeys((POPULAR, EXPLORATION), NOTHING_LISTED)
        self._changed: list[NDArray[np.int32]] = []
        self._graph = EMPTY_GRAPH
        self._asked = ("", 0)
        self._revision, self._edition, self._as_of = 0, 0, 0
        self._snapshot: Snapshot | None = None
        self._columns_changed(self._builder.apply([]))

    @property
    def revision(self) -> int:
        """The last revision folded, 0 at first."""
        return self._revision

    @property
    def edition(self) -> int:
        """The last edition folded, 0 at first."""
        return self._edition

    @property
    def as_of(self) -> int:
        """The second that the fold stands at."""
        return self._as_of

    def decide(self, decisions: Sequence[Decision]) -> None:
        """Fold the next decisions of the ledger; raises ``controls.errors.StateError`` for gaps, and what was folded
        before the gap is in force."""
        if not decisions:
            return
        self._snapshot = None
        self._tell()
        try:
            self._state.decide(decisions)
        except Exception:
            self._revision = self._state.governance().revision
            raise
        for state in self._others:
            state.decide(decisions)
        self._revision = decisions[-1].revision

    def journal(self, edition: int, entries: Sequence[Entry]) -> None:
        """Fold the next edition; raises :class:`ranking.errors.EditionGap` when it is not the next."""
        if edition != self._edition + 1:
            raise EditionGap(
                f"edition {edition} cannot follow {self._edition}; read the journal by edition, without gaps"
            )
        self._snapshot = None
        self._edition = edition
        changed = self._builder.apply(entries)
        if changed.size:
            self._changed.append(changed)
        for entry in entries:
            if isinstance(entry, RowGrown):
                self._grow(entry)
        for name, known in self._lists.items():
            lists = {e.pool: e.items for e in entries if isinstance(e, ListPublished) and e.name == name}
            if lists:
                rows = {pool: self._rows(items) for pool, items in lists.items()}
                self._lists[name] = MappingProxyType({**known, **rows})

    def advance(self, as_of: int) -> None:
        """Move time to a second; raises ``controls.errors.StateError`` for a step backwards."""
        if as_of != self._as_of:
            for state in (self._state, *self._others):
                state.advance(as_of)
            self._snapshot = None
            self._as_of = as_of

    def snapshot(self) -> Snapshot:
        """What a request reads, at (revision, edition, as_of). The same object while nothing was folded."""
        if self._snapshot is None:
            self._tell()
            self._snapshot = self._of(self._state)
        return self._snapshot

    def beside(self) -> tuple[Snapshot, ...]:
        """The same under each of the policies that it is looked at under beside."""
        self._tell()
        return tuple(map(self._of, self._others))

    def _of(self, state: State) -> Snapshot:
        catalogue, governance = self._builder.view(), state.governance()
        graph = self._graph_of(governance.model)
        if graph.rows > catalogue.rows:
            graph = EMPTY_GRAPH
        return Snapshot(
            revision=self._revision,
            edition=self._edition,
            as_of=self._as_of,
            catalogue=catalogue,
            governance=governance,
            graph=graph,
            model="" if graph is EMPTY_GRAPH else governance.model,
            popular=self._lists[POPULAR],
            parameters=self._parameters,
            exploration=self._lists[EXPLORATION],
            growth=self._growth.view(graph),
        )

    def growth(self, graph: ItemGraph) -> Growth:
        """What rows gain beside a graph that is not the active one."""
        return self._growth.view(graph)

    def _tell(self) -> None:
        """Tell the state of changed columns: once for all editions since the last time."""
        if self._changed:
            changed = np.unique(np.concatenate(self._changed))
            self._changed = []
            self._columns_changed(changed)

    def _columns_changed(self, rows: NDArray[np.int32]) -> None:
        for state in (self._state, *self._others):
            state.columns_changed(self._builder.view(), rows)

    def _grow(self, entry: RowGrown) -> None:
        """Take the row of an item; an item that is unknown has none, neighbours that are unknown are left out."""
        row = self._builder.row_of(entry.item)
        if row >= 0:
            self._growth.grow(row, [self._builder.row_of(item) for item in entry.neighbours], entry.weights)

    def _rows(self, items: Sequence[str]) -> NDArray[np.int32]:
        """int32[n], read-only: rows of a list's items, each once; unknown ones are left out."""
        known = [row for row in map(self._builder.row_of, items) if row >= 0]
        rows = np.array(list(dict.fromkeys(known)), dtype=np.int32)
        rows.setflags(write=False)
        return rows

    def _graph_of(self, version: str) -> ItemGraph:
        if not version:
            return EMPTY_GRAPH
        asked = (version, self._as_of // RETRY_SECONDS)
        if self._graph is EMPTY_GRAPH or version != self._asked[0]:
            if asked == self._asked:
                return EMPTY_GRAPH
            self._asked = asked
            try:
                self._graph = self._graphs(version)
            except (RankingError, OSError, LookupError):
                self._graph = EMPTY_GRAPH
        return self._graph
