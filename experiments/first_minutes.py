"""First minutes: how soon a simulated community meets what is new, and what that costs it against an oracle.

The community of :mod:`experiments.world` lives on after a past that a model was trained on. Each tick is an edition:
what was published joins the catalogue, and newcomers get rows and places for exploring or not, as the conditions say.
Pages are made by ``rank()`` itself, readers react to them, and what they do is their history from the next page on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.policy import load as load_policy
from controls.scopes import Audience
from controls.verdicts import Source
from experiments.world import World
from ranking.fold import EXPLORATION, POPULAR, Fold
from ranking.graph import ItemGraph
from ranking.growth import known_to
from ranking.interactions import Interactions
from ranking.journal import Entry, ItemPublished, ListPublished
from ranking.models import silent, trainer
from ranking.newcomers import VOICES, Voices, rows_by_likeness, rows_by_readers, worth_exploring
from ranking.page import Page
from ranking.parameters import Parameters
from ranking.pipeline import rank
from ranking.popularity import first_heard, popular
from ranking.reader import CONSUMED, NO_TIERS, NOTHING_SERVED, EventKind, Mode, Reader, Request, Settings, Surface
from ranking.snapshot import Snapshot

LIMIT = 12
"""Items of a page."""

_STREAM = 21
_HISTORY, _SEEN = 200, 2000
_HALF_LIFE = 30 * 86_400
_HEARD = 20_000


@dataclass(frozen=True, slots=True)
class Conditions:
    """What newcomers get: rows of their own, and every so many-th place of a page for exploring (0: none)."""

    rows: bool = True
    explore_every: int = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """How large the community is, and how long and busy the present. ``pace`` is how many times more is published
    than in the past; the default comes to an item in half a minute, and to four pages a second."""

    seed: int = 7
    readers: int = 400
    items: int = 1500
    events: int = 40_000
    seconds: int = 1200
    tick: int = 5
    visits: int = 20
    """Pages of a tick."""
    pace: float = 120.0


@dataclass(frozen=True, slots=True)
class FirstMinutes:
    """What one run came to. An item's first exposure is the first impression of it by anybody."""

    items: int
    """Items published in the present, but its last tenth."""
    exposed: float
    """Share of them that were exposed at all."""
    median_seconds: float
    late_seconds: float
    """Median and 90th percentile of the seconds to first exposure; infinite where there was none."""
    heard: float
    """Share of them that five readers or more were heard on."""
    clicks_on_new: float
    """Clicks on such items, a page."""
    pleased: float
    """Mean relevance of what was shown, in [0, 1], as the oracle knows it."""
    regret: float
    """Mean relevance of the best page that could have been shown, less that."""
    explored: float
    """Share of places that went to exploring."""


@dataclass(slots=True)
class _Known:
    """One reader's history and Seen, as the service keeps them."""

    history: list[tuple[int, int, int]] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)

    def reader(self) -> Reader:
        history = np.array(self.history[-_HISTORY:], dtype=np.int64).reshape(-1, 3)
        seen = np.array(list(self.seen.items())[-_SEEN:], dtype=np.int32).reshape(-1, 2)
        return Reader(history, seen, Settings())

    def did(self, row: int, second: int, kind: int) -> None:
        earlier = self.seen.pop(row, 0)
        if kind == EventKind.IMPRESSION:
            self.seen[row] = earlier if earlier == CONSUMED else earlier + 1
        else:
            self.history.append((row, second, kind))
            self.seen[row] = CONSUMED


class Community:
    """A world with the service around it that the conditions describe."""

    def __init__(self, setting: Setting, conditions: Conditions) -> None:
        self.setting, self.conditions = setting, conditions
        self.world = World(setting.seed, setting.readers, setting.items)
        self._known: dict[str, _Known] = {name: _Known() for name in self.world.readers}
        self._number = {name: number for number, name in enumerate(self.world.readers)}
        self._events: list[tuple[int, int, int, int]] = []
        self._rng = np.random.default_rng([setting.seed, _STREAM])
        self._written: dict[int, int] = {}
        self.shown: dict[int, int] = {}
        """Second of first exposure by row."""
        self._live()

    def _live(self) -> None:
        """The past, and the model trained on it."""
        past = self.world.history(30, events=self.setting.events)
        self._fold = Fold(lambda digest: load_policy("{}"), lambda version: self._graph)
        self._publish([_entry(item) for item in past.items])
        row_of = self._fold.snapshot().catalogue.row_of
        rows = np.array([row_of(item) for item in past.events.item_ids], dtype=np.int32)[past.events.items]
        events = np.stack((past.events.readers, rows, past.events.times, past.events.kinds), axis=1)
        for reader, row, second, kind in events.tolist():
            self._did(self.world.readers[reader], row, second, kind)
        self._graph = self._trained()
        self._fold.decide([_activation(self._graph)])
        self._publish(self._lists())

    def _trained(self) -> ItemGraph:
        events = np.array(self._events, dtype=np.int64)
        interactions = Interactions.from_events(
            events[:, 0],
            events[:, 1],
            events[:, 2],
            events[:, 3],
            readers=len(self._known),
            rows=self.snapshot.catalogue.rows,
        )
        ease = trainer("ease")
        return ease.train(interactions, ease.parse({}), seed=self.setting.seed, progress=silent)

    @property
    def snapshot(self) -> Snapshot:
        """What pages are made of now."""
        return self._fold.snapshot()

    def tick(self) -> None:
        """Let some seconds pass: an edition."""
        new = [_entry(item) for item in self.world.step(self.setting.tick, pace=self.setting.pace).items]
        entries: list[Entry] = [*new]
        snapshot = self.snapshot
        voices, heard = self.heard()
        if self.conditions.rows:
            entries += rows_by_likeness(new, snapshot.catalogue, snapshot.popular)
            changed = np.flatnonzero(heard).astype(np.int32)
            changed = changed[~known_to(snapshot.graph, changed)]
            due = [row for row in changed.tolist() if heard[row] != self._written.get(row)]
            self._written.update((row, int(heard[row])) for row in due)
            entries += rows_by_readers(voices, np.array(due, dtype=np.int32), snapshot.catalogue, snapshot.popular)
        if self.conditions.explore_every:
            known = worth_exploring(snapshot.catalogue, snapshot.graph, heard)
            entries.append(ListPublished(EXPLORATION, "home", (*(item.id for item in new[::-1]), *known)))
        self._publish(entries)

    def heard(self) -> tuple[Voices, NDArray[np.int64]]:
        """The voices of the newest events, and how many readers were heard on each row."""
        events = np.array(self._events[-_HEARD:], dtype=np.int64)
        voices = Voices.of(events[:, 0].astype(np.int32), events[:, 1].astype(np.int32), events[:, 3].astype(np.uint8))
        return voices, voices.heard(self.snapshot.catalogue.rows)

    def visit(self) -> tuple[str, Page, int]:
        """Somebody asks for a page and reacts to it; who, to what, and when."""
        name = self.world.readers[int(self._rng.integers(len(self.world.readers)))]
        at = self.world.now
        seed = int(self._rng.integers(2**48))
        request = Request(Surface(), Audience(), LIMIT, Mode.PERSONALIZED, NOTHING_SERVED, NO_TIERS, seed)
        parameters = Parameters(explore_every=self.conditions.explore_every)
        page = rank(self.snapshot, self._known[name].reader(), request, parameters)
        return name, page, at

    def react(self, name: str, page: Page, at: int) -> list[tuple[int, int]]:
        """What the reader of a page did then: (row, kind), impressions included."""
        catalogue = self.snapshot.catalogue
        done = []
        for reaction in self.world.react(name, [catalogue.ids[row] for row in page.rows], at):
            row = catalogue.row_of(reaction.item)
            self._did(name, row, reaction.occurred_at, int(reaction.kind))
            self.shown.setdefault(row, at)
            done.append((row, int(reaction.kind)))
        return done

    def best(self, name: str, page: Page, at: int) -> tuple[float, float]:
        """Mean relevance of a page, and of the best one of as many items that the reader has not consumed."""
        ids = self.snapshot.catalogue.ids[: self.snapshot.catalogue.rows]
        relevance = self.world.relevance([name], ids, at)[0]
        shown = float(relevance[page.rows].mean())
        consumed = [row for row, count in self._known[name].seen.items() if count == CONSUMED]
        relevance[consumed] = 0
        return shown, float(np.sort(relevance)[-LIMIT:].mean())

    def _did(self, name: str, row: int, second: int, kind: int) -> None:
        self._known[name].did(row, second, kind)
        if kind != EventKind.IMPRESSION:
            self._events.append((self._number[name], row, second, kind))

    def _publish(self, entries: Sequence[Entry]) -> None:
        self._fold.journal(self._fold.edition + 1, entries)
        self._fold.advance(max(self.world.now, self._fold.as_of))

    def _lists(self) -> list[Entry]:
        """Popular lists of the home pool and of every topic."""
        catalogue = self.snapshot.catalogue
        events = np.array(self._events, dtype=np.int64)
        events = events[np.isin(events[:, 3], VOICES)]
        ranked = popular(
            events[:, 0].astype(np.int32),
            events[:, 1].astype(np.int32),
            events[:, 2],
            came=events[:, 2],
            since=first_heard(events[:, 0].astype(np.int32), events[:, 2], len(self.world.readers)),
            n_items=catalogue.rows,
            half_life=_HALF_LIFE,
            limit=catalogue.rows,
        )
        pools: dict[str, list[str]] = {"home": [catalogue.ids[row] for row in ranked[:1000]]}
        for row in ranked.tolist():
            for topic in catalogue.topic_names(row):
                pools.setdefault(f"topic:{topic}", []).append(catalogue.ids[row])
        return [ListPublished(POPULAR, pool, tuple(ids)) for pool, ids in pools.items()]


def measure(setting: Setting, conditions: Conditions) -> FirstMinutes:
    """Let a community live through its present under some conditions."""
    community = Community(setting, conditions)
    start, before = community.world.now, community.snapshot.catalogue.rows
    pleased, best, explored, places, clicks = [], [], 0, 0, 0
    for _ in range(setting.seconds // setting.tick):
        community.tick()
        for _ in range(setting.visits):
            name, page, at = community.visit()
            shown, possible = community.best(name, page, at)
            pleased.append(shown)
            best.append(possible)
            explored += int((page.sources == Source.EXPLORATION).sum())
            places += len(page.rows)
            done = community.react(name, page, at)
            clicks += sum(row >= before and kind == EventKind.CLICK for row, kind in done)
    published = community.snapshot.catalogue.published
    counted = np.flatnonzero(published <= start + setting.seconds * 9 // 10)
    counted = counted[counted >= before]
    waited = np.array([community.shown.get(row, np.inf) - published[row] for row in counted.tolist()])
    heard = community.heard()[1][counted]
    return FirstMinutes(
        items=counted.size,
        exposed=float(np.isfinite(waited).mean()),
        median_seconds=float(np.quantile(waited, 0.5, method="higher")),
        late_seconds=float(np.quantile(waited, 0.9, method="higher")),
        heard=float((heard >= 5).mean()),
        clicks_on_new=clicks / len(pleased),
        pleased=float(np.mean(pleased)),
        regret=float(np.mean(best) - np.mean(pleased)),
        explored=explored / places,
    )


CONDITIONS: Mapping[str, Conditions] = {
    "neither": Conditions(rows=False, explore_every=0),
    "rows": Conditions(rows=True, explore_every=0),
    "exploration": Conditions(rows=False),
    "both": Conditions(),
}
"""What is compared: without and with grown rows, without and with exploration."""


def _entry(item: object) -> ItemPublished:
    fields = ("id", "author", "topics", "published_at", "language", "region")
    return ItemPublished(**{name: getattr(item, name) for name in fields})


def _activation(graph: ItemGraph) -> Decision:
    kind, model = DecisionType.ACTIVATE_MODEL, {"model": graph.version}
    platform, basis = Subject(SubjectKind.PLATFORM, ""), Basis("operations", "simulation")
    return Decision(
        "model", kind, platform, "simulation", "admin", "trained", basis, 0, 0, parameters=model, revision=1
    )
