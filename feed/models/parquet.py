"""Parquet: interactions out of a store and back, in the form that other engines read; the only module with pyarrow.

Owns the export: ``interactions/*.parquet`` with columns reader (int32), row (int32), time (int64, seconds) and weight
(float32), and ``about.json`` beside it. Readers are numbers of this one export, rows those of the catalogue: who a
reader is stays behind (law 8).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from feed.errors import SetupInvalid
from ranking.errors import DataError
from ranking.interactions import Interactions
from ranking.interactions_file import Chunk, build
from ranking.models import Progress, silent

if TYPE_CHECKING:
    from ranking.models.spark import Neighbours

FORMAT = 1
ENTRIES_A_FILE = 2_000_000
_BATCH = 1 << 17
_NEIGHBOURS = ("row", "slot", "neighbour", "weight")


@dataclass(frozen=True, slots=True)
class About:
    """What an export says of itself."""

    readers: int
    rows: int
    count: int


def export(interactions: Interactions, folder: Path, progress: Progress = silent) -> About:
    """Write interactions as Parquet. An export that is there is replaced; any other folder with content is refused."""
    pyarrow, parquet = _pyarrow()
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / "about.json").is_file())):
        raise DataError(f"{folder} exists and is no export; name a new folder")
    place = folder / "interactions"
    shutil.rmtree(place, ignore_errors=True)
    (folder / "about.json").unlink(missing_ok=True)
    place.mkdir(parents=True)
    reader = interactions.entry_readers().astype(np.int32)
    columns: dict[str, NDArray[Any]] = {"reader": reader, "row": interactions.indices, "time": interactions.times}
    columns["weight"] = interactions.weights
    for start in range(0, max(1, interactions.count), ENTRIES_A_FILE):
        stop = min(start + ENTRIES_A_FILE, interactions.count)
        table = pyarrow.table({name: pyarrow.array(column[start:stop]) for name, column in columns.items()})
        parquet.write_table(table, place / f"part-{start // ENTRIES_A_FILE:06}.parquet", row_group_size=_BATCH)
        progress(stop / max(1, interactions.count), "exporting")
    about = About(interactions.readers, interactions.rows, interactions.count)
    document = {"format": FORMAT, "readers": about.readers, "rows": about.rows, "count": about.count}
    (folder / "about.json").write_text(json.dumps(document), encoding="utf-8")
    return about


def about(folder: Path) -> About:
    """What an export says of itself; DataError for a folder that is none, or not whole."""
    try:
        document = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise DataError(f"{folder} has format {document['format']}, this release reads {FORMAT}; export again")
        return About(int(document["readers"]), int(document["rows"]), int(document["count"]))
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise DataError(f"{folder} is no whole export of `weir export parquet` ({cause}); export again") from cause


def mapped(folder: Path, columns: Path, progress: Progress = silent) -> Interactions:
    """An export's interactions, mapped from ``columns``, a folder that is built for it: memory is a few chunks."""
    known = about(folder)
    interactions = build(columns, _chunks(folder, known, progress), readers=known.readers, rows=known.rows)
    if interactions.count != known.count:
        raise DataError(f"{folder} holds {interactions.count} interactions, it should be {known.count}; export again")
    return interactions


@dataclass(frozen=True, slots=True)
class Exchange:
    """A folder through which a Spark engine is given interactions and gives neighbours back
    (``ranking.models.spark.Exchange``). On a cluster every worker sees it under the same path.
    """

    folder: Path

    def give(self, interactions: Interactions, progress: Progress) -> str:
        """Write interactions; path of their Parquet folder."""
        export(interactions, self.folder / "given", progress)
        return str((self.folder / "given" / "interactions").resolve())

    def room(self) -> str:
        """Path of a folder that is not there yet."""
        place = self.folder / "neighbours"
        shutil.rmtree(place, ignore_errors=True)
        return str(place.resolve())

    def clear(self) -> None:
        """Remove what was given and what came back."""
        for name in ("given", "neighbours"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def take(self) -> Iterator[Neighbours]:
        """What was written into the room, in batches."""
        for columns in _batches(self.folder / "neighbours", _NEIGHBOURS):
            row, slot, neighbour, weight = columns
            yield row, slot, neighbour, weight


def _chunks(folder: Path, known: About, progress: Progress) -> Iterator[Chunk]:
    done = 0
    for reader, row, time, weight in _batches(folder / "interactions", ("reader", "row", "time", "weight")):
        yield reader, row, time, weight
        done += reader.size
        progress(min(1.0, done / max(1, known.count)), "reading the export")


def _batches(folder: Path, names: tuple[str, ...]) -> Iterator[list[NDArray[np.generic]]]:
    """Columns of all Parquet files of a folder, in the order of their names. DataError names a file that is broken."""
    pyarrow, parquet = _pyarrow()
    for path in sorted(folder.glob("*.parquet")):
        try:
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(_BATCH, columns=list(names)):
                    yield [batch.column(name).to_numpy(zero_copy_only=False) for name in names]
        except (pyarrow.ArrowException, OSError, KeyError) as cause:
            raise DataError(f"{path} cannot be read ({cause}); export again") from cause


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as cause:
        raise SetupInvalid("Parquet needs the extra: pip install 'weir[spark]'") from cause
    return pyarrow, parquet
