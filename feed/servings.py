"""Servings: each answered page with its inputs, recorded off the request path, enough for exact replay (laws 3 and 8).

A bounded queue never blocks a request: what does not fit is dropped and counted, and its ``why`` answers 410.
Inputs are one compressed block: a JSON head, then the arrays' bytes in the head's order.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from controls.scopes import AgeClass, Audience, SurfaceKind
from feed.storage.errors import StorageError
from feed.storage.ports import Store
from feed.storage.records import ServingRecord
from ranking.page import Page
from ranking.parameters import Parameters
from ranking.reader import Mode, Reader, Request, Settings, Surface
from ranking.snapshot import Snapshot

_FORMAT = 1
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Inputs:
    """What ``rank()`` was given beside the Snapshot."""

    reader: Reader
    request: Request
    parameters: Parameters
    arms: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Serving:
    """One answered request, before it is laid down as bytes."""

    request_id: str
    reader_id: str
    served_at: int
    snapshot: Snapshot
    inputs: Inputs
    page: Page
    items: bytes


def encode_inputs(inputs: Inputs, page_rows: NDArray[np.int32]) -> bytes:
    """Inputs and the page's rows as one compressed block."""
    reader, request = inputs.reader, inputs.request
    history = reader.history[-inputs.parameters.history :] if inputs.parameters.history else reader.history[:0]
    arrays = (
        ("history", history, "<i8"),
        ("seen", reader.seen, "<i4"),
        ("served_rows", request.served_rows, "<i4"),
        ("served_tiers", request.served_tiers, "<u1"),
        ("page_rows", page_rows, "<i4"),
    )
    head = orjson.dumps(
        {
            "format": _FORMAT,
            "surface": [request.surface.kind, request.surface.key],
            "audience": [request.audience.region, request.audience.age, request.audience.language],
            "limit": request.limit,
            "mode": request.mode,
            "seed": request.seed,
            "settings": asdict(reader.settings),
            "parameters": asdict(inputs.parameters),
            "arms": dict(inputs.arms),
            "arrays": [[name, dtype, list(array.shape)] for name, array, dtype in arrays],
        }
    )
    blocks = [struct.pack("<I", len(head)), head]
    blocks += [np.ascontiguousarray(array, dtype=dtype).tobytes() for _, array, dtype in arrays]
    return zlib.compress(b"".join(blocks), 1)


def decode_inputs(block: bytes) -> tuple[Inputs, NDArray[np.int32]]:
    """Inputs and page rows of a recorded Serving; raises ``ValueError`` for a block of another format."""
    data = zlib.decompress(block)
    (length,) = struct.unpack_from("<I", data)
    head = orjson.loads(data[4 : 4 + length])
    if head["format"] != _FORMAT:
        raise ValueError(f"this Serving was recorded in format {head['format']}, this version reads {_FORMAT}")
    offset, arrays = 4 + length, {}
    for name, dtype, shape in head["arrays"]:
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(data, dtype=dtype, count=count, offset=offset).reshape(shape)
        offset += arrays[name].nbytes
    settings: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in head["settings"].items()
    }
    settings["mode"] = Mode(settings["mode"])
    region, age, language = head["audience"]
    kind, key = head["surface"]
    reader = Reader(arrays["history"], arrays["seen"], Settings(**settings))
    request = Request(
        surface=Surface(SurfaceKind(kind), key),
        audience=Audience(region, AgeClass(age), language),
        limit=head["limit"],
        mode=Mode(head["mode"]),
        served_rows=arrays["served_rows"],
        served_tiers=arrays["served_tiers"],
        seed=head["seed"],
    )
    inputs = Inputs(reader, request, Parameters(**head["parameters"]), head["arms"])
    return inputs, arrays["page_rows"]


def _record(serving: Serving) -> ServingRecord:
    snapshot = serving.snapshot
    return ServingRecord(
        request_id=serving.request_id,
        reader=serving.reader_id,
        served_at=serving.served_at,
        revision=snapshot.revision,
        edition=snapshot.edition,
        as_of=snapshot.as_of,
        model=snapshot.model,
        inputs=encode_inputs(serving.inputs, serving.page.rows),
        items=zlib.compress(serving.items, 1),
    )


class ServingQueue:
    """Bounded queue with one thread that writes Servings in batches."""

    def __init__(self, store: Store, capacity: int = 10_000) -> None:
        self._store = store
        self._capacity = capacity
        self._waiting: deque[Serving] = deque()
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="weir-servings", daemon=True)
        self.dropped = 0
        self.recorded = 0

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def offer(self, serving: Serving) -> bool:
        """Queue a Serving; False when the queue is full and it was dropped. Never blocks."""
        if len(self._waiting) >= self._capacity:
            self.dropped += 1
            return False
        self._waiting.append(serving)
        self._idle.clear()
        if not self._wake.is_set():
            self._wake.set()
        return True

    def depth(self) -> int:
        """Servings waiting to be written."""
        return len(self._waiting)

    def flush(self, timeout: float = 30.0) -> bool:
        """Wait until all that was offered is durable (or failed and counted); False on time-out."""
        self._wake.set()
        return self._idle.wait(timeout)

    def close(self) -> None:
        """Write what is queued, then stop."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                try:
                    self._store.servings.record([_record(serving) for serving in batch]).result()
                    self.recorded += len(batch)
                except StorageError:
                    self.dropped += len(batch)
            if not self._waiting:
                self._idle.set()
                if self._waiting:
                    self._idle.clear()
            if self._closing and not self._waiting:
                return
