"""Telling: chapters of a story, each with what was expected and what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from feed.errors import FeedError


@dataclass(frozen=True, slots=True)
class Seen:
    """One promise: what was expected, what was seen, and whether they agree."""

    chapter: str
    expected: str
    seen: str
    kept: bool


def played(chapters: Iterable[Callable[[], Iterable[Seen]]]) -> list[Seen]:
    """What all chapters told. One that meets a refusal which it did not expect fails with it; the others are played all
    the same."""
    told: list[Seen] = []
    for chapter in chapters:
        try:
            told += chapter()
        except (FeedError, LookupError) as error:
            told.append(Seen(chapter.__name__, "the chapter plays to its end", str(error), False))
    return told
