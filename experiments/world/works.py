"""Items and authors of the simulated community, with the truth about each: quality, rumour, spam.

A label is a noisy opinion about that truth, given some minutes after publication: most rumours and spam are
found, some are missed, and some honest items are suspected.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from experiments.world import vocabulary
from experiments.world.columns import SimulatedAuthor, SimulatedItem
from experiments.world.taste import CELLS, News
from ranking.journal import LabelGiven

CLASSIFIER = "model:world"
_AUTHOR_STREAM = 3
_REGIONS = ("DE", "FR", "IT", "PL", "US", "JP")
_SHOWN_FROM = 0.3
"""A classifier keeps silent below this score."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkColumns:
    """By item index: ``cells`` int32[n], ``times`` int64[n] (second of publication), ``quality`` float64[n] in
    [0, 1], ``rumour`` and ``spam`` bool[n], what the item really is."""

    cells: NDArray[np.int32]
    times: NDArray[np.int64]
    quality: NDArray[np.float64]
    rumour: NDArray[np.bool_]
    spam: NDArray[np.bool_]


class Works:
    """All items so far, as growing columns beside their records."""

    def __init__(self, seed: int, authors: int, news: News) -> None:
        rng = default_rng([seed, _AUTHOR_STREAM])
        self._news = news
        self.ids: list[str] = []
        self.records: list[SimulatedItem | None] = []
        self._labels: list[LabelGiven] = []
        self._index: dict[str, int] = {}
        self.number = 0
        """Number of the next item to be published."""
        self._cells: list[int] = []
        self._times: list[int] = []
        self._quality: list[float] = []
        self._rumour: list[bool] = []
        self._spam: list[bool] = []
        self._columns: WorkColumns | None = None
        self.author_quality = rng.beta(3, 2, authors)
        self._carelessness = rng.beta(0.5, 5, authors)
        self._author_cells = rng.integers(CELLS, size=(authors, 3))
        self._diligence = rng.pareto(1.5, authors) + 0.2
        self._diligence /= self._diligence.sum()
        self.authors = tuple(_author(rng, n, float(self._carelessness[n])) for n in range(authors))
        self._author_regions = [_REGIONS[n] for n in rng.integers(len(_REGIONS), size=authors)]

    def __len__(self) -> int:
        return len(self.ids)

    def index(self, item: str) -> int:
        """Index of an item, or -1 when this world does not know it."""
        return self._index.get(item, -1)

    def columns(self) -> WorkColumns:
        """All items so far as columns."""
        if self._columns is None:
            self._columns = WorkColumns(
                np.array(self._cells, dtype=np.int32),
                np.array(self._times, dtype=np.int64),
                np.array(self._quality),
                np.array(self._rumour, dtype=np.bool_),
                np.array(self._spam, dtype=np.bool_),
            )
        return self._columns

    def labels_until(self, second: int) -> tuple[LabelGiven, ...]:
        """Labels given by then that were not handed out before."""
        due = tuple(label for label in self._labels if label.given_at <= second)
        self._labels = [label for label in self._labels if label.given_at > second]
        return due

    def publish(self, rng: Generator, times: Sequence[int]) -> list[SimulatedItem]:
        """One new item for each second of ``times`` (rising); their labels follow in ``labels_until``."""
        heat = self._news.heat(np.array(times, dtype=np.int64))
        return [self._publish(rng, int(at), heat[n]) for n, at in enumerate(times)]

    def adopt(self, items: Iterable[tuple[str, Sequence[str], int]]) -> None:
        """Take in items of elsewhere (id, topics, publication second); the first two topics choose the cell."""
        for item, topics, published_at in items:
            if item not in self._index:
                quality = (zlib.crc32(item.encode()) % 1000) / 1000
                self._add(item, None, vocabulary.cell_of(topics), published_at, quality, False, False)

    def _publish(self, rng: Generator, at: int, heat: NDArray[np.float64]) -> SimulatedItem:
        author = int(rng.choice(len(self.authors), p=self._diligence))
        cell = int(rng.choice(self._author_cells[author]) if rng.random() < 0.85 else rng.integers(CELLS))
        news_from = ""
        if rng.random() < 1 - len(heat) / heat.sum():
            topic = int(rng.choice(len(heat), p=(heat - 1) / (heat - 1).sum()))
            cell = topic * vocabulary.STRANDS + int(rng.integers(vocabulary.STRANDS))
            news_from = self._news.place(topic, at)
        careless = self._carelessness[author]
        rumour = bool(rng.random() < careless * (1.5 if news_from else 0.6))
        spam = not rumour and bool(rng.random() < careless * 0.4)
        quality = float(np.clip(rng.normal(self.author_quality[author], 0.15), 0.02, 1.0))
        item = SimulatedItem(
            id=f"item-{self.number:06d}",
            author=self.authors[author].id,
            title=vocabulary.title(rng, cell, rumour=rumour, spam=spam, news_from=news_from),
            topics=vocabulary.topic_and_strand(cell),
            published_at=at,
            language="en",
            region=self._author_regions[author],
        )
        self.number += 1
        self._add(item.id, item, cell, at, quality * (0.15 if spam else 0.4 if rumour else 1.0), rumour, spam)
        for name, really in (("rumour", rumour), ("spam", spam)):
            score = float(rng.beta(8, 2) if really else rng.beta(1.2, 14))
            if score >= _SHOWN_FROM:
                given_at = at + int(rng.integers(60, 900))
                self._labels.append(LabelGiven(item.id, name, round(score, 3), CLASSIFIER, given_at))
        return item

    def _add(
        self,
        item: str,
        record: SimulatedItem | None,
        cell: int,
        at: int,
        quality: float,
        rumour: bool,
        spam: bool,
    ) -> None:
        self._index[item] = len(self.ids)
        self.ids.append(item)
        self.records.append(record)
        self._cells.append(cell)
        self._times.append(at)
        self._quality.append(quality)
        self._rumour.append(rumour)
        self._spam.append(spam)
        self._columns = None


def _author(rng: Generator, number: int, carelessness: float) -> SimulatedAuthor:
    kind = str(rng.choice(["person", "business", "public_service"], p=[0.75, 0.2, 0.05]))
    standing = int(np.clip(100 - 120 * carelessness - rng.integers(0, 8), 0, 100))
    identity = "verified" if kind == "public_service" or rng.random() < 0.6 else "unverified"
    return SimulatedAuthor(f"author-{number:04d}", vocabulary.person(rng), standing, kind, identity)
