"""Pages and their explanations on the wire."""

from __future__ import annotations

from dataclasses import dataclass

from feed.schemas.verdicts import CauseOut


@dataclass(frozen=True, slots=True)
class ReasonOut:
    """Why an item is on the page: a code, and the items that speak for it, if any may be named."""

    code: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageItemOut:
    """An item of a page. ``position`` counts within the session; ``notices`` must be shown with it, and the
    interactions in ``disabled`` withheld."""

    id: str
    position: int
    source: str
    tier: str
    notices: tuple[str, ...]
    disabled: tuple[str, ...]
    reason: ReasonOut


@dataclass(frozen=True, slots=True)
class BreakOut:
    """Minutes: the session has ``lasted`` so long; its reader is to be told ``every`` so many."""

    every: int
    lasted: int


@dataclass(frozen=True, slots=True)
class CorrectionOut:
    """What a reader is told about an item that they were shown before: to be shown beside the items. It stands on their
    pages until they ask for the next one, or report an event with the ``request_id`` of one that had it."""

    decision: str
    item: str
    notice: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class PageOut:
    """A page. ``cursor`` continues the session, null when the pool is exhausted or the session full. ``break_notice``
    is null but on the page with which a session has crossed a limit of its reader's, or a multiple of it."""

    request_id: str
    mode: str
    revision: int
    edition: int
    as_of: int
    model: str
    arms: dict[str, str]
    items: tuple[PageItemOut, ...]
    corrections: tuple[CorrectionOut, ...]
    break_notice: BreakOut | None
    cursor: str | None


@dataclass(frozen=True, slots=True)
class ContributionOut:
    """One history item's part of a score: ``term`` is ``vote`` times ``weight``. ``item`` is null where it may not
    be named any more."""

    item: str | None
    vote: int
    weight: int
    term: int


@dataclass(frozen=True, slots=True)
class WhyOut:
    """Why an item stood on a page, as recorded when the page was made.

    ``contributions`` are the exact terms of ``gathered``; ``score`` is that after the verdict, interests and
    Seen. Sources other than the graph have no score. ``causes`` are the rules and decisions that acted on it.
    The chance of an explored item to stand at its place was one in ``drawn_from``; 0: nothing was left to chance.
    """

    request_id: str
    item: str
    position: int
    mode: str
    source: str
    tier: str
    reason: str
    model: str
    revision: int
    edition: int
    as_of: int
    score: int
    weight: float
    gathered: int
    contributions: tuple[ContributionOut, ...]
    causes: tuple[CauseOut, ...]
    drawn_from: int
