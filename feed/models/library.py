"""The library: models and policies by version, loaded and checked once, so that the fold never waits (law 4)."""

from __future__ import annotations

import threading
from pathlib import Path

from controls.policy import Policy
from controls.policy import load as load_policy
from feed.models.files import file_of, lies_in
from feed.storage.ports.registers import Models, Policies
from ranking.errors import GraphError
from ranking.graph import ItemGraph


class Graphs:
    """Item graphs of one models folder, memory-mapped, checked against their checksum when first loaded.

    The last few are kept, so that going back to the model before is as quick as staying. Who asks for a loaded graph
    never waits for the loading of another.
    """

    KEPT = 3
    """Graphs kept loaded; a Snapshot holds its own for as long as it needs it."""

    def __init__(self, models: Models, folder: Path) -> None:
        self._models = models
        self._folder = folder
        self._loaded: dict[str, ItemGraph] = {}
        self._loading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def __call__(self, version: str) -> ItemGraph:
        """The graph of a version; raises ``GraphError`` when there is none, or its file is missing or corrupt.

        A file that lies in the folder under its version's name need not be registered.
        """
        with self._lock:
            graph = self._used(version)
            if graph is not None:
                return graph
            turn = self._loading.setdefault(version, threading.Lock())
        with turn:
            with self._lock:
                graph = self._used(version)
            try:
                return graph if graph is not None else self._kept(version, self._load(version))
            finally:
                with self._lock:
                    self._loading.pop(version, None)

    def known(self, version: str) -> bool:
        """Whether the file of a version can be loaded."""
        try:
            self(version)
        except GraphError:
            return False
        return True

    def _used(self, version: str) -> ItemGraph | None:
        """A loaded graph, which is now the last to go."""
        graph = self._loaded.pop(version, None)
        if graph is not None:
            self._loaded[version] = graph
        return graph

    def _kept(self, version: str, graph: ItemGraph) -> ItemGraph:
        with self._lock:
            self._loaded[version] = graph
            while len(self._loaded) > self.KEPT:
                del self._loaded[next(iter(self._loaded))]
        return graph

    def _load(self, version: str) -> ItemGraph:
        record = self._models.get(version)
        path = self._folder / (record.file if record is not None else file_of(version))
        if record is None and not lies_in(self._folder, version):
            raise GraphError(f"no model {version!r} is registered; `weir train` makes one")
        graph = ItemGraph.load(path)
        if graph.version != version:
            raise GraphError(f"{path} holds model {graph.version}, not {version}; train again or restore the file")
        return graph


class PolicyDocuments:
    """Policies of a store by content hash, parsed once while they are used."""

    KEPT = 32
    """Policies kept parsed: those that were asked for last."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._parsed: dict[str, Policy] = {}
        self._lock = threading.Lock()

    def __call__(self, digest: str) -> Policy:
        """The policy of a content hash; raises ``KeyError`` when it is unknown."""
        with self._lock:
            policy = self._parsed.pop(digest, None)
            if policy is None:
                document = self._policies.get(digest)
                if document is None:
                    raise KeyError(f"no policy with content hash {digest} is stored")
                policy = load_policy(document)
            self._parsed[digest] = policy
            if len(self._parsed) > self.KEPT:
                del self._parsed[next(iter(self._parsed))]
            return policy

    def known(self, digest: str) -> bool:
        """Whether a policy of this content hash is stored."""
        try:
            self(digest)
        except KeyError:
            return False
        return True
