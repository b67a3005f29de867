"""The four policy tiers, ordered by strictness, so that joining two verdicts is taking the maximum (law 6)."""

from __future__ import annotations

from enum import IntEnum


class Tier(IntEnum):
    """How far an item may be recommended. An item that no rule or decision speaks of is STANDARD."""

    ENCOURAGED = 0
    STANDARD = 1
    RESTRICTED = 2
    BLOCKED = 3

    @property
    def word(self) -> str:
        """The tier as it is written on the wire and in policies, for example ``restricted``."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> Tier:
        """Read a tier from its wire form; raises ``KeyError`` for an unknown word."""
        return cls[word.upper()]
