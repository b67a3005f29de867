"""The ItemGraph: for each row its top neighbours and integer weights, the one artifact every trainer ends in.

Owns the type and its quantisation; `ranking.graph_file` owns the bytes on disk. Keeps law 3 (integer
weights: no floating point decides an order) and law 8 (rows of items only, nothing about a reader).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking.errors import DataError, GraphCorrupt

NO_NEIGHBOUR = -1
LARGEST_WEIGHT = 32_767
"""Quantised weights lie in [-32767, 32767]; -32768 is not used, so that a weight can always be negated."""

_BLOCK = 65_536
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class ItemGraph:
    """Neighbours and weights by row; a row index is the catalogue's and stable for ever.

    A graph may have fewer rows than the catalogue: rows beyond it simply have no neighbours yet. Within a row
    neighbours are unique, never the row itself, ordered by falling ``|weight|`` and then rising id, so the
    first m columns are the best graph of width m. Padding (id -1, weight 0) stands at the end. Both arrays
    are read-only.
    """

    neighbours: NDArray[np.int32]
    """int32[N, M], -1 where there is no neighbour."""

    weights: NDArray[np.int16]
    """int16[N, M], signed; the real weight is ``weights * scale``."""

    scale: float
    """The one global factor from integer to real weights."""

    version: str
    """Hash of what the graph is (arrays, scale, trainer, parameters): equal training, equal version."""

    trainer: str
    """Name of the trainer in `ranking.models.trainers`."""

    parameters: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    """What the trainer was given: plain JSON values."""

    created_at: int = 0
    """Second at which it was trained; told by the caller, no part of the version."""

    metrics: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    """What its hold-out evaluation measured; no part of the version."""

    @property
    def rows(self) -> int:
        """Rows N."""
        return int(self.neighbours.shape[0])

    @property
    def width(self) -> int:
        """Neighbour slots a row M."""
        return int(self.neighbours.shape[1])

    @classmethod
    def from_arrays(
        cls,
        neighbours: ArrayLike,
        weights: ArrayLike,
        *,
        trainer: str,
        parameters: Mapping[str, Any] = _NOTHING,
        created_at: int = 0,
        metrics: Mapping[str, float] = _NOTHING,
    ) -> ItemGraph:
        """Quantise integer ids [N, M] (negative: none) and real weights [N, M] into a graph.

        The scale maps the largest ``|weight|`` to 32767; weights round half to even, and one that rounds to
        zero is no neighbour. The same input gives the same graph, bit for bit. Raises DataError for shapes
        that differ, weights that are not finite, and ids that are out of range, repeated in a row, or the
        row itself.
        """
        ids, real = np.asarray(neighbours), np.asarray(weights)
        _check_arrays(ids, real)
        rows, width = ids.shape
        absent = ids < 0
        largest = float(np.max(np.abs(real), where=~absent, initial=0.0))
        scale = largest / LARGEST_WEIGHT if largest > 0 else 1.0
        out_ids = np.full((rows, width), NO_NEIGHBOUR, dtype=np.int32)
        out_weights = np.zeros((rows, width), dtype=np.int16)
        for start, stop in blocks(rows):
            block = np.where(absent[start:stop], 0.0, real[start:stop]).astype(np.float64)
            whole = np.clip(np.rint(block / scale), -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int16)
            kept = np.where(whole == 0, NO_NEIGHBOUR, ids[start:stop])
            order = _row_order(kept, whole)
            out_ids[start:stop] = np.take_along_axis(kept, order, axis=1)
            out_weights[start:stop] = np.take_along_axis(whole, order, axis=1)
        return cls.assemble(out_ids, out_weights, scale, trainer, parameters, created_at, metrics)

    @classmethod
    def from_dense_rows(
        cls,
        matrix: ArrayLike,
        width: int,
        *,
        trainer: str,
        parameters: Mapping[str, Any] = _NOTHING,
        created_at: int = 0,
        metrics: Mapping[str, float] = _NOTHING,
    ) -> ItemGraph:
        """Keep of a real matrix [N, N] each row's ``width`` largest ``|weight|``, without its diagonal."""
        dense = np.asarray(matrix)
        if dense.ndim != 2 or dense.shape[0] != dense.shape[1]:
            raise DataError(f"a dense item matrix must be square, this one has shape {dense.shape}")
        rows = dense.shape[0]
        kept = max(1, min(width, rows - 1))
        ids = np.full((rows, kept), NO_NEIGHBOUR, dtype=np.int32)
        weights = np.zeros((rows, kept), dtype=dense.dtype)
        for start, stop in blocks(rows, 1024):
            block = dense[start:stop].copy()
            block[np.arange(stop - start), np.arange(start, stop)] = 0
            best = np.argsort(-np.abs(block), axis=1, kind="stable")[:, :kept]
            chosen = np.take_along_axis(block, best, axis=1)
            width_here = best.shape[1]
            ids[start:stop, :width_here] = np.where(chosen == 0, NO_NEIGHBOUR, best)
            weights[start:stop, :width_here] = chosen
        return cls.from_arrays(
            ids, weights, trainer=trainer, parameters=parameters, created_at=created_at, metrics=metrics
        )

    @classmethod
    def assemble(
        cls,
        neighbours: NDArray[np.int32],
        weights: NDArray[np.int16],
        scale: float,
        trainer: str,
        parameters: Mapping[str, Any],
        created_at: int,
        metrics: Mapping[str, float],
    ) -> ItemGraph:
        """Take arrays that already keep the class's promises, freeze them and name the version."""
        neighbours.setflags(write=False)
        weights.setflags(write=False)
        plain = plain_json(parameters, "parameters")
        digest = payload_digest(neighbours, weights)
        return cls(
            neighbours,
            weights,
            scale,
            content_version(neighbours.shape, scale, trainer, plain, digest),
            trainer,
            MappingProxyType(plain),
            created_at,
            MappingProxyType(plain_json(metrics, "metrics")),
        )

    def stamped(self, *, created_at: int, metrics: Mapping[str, float]) -> ItemGraph:
        """The same graph, same version, with the time of its training and what its evaluation measured."""
        plain = plain_json(metrics, "metrics")
        return replace(self, created_at=created_at, metrics=MappingProxyType(plain))

    def narrowed(self, width: int) -> ItemGraph:
        """The best graph of at most ``width`` neighbours a row (a prefix of each row)."""
        if width < 1:
            raise DataError(f"a graph keeps at least one slot a row, {width} were asked for")
        if width >= self.width:
            return self
        return ItemGraph.assemble(
            np.ascontiguousarray(self.neighbours[:, :width]),
            np.ascontiguousarray(self.weights[:, :width]),
            self.scale,
            self.trainer,
            {**self.parameters, "width": width},
            self.created_at,
            self.metrics,
        )

    def save(self, path: Path) -> None:
        """Write one file, atomically; see `ranking.graph_file`."""
        from ranking.graph_file import save

        save(self, path)

    @classmethod
    def load(cls, path: Path, *, verify: bool = True) -> ItemGraph:
        """Map a file read-only; see `ranking.graph_file.load` for what is refused."""
        from ranking.graph_file import load

        return load(path, verify=verify)


def check_rows(neighbours: NDArray[np.int32], where: str) -> None:
    """Raise GraphCorrupt unless every id is -1 or a row, and padding stands at the end of each row."""
    rows = neighbours.shape[0]
    for start, stop in blocks(rows):
        block = neighbours[start:stop]
        wrong = (block < NO_NEIGHBOUR) | (block >= rows)
        if wrong.any():
            row, slot = np.argwhere(wrong)[0]
            raise GraphCorrupt(
                f"{where}: row {start + row} names neighbour {block[row, slot]}, but the graph has "
                f"{rows} rows; train the model again"
            )
        gap = (block[:, 1:] >= 0) & (block[:, :-1] < 0)
        if gap.any():
            row = int(np.argwhere(gap)[0][0])
            raise GraphCorrupt(f"{where}: row {start + row} has a gap among its neighbours; train the model again")


def payload_digest(neighbours: NDArray[np.int32], weights: NDArray[np.int16]) -> str:
    """sha256 (hex) over the little-endian bytes of both arrays, neighbours first."""
    digest = hashlib.sha256()
    for array, kind in ((neighbours, "<i4"), (weights, "<i2")):
        for start, stop in blocks(array.shape[0]):
            digest.update(np.ascontiguousarray(array[start:stop], dtype=kind).data)
    return digest.hexdigest()


def content_version(
    shape: tuple[int, ...], scale: float, trainer: str, parameters: Mapping[str, Any], digest: str
) -> str:
    """The version string: 16 hex digits of sha256 over everything that decides a score."""
    content = [list(shape), scale, trainer, dict(parameters), digest]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plain_json(mapping: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The mapping as it will read back from JSON; DataError when it cannot."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(mapping), allow_nan=False))
    except (TypeError, ValueError) as cause:
        raise DataError(f"the {what} of a graph must be plain finite JSON values: {cause}") from cause
    return plain


def blocks(rows: int, size: int = _BLOCK) -> Iterator[tuple[int, int]]:
    """Half-open ranges that cover ``rows`` in steps of ``size``."""
    for start in range(0, rows, size):
        yield start, min(start + size, rows)


def _row_order(ids: NDArray[np.integer[Any]], weights: NDArray[np.int16]) -> NDArray[np.int64]:
    """Per row: falling |weight|, then rising id (absent ones have weight 0 and fall to the end)."""
    key = -np.abs(weights.astype(np.int64)) * (1 << 32) + ids.astype(np.int64)
    return np.argsort(np.where(weights == 0, np.iinfo(np.int64).max, key), axis=1, kind="stable")


def _check_arrays(ids: NDArray[Any], real: NDArray[Any]) -> None:
    if ids.ndim != 2 or ids.shape != real.shape or ids.shape[1] < 1:
        raise DataError(f"neighbours and weights must both be [rows, width ≥ 1], got {ids.shape} and {real.shape}")
    if ids.dtype.kind not in "iu":
        raise DataError(f"neighbours must be integers, got {ids.dtype}")
    rows = ids.shape[0]
    for start, stop in blocks(rows):
        block, present = ids[start:stop], ids[start:stop] >= 0
        if not np.isfinite(real[start:stop][present]).all():
            raise DataError(f"a weight among rows {start} to {stop - 1} is not finite")
        if (block >= rows).any():
            raise DataError(f"neighbour {block.max()} among rows {start} to {stop - 1}: there are only {rows} rows")
        if (present & (block == np.arange(start, stop)[:, None])).any():
            raise DataError(f"a row among {start} to {stop - 1} is its own neighbour")
        ordered = np.sort(block, axis=1)
        if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
            raise DataError(f"a row among {start} to {stop - 1} names a neighbour twice")
