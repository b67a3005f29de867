"""Arguments: a Snapshot, a reader's choices and a request, laid out as the kernels take them (laws 5 and 7).

Ids become rows and indexes here. What a page may not read is left out here, so that nothing can leak further in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from controls.scopes import SurfaceKind
from controls.verdicts import Pin
from ranking.candidates import EDITORIAL, FRESH, FRESH_SEEN, GRAPH, POOL_COMMUNITY, POOL_HOME, POOL_TOPIC, POPULAR
from ranking.catalogue import Catalogue
from ranking.decay import SECONDS_A_DAY
from ranking.errors import InvalidRequest
from ranking.page import Reason
from ranking.parameters import Parameters
from ranking.reader import EventKind, Mode, Request, Settings, Surface
from ranking.snapshot import Snapshot
from ranking.workspace import LARGEST_PAGE, Choices, Int32s, Int64s, Lists, Wanted, plain


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a kind of page is made: the sources that fill it in turn (-1 for none), whether diversity is asked of it,
    whether it is personal (then sources have their turns, and interests and Seen weigh)."""

    sources: tuple[int, int, int, int]
    diverse: bool
    personal: bool = False


RECIPES = {
    Mode.PERSONALIZED: Recipe((GRAPH, POPULAR, FRESH, FRESH_SEEN), diverse=True, personal=True),
    Mode.POPULAR: Recipe((POPULAR, FRESH, -1, -1), diverse=True),
    Mode.LATEST: Recipe((FRESH, -1, -1, -1), diverse=False),
    Mode.EDITORIAL: Recipe((EDITORIAL, POPULAR, FRESH, -1), diverse=False),
}
SIMILAR = Recipe((GRAPH, POPULAR, FRESH, -1), diverse=True)
FROZEN = Recipe((EDITORIAL, -1, -1, -1), diverse=False)

_REASON_PERSONAL, _REASON_SIMILAR = int(Reason.BECAUSE_YOU_LIKED), int(Reason.SIMILAR_ITEM)
_NO_TURNS = (0, 0, 0)
_ONE_ENTRY = (1, 0, 1000)
"""Scoring of a page that is not personal: one history entry (the seed of a related page), no decay, no Seen."""

_NOWHERE = -2
"""Pool key of a topic or community that nothing belongs to."""

_NONE: Int32s = np.empty(0, dtype=np.int32)
_NONE.setflags(write=False)
_ONE_VOTE: Int64s = np.ones(len(EventKind), dtype=np.int64)
_ONE_VOTE.setflags(write=False)


def recipe_of(snapshot: Snapshot, settings: Settings, request: Request) -> Recipe:
    """How the page of a request is made. Personal only if the request and the settings both say so."""
    if snapshot.governance.frozen:
        return FROZEN
    if request.surface.kind is SurfaceKind.RELATED:
        return SIMILAR
    if request.mode is Mode.PERSONALIZED and not settings.personalization:
        return RECIPES[Mode.POPULAR]
    return RECIPES[request.mode]


def votes_by_kind(parameters: Parameters) -> Int64s:
    """int64[8], read-only: vote of an event by its kind."""
    return _numbers(parameters)[0]


def choices_of(
    catalogue: Catalogue,
    recipe: Recipe,
    history: Int64s,
    seen: Int32s,
    settings: Settings,
    request: Request,
    parameters: Parameters,
) -> Choices:
    """What the reader did and chose, as rows and indexes. Ids that the catalogue does not know are left out."""
    topics = catalogue.topic_words.code
    more, less = (settings.more_topics, settings.less_topics) if recipe.personal else ((), ())
    served, tiers = request.served_rows, request.served_tiers
    if len(served) != len(tiers):
        raise InvalidRequest(
            f"served_rows has {len(served)} entries and served_tiers {len(tiers)}; give one tier a row"
        )
    return Choices(
        history=plain(history, np.int64, "history", 3),
        seen=plain(seen, np.int32, "seen", 2),
        hidden=_codes(catalogue.row_of, settings.hidden) if settings.hidden else _NONE,
        muted_authors=_codes(catalogue.authors.code, settings.muted_authors) if settings.muted_authors else _NONE,
        muted_topics=_codes(topics, settings.muted_topics) if settings.muted_topics else _NONE,
        more_topics=_codes(topics, more) if more else _NONE,
        less_topics=_codes(topics, less) if less else _NONE,
        served_rows=plain(served, np.int32, "served_rows"),
        served_tiers=plain(tiers, np.uint8, "served_tiers"),
        votes=_numbers(parameters)[0] if recipe.personal else _ONE_VOTE,
    )


def lists_of(snapshot: Snapshot, request: Request) -> Lists:
    """The lists of the request's pool and audience."""
    catalogue, governance, surface = snapshot.catalogue, snapshot.governance, request.surface
    if surface.kind is SurfaceKind.TOPIC:
        pool, by_time = f"topic:{surface.key}", catalogue.of_topic(surface.key)
    elif surface.kind is SurfaceKind.COMMUNITY:
        pool, by_time = f"community:{surface.key}", catalogue.of_community(surface.key)
    else:
        pool, by_time = "home", catalogue.by_time
    popular = snapshot.popular.get(pool)
    if popular is None:  # the kernels leave out what is not in the pool
        popular = snapshot.popular.get("home", _NONE)
    rows, positions = _pins(governance.pins(request.audience, surface.kind))
    return Lists(popular, by_time, governance.featured(request.audience, surface.kind), rows, positions)


def wanted_of(snapshot: Snapshot, recipe: Recipe, request: Request, parameters: Parameters, seed_row: int) -> Wanted:
    """The page wanted, in whole numbers."""
    if not 0 <= request.limit <= LARGEST_PAGE:
        raise InvalidRequest(f"limit is {request.limit}; a page has 0 to {LARGEST_PAGE} items")
    shares = snapshot.governance.shares(request.audience, request.surface.kind)
    _, scoring, mixing, turns = _numbers(parameters)
    pool_kind, pool_key = _pool(snapshot.catalogue, request.surface)
    recipe_numbers = (*recipe.sources, int(recipe.diverse), _REASON_PERSONAL if recipe.personal else _REASON_SIMILAR)
    return Wanted._make(
        (
            request.limit,
            *recipe_numbers,
            pool_kind,
            pool_key,
            seed_row,
            *(scoring if recipe.personal else _ONE_ENTRY),
            *mixing,
            *(turns if recipe.personal else _NO_TURNS),
            shares.window if shares.window > 0 else 1,
            shares.encouraged_min,
            shares.encouraged_max,
            shares.restricted_max,
        )
    )


def _pool(catalogue: Catalogue, surface: Surface) -> tuple[int, int]:
    if surface.kind is SurfaceKind.TOPIC:
        topic = catalogue.topic_index(surface.key)
        return POOL_TOPIC, topic if topic >= 0 else _NOWHERE
    if surface.kind is SurfaceKind.COMMUNITY:
        community = catalogue.community_index(surface.key)
        return POOL_COMMUNITY, community if community >= 0 else _NOWHERE
    return POOL_HOME, _NOWHERE


def _codes(code: Callable[[str], int], names: tuple[str, ...]) -> Int32s:
    known = np.array([found for found in map(code, names) if found >= 0], dtype=np.int32)
    known.setflags(write=False)
    return known


@lru_cache(maxsize=1024)
def _pins(pins: tuple[Pin, ...]) -> tuple[Int32s, Int32s]:
    rows = np.array([pin.row for pin in pins], dtype=np.int32)
    positions = np.array([pin.position for pin in pins], dtype=np.int32)
    for array in (rows, positions):
        array.setflags(write=False)
    return rows, positions


@lru_cache(maxsize=1024)
def _numbers(
    parameters: Parameters,
) -> tuple[Int64s, tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]:
    """Votes by event kind; then, in the order of ``Wanted``, numbers of scoring, of mixing, and the sources' turns."""
    p = parameters
    votes = np.zeros(len(EventKind), dtype=np.int64)
    votes[EventKind.CLICK], votes[EventKind.DWELL] = p.weight_click, p.weight_dwell
    votes[EventKind.LIKE], votes[EventKind.SHARE] = p.weight_like, p.weight_share
    votes[EventKind.MORE], votes[EventKind.LESS] = p.weight_more, p.weight_less
    votes[EventKind.HIDE] = p.weight_hide
    votes.setflags(write=False)
    scoring = (p.history, p.half_life_days * SECONDS_A_DAY, p.seen_discount_permille)
    mixing = (p.candidates, p.author_window, p.author_max)
    return votes, scoring, mixing, (p.fresh_every, p.popular_every, p.editorial_every)
