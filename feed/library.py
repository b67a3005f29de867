"""The library: models and policies by version, loaded and checked once, so that the fold never waits (law 4)."""

from __future__ import annotations

import threading
from pathlib import Path

from controls.policy import Policy
from controls.policy import load as load_policy
from feed.storage.ports import Models, Policies
from ranking.errors import GraphError
from ranking.graph import ItemGraph


class Graphs:
    """Item graphs of one models folder, memory-mapped, checked against their checksum when first loaded."""

    def __init__(self, models: Models, folder: Path) -> None:
        self._models = models
        self._folder = folder
        self._loaded: dict[str, ItemGraph] = {}
        self._lock = threading.Lock()

    def __call__(self, version: str) -> ItemGraph:
        """The graph of a version; raises ``GraphError`` when it is unknown, missing or corrupt."""
        with self._lock:
            graph = self._loaded.get(version)
            if graph is None:
                graph = self._loaded[version] = self._load(version)
            return graph

    def known(self, version: str) -> bool:
        """Whether a version is registered and its file can be loaded."""
        try:
            self(version)
        except GraphError:
            return False
        return True

    def _load(self, version: str) -> ItemGraph:
        record = self._models.get(version)
        if record is None:
            raise GraphError(f"no model {version!r} is registered; `weir train` makes one")
        path = self._folder / record.file
        graph = ItemGraph.load(path)
        if graph.version != version:
            raise GraphError(f"{path} holds model {graph.version}, not {version}; train again or restore the file")
        return graph


class PolicyDocuments:
    """Policies of a store by content hash, parsed once."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._parsed: dict[str, Policy] = {}
        self._lock = threading.Lock()

    def __call__(self, digest: str) -> Policy:
        """The policy of a content hash; raises ``KeyError`` when it is unknown."""
        with self._lock:
            policy = self._parsed.get(digest)
            if policy is None:
                document = self._policies.get(digest)
                if document is None:
                    raise KeyError(f"no policy with content hash {digest} is stored")
                policy = self._parsed[digest] = load_policy(document)
            return policy

    def known(self, digest: str) -> bool:
        """Whether a policy of this content hash is stored."""
        try:
            self(digest)
        except KeyError:
            return False
        return True
