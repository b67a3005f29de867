"""What ranking may know of a reader for one request: bounded history, Seen and explicit settings (laws 7 and 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from controls.scopes import Audience, SurfaceKind


class EventKind(IntEnum):
    """What a reader did with an item. The wire form is the lower-case name."""

    IMPRESSION = 0
    CLICK = 1
    DWELL = 2
    LIKE = 3
    SHARE = 4
    MORE = 5
    LESS = 6
    HIDE = 7


class Mode(StrEnum):
    """How a page is made. Only PERSONALIZED reads history and Seen."""

    PERSONALIZED = "personalized"
    POPULAR = "popular"
    LATEST = "latest"
    EDITORIAL = "editorial"


CONSUMED = -1
"""Impression count that stands for: consumed, do not show again."""


@dataclass(frozen=True, slots=True)
class Surface:
    """Where the page is shown; ``key`` is the topic, item or community id for the kinds that need one."""

    kind: SurfaceKind = SurfaceKind.HOME
    key: str = ""


@dataclass(frozen=True, slots=True)
class Mute:
    """An author or a topic muted for a time: up to the second ``until``, as Snapshots count them (``as_of``)."""

    kind: Literal["author", "topic"]
    name: str
    until: int


@dataclass(frozen=True, slots=True)
class Settings:
    """A reader's explicit choices. They act in every mode and are all that a non-personalized page may read."""

    personalization: bool = True
    mode: Mode = Mode.PERSONALIZED
    hidden: tuple[str, ...] = ()
    muted_authors: tuple[str, ...] = ()
    muted_topics: tuple[str, ...] = ()
    more_topics: tuple[str, ...] = ()
    """Interests the reader added: their items weigh half as much again on personalized pages."""
    less_topics: tuple[str, ...] = ()
    """Interests the reader removed: history entries of these topics cast no vote and their items weigh half."""
    mutes: tuple[Mute, ...] = ()
    """Mutes that end by themselves; those without an end are among ``muted_authors`` and ``muted_topics``."""

    def at(self, as_of: int) -> Settings:
        """The settings as they hold at a second: mutes that have not ended are mutes like the others."""
        if not self.mutes:
            return self
        lasting = [mute for mute in self.mutes if as_of < mute.until]
        return replace(
            self,
            muted_authors=(*self.muted_authors, *(mute.name for mute in lasting if mute.kind == "author")),
            muted_topics=(*self.muted_topics, *(mute.name for mute in lasting if mute.kind == "topic")),
            mutes=(),
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """Read-only arrays: ``history`` int64[H, 3] (row, second, EventKind), oldest first;
    ``seen`` int32[S, 2] (row, impressions or CONSUMED), any order, rows unique."""

    history: NDArray[np.int64]
    seen: NDArray[np.int32]
    settings: Settings


@dataclass(frozen=True, slots=True)
class Request:
    """One page wanted. ``served_rows`` int32[n] and ``served_tiers`` uint8[n]: what this session has had, in order.

    ``mode`` is the effective mode: never PERSONALIZED when the reader's personalization is off.
    """

    surface: Surface
    audience: Audience
    limit: int
    mode: Mode
    served_rows: NDArray[np.int32]
    served_tiers: NDArray[np.uint8]
    seed: int = 0


NO_HISTORY = np.empty((0, 3), dtype=np.int64)
NO_SEEN = np.empty((0, 2), dtype=np.int32)
NOTHING_SERVED = np.empty(0, dtype=np.int32)
NO_TIERS = np.empty(0, dtype=np.uint8)
for _array in (NO_HISTORY, NO_SEEN, NOTHING_SERVED, NO_TIERS):
    _array.setflags(write=False)

NEW_READER = Reader(NO_HISTORY, NO_SEEN, Settings())
"""A reader of whom nothing is known."""
