"""Verdicts and revocations on the wire."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CauseOut:
    """A rule, a decision, or the withdrawal that acts on an item, and what it says."""

    kind: str
    id: str
    words: str


@dataclass(frozen=True, slots=True)
class EffectsOut:
    """What clients must show or withhold with the item."""

    notices: tuple[str, ...]
    disabled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerdictOut:
    """The joined verdict of an item for an audience on a surface, its causes here, and those that act elsewhere.

    ``weight`` multiplies scores (1 leaves them); ``sources`` may bring the item onto a page. ``held_by``: those of the
    causes that hold it back until it is released or a missing signal is there; none when it is not held.
    """

    item: str
    surface: str
    region: str
    age: str
    revision: int
    edition: int
    as_of: int
    eligible: bool
    tier: str
    weight: float
    sources: list[str]
    effects: EffectsOut
    causes: list[CauseOut]
    elsewhere: list[CauseOut]
    held_by: list[CauseOut]


@dataclass(frozen=True, slots=True)
class RevocationsOut:
    """Items that may no longer be shown. ``reset``: drop everything prefetched. Ask next with ``since`` = ``next``."""

    revision: int
    reset: bool
    items: list[str]
    next: str
