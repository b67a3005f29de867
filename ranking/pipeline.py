"""``rank()``: from a Snapshot, a reader and a request to a page; pure and deterministic (laws 3, 4, 5, 7 and 8).

A page that is not personalized is made from explicit settings alone: the kernels are then given neither history nor
Seen, so that nothing can leak.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from controls.policy import Policy
from controls.scopes import Audience, SurfaceKind
from ranking.arguments import FROZEN, RECIPES, SIMILAR, Recipe, choices_of, recipe_of, scene_of
from ranking.compiling import type_of
from ranking.errors import InvalidRequest
from ranking.graph import ItemGraph
from ranking.growth import GROWN_WIDTH
from ranking.mixing import fill
from ranking.page import Page
from ranking.parameters import DEFAULTS, Parameters
from ranking.reader import (
    NEW_READER,
    NO_HISTORY,
    NO_SEEN,
    NO_TIERS,
    NOTHING_SERVED,
    EventKind,
    Mode,
    Reader,
    Request,
    Settings,
    Surface,
)
from ranking.snapshot import Snapshot
from ranking.topics import most_topics
from ranking.workspace import INT32, INT64, LARGEST_PAGE, UINT8, Int32s, Int64s, workspace

_warming = Lock()
_filled: Callable[..., int] | None = None
"""The compiled ``fill`` itself, once it is there. Numba's dispatcher would look at the types of all arguments with each
call, which costs more than naming them; here they are always the same, by ``plain`` and by what a Snapshot holds."""


def rank(snapshot: Snapshot, reader: Reader, request: Request, parameters: Parameters) -> Page:
    """Make a page. The same arguments give the same page, on any thread and any processor.

    Of the reader, a page that is not personalized reads the settings alone. On the surface ``related`` this is
    :func:`related` of the item that the surface's key names. Raises :class:`ranking.errors.InvalidRequest` for a limit
    outside 0 to 100, served rows that are not the catalogue's, and arrays of another shape than ``Reader`` promises.
    """
    if request.surface.kind is SurfaceKind.RELATED:
        seed = snapshot.catalogue.row_of(request.surface.key)
        return related(snapshot, seed, request, settings=reader.settings, parameters=parameters)
    recipe = recipe_of(snapshot, reader.settings, request)
    history, seen = (reader.history, reader.seen) if recipe.personal else (NO_HISTORY, NO_SEEN)
    return _made(snapshot, recipe, history, seen, reader.settings, request, parameters)


def related(
    snapshot: Snapshot,
    row: int,
    request: Request,
    *,
    settings: Settings = NEW_READER.settings,
    parameters: Parameters = DEFAULTS,
) -> Page:
    """Make a page of items similar to a row: the graph's, then the popular and newest ones. Reads of a reader no more
    than the settings; the mode makes no difference. A row of -1 is an unknown item: nothing is similar to it.

    Raises what :func:`rank` raises, also for a row that is not the catalogue's.
    """
    if not -1 <= row < snapshot.catalogue.rows:
        raise InvalidRequest(f"row {row} has no related items: the catalogue has {snapshot.catalogue.rows} rows")
    recipe = FROZEN if snapshot.governance.frozen else SIMILAR
    seed = np.array([[row, 0, EventKind.MORE]], dtype=np.int64)
    return _made(snapshot, recipe, seed, NO_SEEN, settings, request, parameters, seed_row=row)


def warm() -> None:
    """Compile the kernels, or take them from the cache on disk, once; after that nothing compiles any more.

    Called when a process starts, so that no request waits for it. About half a second from the cache.
    """
    global _filled  # noqa: PLW0603 - one compiled entry a process
    with _warming:
        if _filled is None:
            from ranking.fold import Fold

            empty = Fold(_no_policy, _no_graph).snapshot()
            home = Request(Surface(), Audience(), 1, Mode.PERSONALIZED, NOTHING_SERVED, NO_TIERS)
            arguments = (empty, RECIPES[home.mode], NO_HISTORY, NO_SEEN, NEW_READER.settings, home, DEFAULTS, -1)
            fill.compile(tuple(type_of(argument) for argument in _arguments(*arguments)))
            fill.disable_compile()
            (compiled,) = fill.overloads.values()
            _filled = compiled.entry_point


def _made(
    snapshot: Snapshot,
    recipe: Recipe,
    history: Int64s,
    seen: Int32s,
    settings: Settings,
    request: Request,
    parameters: Parameters,
    seed_row: int = -1,
) -> Page:
    if _filled is None:
        warm()
    given = _arguments(snapshot, recipe, history, seen, settings, request, parameters, seed_row)
    assert _filled is not None
    count = _filled(*given)
    served = request.served_rows
    if count < 0:
        place = -1 - count
        raise InvalidRequest(
            f"served_rows[{place}] is {served[place]}; the catalogue has {snapshot.catalogue.rows} rows"
        )
    short = count < request.limit
    output = given[-1]
    if short:
        output = tuple(array[:count] for array in output)
    for array in output:
        array.setflags(False)
    return Page._make((*output, len(served), short))


def _arguments(
    snapshot: Snapshot,
    recipe: Recipe,
    history: Int64s,
    seen: Int32s,
    settings: Settings,
    request: Request,
    parameters: Parameters,
    seed_row: int,
) -> tuple[Any, ...]:
    """What ``fill`` is called with: the groups of ``ranking.workspace.Given``, as plain tuples."""
    limit = request.limit
    if not 0 <= limit <= LARGEST_PAGE:
        raise InvalidRequest(f"limit is {limit}; a page has 0 to {LARGEST_PAGE} items")
    scene = scene_of(snapshot, recipe, parameters, request)
    settings = settings.at(snapshot.as_of)
    choices = choices_of(snapshot.catalogue, recipe, history, seen, settings, request, scene.votes)
    voters, served = min(len(history), parameters.history if recipe.personal else 1), len(request.served_rows)
    work = workspace(
        voters * (snapshot.graph.width + GROWN_WIDTH),
        scene.listed,
        len(seen) + served + len(settings.hidden) + voters + scene.pinned + limit + 1,
        voters,
        served + limit,
        most_topics(snapshot.catalogue, parameters, voters, served, limit),
    )
    output = (
        np.empty(limit, INT32),
        np.empty(limit, UINT8),
        np.empty(limit, UINT8),
        np.empty(limit, INT32),
        np.empty(limit, UINT8),
        np.empty(limit, INT32),
        np.empty(limit, INT64),
        np.empty(limit, INT32),
    )
    return (
        snapshot.items,
        scene.verdicts,
        scene.lists,
        choices,
        (limit, *scene.pool, seed_row, request.seed, *scene.wanted),
        work,
        output,
    )


def _no_policy(digest: str) -> Policy:
    raise KeyError(digest)


def _no_graph(version: str) -> ItemGraph:
    raise KeyError(version)
