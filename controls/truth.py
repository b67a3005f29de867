"""Truth: conditions as trees of literals over predicate bits, decided for one profile or for many at once (law 6).

Conditions are three-valued (Kleene). Two questions decide them: is it true, and is it possible, which is true or not
known to be false. Negation is pushed down to the literals, where the questions change places: ``not X`` is true where
X is not possible. So one tree answers both, asked with (true, possible) predicates or with (possible, true) ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controls.conditions import AllOf, AnyOf, Condition, Not, Predicate

Packed = NDArray[np.uint8]
"""Bits of eight profiles a byte, as ``numpy.packbits`` packs them."""

One = Callable[[int, int], bool]
"""Whether a tree holds, given the true and the possible predicates as bits."""

Bit = Callable[[int], Packed]
"""The profiles of which a predicate is true, or possible."""


@dataclass(frozen=True, slots=True)
class Tree:
    """All (``every``) or any of: predicates that hold, predicates that do not, and further trees."""

    every: bool
    holding: tuple[int, ...] = ()
    failing: tuple[int, ...] = ()
    parts: tuple[Tree, ...] = ()

    def one(self) -> One:
        """The tree as a function of one profile."""
        need, bar = sum(1 << bit for bit in self.holding), sum(1 << bit for bit in self.failing)
        parts = [part.one() for part in self.parts]
        if self.every:
            if not parts:
                return lambda true, possible: true & need == need and not possible & bar
            return lambda true, possible: (
                true & need == need and not possible & bar and all(part(true, possible) for part in parts)
            )
        if not parts:
            return lambda true, possible: bool(true & need) or possible & bar != bar
        return lambda true, possible: (
            bool(true & need) or possible & bar != bar or any(part(true, possible) for part in parts)
        )

    def many(self, true: Bit, possible: Bit) -> Packed:
        """The profiles of which the tree holds."""
        join = np.bitwise_and if self.every else np.bitwise_or
        found: Packed | None = None
        for bit in self.holding:
            found = true(bit) if found is None else join(found, true(bit))
        for bit in self.failing:
            found = ~possible(bit) if found is None else join(found, ~possible(bit))
        for part in self.parts:
            inner = part.many(true, possible)
            found = inner if found is None else join(found, inner)
        if found is None:
            raise ValueError("a tree without literals says nothing")
        return found


def tree_of(condition: Condition, bits: Mapping[Predicate, int], *, negated: bool = False) -> Tree:
    """The tree of a condition over the bits of its predicates."""
    if isinstance(condition, Not):
        return tree_of(condition.not_, bits, negated=not negated)
    if not isinstance(condition, AllOf | AnyOf):
        bit = (bits[condition],)
        return Tree(True, () if negated else bit, bit if negated else ())
    every = isinstance(condition, AllOf) is not negated
    inner = condition.all if isinstance(condition, AllOf) else condition.any
    found = [tree_of(part, bits, negated=negated) for part in inner]
    # A single literal, and a tree that joins as this one does, dissolve into it.
    same = [part for part in found if part.every is every or _literal(part)]
    return Tree(
        every,
        tuple(sorted({bit for part in same for bit in part.holding})),
        tuple(sorted({bit for part in same for bit in part.failing})),
        (*(inner for part in same for inner in part.parts), *(part for part in found if part not in same)),
    )


def _literal(tree: Tree) -> bool:
    return not tree.parts and len(tree.holding) + len(tree.failing) == 1
