"""Scratch: what a long training has finished, kept in a folder so that an interrupted one goes on where it was.

Owns the folder. Its name is a hash of everything that decides the result, so that other data or other parameters never
meet blocks that are not theirs. A block is written beside its place and renamed: a file is whole or absent, and one
that was spoilt later fails its checksum and is computed again. Nothing in it is executable: no pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ranking.interactions import Interactions

FORMAT = 1
"""Changes whenever a release would compute other blocks from the same input."""

_PIECE = 1 << 22


@dataclass(frozen=True, slots=True)
class Scratch:
    """Finished pieces of one training. Without a folder nothing is kept and arrays are made in memory."""

    folder: Path | None = None

    @classmethod
    def of(
        cls, folder: Path, interactions: Interactions, trainer: str, parameters: Mapping[str, Any], seed: int
    ) -> Scratch:
        """The part of ``folder`` that belongs to this training; made where it is not there."""
        digest = hashlib.sha256(
            json.dumps([FORMAT, trainer, dict(parameters), seed, interactions.rows], sort_keys=True).encode()
        )
        for array in (interactions.indptr, interactions.indices, interactions.weights):
            for start in range(0, array.size, _PIECE):
                digest.update(np.ascontiguousarray(array[start : start + _PIECE]).data)
        own = folder / digest.hexdigest()[:24]
        own.mkdir(parents=True, exist_ok=True)
        return cls(own)

    def get(self, name: str, *shapes: tuple[int, ...]) -> tuple[NDArray[Any], ...] | None:
        """The arrays of a finished piece; None where it is absent, spoilt, or not of these shapes."""
        if self.folder is None:
            return None
        try:
            with open(self.folder / f"{name}.npz", "rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = tuple(file[key] for key in file.files)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        return arrays if tuple(array.shape for array in arrays) == shapes else None

    def put(self, name: str, *arrays: NDArray[Any]) -> None:
        """Keep a finished piece."""
        if self.folder is None:
            return
        # Another training on the same data may have succeeded meanwhile, and cleared the folder.
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{name}.{os.getpid()}.new"
        try:
            with open(beside, "wb") as file:
                np.savez(file, *arrays)
            os.replace(beside, self.folder / f"{name}.npz")
        finally:
            beside.unlink(missing_ok=True)

    def array(self, name: str, size: int, dtype: DTypeLike) -> NDArray[Any]:
        """An array [size] to fill: in memory, or mapped from a file where there is a folder, so that the machine may
        put its pages aside. It is this process's own: the file has no name any more, and is gone with the array.
        """
        if self.folder is None or size == 0:
            return np.empty(size, dtype)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f".{name}.{os.getpid()}.map"
        try:
            return np.memmap(path, np.dtype(dtype), "w+", shape=(size,))
        finally:
            path.unlink(missing_ok=True)


def cleared(folder: Path) -> None:
    """Remove a folder of scratch with all trainings in it; it may be absent."""
    shutil.rmtree(folder, ignore_errors=True)
