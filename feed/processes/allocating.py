"""Allocating: how the C library gives memory to a server, so that what is free is used again or given back.

glibc gives nearly every new thread an arena of its own, up to eight a core. A server has dozens of threads that take
turns; what is free lies scattered over all arenas, and the process holds ever more of it. And each larger block that is
freed raises the size up to which blocks stay with the process, for hours. Here arenas are few, and that size is what
it would end at from the start; docs/load.md has figures.
"""

from __future__ import annotations

import ctypes
import os

ARENAS = 2

LARGE = 32 << 20
"""Bytes from which a block is the system's again as soon as it is freed; to have one of it costs ten times a copy."""

_KEPT_FREE = 2 * LARGE
"""Bytes at the end of the heap that may lie free."""

# From glibc's malloc.h. To set one of the last two ends the raising of both.
_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1

_CHOSEN = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")


def allocate_steadily() -> bool:
    """Set both bounds for this process; before its threads start. False where the operator chose otherwise by the
    environment, or where the C library is another one."""
    if any(name in os.environ for name in _CHOSEN):
        return False
    try:
        # Names the C library; there is no such name elsewhere.
        os.confstr("CS_GNU_LIBC_VERSION")
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, ValueError):
        return False
    asked = ((_M_ARENA_MAX, ARENAS), (_M_MMAP_THRESHOLD, LARGE), (_M_TRIM_THRESHOLD, _KEPT_FREE))
    return all(bool(mallopt(*one)) for one in asked)
