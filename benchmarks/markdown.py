"""What a section of the report is made of: Markdown, and flat figures for ``benchmarks/results/latest.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """``text`` in Markdown; ``figures`` by stable flat key; ``points`` for the plots."""

    text: str
    figures: Mapping[str, float] = field(default_factory=dict)
    points: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Scale:
    """How large to measure: ``items`` in a catalogue, the ``largest`` one for growth; ``quick`` for seconds instead of
    minutes."""

    items: int = 1_000_000
    largest: int = 10_000_000
    quick: bool = False

    def up_to(self, largest: int) -> tuple[int, ...]:
        """Catalogue sizes by powers of ten from ten thousand, ending with ``largest``."""
        sizes = []
        size = 10_000
        while size < largest:
            sizes.append(size)
            size *= 10
        return (*sizes, largest)


QUICK = Scale(items=20_000, largest=40_000, quick=True)


def table(names: Sequence[str], rows: Iterable[Sequence[object]], *, words: int = 0) -> str:
    """A Markdown table; the first ``words`` columns to the left, numbers to the right."""
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * words + "---:|" * (len(names) - words)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def microseconds(value: float) -> str:
    """Three figures or whole microseconds, with thousands set apart."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def times(ratio: float) -> str:
    """``12×``, ``1.3×``."""
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.1f}×"
