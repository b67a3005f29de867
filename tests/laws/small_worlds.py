"""Small worlds for property tests: any catalogue, graph, verdicts, lists, reader and request, some dozen items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from controls.scopes import Audience, SurfaceKind
from controls.state import Governance
from controls.verdicts import ALL_SOURCES, Effects, Pin, Shares, VerdictTable
from ranking.building import CatalogueBuilder
from ranking.graph import ItemGraph
from ranking.journal import ItemPublished
from ranking.parameters import Parameters
from ranking.reader import CONSUMED, EventKind, Mode, Reader, Request, Settings, Surface
from ranking.snapshot import Snapshot

AUTHORS = ("", "ada", "ben", "cem")
TOPICS = ("art", "bees", "chess", "dance")
COMMUNITIES = ("", "club", "den")
NOW = 1_000_000


@dataclass(frozen=True)
class FixedGovernance:
    """Governance as given: one table, one list of pins, for every audience and surface."""

    class_of: NDArray[np.int32]
    verdicts: VerdictTable
    pin_list: tuple[Pin, ...] = ()
    featured_rows: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    tier_shares: Shares = Shares(40, 0, 40, 40)
    frozen: bool = False
    model: str = "small"

    def table(self, audience: Audience, surface: SurfaceKind) -> VerdictTable:
        return self.verdicts

    def pins(self, audience: Audience, surface: SurfaceKind) -> tuple[Pin, ...]:
        return self.pin_list

    def featured(self, audience: Audience, surface: SurfaceKind) -> NDArray[np.int32]:
        return self.featured_rows

    def shares(self, audience: Audience, surface: SurfaceKind) -> Shares:
        return self.tier_shares


def ids(count: int) -> list[str]:
    return [f"item-{n}" for n in range(count)]


def int32s(values: Any) -> NDArray[np.int32]:
    array = np.array(list(values), dtype=np.int32)
    array.setflags(write=False)
    return array


def verdict_table(lines: list[tuple[bool, int, int, int]]) -> VerdictTable:
    """A table of (eligible, tier, weight, sources) by class; each class has a notice that names it."""
    columns = list(zip(*lines, strict=True))
    dtypes = (np.uint8, np.uint8, np.int32, np.uint8)
    arrays: list[Any] = [np.array(column, dtype=dtype) for column, dtype in zip(columns, dtypes, strict=True)]
    for array in arrays:
        array.setflags(write=False)
    effects = tuple(Effects(notices=(f"class-{n}",)) for n in range(len(lines)))
    return VerdictTable(*arrays, effects=effects)


@st.composite
def verdict_tables(draw: st.DrawFn) -> VerdictTable:
    line = st.tuples(
        st.sampled_from((True, True, True, False)),
        st.sampled_from((0, 1, 1, 1, 2)),
        st.sampled_from((32, 410, 1024, 1024, 1331, 4096)),
        st.sampled_from((ALL_SOURCES, ALL_SOURCES, ALL_SOURCES, 0b000001, 0b000110, 0b101000)),
    )
    lines = draw(st.lists(line, min_size=1, max_size=6))
    lines[0] = (True, 1, 1024, ALL_SOURCES)
    return verdict_table(lines)


@st.composite
def graphs(draw: st.DrawFn, rows: int) -> ItemGraph:
    width = draw(st.integers(1, 5))
    covered = draw(st.integers(0, rows))
    neighbours = np.full((covered, width), -1, dtype=np.int32)
    weights = np.zeros((covered, width), dtype=np.int16)
    for row in range(covered):
        others = draw(st.lists(st.integers(0, covered - 1), max_size=width, unique=True))
        others = [other for other in others if other != row]
        neighbours[row, : len(others)] = others
        given = st.lists(st.integers(-200, 32_767), min_size=len(others), max_size=len(others))
        weights[row, : len(others)] = draw(given)
    return ItemGraph.assemble(neighbours, weights, 1.0, "drawn", {}, 0, {})


@st.composite
def snapshots(draw: st.DrawFn, most: int = 24) -> Snapshot:
    rows = draw(st.integers(0, most))
    builder = CatalogueBuilder()
    builder.apply(
        [
            ItemPublished(
                item,
                author=draw(st.sampled_from(AUTHORS)),
                topics=tuple(draw(st.lists(st.sampled_from(TOPICS), max_size=2))),
                published_at=draw(st.integers(0, 5)),
                community=draw(st.sampled_from(COMMUNITIES)),
            )
            for item in ids(rows)
        ]
    )
    table = draw(verdict_tables())
    row = st.integers(0, rows - 1) if rows else st.nothing()
    some = st.lists(row, unique=True, max_size=8) if rows else st.just(list[int]())
    pins = sorted(zip(draw(st.lists(st.integers(0, 12), unique=True, max_size=4)), draw(some), strict=False))
    window = draw(st.integers(1, 12))
    governance = FixedGovernance(
        class_of=int32s(draw(st.integers(0, len(table.effects) - 1)) for _ in range(rows)),
        verdicts=table,
        pin_list=tuple(Pin(position, pinned, f"pin-{position}") for position, pinned in pins),
        featured_rows=int32s(draw(some)),
        tier_shares=Shares(window, *(draw(st.integers(0, window)) for _ in range(3))),
        frozen=draw(st.sampled_from((False, False, False, False, True))),
    )
    pools = draw(st.lists(st.sampled_from(("home", "topic:art", "topic:bees", "community:club")), unique=True))
    graph = draw(graphs(rows))
    return Snapshot(
        revision=1,
        edition=1,
        as_of=NOW,
        catalogue=builder.view(),
        governance=cast(Governance, governance),
        graph=graph,
        model=graph.version,
        popular={pool: int32s(draw(some)) for pool in pools},
        parameters=Parameters(),
    )


@st.composite
def histories(draw: st.DrawFn, rows: int) -> NDArray[np.int64]:
    """Any history: rows beyond the catalogue and unknown kinds too."""
    entry = st.tuples(st.integers(-1, rows + 1), st.integers(NOW - 40_000_000, NOW), st.integers(0, len(EventKind)))
    entries = sorted(draw(st.lists(entry, max_size=8)), key=lambda one: one[1])
    history = np.array(entries, dtype=np.int64).reshape(-1, 3)
    history.setflags(write=False)
    return history


@st.composite
def seen_arrays(draw: st.DrawFn, rows: int) -> NDArray[np.int32]:
    counts = draw(st.dictionaries(st.integers(0, rows), st.sampled_from((CONSUMED, 0, 1, 2, 7)), max_size=8))
    seen = np.array(list(counts.items()), dtype=np.int32).reshape(-1, 2)
    seen.setflags(write=False)
    return seen


@st.composite
def settings_of(draw: st.DrawFn, rows: int) -> Settings:
    topics = st.lists(st.sampled_from((*TOPICS, "unknown")), max_size=2, unique=True).map(tuple)
    none: st.SearchStrategy[tuple[str, ...]] = st.just(())
    return Settings(
        personalization=draw(st.sampled_from((True, True, True, False))),
        hidden=tuple(draw(st.lists(st.sampled_from([*ids(rows), "unknown"]), max_size=3))),
        muted_authors=draw(none | st.sampled_from([("ada",), ("ben", "unknown"), ("",)])),
        muted_topics=draw(none | topics),
        more_topics=draw(topics),
        less_topics=draw(topics),
    )


@st.composite
def readers(draw: st.DrawFn, rows: int) -> Reader:
    return Reader(draw(histories(rows)), draw(seen_arrays(rows)), draw(settings_of(rows)))


@st.composite
def surfaces(draw: st.DrawFn, rows: int) -> Surface:
    kind = draw(st.sampled_from((SurfaceKind.HOME, *SurfaceKind)))
    keys = {
        SurfaceKind.HOME: ("",),
        SurfaceKind.TOPIC: (*TOPICS, "unknown", ""),
        SurfaceKind.COMMUNITY: (*COMMUNITIES, "unknown"),
        SurfaceKind.RELATED: (*ids(rows), "unknown"),
    }
    return Surface(kind, draw(st.sampled_from(keys[kind])))


@st.composite
def requests(draw: st.DrawFn, rows: int) -> Request:
    served = draw(st.lists(st.integers(0, rows - 1), unique=True, max_size=6)) if rows else []
    tiers = np.array([draw(st.sampled_from((0, 1, 2))) for _ in served], dtype=np.uint8)
    return Request(
        surface=draw(surfaces(rows)),
        audience=Audience(),
        limit=draw(st.integers(0, 14)),
        mode=draw(st.sampled_from((Mode.PERSONALIZED, *Mode))),
        served_rows=int32s(served),
        served_tiers=tiers,
    )


@st.composite
def parameters(draw: st.DrawFn) -> Parameters:
    return Parameters(
        history=draw(st.integers(0, 9)),
        half_life_days=draw(st.sampled_from((0, 30, 180))),
        weight_click=draw(st.integers(-3, 1000)),
        seen_discount_permille=draw(st.sampled_from((0, 600, 999, 1000))),
        candidates=draw(st.sampled_from((0, 1, 3, 200))),
        author_window=draw(st.integers(1, 5)),
        author_max=draw(st.integers(1, 3)),
        fresh_every=draw(st.integers(0, 4)),
        popular_every=draw(st.integers(0, 4)),
        editorial_every=draw(st.integers(0, 4)),
    )
