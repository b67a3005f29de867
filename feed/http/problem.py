"""One type of problem (RFC 9457), as ``feed.http.problems`` registers them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One type of problem: stable name, HTTP status, title, what it means and what to do about it."""

    name: str
    status: int
    title: str
    meaning: str
    remedy: str
