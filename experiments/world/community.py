"""The World: a past in bulk, a present in steps, and readers who answer to the pages they are served."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from experiments.world import behaviour
from experiments.world.columns import EventParts, ReactionColumns, SimulatedAuthor, SimulatedItem, in_order
from experiments.world.taste import DAY, News, Taste
from experiments.world.visits import Shelf, visit_times
from experiments.world.works import Works
from ranking.journal import LabelGiven
from ranking.reader import EventKind

_PAST_STREAM, _STEP_STREAM, _REACTION_STREAM = 4, 5, 6
_BACKLOG_DAYS = 30
_BLOCK = 8_192
_PILOT = 400


@dataclass(frozen=True, slots=True)
class Reaction:
    """One event a simulated reader would send about an item of a page."""

    item: str
    kind: EventKind
    occurred_at: int
    dwell_ms: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What happened in some seconds: items published, labels given."""

    items: tuple[SimulatedItem, ...]
    labels: tuple[LabelGiven, ...]


@dataclass(frozen=True, slots=True)
class History:
    """The past: everything published, labelled and done before the world's present."""

    items: tuple[SimulatedItem, ...]
    authors: tuple[SimulatedAuthor, ...]
    labels: tuple[LabelGiven, ...]
    events: ReactionColumns


class World:
    """A community that is the same for the same arguments. ``start`` is the second at which its past begins.

    ``readers`` and ``authors`` are how many there are, ``items`` how many the past holds. Call ``history``
    first (once), then ``step`` and ``react`` as often as wanted.
    """

    def __init__(
        self, seed: int, readers: int = 2_000, items: int = 5_000, *, authors: int = 0, start: int = 0
    ) -> None:
        self._seed, self._items = seed, items
        self.now = start
        self.readers = tuple(f"reader-{n:05d}" for n in range(readers))
        self._reader_index = {name: n for n, name in enumerate(self.readers)}
        self._news = News(seed)
        self._taste = Taste(seed, readers, start)
        self._works = Works(seed, authors or max(1, items // 25), self._news)
        self._items_a_second = 0.0
        self._steps = default_rng([seed, _STEP_STREAM])

    @property
    def authors(self) -> tuple[SimulatedAuthor, ...]:
        """Every author."""
        return self._works.authors

    def history(self, days: int, *, events: int = 100_000, impression_days: float = 1.0) -> History:
        """Live through ``days`` from ``start``, moving the present to their end.

        About ``events`` events beside impressions (fewer where few items make readers repeat themselves, and
        what is repeated counts once); impressions are kept of the last
        ``impression_days`` only, as a store with retention would.
        """
        start, end = self.now, self.now + days * DAY
        rng = default_rng([self._seed, _PAST_STREAM])
        times = np.sort(rng.integers(start - _BACKLOG_DAYS * DAY, end, size=self._items))
        self._works.publish(rng, times.tolist())
        self._items_a_second = self._items / ((days + _BACKLOG_DAYS) * DAY)
        shelf = Shelf(self._works)
        pilot = self._lived(rng, shelf, visit_times(rng, _PILOT, start, days), end, end)
        visits = visit_times(rng, int(events * _PILOT / max(1, len(pilot))), start, days)
        happened = self._lived(rng, shelf, visits, end - int(impression_days * DAY), end)
        self.now = end
        items = tuple(record for record in self._works.records if record is not None)
        return History(items, self._works.authors, self._works.labels_until(end), happened)

    def adopt(self, items: Iterable[tuple[str, Sequence[str], int]]) -> None:
        """Take in items of elsewhere (id, topics, publication second), so that readers react to them."""
        self._works.adopt(items)

    def wake(self, now: int, number: int) -> None:
        """Go on at second ``now`` as if nothing had happened since; the next item gets ``number`` in its id."""
        self.now, self._works.number = now, number
        self._works.labels_until(now)

    def step(self, seconds: int, *, pace: float = 1.0) -> Step:
        """Let ``seconds`` pass: items are published (more in a burst), labels come in late.

        A ``pace`` above 1 publishes so many times more than in the past.
        """
        before, self.now = self.now, self.now + seconds
        heat = self._news.heat(np.array([self.now], dtype=np.int64)).mean()
        count = int(self._steps.poisson(self._items_a_second * seconds * heat * pace))
        times = np.sort(self._steps.integers(before + 1, self.now + 1, size=count))
        items = self._works.publish(self._steps, times.tolist())
        return Step(tuple(items), self._works.labels_until(self.now))

    def react(self, reader: str, page: Sequence[str], at: int, *, first_place: int = 0) -> list[Reaction]:
        """What ``reader`` would send about a page served at second ``at``, in order of time.

        An impression for each item, then clicks and the rest. ``first_place`` is the session position of the
        first item. The same call gives the same answer. A reader this world does not know behaves like one it
        knows; an item it does not know gets its impression only.
        """
        index = self._reader(reader)
        sent = [Reaction(item, EventKind.IMPRESSION, at + 1) for item in page]
        known = [place for place, item in enumerate(page) if self._works.index(item) >= 0]
        if known:
            items = np.array([self._works.index(page[place]) for place in known], dtype=np.int32)
            places = np.array(known, dtype=np.int32) + first_place
            mood = [self._seed, _REACTION_STREAM, index, at, zlib.crc32("\n".join(page).encode())]
            pleased = self._pleased(np.full(items.size, index, dtype=np.int32), items, at)
            shown, kinds, later, dwell = behaviour.react(default_rng(mood), self._works, pleased, items, places)
            sent += [
                Reaction(page[known[n]], EventKind(kind), at + after, ms)
                for n, kind, after, ms in zip(
                    shown.tolist(), kinds.tolist(), later.tolist(), dwell.tolist(), strict=True
                )
            ]
        return sorted(sent, key=lambda reaction: reaction.occurred_at)

    def relevance(self, readers: Sequence[str], items: Sequence[str], at: int) -> NDArray[np.float64]:
        """float64[readers, items] in [0, 1]: the oracle, how pleased each reader would really be."""
        rows = np.array([self._index(item) for item in items], dtype=np.int32)
        return np.array(
            [self._pleased(np.full(rows.size, self._reader(name), dtype=np.int32), rows, at) for name in readers]
        ).reshape(len(readers), rows.size)

    def truth(self, item: str) -> frozenset[str]:
        """What the item really is: any of ``rumour`` and ``spam``, whatever its labels say."""
        columns, index = self._works.columns(), self._index(item)
        return frozenset(name for name, mask in (("rumour", columns.rumour), ("spam", columns.spam)) if mask[index])

    def _reader(self, reader: str) -> int:
        known = self._reader_index.get(reader)
        return zlib.crc32(reader.encode()) % len(self.readers) if known is None else known

    def _index(self, item: str) -> int:
        index = self._works.index(item)
        if index < 0:
            raise KeyError(f"item {item!r} is not of this world; adopt it first")
        return index

    def _lived(
        self, rng: Generator, shelf: Shelf, times: NDArray[np.int64], impressions_from: int, until: int
    ) -> ReactionColumns:
        """What visits at these seconds brought about by ``until``, impressions only from a second on."""
        activity = self._taste.activity / self._taste.activity.sum()
        readers = rng.choice(len(self.readers), size=times.size, p=activity).astype(np.int32)
        parts = [
            self._block(rng, shelf, readers[n : n + _BLOCK], times[n : n + _BLOCK], impressions_from)
            for n in range(0, times.size, _BLOCK)
        ]
        return in_order(self.readers, tuple(self._works.ids), parts, until)

    def _block(
        self,
        rng: Generator,
        shelf: Shelf,
        readers: NDArray[np.int32],
        times: NDArray[np.int64],
        impressions_from: int,
    ) -> EventParts:
        page = shelf.shown(rng, self._taste, readers, times)
        visit, place = np.nonzero(page >= 0)
        items, who, when = page[visit, place], readers[visit], times[visit]
        pleased = behaviour.relevance(self._works, self._taste, self._news, who, items, when)
        shown, kinds, later, dwell = behaviour.react(rng, self._works, pleased, items, place.astype(np.int32))
        seen = np.flatnonzero(when >= impressions_from)
        return (
            np.concatenate([who[seen], who[shown]]),
            np.concatenate([items[seen], items[shown]]),
            np.concatenate([np.zeros(seen.size, dtype=np.uint8), kinds]),
            np.concatenate([when[seen] + 1, when[shown] + later]),
            np.concatenate([np.zeros(seen.size, dtype=np.int32), dwell]),
        )

    def _pleased(self, readers: NDArray[np.int32], items: NDArray[np.int32], at: int) -> NDArray[np.float64]:
        times = np.full(items.size, at, dtype=np.int64)
        return behaviour.relevance(self._works, self._taste, self._news, readers, items, times)
