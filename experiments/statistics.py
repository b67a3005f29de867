"""Statistics: what may be concluded from measurements, and how surely.

Owns intervals and tests, small, each against published vectors or simulation in its tests.
Randomness comes in as a seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, stdtrit

_DRAWS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval that covers the truth in a share ``confidence`` of such experiments."""

    estimate: float
    low: float
    high: float
    confidence: float = 0.95

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the estimate is settled at this confidence."""
        return self.low > 0 or self.high < 0

    def as_json(self) -> dict[str, float]:
        """Plain values."""
        return {"estimate": self.estimate, "low": self.low, "high": self.high, "confidence": self.confidence}


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Score interval of a proportion (Wilson 1927; method 3 of Newcombe 1998), sound also at 0 and at ``trials``.

    Raises ValueError unless 0 ≤ successes ≤ trials and trials ≥ 1.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} successes of {trials} trials are no proportion")
    z = NormalDist().inv_cdf(0.5 + _checked(confidence) / 2)
    share = successes / trials
    middle = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low = 0.0 if successes == 0 else (middle - reach) / scale
    high = 1.0 if successes == trials else (middle + reach) / scale
    return Interval(share, low, high, confidence)


def difference_of_shares(
    successes: int, trials: int, base_successes: int, base_trials: int, confidence: float = 0.95
) -> Interval:
    """Interval of the first proportion less the second, of different readers: the score intervals of both joined
    (method 10 of Newcombe 1998), sound also at 0 and 1. Raises what :func:`wilson` raises."""
    one, other = wilson(successes, trials, confidence), wilson(base_successes, base_trials, confidence)
    estimate = one.estimate - other.estimate
    low = estimate - math.hypot(one.estimate - one.low, other.high - other.estimate)
    high = estimate + math.hypot(one.high - one.estimate, other.estimate - other.low)
    return Interval(estimate, low, high, confidence)


@dataclass(frozen=True, slots=True)
class Sample:
    """What is needed of a list of values: how many, their mean, and their variance (of n - 1; 0 of one value)."""

    count: int
    mean: float
    variance: float

    @classmethod
    def of(cls, values: ArrayLike) -> Sample:
        """Of float [n]; raises ValueError for none."""
        array = np.asarray(values, np.float64)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"a sample is a list of values, got the shape {array.shape}")
        return cls(array.size, float(array.mean()), float(array.var(ddof=1)) if array.size > 1 else 0.0)


def difference_of_means(sample: Sample, base: Sample, confidence: float = 0.95) -> Interval:
    """Interval of the first mean less the second, of different readers whose values may vary otherwise (Welch 1947).

    Raises ValueError for a sample of fewer than two values.
    """
    if min(sample.count, base.count) < 2:
        raise ValueError(f"two values of each are needed at least, got {sample.count} and {base.count}")
    parts = sample.variance / sample.count, base.variance / base.count
    estimate, spread = sample.mean - base.mean, sum(parts)
    tail = 0.5 + _checked(confidence) / 2
    if spread == 0:
        return Interval(estimate, estimate, estimate, confidence)
    freedom = spread**2 / (parts[0] ** 2 / (sample.count - 1) + parts[1] ** 2 / (base.count - 1))
    reach = float(stdtrit(freedom, tail)) * math.sqrt(spread)
    return Interval(estimate, estimate - reach, estimate + reach, confidence)


def fit(counts: Sequence[int], shares: Sequence[float]) -> float:
    """How likely counts lie so far or farther from their shares by chance alone (Pearson 1900): the p-value of a
    chi-square test. 1 for a single count, or none at all. Raises ValueError for lists that differ in length or a share
    that is not above 0."""
    if len(counts) != len(shares) or not all(share > 0 for share in shares):
        raise ValueError(f"every count needs a share above 0, got {len(counts)} counts and {list(shares)}")
    total, whole = sum(counts), sum(shares)
    if len(counts) < 2 or total == 0:
        return 1.0
    expected = [total * share / whole for share in shares]
    distance = sum((count - there) ** 2 / there for count, there in zip(counts, expected, strict=True))
    return float(chdtrc(len(counts) - 1, distance))


def paired_bootstrap(
    ours: ArrayLike, theirs: ArrayLike, *, seed: int, resamples: int = 2000, confidence: float = 0.95
) -> Interval:
    """Percentile interval of mean(ours) − mean(theirs) over the same readers, float [n] each (Efron 1979).

    Readers are resampled with replacement, both values of a reader together, so what readers differ in cancels.
    Deterministic for a seed. Raises ValueError for lengths that differ, no readers, or values that are not finite.
    """
    left, right = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if left.shape != right.shape or left.ndim != 1 or left.size == 0:
        raise ValueError(f"a paired comparison needs two lists of one length, got {left.shape} and {right.shape}")
    difference = left - right
    if not np.isfinite(difference).all():
        raise ValueError("a paired comparison needs finite values")
    means = _resampled_means(difference, resamples, np.random.default_rng(seed))
    tail = (1 - _checked(confidence)) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(difference.mean()), float(low), float(high), confidence)


def _resampled_means(values: NDArray[np.float64], resamples: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """float64[resamples], in blocks so that memory does not grow with resamples × readers."""
    means = np.empty(resamples)
    block = max(1, _DRAWS_AT_ONCE // values.size)
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        chosen = draw.integers(0, values.size, size=(stop - start, values.size))
        means[start:stop] = values[chosen].mean(axis=1)
    return means


def _checked(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, got {confidence}")
    return confidence
