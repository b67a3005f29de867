"""The future: how far ahead of this machine's clock a time may lie that somebody else tells; the same at every door.

What claims to come from later would outrank everything that happens until then.
"""

from __future__ import annotations

FUTURE_SECONDS = 300
"""Clocks differ by so much at most."""

CLOCK = "check the clock"
DUE = "put the item when it is due"


def ahead(second: int | None, now: int, remedy: str = CLOCK) -> str:
    """What is wrong with a time that lies too far ahead of ``now``, and what to do; empty when nothing is."""
    if second is None or second <= now + FUTURE_SECONDS:
        return ""
    return f"lies more than {FUTURE_SECONDS} s in the future; {remedy}"
