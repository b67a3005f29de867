"""Scenes: a Snapshot told in a few words, with everything filled in that a test does not speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import orjson

from controls.scopes import Audience
from controls.state import Governance
from controls.tiers import Tier
from controls.verdicts import ALL_SOURCES, OPEN_SHARES, Pin, Shares, Source
from feed.pages.listing import items_json
from ranking.building import CatalogueBuilder
from ranking.graph import ItemGraph
from ranking.journal import ItemPublished
from ranking.page import Page
from ranking.parameters import Parameters
from ranking.pipeline import rank
from ranking.reader import EventKind, Mode, Reader, Request, Settings, Surface
from ranking.snapshot import Snapshot
from tests.laws.small_worlds import FixedGovernance, int32s, verdict_table

NOW = 1_700_000_000
PLAIN = Parameters(fresh_every=0, editorial_every=0, author_max=100, half_life_days=0, half_life_items=0, weight_like=1)
"""No turns of sources, no author window, no decay, and a like is one vote of 4096."""

STANDARD, BLOCKED, RESTRICTED, ENCOURAGED = 0, 1, 2, 3
LINES = [
    (True, Tier.STANDARD, 1024, ALL_SOURCES),
    (False, Tier.BLOCKED, 1024, ALL_SOURCES),
    (True, Tier.RESTRICTED, 1024, ALL_SOURCES & ~(1 << Source.PIN)),
    (True, Tier.ENCOURAGED, 1024, ALL_SOURCES),
]
"""Verdict classes by the four numbers above."""


def item(name: str, **fields: Any) -> ItemPublished:
    return replace(ItemPublished(name, published_at=NOW), **fields)


@dataclass(frozen=True)
class Scene:
    """A Snapshot whose items are called by their ids; rows are in the order of the items given."""

    snapshot: Snapshot

    def row(self, name: str) -> int:
        return self.snapshot.catalogue.row_of(name)

    def reader(
        self,
        *,
        liked: Sequence[str] = (),
        did: Sequence[tuple[str, EventKind]] = (),
        seen: Mapping[str, int] | None = None,
        **settings: Any,
    ) -> Reader:
        """A reader with a history (oldest first, an hour apart) and Seen."""
        events = [*((name, EventKind.LIKE) for name in liked), *did]
        history = [(self.row(name), NOW + 3600 * n, kind) for n, (name, kind) in enumerate(events)]
        rows = [(self.row(name), count) for name, count in (seen or {}).items()]
        return Reader(
            np.array(history, dtype=np.int64).reshape(-1, 3),
            np.array(rows, dtype=np.int32).reshape(-1, 2),
            Settings(**settings),
        )

    def request(
        self,
        limit: int = 5,
        mode: Mode = Mode.PERSONALIZED,
        surface: Surface = Surface(),  # noqa: B008 - frozen
        after: Sequence[str] = (),
    ) -> Request:
        """A request; ``after`` are the items that the session has had."""
        rows = int32s(self.row(name) for name in after)
        table = self.snapshot.governance.table(Audience(), surface.kind)
        tiers = table.tier[self.snapshot.governance.class_of[rows]]
        return Request(surface, Audience(), limit, mode, rows, tiers)

    def page(self, reader: Reader | None = None, parameters: Parameters = PLAIN, **request: Any) -> Page:
        return rank(self.snapshot, reader or self.reader(), self.request(**request), parameters)

    def shown(self, reader: Reader | None = None, parameters: Parameters = PLAIN, **request: Any) -> str:
        """Ids of the page, in order, parted by blanks."""
        page = self.page(reader, parameters, **request)
        return " ".join(self.snapshot.catalogue.ids[row] for row in page.rows)

    def told(self, reader: Reader | None = None, parameters: Parameters = PLAIN, **request: Any) -> list[Any]:
        """The item objects of a page."""
        made = self.request(**request)
        page = rank(self.snapshot, reader or self.reader(), made, parameters)
        told: list[Any] = orjson.loads(items_json(page, self.snapshot, made))
        return told

    def sources(self, reader: Reader | None = None, parameters: Parameters = PLAIN, **request: Any) -> str:
        """``id:source`` of the page."""
        told = self.told(reader, parameters, **request)
        return " ".join(f"{one['id']}:{one['source']}" for one in told)


def scene(
    items: str | Sequence[ItemPublished],
    *,
    graph: Mapping[str, Mapping[str, int]] | None = None,
    classes: Mapping[str, int] | None = None,
    caps: Sequence[int] = (),
    lines: Sequence[tuple[bool, int, int, int]] = LINES,
    popular: Mapping[str, str] | None = None,
    featured: str = "",
    pins: Mapping[int, str] | None = None,
    shares: Shares = OPEN_SHARES,
    frozen: bool = False,
) -> Scene:
    """Items by name, parted by blanks (later ones are newer), or as entries; ``graph`` maps an item to its neighbours
    and integer weights, ``classes`` an item to its verdict class, ``popular`` a pool to its list;
    ``caps`` are those of the classes."""
    if isinstance(items, str):
        items = [item(name, published_at=NOW + n) for n, name in enumerate(items.split())]
    builder = CatalogueBuilder()
    builder.apply(items)
    catalogue = builder.view()
    row = catalogue.row_of
    width = max((len(near) for near in (graph or {}).values()), default=1)
    neighbours = np.full((catalogue.rows if graph else 0, width), -1, dtype=np.int32)
    weights = np.zeros(neighbours.shape, dtype=np.int16)
    for name, near in (graph or {}).items():
        neighbours[row(name), : len(near)] = [row(other) for other in near]
        weights[row(name), : len(near)] = list(near.values())
    governance = FixedGovernance(
        class_of=int32s((classes or {}).get(name, STANDARD) for name in catalogue.ids),
        verdicts=verdict_table([(bool(e), int(t), w, s) for e, t, w, s in lines], caps),
        pin_list=tuple(Pin(at, row(name), f"pin-{at}") for at, name in sorted((pins or {}).items())),
        featured_rows=int32s(row(name) for name in featured.split()),
        tier_shares=shares,
        frozen=frozen,
    )
    return Scene(
        Snapshot(
            revision=3,
            edition=2,
            as_of=NOW,
            catalogue=catalogue,
            governance=cast(Governance, governance),
            graph=ItemGraph.assemble(neighbours, weights, 1.0, "told", {}, 0, {}),
            model="told",
            popular={pool: int32s(row(name) for name in names.split()) for pool, names in (popular or {}).items()},
            parameters=PLAIN,
        )
    )
