"""Breaks: when a page says how long its session has lasted already. Beside ``items``, which nothing here can change.

A reader may wish for it; readers who are known to be minors, by their token, settings or query, have it after the
operator's minutes at the latest. A session is what cursors carry on, from its first page.
"""

from __future__ import annotations

from dataclasses import dataclass

from controls.scopes import AgeClass


@dataclass(frozen=True, slots=True)
class Break:
    """A session has crossed its reader's limit, or a multiple of it: ``every`` so many minutes, ``lasted`` so many."""

    every: int
    lasted: int


def minor(*ages: AgeClass | None) -> bool:
    """Whether a page is made in minor mode: as soon as one who may say so says it."""
    return AgeClass.MINOR in ages


def limit(chosen: int, minors: int, is_minor: bool) -> int:
    """Minutes after which a session is told of, 0 for never: of the reader's and, for minors, the operator's, the
    smaller one there is."""
    if not is_minor or not minors:
        return chosen
    return min(chosen, minors) if chosen else minors


def due(every: int, began_at: int, before: int, now: int) -> Break | None:
    """The break that a page made ``now`` tells of and the one ``before`` it could not yet: seconds, all but ``every``.
    A page that is asked for again tells it again."""
    if not every or (now - began_at) // (60 * every) <= (before - began_at) // (60 * every):
        return None
    return Break(every, (now - began_at) // 60)
