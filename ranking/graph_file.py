"""The bytes of an ItemGraph: one file, mapped read-only, refused when it is not exactly what was written.

Layout, little-endian: magic (8 bytes), format (uint32), header length (uint32), sha256 of the header (32
bytes), the header (JSON, UTF-8), zero padding to 64, neighbours int32[N, M], zero padding to 64, weights
int16[N, M]. The header names sizes, offsets and the sha256 of both arrays. Nothing in it is executable: no
pickle.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.errors import GraphCorrupt, GraphError, GraphTruncated, GraphVersion
from ranking.graph import ItemGraph, check_rows, content_version, payload_digest

MAGIC = b"WEIRGRPH"
FORMAT = 1
_PREFIX = struct.Struct("<8sII32s")
_ALIGN = 64
_LARGEST_HEADER = 16 << 20
_FIELDS = {
    "rows": int,
    "width": int,
    "scale": float,
    "version": str,
    "trainer": str,
    "parameters": dict,
    "created_at": int,
    "metrics": dict,
    "sha256": str,
}


def save(graph: ItemGraph, path: Path) -> None:
    """Write the graph beside ``path``, make it durable, then rename: readers see the old file or the whole
    new one.
    """
    header = json.dumps(
        {
            "rows": graph.rows,
            "width": graph.width,
            "scale": graph.scale,
            "version": graph.version,
            "trainer": graph.trainer,
            "parameters": dict(graph.parameters),
            "created_at": graph.created_at,
            "metrics": dict(graph.metrics),
            "sha256": payload_digest(graph.neighbours, graph.weights),
        },
        sort_keys=True,
        allow_nan=False,
    ).encode()
    ids_at, weights_at, _ = _layout(len(header), graph.rows, graph.width)
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    # Of a process that was killed and had this number.
    beside.unlink(missing_ok=True)
    try:
        with open(beside, "xb") as file:
            file.write(_PREFIX.pack(MAGIC, FORMAT, len(header), hashlib.sha256(header).digest()) + header)
            file.write(b"\0" * (ids_at - file.tell()))
            file.write(np.ascontiguousarray(graph.neighbours, dtype="<i4").data)
            file.write(b"\0" * (weights_at - file.tell()))
            file.write(np.ascontiguousarray(graph.weights, dtype="<i2").data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: Path, *, verify: bool = True) -> ItemGraph:
    """Map the file; pages are read as rows are touched.

    Always refused: foreign magic and newer formats (GraphVersion), a length other than the header's
    (GraphTruncated), a header that does not match its checksum or whose fields are missing or senseless
    (GraphCorrupt), a file that cannot be read (GraphError). With ``verify`` every byte is read once: arrays
    that do not match their checksum or the version, and neighbour ids out of range are GraphCorrupt too.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            header, header_length = _read_header(file.read(_PREFIX.size), file.read, path)
            rows, width = header["rows"], header["width"]
            ids_at, weights_at, end = _layout(header_length, rows, width)
            if size != end:
                raise GraphTruncated(f"{path}: {size} bytes, its header promises {end}; copy or train it again")
            mapped = np.memmap(file, dtype=np.uint8, mode="r")
    except OSError as cause:
        raise GraphError(f"{path}: cannot be read ({cause.strerror}); train a model or name another file") from cause
    neighbours = _view(mapped, ids_at, "<i4", rows, width)
    weights = _view(mapped, weights_at, "<i2", rows, width)
    if verify:
        digest = payload_digest(neighbours, weights)
        named = content_version((rows, width), header["scale"], header["trainer"], header["parameters"], digest)
        if digest != header["sha256"] or named != header["version"]:
            raise GraphCorrupt(f"{path}: its contents do not match their checksum; copy or train it again")
        check_rows(neighbours, str(path))
    return ItemGraph(
        neighbours,
        weights,
        header["scale"],
        header["version"],
        header["trainer"],
        MappingProxyType(header["parameters"]),
        header["created_at"],
        MappingProxyType(header["metrics"]),
    )


def _read_header(prefix: bytes, read: Any, path: Path) -> tuple[dict[str, Any], int]:
    if prefix[: len(MAGIC)] != MAGIC[: len(prefix)] or not prefix:
        raise GraphVersion(f"{path}: not an item graph; name a file that `weir train` wrote")
    if len(prefix) < _PREFIX.size:
        raise GraphTruncated(f"{path}: ends within its first {_PREFIX.size} bytes; copy or train it again")
    _, version, length, checksum = _PREFIX.unpack(prefix)
    if version != FORMAT:
        raise GraphVersion(f"{path}: format {version}, this release reads format {FORMAT}; train it again")
    if length > _LARGEST_HEADER:
        raise GraphCorrupt(f"{path}: its header claims {length} bytes; copy or train it again")
    raw = read(length)
    if len(raw) < length:
        raise GraphTruncated(f"{path}: ends within its header; copy or train it again")
    if hashlib.sha256(raw).digest() != checksum:
        raise GraphCorrupt(f"{path}: its header does not match its checksum; copy or train it again")
    header = _parsed(raw, path)
    for name, kind in _FIELDS.items():
        if not isinstance(header.get(name), kind) or isinstance(header[name], bool):
            raise GraphCorrupt(f"{path}: its header has no {kind.__name__} named {name}; train it again")
    if header["rows"] < 0 or header["width"] < 1 or not 0 < header["scale"] < math.inf:
        raise GraphCorrupt(f"{path}: its header holds senseless sizes; train it again")
    return header, length


def _parsed(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise GraphCorrupt(f"{path}: its header is no JSON object; train it again")
    return header


def _layout(header: int, rows: int, width: int) -> tuple[int, int, int]:
    """Offsets of neighbours, of weights, and the length of the file, in bytes."""
    ids_at = _aligned(_PREFIX.size + header)
    weights_at = _aligned(ids_at + rows * width * 4)
    return ids_at, weights_at, weights_at + rows * width * 2


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN


def _view(mapped: NDArray[np.uint8], start: int, kind: str, rows: int, width: int) -> NDArray[Any]:
    size = rows * width * np.dtype(kind).itemsize
    return np.asarray(mapped[start : start + size]).view(kind).reshape(rows, width)
