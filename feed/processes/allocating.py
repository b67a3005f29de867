"""Allocating: few arenas of the C library, so that memory which one thread let go of serves the next one.

glibc gives nearly every new thread an arena of its own, up to eight a core. A server has dozens of threads that take
turns; what is free lies scattered over all arenas, and the process holds ever more of it; docs/load.md has figures.
Threads of one interpreter seldom allocate at the same time, so they seldom wait for each other.
"""

from __future__ import annotations

import ctypes
import os

ARENAS = 2

_M_ARENA_MAX = -8
"""From glibc's malloc.h."""

_CHOSEN = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")


def few_arenas() -> bool:
    """Bound the arenas of this process; before its threads start. False where the operator chose otherwise by the
    environment, or where the C library is another one."""
    if any(name in os.environ for name in _CHOSEN):
        return False
    try:
        # Names the C library; there is no such name elsewhere.
        os.confstr("CS_GNU_LIBC_VERSION")
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS))
    except (AttributeError, OSError, ValueError):
        return False
