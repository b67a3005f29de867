"""Synthetic Snapshots for measuring: random items, a random item graph, and some of the items blocked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.policy import Policy, content_hash
from controls.policy import load as load_policy
from ranking.fold import Fold
from ranking.graph import ItemGraph
from ranking.journal import ItemPublished, ListPublished
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
_CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class World:
    """A Snapshot and who is blocked in it: ``blocked`` bool[N]."""

    snapshot: Snapshot
    blocked: NDArray[np.bool_]


def random_graph(rows: int, width: int, rng: np.random.Generator, *, skewed: bool) -> ItemGraph:
    """A graph of random neighbours: uniform, which has no locality at all, or skewed towards a popular head. A
    row's weights are those of a falling curve, 1/sqrt(rank), in any order."""
    neighbours = np.empty((rows, width), dtype=np.int32)
    for start in range(0, rows, _CHUNK):
        stop = min(start + _CHUNK, rows)
        drawn = rng.random((stop - start, width))
        if skewed:
            drawn = drawn**3
        neighbours[start:stop] = (drawn * rows).astype(np.int32)
        block = np.sort(neighbours[start:stop], axis=1)
        repeated = np.zeros(block.shape, dtype=bool)
        repeated[:, 1:] = block[:, 1:] == block[:, :-1]
        repeated |= block == np.arange(start, stop, dtype=np.int32)[:, None]
        block[repeated] = -1
        neighbours[start:stop] = block
    falling = (1 / np.sqrt(np.arange(1, width + 1))).astype(np.float32)
    weights = rng.permuted(np.broadcast_to(falling, (_CHUNK, width)), axis=1)
    weights = np.resize(weights, (rows, width))
    weights[neighbours < 0] = 0
    return ItemGraph.from_arrays(neighbours, weights, trainer="random")


def world(rows: int, *, width: int = 100, blocked: float = 0.0, skewed: bool = False, seed: int = 7) -> World:
    """A Snapshot of ``rows`` items under a policy that blocks the given share of them."""
    rng = np.random.default_rng(seed)
    banned = rng.random(rows) < blocked
    graph = random_graph(rows, width, rng, skewed=skewed)
    fold = Fold({content_hash(POLICY): POLICY}.__getitem__, {graph.version: graph}.__getitem__)
    topics, authors = rng.integers(0, 50, rows), rng.integers(0, max(rows // 20, 1), rows)
    for edition, start in enumerate(range(0, rows, _CHUNK), 1):
        fold.journal(
            edition,
            [
                ItemPublished(
                    id=f"i{row}",
                    author=f"a{authors[row]}",
                    topics=(f"topic-{topics[row]}",),
                    published_at=NOW - rows + row,
                    region="XX" if banned[row] else "DE",
                )
                for row in range(start, min(start + _CHUNK, rows))
            ],
        )
    head = rng.permutation(rows)[:1000]
    fold.journal(fold.edition + 1, [ListPublished("popular", "home", tuple(f"i{row}" for row in head))])
    fold.decide([_platform(1, DecisionType.PUBLISH_POLICY, "policy", content_hash(POLICY))])
    fold.decide([_platform(2, DecisionType.ACTIVATE_MODEL, "model", graph.version)])
    fold.advance(NOW)
    return World(fold.snapshot(), banned)


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
    """Readers with ``history`` distinct likes each of items that are not blocked."""
    rng = np.random.default_rng(seed)
    free = np.flatnonzero(~world.blocked)
    made = []
    for _ in range(count):
        rows = rng.choice(free, history, replace=history > len(free))
        entries = np.empty((history, 3), dtype=np.int64)
        entries[:, 0], entries[:, 1], entries[:, 2] = rows, NOW - np.arange(history)[::-1] * 3600, EventKind.LIKE
        entries.setflags(write=False)
        made.append(Reader(entries, NO_SEEN, Settings()))
    return made
