"""Findings: what a look at a machine or a deployment comes to, one thing each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    FINE = "fine"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what was seen, and what to do about it (empty when nothing)."""

    check: str
    level: Level
    seen: str
    remedy: str = ""
