"""Interactions larger than memory: columns in a folder, mapped read-only.

Owns the folder: ``about.json`` (format, readers, rows, count), written last, beside little-endian ``indptr`` (int64),
``indices`` (int32), ``weights`` (float32) and ``times`` (int64). It is built from chunks in any order: first they are
dealt out by reader, then each part is sorted and merged on its own. Memory is one chunk, one part, and 8 bytes a
reader.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.errors import DataError
from ranking.interactions import Interactions

FORMAT = 1
READERS_A_PART = 65_536

Chunk = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
"""Columns of one length: reader, row, time (integers) and weight."""

_RECORD = np.dtype([("reader", "<i8"), ("row", "<i8"), ("time", "<i8"), ("weight", "<f4")])
_COLUMNS: Mapping[str, str] = {"indptr": "<i8", "indices": "<i4", "weights": "<f4", "times": "<i8"}


def build(folder: Path, chunks: Iterable[Chunk], *, readers: int, rows: int) -> Interactions:
    """Write a folder from chunks and open it; the entries are those `Interactions.from_columns` makes of all at once.

    A folder that is there is replaced. Raises DataError for numbers out of range and weights that do not hold.
    """
    shutil.rmtree(folder, ignore_errors=True)
    parts = folder / "parts"
    parts.mkdir(parents=True)
    _deal(parts, chunks, readers)
    counts, total = np.zeros(readers, np.int64), 0
    with (
        open(folder / "indices", "wb") as indices,
        open(folder / "weights", "wb") as weights,
        open(folder / "times", "wb") as times,
    ):
        for first in range(0, readers, READERS_A_PART):
            path = parts / str(first // READERS_A_PART)
            if not path.is_file():
                continue
            last = min(first + READERS_A_PART, readers)
            held = np.fromfile(path, _RECORD)
            merged = Interactions.from_columns(
                held["reader"] - first, held["row"], held["time"], held["weight"], readers=last - first, rows=rows
            )
            for file, column, kind in (
                (indices, merged.indices, "<i4"),
                (weights, merged.weights, "<f4"),
                (times, merged.times, "<i8"),
            ):
                file.write(np.ascontiguousarray(column, kind).data)
            counts[first:last] = np.diff(merged.indptr)
            total += merged.count
            path.unlink()
    np.concatenate([np.zeros(1, "<i8"), np.cumsum(counts, dtype="<i8")]).tofile(folder / "indptr")
    parts.rmdir()
    about = {"format": FORMAT, "readers": readers, "rows": rows, "count": total}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return load(folder)


def load(folder: Path) -> Interactions:
    """Map a folder's columns; pages are read as entries are touched. DataError for one that is not whole."""
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise DataError(f"{folder} holds no whole interactions ({cause}); build it again") from cause
    if about.get("format") != FORMAT:
        raise DataError(f"{folder} has format {about.get('format')}, this release reads {FORMAT}; build it again")
    sizes = {"indptr": about["readers"] + 1, "indices": about["count"]}
    sizes |= {"weights": about["count"], "times": about["count"]}
    arrays = {name: _mapped(folder / name, kind, sizes[name]) for name, kind in _COLUMNS.items()}
    return Interactions(**arrays, rows=about["rows"])


def _deal(parts: Path, chunks: Iterable[Chunk], readers: int) -> None:
    """Append each entry to the part of its reader."""
    for reader, row, time, weight in chunks:
        wrong = (reader < 0) | (reader >= readers)
        if wrong.any():
            raise DataError(f"reader {reader[int(np.argmax(wrong))]} must lie in [0, {readers})")
        records = np.empty(reader.size, _RECORD)
        records["reader"], records["row"], records["time"], records["weight"] = reader, row, time, weight
        part = reader // READERS_A_PART
        order = np.argsort(part, kind="stable")
        edges = np.flatnonzero(np.diff(part[order], prepend=-1, append=-1))
        for start, stop in pairwise(edges.tolist()):
            with open(parts / str(int(part[order[start]])), "ab") as file:
                file.write(records[order[start:stop]].data)


def _mapped(path: Path, kind: str, size: int) -> NDArray[Any]:
    dtype = np.dtype(kind)
    if not path.is_file() or path.stat().st_size != size * dtype.itemsize:
        raise DataError(f"{path} has not the {size * dtype.itemsize} bytes that it should; build the folder again")
    array = np.asarray(np.memmap(path, dtype, "r")) if size else np.empty(0, dtype)
    array.setflags(write=False)
    return array
