"""Errors of following and publishing.

ControlError
├── ControlsStale   the freshness lease lapsed: answer 503, serve nothing
└── ReplicaFailed   the fold raised: this process must be restarted
"""

from __future__ import annotations


class ControlError(Exception):
    """Base of errors in following the ledger and journal."""

    type = "control"


class ControlsStale(ControlError):
    """The replica cannot prove that it obeys the newest decisions (law 10)."""

    type = "controls-stale"


class ReplicaFailed(ControlError):
    """The fold failed on an entry; nothing is served once the lease has lapsed, and the process ends."""

    type = "replica-failed"
