"""How a Serving is laid down as bytes: one block with a JSON head and the arrays' bytes in the head's order.

The block holds what ``rank()`` was given beside the Snapshot, what it answered, and what governance said of the
verdict classes on the page: enough for exact replay and for ``why`` without a fold (laws 3 and 8).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from hashlib import sha256
from typing import Any

import numpy as np
import orjson

from controls.causes import Cause
from controls.scopes import AgeClass, Audience, Sensitive, SurfaceKind
from feed.pages.packing import unpacked
from ranking.growth import Growth, grown_of
from ranking.page import Page
from ranking.parameters import Parameters
from ranking.reader import Mode, Mute, Reader, Request, Settings, Surface
from ranking.snapshot import Snapshot

_FORMAT = 1
_PAGE_ARRAYS = {
    "rows": "<i4",
    "sources": "<u1",
    "tiers": "<u1",
    "classes": "<i4",
    "reasons": "<u1",
    "because": "<i4",
    "scores": "<i8",
    "drawn_from": "<i4",
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """What ``rank()`` was given beside the Snapshot."""

    reader: Reader
    request: Request
    parameters: Parameters
    arms: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """What governance said of a verdict class to the page's audience: fixed-point weight and the acting causes."""

    weight: int
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A recorded page: its inputs, its arrays, and the verdicts of its classes."""

    inputs: Inputs
    page: Page
    verdicts: Mapping[int, Judged]
    growth: Growth
    """What connected the history (on related pages: the seed) with the page beside the model."""


def digest(items: bytes) -> bytes:
    """What is kept of a page's ``items``: their SHA-256."""
    return sha256(items).digest()


def arms_text(arms: Mapping[str, str]) -> str:
    """What is kept of a page's arms beside its inputs, so that pages can be found by them: sorted JSON, or nothing."""
    return orjson.dumps(arms, option=orjson.OPT_SORT_KEYS).decode() if arms else ""


def encode(inputs: Inputs, page: Page, snapshot: Snapshot) -> bytes:
    """A recorded page as one block, to be packed; only the history entries that could vote are kept."""
    reader, request, count = inputs.reader, inputs.request, inputs.parameters.history
    arrays = [
        ("history", reader.history[len(reader.history) - min(count, len(reader.history)) :], "<i8"),
        ("seen", reader.seen, "<i4"),
        ("served_rows", request.served_rows, "<i4"),
        ("served_tiers", request.served_tiers, "<u1"),
        *((f"page_{name}", getattr(page, name), dtype) for name, dtype in _PAGE_ARRAYS.items()),
    ]
    audience, surface = request.audience, request.surface
    table = snapshot.governance.table(audience, surface.kind)
    head = orjson.dumps(
        {
            "format": _FORMAT,
            "surface": [surface.kind, surface.key],
            "audience": [audience.region, audience.age, audience.language, audience.sensitive],
            "limit": request.limit,
            "mode": request.mode,
            "seed": request.seed,
            "settings": orjson.Fragment(_settings_json(reader.settings)),
            "parameters": orjson.Fragment(_parameters_json(inputs.parameters)),
            "arms": dict(inputs.arms),
            "start": page.start,
            "exhausted": page.exhausted,
            "verdicts": [
                [
                    cls,
                    int(table.weight[cls]),
                    [[c.kind, c.id, c.words] for c in snapshot.governance.acting(cls, audience, surface.kind)],
                ]
                for cls in set(page.classes.tolist())
            ],
            "grown": _grown(reader, surface, page, snapshot) if snapshot.growth.rows.size else (),
            "arrays": [[name, dtype, array.shape] for name, array, dtype in arrays],
        }
    )
    blocks = [struct.pack("<I", len(head)), head]
    blocks += [np.ascontiguousarray(array, dtype=dtype).tobytes() for _, array, dtype in arrays]
    return b"".join(blocks)


def _grown(reader: Reader, surface: Surface, page: Page, snapshot: Snapshot) -> list[tuple[int, int, int]]:
    related = surface.kind is SurfaceKind.RELATED
    voters = {snapshot.catalogue.row_of(surface.key)} if related else set(reader.history[:, 0].tolist())
    return snapshot.growth.terms(np.array(sorted(voters), dtype=np.int32), page.rows)


def decode(block: bytes) -> Trace:
    """The recorded page of a packed block; raises ``ValueError`` for one of another format, or that was altered."""
    try:
        return _decoded(unpacked(block))
    except (struct.error, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"this is no block of a recorded Serving ({error})") from error


def _decoded(data: bytes) -> Trace:
    (length,) = struct.unpack_from("<I", data)
    head = orjson.loads(data[4 : 4 + length])
    if head["format"] != _FORMAT:
        raise ValueError(f"this Serving was recorded in format {head['format']}, this release reads {_FORMAT}")
    offset, arrays = 4 + length, {}
    for name, dtype, shape in head["arrays"]:
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(data, dtype=dtype, count=count, offset=offset).reshape(shape)
        offset += arrays[name].nbytes
    region, age, language, *sensitive = head["audience"]
    kind, key = head["surface"]
    request = Request(
        surface=Surface(SurfaceKind(kind), key),
        audience=Audience(region, AgeClass(age), language, *map(Sensitive, sensitive)),
        limit=head["limit"],
        mode=Mode(head["mode"]),
        served_rows=arrays["served_rows"],
        served_tiers=arrays["served_tiers"],
        seed=head["seed"],
    )
    reader = Reader(arrays["history"], arrays["seen"], _settings(head["settings"]))
    # Servings from before there was exploration, a re-rank by topics, or fading by what came since, tell nothing of it.
    parameters = Parameters(**{"explore_every": 0, "calibration": 0, "half_life_items": 0, **head["parameters"]})
    arrays.setdefault("page_drawn_from", np.zeros(len(arrays["page_rows"]), dtype=np.int32))
    inputs = Inputs(reader, request, parameters, head["arms"])
    page = Page(
        **{name: arrays[f"page_{name}"] for name in _PAGE_ARRAYS}, start=head["start"], exhausted=head["exhausted"]
    )
    verdicts = {
        cls: Judged(weight, tuple(Cause(*cause) for cause in causes)) for cls, weight, causes in head["verdicts"]
    }
    return Trace(inputs, page, verdicts, grown_of(head.get("grown", ())))


@lru_cache(maxsize=4096)
def _settings_json(settings: Settings) -> bytes:
    return orjson.dumps(asdict(settings))


@lru_cache(maxsize=64)
def _parameters_json(parameters: Parameters) -> bytes:
    return orjson.dumps(asdict(parameters))


def _settings(stored: Mapping[str, Any]) -> Settings:
    known = {field.name for field in fields(Settings)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items() if name in known
    }
    mutes = tuple(Mute(**mute) for mute in values.get("mutes", ()))
    return Settings(**{**values, "mode": Mode(values["mode"]), "mutes": mutes})
