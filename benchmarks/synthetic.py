"""Synthetic Snapshots for measuring: random items, a random item graph, and some of the items blocked.

The catalogue's columns are made at once, as arrays, and its ids are counted instead of stored, because ten million
journal entries take minutes to make and to fold; a test holds these columns to those that the fold makes. Governance
is the fold's own. Nothing here flatters the kernel: neighbours lie anywhere in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.policy import Policy, content_hash
from controls.policy import load as load_policy
from controls.state import State
from ranking.building import TOPICS
from ranking.catalogue import Catalogue
from ranking.columns import ABSENT, Names
from ranking.graph import LARGEST_WEIGHT, ItemGraph
from ranking.newcomers import EXPLORED_AT_ONCE
from ranking.parameters import DEFAULTS
from ranking.reader import NO_SEEN, EventKind, Reader, Settings
from ranking.snapshot import Snapshot

NOW = 1_800_000_000
POLICY: Policy = load_policy(
    """{"name": "measured", "rules": [
      {"id": "blocked", "tier": "blocked", "missing": "apply", "review_by": "2099-01-01",
       "when": {"signal": "region", "in": ["XX"]}, "basis": {"kind": "terms", "clause": "1"}},
      {"id": "restricted", "tier": "restricted", "missing": "skip", "review_by": "2099-01-01",
       "effect": {"weight": 0.4}, "when": {"signal": "topic", "in": ["topic-3", "topic-5"]},
       "basis": {"kind": "terms", "clause": "2"}},
      {"id": "encouraged", "tier": "encouraged", "missing": "skip", "review_by": "2099-01-01",
       "effect": {"weight": 1.3}, "when": {"signal": "topic", "in": ["topic-7"]},
       "basis": {"kind": "terms", "clause": "3"}}]}"""
)
ALLOWED, BANNED = "DE", "XX"
KINDS_OF_TOPIC = 100
"""Topics: one in a hundred items has each, so a topic's surface is a pool of 1 %."""

_CHUNK = 100_000
_AN_AUTHOR = 20
_LISTED = 1000


@dataclass(frozen=True, slots=True)
class World:
    """A Snapshot and who is blocked in it: ``blocked`` bool[N]."""

    snapshot: Snapshot
    blocked: NDArray[np.bool_]


class CountedIds(Sequence[str]):
    """The ids ``i0`` to ``i{rows - 1}``, made when asked for."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        found = range(self._rows)[row]
        return f"i{found}" if isinstance(found, int) else [f"i{each}" for each in found]


class CountedRows(Mapping[str, int]):
    """Row by id, the inverse of :class:`CountedIds`."""

    def __init__(self, rows: int) -> None:
        self._ids = CountedIds(rows)

    def __getitem__(self, item: str) -> int:
        number = item.removeprefix("i")
        if not number.isascii() or not number.isdigit() or f"i{int(number)}" != item or int(number) >= len(self._ids):
            raise KeyError(item)
        return int(number)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def catalogue(rows: int, rng: np.random.Generator) -> Catalogue:
    """Items published one a second until now, each with one of a hundred topics, twenty an author on average."""
    topic = rng.integers(0, KINDS_OF_TOPIC, rows, dtype=np.int32)
    topics = np.full((rows, TOPICS), ABSENT, dtype=np.int32)
    topics[:, 0] = topic
    order = np.argsort(topic, kind="stable").astype(np.int32)
    cuts = np.searchsorted(topic[order], np.arange(KINDS_OF_TOPIC + 1))
    writers = max(rows // _AN_AUTHOR, 1)
    authors, words, names = Names(), Names(), Names()
    authors.learn(f"a{n}" for n in range(writers))
    words.learn((ALLOWED, BANNED))
    names.learn(f"topic-{n}" for n in range(KINDS_OF_TOPIC))
    absent = _frozen(np.full(rows, ABSENT, dtype=np.int32))
    return Catalogue(
        rows=rows,
        ids=CountedIds(rows),
        author=_frozen(rng.integers(0, writers, rows, dtype=np.int32)),
        topics=_frozen(topics),
        community=absent,
        published=_frozen(np.arange(NOW - rows, NOW, dtype=np.int64)),
        by_time=_frozen(np.arange(rows, dtype=np.int32)),
        language=absent,
        region=_frozen(np.zeros(rows, dtype=np.int32)),
        gone=_frozen(np.zeros(rows, dtype=np.bool_)),
        standing=_frozen(np.full(writers, np.nan)),
        kind=_frozen(np.full(writers, ABSENT, dtype=np.int32)),
        identity=_frozen(np.full(writers, ABSENT, dtype=np.int32)),
        labels={},
        topic_rows={n: _frozen(order[cuts[n] : cuts[n + 1]]) for n in range(KINDS_OF_TOPIC)},
        community_rows={},
        row_numbers=CountedRows(rows),
        authors=authors,
        topic_words=names,
        communities=Names(),
        words=words,
    )


def random_graph(rows: int, width: int, rng: np.random.Generator, *, skewed: bool) -> ItemGraph:
    """A graph of random neighbours: uniform, which has no locality at all, or skewed towards a popular head. Weights
    fall as 1/sqrt(rank), which any neighbour may have: the catalogue is cut into ``width`` strata, one neighbour is
    drawn from each, and the strata take the ranks in an order of the row's own."""
    drawn = min(width, rows // 2)
    neighbours = np.full((rows, width), ABSENT, dtype=np.int32)
    for start in range(0, rows if drawn else 0, _CHUNK):
        mine = np.arange(start, min(start + _CHUNK, rows), dtype=np.int32)[:, None]
        turned = (np.arange(drawn, dtype=np.int32) + mine * 61) % drawn
        if skewed:
            places = np.arange(drawn, dtype=np.int32)
            ordered = (((places + rng.random((mine.size, drawn))) / drawn) ** 3 * rows).astype(np.int32)
            ids = np.take_along_axis(np.maximum.accumulate(ordered - places, axis=1) + places, turned, axis=1)
        else:
            stratum = rows // drawn
            ids = rng.integers(0, stratum, turned.shape, dtype=np.int32)
            ids += turned * stratum
        for own in np.flatnonzero((ids == mine).any(axis=1)):
            ids[own] = _without_itself(ids[own], start + int(own), rows)
        neighbours[start : start + mine.size, :drawn] = ids
    falling = np.zeros(width, dtype=np.int16)
    falling[:drawn] = LARGEST_WEIGHT / np.sqrt(np.arange(1, drawn + 1))
    weights = np.tile(falling, (rows, 1))
    return ItemGraph.assemble(neighbours, weights, 1 / LARGEST_WEIGHT, "random", {"skewed": skewed}, 0, {})


def _without_itself(ids: NDArray[np.int32], row: int, rows: int) -> NDArray[np.int32]:
    """The next row that is no neighbour yet, in the row's own place."""
    taken = set(ids.tolist())
    other = next(each % rows for each in range(row + 1, row + rows) if each % rows not in taken)
    return np.where(ids == row, np.int32(other), ids)


def governed(items: Catalogue, graph: ItemGraph, blocked: float, rng: np.random.Generator) -> World:
    """A Snapshot of the catalogue and the graph under a policy that blocks the given share of the items."""
    banned = rng.random(items.rows) < blocked
    items = replace(items, region=_frozen(banned.astype(np.int32)))
    state = State({content_hash(POLICY): POLICY}.__getitem__)
    state.columns_changed(items, np.empty(0, dtype=np.int32))
    state.decide([_platform(1, DecisionType.PUBLISH_POLICY, "policy", content_hash(POLICY))])
    state.decide([_platform(2, DecisionType.ACTIVATE_MODEL, "model", graph.version)])
    state.advance(NOW)
    return World(
        Snapshot(
            revision=2,
            edition=1,
            as_of=NOW,
            catalogue=items,
            governance=state.governance(),
            graph=graph,
            model=graph.version,
            popular=_popular(items, rng),
            exploration={"home": _frozen(items.by_time[-EXPLORED_AT_ONCE:].copy())},
            parameters=DEFAULTS,
        ),
        banned,
    )


def _popular(items: Catalogue, rng: np.random.Generator) -> dict[str, NDArray[np.int32]]:
    """A list of a thousand rows, or all, for the home pool and for every topic's."""
    pools = {"home": np.arange(items.rows)} | {f"topic:topic-{n}": rows for n, rows in items.topic_rows.items()}
    return {
        pool: _frozen(rng.choice(rows, min(_LISTED, rows.size), replace=False).astype(np.int32))
        for pool, rows in pools.items()
    }


def world(rows: int, *, width: int = 100, blocked: float = 0.0, skewed: bool = False, seed: int = 7) -> World:
    """A Snapshot of ``rows`` items, a random graph, and the given share of the items blocked."""
    rng = np.random.default_rng(seed)
    return governed(catalogue(rows, rng), random_graph(rows, width, rng, skewed=skewed), blocked, rng)


def _platform(revision: int, kind: DecisionType, name: str, value: str) -> Decision:
    return Decision(
        id=f"d{revision}",
        type=kind,
        subject=Subject(SubjectKind.PLATFORM, ""),
        actor="benchmark",
        role="admin",
        reason="to be measured",
        basis=Basis("operations", "measurement"),
        decided_at=NOW,
        starts_at=NOW,
        parameters={name: value},
        revision=revision,
    )


def readers(world: World, count: int, history: int, seed: int = 11) -> list[Reader]:
    """Readers with ``history`` likes each of items that are not blocked, distinct ones if there are so many."""
    rng = np.random.default_rng(seed)
    free = np.flatnonzero(~world.blocked)
    chosen = free[rng.integers(0, free.size, (count, history))]
    for n in np.flatnonzero((np.diff(np.sort(chosen, axis=1)) == 0).any(axis=1)):
        chosen[n] = rng.choice(free, history, replace=history > free.size)
    return [reader_of(rows) for rows in chosen]


def reader_of(rows: NDArray[np.integer[Any]]) -> Reader:
    """A reader who liked these rows, one an hour, the last one now."""
    entries = np.empty((len(rows), 3), dtype=np.int64)
    entries[:, 0], entries[:, 2] = rows, EventKind.LIKE
    entries[:, 1] = NOW - np.arange(len(rows))[::-1] * 3600
    return Reader(_frozen(entries), NO_SEEN, Settings())


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
