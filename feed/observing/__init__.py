"""Observing: what the service tells of itself: logs, traces and metrics; none of them names a reader."""
