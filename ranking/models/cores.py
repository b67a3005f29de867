"""Cores: how many this process may use, which is fewer than the machine has where it was held to some of them."""

from __future__ import annotations

import os


def available() -> int:
    """Cores that this process may run on; threads beyond them would only wait for each other."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
