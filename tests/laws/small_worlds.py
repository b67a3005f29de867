"""Small worlds for property tests: any catalogue, graph, verdicts, lists, reader and request, some dozen items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from controls.causes import Cause
from controls.scopes import Audience, SurfaceKind
from controls.state import Governance
from controls.verdicts import ALL_SOURCES, OPEN_SHARES, Effects, Pin, Shares, VerdictTable
from ranking.building import CatalogueBuilder
from ranking.graph import ItemGraph
from ranking.growth import Growth, GrowthBuilder
from ranking.journal import ItemPublished
from ranking.parameters import Parameters
from ranking.reader import CONSUMED, EventKind, Mode, Reader, Request, Settings, Surface
from ranking.snapshot import Snapshot

AUTHORS = ("", "ada", "ben", "cem")
TOPICS = ("art", "bees", "chess", "dance")
COMMUNITIES = ("", "club", "den")
NOW = 1_000_000
T = TypeVar("T")


@dataclass(frozen=True)
class FixedGovernance:
    """Governance as given: one table, one list of pins, for every audience and surface."""

    class_of: NDArray[np.int32]
    verdicts: VerdictTable
    pin_list: tuple[Pin, ...] = ()
    featured_rows: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    tier_shares: Shares = OPEN_SHARES
    frozen: bool = False
    model: str = "small"

    def table(self, audience: Audience, surface: SurfaceKind) -> VerdictTable:
        return self.verdicts

    def pins(self, audience: Audience, surface: SurfaceKind) -> tuple[Pin, ...]:
        return self.pin_list

    def featured(self, audience: Audience, surface: SurfaceKind) -> NDArray[np.int32]:
        return self.featured_rows

    def acting(self, cls: int, audience: Audience, surface: SurfaceKind) -> tuple[Cause, ...]:
        return (Cause("rule", f"class-{cls}", "as given"),)

    def shares(self, audience: Audience, surface: SurfaceKind) -> Shares:
        return self.tier_shares


def ids(count: int) -> list[str]:
    return [f"item-{n}" for n in range(count)]


def int32s(values: Any) -> NDArray[np.int32]:
    array = np.array(list(values), dtype=np.int32)
    array.setflags(write=False)
    return array


def verdict_table(lines: list[tuple[bool, int, int, int]], caps: Sequence[int] = ()) -> VerdictTable:
    """A table of (eligible, tier, weight, sources) by class, and caps; each class has a notice that names it."""
    table = VerdictTable(
        eligible=np.array([line[0] for line in lines], dtype=np.uint8),
        tier=np.array([line[1] for line in lines], dtype=np.uint8),
        weight=np.array([line[2] for line in lines], dtype=np.int32),
        sources=np.array([line[3] for line in lines], dtype=np.uint8),
        caps=np.array(caps or [0] * len(lines), dtype=np.uint8),
        effects=tuple(Effects(notices=(f"class-{n}",)) for n in range(len(lines))),
    )
    for array in (table.eligible, table.tier, table.weight, table.sources, table.caps):
        array.setflags(write=False)
    return table


class Dice:
    """Seeded choices. Hypothesis draws the seed and the sizes; the bulk comes from here, or graphs would stay empty."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self._rng.integers(low, high + 1))

    def often(self, share: float) -> bool:
        return bool(self._rng.random() < share)

    def one(self, values: Sequence[T]) -> T:
        return values[self.number(0, len(values) - 1)]

    def some(self, values: Sequence[T], most: int) -> list[T]:
        """Up to ``most`` of the values, each once, in any order."""
        count = self.number(0, min(most, len(values)))
        return [values[n] for n in self._rng.permutation(len(values))[:count]]


def a_verdict_table(dice: Dice) -> VerdictTable:
    lines = [(True, 1, 1024, ALL_SOURCES)]
    for _ in range(dice.number(0, 6)):
        weight = dice.one((32, 410, 1024, 1024, 1331, 4096))
        sources = dice.one((ALL_SOURCES, ALL_SOURCES, ALL_SOURCES, 0b000001, 0b000110, 0b101000))
        lines.append((dice.often(0.8), dice.one((0, 1, 1, 1, 2)), weight, sources))
    return verdict_table(lines, [dice.one((0, 0, 0, 1, 2, 3)) for _ in lines])


def a_graph(dice: Dice, rows: int) -> ItemGraph:
    width = dice.number(1, 12)
    covered = dice.one((rows, rows, rows, rows // 2, 0))
    neighbours = np.full((covered, width), -1, dtype=np.int32)
    weights = np.zeros((covered, width), dtype=np.int16)
    for row in range(covered):
        near = [other for other in range(covered) if other != row]
        others = dice.some(near, width if dice.often(0.3) else len(near))[:width]
        neighbours[row, : len(others)] = others
        weights[row, : len(others)] = [dice.one((-300, 5, 5, 6, 40, 40, 1000, 32_767)) for _ in others]
    return ItemGraph.assemble(neighbours, weights, 1.0, "drawn", {}, 0, {})


def a_growth(dice: Dice, rows: int, graph: ItemGraph) -> Growth:
    builder = GrowthBuilder()
    for row in dice.some(range(rows), dice.one((0, 0, 3, 12))):
        near = dice.some(range(rows), 8)
        builder.grow(row, near, [dice.number(1, 1024) for _ in near])
    return builder.view(graph)


def a_snapshot(dice: Dice, rows: int) -> Snapshot:
    builder = CatalogueBuilder()
    builder.apply(
        [
            ItemPublished(
                item,
                author=dice.one(AUTHORS),
                topics=tuple(dice.some(TOPICS, 2)),
                published_at=dice.number(0, 5),
                community=dice.one(COMMUNITIES),
            )
            for item in ids(rows)
        ]
    )
    table = a_verdict_table(dice)
    all_rows = list(range(rows))
    positions = sorted(dice.some(range(12), 4))
    pinned = dice.some(all_rows, 4)
    window = dice.number(1, 12)
    up_to = partial(dice.number, 0, window)
    pools = dice.some(("home", "topic:art", "topic:bees", "community:club"), 4)
    graph = a_graph(dice, rows)
    governance = FixedGovernance(
        class_of=int32s(dice.number(0, len(table.effects) - 1) for _ in all_rows),
        verdicts=table,
        pin_list=tuple(Pin(p, row, f"pin-{p}") for p, row in zip(positions, pinned, strict=False)),
        featured_rows=int32s(dice.some(all_rows, 5)),
        tier_shares=Shares(window, up_to(), up_to(), up_to(), caps=(up_to(), window // 2)),
        frozen=dice.often(0.06),
    )
    return Snapshot(
        revision=1,
        edition=1,
        as_of=NOW,
        catalogue=builder.view(),
        governance=cast(Governance, governance),
        graph=graph,
        model=graph.version,
        popular={pool: int32s(dice.some(all_rows, 10)) for pool in pools},
        parameters=Parameters(),
        exploration={pool: int32s(dice.some(all_rows, 12)) for pool in ("home", *dice.some(pools, 2))},
        growth=a_growth(dice, rows, graph),
    )


def a_history(dice: Dice, rows: int) -> NDArray[np.int64]:
    """Any history: rows beyond the catalogue and unknown kinds too."""
    entries = []
    for _ in range(dice.one((0, 2, 6, 12, 20))):
        row = dice.number(0, rows - 1) if rows and dice.often(0.9) else dice.number(-1, rows + 1)
        kind = dice.number(1, 5) if dice.often(0.7) else dice.number(0, len(EventKind))
        entries.append((row, NOW - dice.number(0, 40_000_000), kind))
    history = np.array(sorted(entries, key=lambda one: one[1]), dtype=np.int64).reshape(-1, 3)
    history.setflags(write=False)
    return history


def a_seen(dice: Dice, rows: int) -> NDArray[np.int32]:
    counts = [(row, dice.one((CONSUMED, 0, 1, 2, 7))) for row in dice.some(range(rows + 2), 9)]
    seen = np.array(counts, dtype=np.int32).reshape(-1, 2)
    seen.setflags(write=False)
    return seen


def some_settings(dice: Dice, rows: int) -> Settings:
    topics = (*TOPICS, "unknown")
    return Settings(
        personalization=dice.often(0.95),
        hidden=tuple(dice.some([*ids(rows), "unknown"], 3)),
        muted_authors=dice.one(((), (), (), ("ada",), ("ben", "unknown"), ("",))),
        muted_topics=tuple(dice.some(topics, dice.one((0, 0, 1)))),
        more_topics=tuple(dice.some(topics, 2)),
        less_topics=tuple(dice.some(topics, dice.one((0, 0, 0, 1)))),
    )


def a_reader(dice: Dice, rows: int) -> Reader:
    return Reader(a_history(dice, rows), a_seen(dice, rows), some_settings(dice, rows))


def a_surface(dice: Dice, rows: int) -> Surface:
    kind = dice.one((SurfaceKind.HOME, SurfaceKind.HOME, *SurfaceKind))
    keys = {
        SurfaceKind.HOME: ("",),
        SurfaceKind.TOPIC: (*TOPICS, "unknown", ""),
        SurfaceKind.COMMUNITY: (*COMMUNITIES, "unknown"),
        SurfaceKind.RELATED: (*ids(rows), "unknown"),
    }
    return Surface(kind, dice.one(keys[kind]))


def a_request(dice: Dice, rows: int) -> Request:
    served = dice.some(range(rows), dice.one((0, 0, 3, 12)))
    return Request(
        surface=a_surface(dice, rows),
        audience=Audience(),
        limit=dice.number(0, 16),
        mode=dice.one((Mode.PERSONALIZED, Mode.PERSONALIZED, *Mode)),
        served_rows=int32s(served),
        served_tiers=np.array([dice.number(0, 2) for _ in served], dtype=np.uint8),
        seed=dice.number(0, 2**48 - 1),
    )


def some_parameters(dice: Dice) -> Parameters:
    return Parameters(
        history=dice.one((50, 50, 50, 9, 4, 1, 0)),
        half_life_days=dice.one((0, 30, 180)),
        half_life_items=dice.one((0, 1, 7)),
        weight_click=dice.number(-3, 1000),
        seen_discount_permille=dice.one((0, 600, 600, 999, 1000)),
        candidates=dice.one((200, 200, 200, 200, 200, 200, 3, 1, 0)),
        author_window=dice.number(1, 5),
        author_max=dice.number(1, 3),
        topic_window=dice.number(1, 6),
        topic_max=dice.one((0, 0, 1, 2, 3)),
        calibration=dice.one((0, 500, 500, 100, 4000)),
        fresh_every=dice.one((0, 0, 0, 1, 3, 5)),
        popular_every=dice.one((0, 0, 0, 1, 3, 4)),
        editorial_every=dice.one((0, 0, 0, 1, 3, 4)),
        explore_every=dice.one((0, 0, 1, 2, 3)),
    )


@dataclass(frozen=True)
class World:
    """All that ``rank()`` takes."""

    snapshot: Snapshot
    reader: Reader
    request: Request
    parameters: Parameters

    @property
    def rows(self) -> int:
        return self.snapshot.catalogue.rows


@st.composite
def worlds(draw: st.DrawFn) -> World:
    dice = Dice(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.sampled_from((40, 40, 40, 30, 30, 20, 12, 6, 3, 2, 1, 0)))
    return World(a_snapshot(dice, rows), a_reader(dice, rows), a_request(dice, rows), some_parameters(dice))
