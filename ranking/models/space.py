"""Spaces: what a trainer declares about its own parameters so that a search may choose among them.

Owns the kinds of dimension, how a value is drawn anywhere in one, and how one is drawn near a value that did well.
Randomness comes in as a generator; the same generator gives the same values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np


class Dimension(Protocol):
    """The values one parameter may take in a search."""

    def anywhere(self, draw: np.random.Generator) -> Any:
        """A value from the whole dimension."""

    def near(self, value: Any, reach: float, draw: np.random.Generator) -> Any:
        """A value close to ``value``; ``reach`` in (0, 1] is how far, as a share of the dimension."""


Space = Mapping[str, Dimension]
"""Dimensions by the name of the parameter; what is not named keeps its default."""

NO_SPACE: Space = MappingProxyType({})
"""Nothing to choose."""


@dataclass(frozen=True, slots=True)
class Real:
    """Real numbers from ``low`` to ``high``, even in their logarithm when ``log``; three digits are kept."""

    low: float
    high: float
    log: bool = False

    def anywhere(self, draw: np.random.Generator) -> float:
        """Even over the dimension."""
        return self._at(draw.random())

    def near(self, value: float, reach: float, draw: np.random.Generator) -> float:
        """Normal around the value, held to the dimension."""
        return self._at(self._share(value) + reach * draw.standard_normal())

    def _share(self, value: float) -> float:
        held = min(max(value, self.low), self.high)
        if self.log:
            return math.log(held / self.low) / math.log(self.high / self.low)
        return (held - self.low) / (self.high - self.low)

    def _at(self, share: float) -> float:
        held = min(max(share, 0.0), 1.0)
        if self.log:
            value = self.low * (self.high / self.low) ** held
        else:
            value = self.low + (self.high - self.low) * held
        return min(max(float(f"{value:.3g}"), self.low), self.high)


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers from ``low`` to ``high``, even in their logarithm when ``log``."""

    low: int
    high: int
    log: bool = False

    def anywhere(self, draw: np.random.Generator) -> int:
        """Even over the dimension."""
        return round(self._real.anywhere(draw))

    def near(self, value: int, reach: float, draw: np.random.Generator) -> int:
        """Normal around the value, held to the dimension."""
        return round(self._real.near(value, reach, draw))

    @property
    def _real(self) -> Real:
        return Real(self.low, self.high, self.log)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values that have no order."""

    options: tuple[Any, ...]

    def anywhere(self, draw: np.random.Generator) -> Any:
        """Each as likely."""
        return self.options[int(draw.integers(len(self.options)))]

    def near(self, value: Any, reach: float, draw: np.random.Generator) -> Any:
        """The value itself, or with probability ``reach`` any of them."""
        return self.anywhere(draw) if draw.random() < reach else value


WEIGHTED = Choice((False, True))
"""Whether event weights count."""
