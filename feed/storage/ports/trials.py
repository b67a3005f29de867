"""The port of what experiments are judged by; ``feed.storage.ports.store`` says what all ports share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Trials(Protocol):
    """Servings by the arms of experiments that they were served with, joined with what their readers did after."""

    def arms(self, *, since: int, until: int) -> list[str]:
        """Every text of arms with which pages were served at ``since`` <= second < ``until``, by code point."""
        ...

    def outcomes(self, arms: Sequence[str], kind: int, *, since: int, until: int) -> list[tuple[int, int]]:
        """For every reader with such a page under any of these texts: how many, and how many consented events of a
        kind occurred from the first of them on and before ``until``; in no order. Erased readers have none."""
        ...
