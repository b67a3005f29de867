"""Arguments: a Snapshot, a reader's choices and a request, laid out as the kernels take them (laws 5 and 7).

Ids become rows and indexes here. What a page may not read is left out here, so that nothing can leak further in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controls.policy import MOST_CAPPED
from controls.scopes import SurfaceKind
from controls.verdicts import Pin, Shares
from ranking.candidates import EDITORIAL, FRESH, FRESH_SEEN, GRAPH, POOL_COMMUNITY, POOL_HOME, POOL_TOPIC, POPULAR
from ranking.catalogue import Catalogue
from ranking.decay import SECONDS_A_DAY
from ranking.errors import InvalidRequest
from ranking.page import Reason
from ranking.parameters import Parameters
from ranking.reader import NO_TIERS, NOTHING_SERVED, EventKind, Mode, Request, Settings, Surface
from ranking.snapshot import Snapshot
from ranking.workspace import INT32, INT64, UINT8, Int32s, Int64s, plain


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

_NOWHERE = -2
"""Pool key of a topic or community that nothing belongs to."""

_NONE: Int32s = np.empty(0, dtype=np.int32)
_NONE.setflags(write=False)
_KEPT = 1024
"""Scenes that a Snapshot remembers at most."""

_FEWEST = 512
"""Rows that a source's sequence has room for at least: those waiting and those of a page."""


def recipe_of(snapshot: Snapshot, settings: Settings, request: Request) -> Recipe:
    """How the page of a request is made. Personal only if the request and the settings both say so."""
    if snapshot.governance.frozen:
        return FROZEN
    if request.surface.kind is SurfaceKind.RELATED:
        return SIMILAR
    if request.mode is Mode.PERSONALIZED and not settings.personalization:
        return RECIPES[Mode.POPULAR]
    return RECIPES[request.mode]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a Snapshot comes to for an audience, a surface, a recipe and parameters. ``verdicts`` and ``lists`` as
    ``ranking.workspace.Verdicts`` and ``Lists``; ``pool``: kind and key; ``votes`` int64[8] by event kind; ``wanted``:
    the latter part of ``ranking.workspace.Wanted``; ``listed`` and ``pinned``: how many rows its lists can ask for."""

    verdicts: tuple[NDArray[Any], ...]
    lists: tuple[NDArray[Any], ...]
    pool: tuple[int, int]
    votes: Int64s
    wanted: tuple[int, ...]
    listed: int
    pinned: int
    made_of: tuple[Recipe, Parameters]
    """Kept, so that no other object can come to have the identity of one of them."""


def scene_of(snapshot: Snapshot, recipe: Recipe, parameters: Parameters, request: Request) -> Scene:
    """The scene of a request, worked out once: all that it is made of lives long and is asked for with every page."""
    key = (request.audience, request.surface, id(recipe), id(parameters))
    scene: Scene | None = snapshot.scenes.get(key)
    if scene is None:
        if len(snapshot.scenes) >= _KEPT:
            snapshot.scenes.clear()
        scene = snapshot.scenes[key] = _scene(snapshot, recipe, parameters, request)
    return scene


def _scene(snapshot: Snapshot, recipe: Recipe, parameters: Parameters, request: Request) -> Scene:
    governance, kind = snapshot.governance, request.surface.kind
    table = governance.table(request.audience, kind)
    lists = lists_of(snapshot, request)
    popular, _, featured, explored, pins, _ = lists
    shares = governance.shares(request.audience, kind)
    votes, wanted = _numbers(recipe, parameters, shares)
    return Scene(
        verdicts=(table.eligible, table.tier, table.weight, table.sources, table.caps, _most(shares.caps)),
        lists=lists,
        pool=pool_of(snapshot.catalogue, request.surface),
        votes=votes,
        wanted=wanted,
        listed=max(parameters.candidates, len(popular), len(featured), len(explored), _FEWEST),
        pinned=len(pins),
        made_of=(recipe, parameters),
    )


def choices_of(
    catalogue: Catalogue,
    recipe: Recipe,
    history: Int64s,
    seen: Int32s,
    settings: Settings,
    request: Request,
    votes: Int64s,
) -> tuple[NDArray[Any], ...]:
    """What the reader did and chose, as ``ranking.workspace.Choices``. Ids that the catalogue does not know are left
    out."""
    topics = catalogue.topic_words.code
    served, tiers = request.served_rows, request.served_tiers
    if served is not NOTHING_SERVED or tiers is not NO_TIERS:
        if len(served) != len(tiers):
            raise InvalidRequest(
                f"served_rows has {len(served)} entries and served_tiers {len(tiers)}; give one tier a row"
            )
        served, tiers = plain(served, INT32, "served_rows"), plain(tiers, UINT8, "served_tiers")
    return (
        plain(history, INT64, "history", 3),
        plain(seen, INT32, "seen", 2),
        _codes(catalogue.row_of, settings.hidden) if settings.hidden else _NONE,
        _codes(catalogue.authors.code, settings.muted_authors) if settings.muted_authors else _NONE,
        _codes(topics, settings.muted_topics) if settings.muted_topics else _NONE,
        _codes(topics, settings.more_topics) if recipe.personal and settings.more_topics else _NONE,
        _codes(topics, settings.less_topics) if recipe.personal and settings.less_topics else _NONE,
        served,
        tiers,
        votes,
    )


def lists_of(snapshot: Snapshot, request: Request) -> tuple[NDArray[Any], ...]:
    """The lists of the request's pool and audience, as ``ranking.workspace.Lists``."""
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
    explored = snapshot.exploration.get(pool)
    if explored is None:
        explored = snapshot.exploration.get("home", _NONE)
    pins = governance.pins(request.audience, surface.kind)
    rows, positions = _pins(pins) if pins else (_NONE, _NONE)
    return popular, by_time, governance.featured(request.audience, surface.kind), explored, rows, positions


def pool_of(catalogue: Catalogue, surface: Surface) -> tuple[int, int]:
    """Kind and key of a surface's pool."""
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


@lru_cache(maxsize=64)
def _most(caps: tuple[int, ...]) -> Int32s:
    """int32[8], read-only: the maximum of each bit of a verdict's caps."""
    most = np.zeros(MOST_CAPPED, dtype=np.int32)
    most[: len(caps)] = caps
    most.setflags(write=False)
    return most


def _numbers(recipe: Recipe, parameters: Parameters, shares: Shares) -> tuple[Int64s, tuple[int, ...]]:
    p = parameters
    votes = np.zeros(len(EventKind), dtype=np.int64)
    if recipe.personal:
        votes[EventKind.CLICK], votes[EventKind.DWELL] = p.weight_click, p.weight_dwell
        votes[EventKind.LIKE], votes[EventKind.SHARE] = p.weight_like, p.weight_share
        votes[EventKind.MORE], votes[EventKind.LESS] = p.weight_more, p.weight_less
        votes[EventKind.HIDE] = p.weight_hide
        scoring = (p.history, p.half_life_days * SECONDS_A_DAY, p.half_life_items, p.seen_discount_permille)
        turns = (p.fresh_every, p.popular_every, p.editorial_every, p.explore_every)
        calibration, reason = p.calibration, Reason.BECAUSE_YOU_LIKED
    else:  # one history entry at most, the seed of a related page; no decay, no Seen, no turns, no calibration
        votes[:], scoring, turns, calibration, reason = 1, (1, 0, 0, 1000), (0, 0, 0, 0), 0, Reason.SIMILAR_ITEM
    votes.setflags(write=False)
    wanted = (
        *recipe.sources,
        int(recipe.diverse),
        int(reason),
        *scoring,
        *(p.candidates, p.author_window, p.author_max, p.topic_window, p.topic_max, calibration),
        *turns,
        *(max(shares.window, 1), shares.encouraged_min, shares.encouraged_max, shares.restricted_max),
    )
    return votes, wanted
