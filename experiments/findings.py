"""Findings: what an experiment showed, and whether that may be concluded (nothing that the data does not bear).

Owns the judgement. It is made of readers who were served with an arm, each counted once in their arm whatever they did
afterwards (intention to treat among those served). Compared is every arm with the first one; nothing is concluded while
the experiment runs, from few readers, or from arms whose sizes do not fit their shares (Fabijan et al. 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from controls.experiments import Experiment
from experiments.statistics import Interval, Sample, difference_of_means, difference_of_shares, fit

MISMATCH = 0.001
"""Arms whose sizes are less likely than this by chance alone did not get their readers by the lot alone."""

FEWEST = 100
"""Readers of an arm below which nothing is concluded: means of counts are then too far from the normal law."""

ERROR = 0.05
"""How often an experiment without any effect may conclude that there is one, over all of its arms together."""


class Conclusion(StrEnum):
    """What may be said of an arm beside the first one."""

    RUNNING = "running"
    """Nothing yet: who looks often enough finds a difference where there is none."""
    UNEVEN = "uneven"
    """Nothing: the sizes of the arms do not fit their shares, so something beside the lot decided who was counted."""
    FEW = "few"
    """Nothing: too few readers."""
    OPEN = "not conclusive"
    """The difference may be chance."""
    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class ArmFinding:
    """One arm: readers who were served with it, their pages, their events of the measured kind, readers with any such
    event; and the measure itself, None without readers.

    ``difference`` to the first arm (None for that one, and while there are fewer than two readers in either) with its
    interval: 95 % with two arms, wider with more, so that all of them hold together as often (Bonferroni).
    """

    name: str
    share: int
    readers: int
    pages: int
    events: int
    with_any: int
    value: float | None
    difference: Interval | None
    conclusion: Conclusion | None


@dataclass(frozen=True, slots=True)
class Findings:
    """All arms, and how likely their sizes are by the lot alone."""

    arms: tuple[ArmFinding, ...]
    fit: float
    even: bool


def findings_of(experiment: Experiment, counts: Sequence[NDArray[np.int64]], *, over: bool) -> Findings:
    """Judge an experiment. ``counts`` int64[readers, 2] an arm, in the order of the arms: each reader's pages, and
    events of the measured kind. ``over``: it has ended."""
    sizes = [len(each) for each in counts]
    likely = fit(sizes, [arm.share for arm in experiment.arms])
    confidence = 1 - ERROR / (len(experiment.arms) - 1)
    even = likely >= MISMATCH
    found = []
    for place, arm in enumerate(experiment.arms):
        each = counts[place]
        with_any = int((each[:, 1] > 0).sum())
        events = int(each[:, 1].sum())
        total = with_any if experiment.measure == "readers" else events
        difference = conclusion = None
        if place:
            if min(sizes[0], sizes[place]) >= 2:
                difference = _difference(experiment.measure, each[:, 1], counts[0][:, 1], confidence)
            conclusion = _conclusion(difference, min(sizes[0], sizes[place]), over, even)
        found.append(
            ArmFinding(
                arm.name,
                arm.share,
                len(each),
                int(each[:, 0].sum()),
                events,
                with_any,
                total / len(each) if len(each) else None,
                difference,
                conclusion,
            )
        )
    return Findings(tuple(found), likely, even)


def _difference(measure: str, arm: NDArray[np.int64], base: NDArray[np.int64], confidence: float) -> Interval:
    if measure == "readers":
        return difference_of_shares(int((arm > 0).sum()), arm.size, int((base > 0).sum()), base.size, confidence)
    return difference_of_means(Sample.of(arm), Sample.of(base), confidence)


def _conclusion(difference: Interval | None, readers: int, over: bool, even: bool) -> Conclusion:
    if not over:
        return Conclusion.RUNNING
    if not even:
        return Conclusion.UNEVEN
    if difference is None or readers < FEWEST:
        return Conclusion.FEW
    if not difference.excludes_zero:
        return Conclusion.OPEN
    return Conclusion.HIGHER if difference.estimate > 0 else Conclusion.LOWER
