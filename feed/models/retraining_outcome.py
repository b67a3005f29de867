"""What scheduled trainings come to: the words of the log, of the metrics and of the wire."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What one retraining came to. The first four are proposed by who trained, the others told by who asked."""

    ACTIVATE = "activate"
    """The model serves, by a decision."""
    KEEP = "keep"
    """It is worse than the active one, which stays; it is registered all the same."""
    UNCHANGED = "unchanged"
    """It is the active model again."""
    WAIT = "wait"
    """There are too few new events to judge by, and nothing presses; nothing was trained."""
    SUPERSEDED = "superseded"
    """Another model was activated meanwhile; it is registered only."""
    BUSY = "busy"
    """Another retraining was at work."""
    FAILED = "failed"
    """There is no model; the detail says why."""

    @property
    def succeeded(self) -> bool:
        """Whether training did what was asked of it."""
        return self not in (Outcome.BUSY, Outcome.FAILED)
