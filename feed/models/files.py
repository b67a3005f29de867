"""Model files: where a trained graph lies, and how it gets into the register of models.

A file says all that its record says, so a file that a command trained beside a running server can be registered by
that server.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson

from feed.storage.ports.store import Store
from feed.storage.records import ModelRecord
from ranking.graph import ItemGraph


def save(graph: ItemGraph, folder: Path) -> ModelRecord:
    """Write a graph into the models folder; the record that registers it."""
    folder.mkdir(parents=True, exist_ok=True)
    graph.save(folder / file_of(graph.version))
    return record_of(graph)


def remove_unfinished(folder: Path, process: int) -> None:
    """Remove what a process left behind that ended while it saved."""
    for path in folder.glob(f".*.{process}.new"):
        path.unlink(missing_ok=True)


def file_of(version: str) -> str:
    """Name of a version's file within the models folder."""
    return f"{version}.graph"


def record_of(graph: ItemGraph) -> ModelRecord:
    """The record of a graph, from what the graph itself says."""
    metrics = orjson.dumps(dict(graph.metrics)).decode()
    return ModelRecord(graph.version, graph.trainer, file_of(graph.version), metrics, graph.created_at)


def registered(store: Store, graphs: Callable[[str], ItemGraph], folder: Path, version: str) -> ModelRecord | None:
    """The record of a version, whose graph is then loaded; one that lies in the folder but is not registered yet is
    registered. None when there is neither. Blocks.

    Raises ``GraphError`` for a file that must not be served.
    """
    record = store.models.get(version)
    if record is None and not lies_in(folder, version):
        return None
    graph = graphs(version)
    if record is None:
        record = record_of(graph)
        store.models.put(record).result()
    return record


def lies_in(folder: Path, version: str) -> bool:
    """Whether a version's file lies in the folder under its own name."""
    return version.isalnum() and (folder / file_of(version)).is_file()
