"""Shadow evaluation: would a newly trained model have served the newest events better than the active one does?

Owns the comparison as it is kept and told; `experiments.slices` makes the slice it is drawn on. Neither model may have
seen what it is judged by, so the slice begins after the active model's training, and the candidate is stood for by a
twin: the same recipe, trained on what lies before the slice. The interval is a paired bootstrap over readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.statistics import Interval

if TYPE_CHECKING:
    from experiments.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Shadow:
    """How the candidate's twin and the active model did on the same readers' newest events."""

    score: str
    """Name of the measure."""

    candidate: float
    active: float

    difference: Interval
    """Candidate minus active."""

    readers: int

    since: int
    """Second after which the slice begins."""

    def worse(self, tolerance: float) -> bool:
        """Whether the candidate scored lower by more than a share ``tolerance`` of the active model's score."""
        return self.difference.estimate < -tolerance * self.active

    def as_metrics(self) -> dict[str, float]:
        """Plain values, as an ItemGraph carries them beside its other metrics."""
        return {
            f"shadow {self.score}": self.candidate,
            f"shadow {self.score} of the active": self.active,
            "shadow difference": self.difference.estimate,
            "shadow difference, low": self.difference.low,
            "shadow difference, high": self.difference.high,
            "shadow readers": float(self.readers),
            "shadow since": float(self.since),
        }

    @classmethod
    def from_metrics(cls, metrics: Mapping[str, float], score: str) -> Shadow | None:
        """What :meth:`as_metrics` wrote; None when the metrics tell of no shadow evaluation by this measure."""
        try:
            low, high = metrics["shadow difference, low"], metrics["shadow difference, high"]
            return cls(
                score,
                metrics[f"shadow {score}"],
                metrics[f"shadow {score} of the active"],
                Interval(metrics["shadow difference"], low, high),
                int(metrics["shadow readers"]),
                int(metrics["shadow since"]),
            )
        except KeyError:
            return None

    def told(self, against: str) -> str:
        """The comparison with model ``against`` in one line."""
        interval = self.difference
        return (
            f"{self.score} {self.candidate:.4f} against {self.active:.4f} of the active model {against[:12]} on "
            f"{self.readers} readers' events after second {self.since}: difference {interval.estimate:+.4f}, "
            f"{interval.confidence:.0%} interval {interval.low:+.4f} to {interval.high:+.4f}"
        )


def compared(candidate: Evaluation, active: Evaluation, score: str, *, since: int, seed: int) -> Shadow:
    """The comparison of two evaluations on one slice by the measure ``score``, such as ndcg@20."""
    difference = candidate.over(active, seed=seed)[score]
    theirs = active.metrics()[score]
    return Shadow(score, candidate.metrics()[score], theirs, difference, int(candidate.readers.size), since)
