"""Beyond accuracy: what else lists do, to the catalogue and to those who read them.

Owns the measures that are printed beside recall and NDCG. What needs topics or times is absent, not zero, where the
data has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.calibration import calibration
from experiments.diversity import Sets, diversity
from experiments.exposure import FirstExposure, first_exposure
from experiments.splits import Split
from ranking.catalogue import Catalogue
from ranking.interactions import Interactions

HEAD, TAIL = 0.2, 0.2
"""Shares of all interactions that the most and the least popular rows hold; the rows between hold the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What a catalogue tells of N rows. Arrays are read-only."""

    topics: NDArray[np.int32]
    """int32[N, T]: topic indexes, each once, -1 behind the last."""

    published: NDArray[np.int64]
    """int64[N]: second of publication; 0 where it is not known."""

    @classmethod
    def of(cls, catalogue: Catalogue, rows: int) -> Facts:
        """Of a catalogue's first ``rows`` rows."""
        return cls(catalogue.topics[:rows], catalogue.published[:rows])


@dataclass(frozen=True, slots=True)
class Beyond:
    """What lists of k rows did beside hitting. None: the data does not tell."""

    coverage: float
    """Share of the catalogue's rows that stand in any list."""

    gini: float
    """Inequality of exposure over the catalogue: 0 all rows alike, towards 1 all exposure on one row."""

    novelty: float
    """Mean self-information of what was listed, in bits: −log₂ of the share of readers who had acted on the row
    (Zhou et al. 2010)."""

    head: float
    """Share of the listed that is of the most popular rows, which together hold 20 % of the interactions."""

    middle: float
    """Share of the listed that is of the rows between, which hold 60 %."""

    tail: float
    """Share of the listed that is of the least popular rows, which hold the last 20 %, and of those without any."""

    reader_diversity: float | None
    """Mean distance of two items of a list by who acted on them; see `experiments.diversity`."""

    topic_diversity: float | None
    """The same by their topics."""

    calibration: float | None
    """Mean divergence, in nats, of a list's topics from those of the reader's history, 0 being perfect; see
    `experiments.calibration`."""

    first_exposure: FirstExposure | None
    """How soon new items were listed; see `experiments.exposure`."""

    def named(self, k: int) -> dict[str, float | None]:
        """The figures under their printed names."""
        first = self.first_exposure
        return {
            f"coverage@{k}": self.coverage,
            f"gini@{k}": self.gini,
            f"novelty@{k}": self.novelty,
            f"head@{k}": self.head,
            f"middle@{k}": self.middle,
            f"tail@{k}": self.tail,
            f"reader_diversity@{k}": self.reader_diversity,
            f"topic_diversity@{k}": self.topic_diversity,
            f"calibration_kl@{k}": self.calibration,
            f"new_exposed@{k}": first.exposed if first else None,
            f"first_exposure_days@{k}": first.days if first else None,
        }


def measure(
    lists: NDArray[np.int32], readers: NDArray[np.int64], split: Split, *, facts: Facts | None = None
) -> Beyond:
    """Measure lists int32[e, k] (-1 behind the last) of ``readers`` int64[e], each with held-out entries."""
    train = split.train
    shown = np.bincount(lists[lists >= 0], minlength=split.test.rows)
    head, middle, tail = bucket_shares(shown, train.popularity())
    topics = Sets.of_topics(facts.topics) if facts else None
    return Beyond(
        coverage=float((shown > 0).mean()),
        gini=gini(shown),
        novelty=_novelty(shown, train),
        head=head,
        middle=middle,
        tail=tail,
        reader_diversity=diversity(lists, Sets.of_readers(train)),
        topic_diversity=diversity(lists, topics) if topics else None,
        calibration=calibration(lists, readers, train, topics) if topics else None,
        first_exposure=first_exposure(lists, readers, split, published=facts.published if facts else None),
    )


def gini(counts: NDArray[np.int64]) -> float:
    """Gini coefficient of non-negative counts [N]; 0 where there is nothing to share out."""
    total, size = float(counts.sum()), counts.size
    if total == 0:
        return 0.0
    ranks = np.arange(1, size + 1)
    return float(2 * (ranks * np.sort(counts)).sum() / (size * total) - (size + 1) / size)


def popularity_buckets(popularity: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[N]: 0 head, 1 middle, 2 tail. By falling popularity, then by rising row, a row belongs to the bucket in
    which the share of interactions that stand before it falls."""
    order = np.argsort(-popularity, kind="stable")
    total = int(popularity.sum())
    before = np.cumsum(popularity[order]) - popularity[order]
    buckets = np.empty(popularity.size, np.int64)
    buckets[order] = (before >= HEAD * total).astype(np.int64) + (before >= (1 - TAIL) * total)
    return buckets


def bucket_shares(shown: NDArray[np.int64], popularity: NDArray[np.int64]) -> tuple[float, float, float]:
    """Shares of what was shown, counts int64[N], by bucket: head, middle, tail; zeros when nothing was shown."""
    counted = np.bincount(popularity_buckets(popularity), weights=shown, minlength=3)
    head, middle, tail = (counted / max(1.0, counted.sum())).tolist()
    return head, middle, tail


def _novelty(shown: NDArray[np.int64], train: Interactions) -> float:
    share = np.maximum(train.popularity(), 1) / max(1, train.readers)
    total = int(shown.sum())
    return float((shown * -np.log2(share)).sum() / total) if total else 0.0
