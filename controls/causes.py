"""Causes, and verdict classes as interned sets of causes (law 6: a set has no order).

A *cause* is one rule or decision that matches a row, or the row's withdrawal. What it asks for is its
*contribution*. Rows with the same causes share a class; a class is an int32 handle, local to this replica (it is
never stored, sent or compared; replicas compare cause sets).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from controls.scopes import EVERYWHERE, Scope
from controls.sensitivity import Sensitivity
from controls.tiers import Tier
from controls.verdicts import ALL_SOURCES, WEIGHT_ONE

Handles = NDArray[np.int32]

EMPTY_CLASS = 0
"""The class of a row that nothing speaks of."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a row is treated as it is: ``kind`` is ``rule``, ``decision`` or ``withdrawn``; ``id`` names the rule or
    the decision; ``words`` says it to a person without naming one."""

    kind: str
    id: str
    words: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one cause asks for, where its scope reaches. Weights are fixed point (WEIGHT_ONE is 1.0).

    ``tier_weight`` and ``sources`` belong to ``tier`` and count only where that tier is the joined one. ``held``
    says of ``ineligible`` that it is a hold, which a cause that ``releases`` lifts. ``caps``: see ``VerdictTable``.
    """

    scope: Scope = field(default_factory=Scope)
    tier: Tier | None = None
    tier_weight: int = WEIGHT_ONE
    sources: int = ALL_SOURCES
    weight: int = WEIGHT_ONE
    ineligible: bool = False
    held: bool = False
    releases: bool = False
    notices: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    adults_only: bool = False
    sensitive: Sensitivity | None = None
    caps: int = 0

    @property
    def favours(self) -> bool:
        """Whether it only favours: encourages, lifts or releases, and restricts nothing."""
        lifts = self.tier is Tier.ENCOURAGED or (self.tier is None and (self.weight > WEIGHT_ONE or self.releases))
        return lifts and self.weight >= WEIGHT_ONE and not self.limits

    @property
    def limits(self) -> bool:
        """Whether it keeps an item from somebody, or limits how the item is shown."""
        kept = self.ineligible or self.adults_only or self.sensitive is not None
        return kept or bool(self.notices or self.disabled or self.caps)


Asked = tuple[Cause, Contribution]


class Classes:
    """Append-only intern tables: causes, cause sets (classes), and *signatures*, the contributions that make a verdict.

    A thousand takedowns are a thousand causes and classes but one signature, so that verdicts are worked out once
    per signature. Handles below a size once seen never change their meaning; readers may use them while the one
    writer appends.
    """

    def __init__(self) -> None:
        self._causes: list[Cause] = []
        self._contribution_of: list[int] = []
        self._cause_ids: dict[tuple[Cause, Contribution], int] = {}
        self.contributions: list[Contribution] = []
        self._contribution_ids: dict[Contribution, int] = {}
        self.regions: set[str] = set()
        """Every region that some scope names."""
        self.sensitive = False
        """Whether some contribution calls items sensitive."""
        self._sets: list[tuple[int, ...]] = [()]
        self._handles: dict[tuple[int, ...], int] = {(): EMPTY_CLASS}
        self.signatures: list[tuple[int, ...]] = [()]
        self._signature_ids: dict[tuple[int, ...], int] = {(): 0}
        self.signature_of: list[int] = [0]

    @property
    def size(self) -> int:
        """Number of classes."""
        return len(self.signature_of)

    def cause(self, cause: Cause, contribution: Contribution) -> int:
        """The id of a cause with its contribution; the same pair always has the same id."""
        known = self._cause_ids.get((cause, contribution))
        if known is not None:
            return known
        if contribution not in self._contribution_ids:
            self.regions.update(region for region in contribution.scope.regions if region != EVERYWHERE)
            self.sensitive = self.sensitive or contribution.sensitive is not None
            self._contribution_ids[contribution] = len(self.contributions)
            self.contributions.append(contribution)
        place = self._contribution_ids[contribution]
        self._causes.append(cause)
        self._contribution_of.append(place)
        self._cause_ids[cause, self.contributions[place]] = len(self._causes) - 1
        return len(self._causes) - 1

    def intern(self, causes: tuple[int, ...]) -> int:
        """The handle of a set of cause ids, given in any order."""
        ordered = tuple(sorted(set(causes)))
        handle = self._handles.get(ordered)
        if handle is None:
            signature = self._signature(ordered)
            if signature not in self._signature_ids:
                self.signatures.append(signature)
                self._signature_ids[signature] = len(self.signatures) - 1
            handle = len(self._sets)
            self._sets.append(ordered)
            self._handles[ordered] = handle
            self.signature_of.append(self._signature_ids[signature])
        return handle

    def _signature(self, causes: tuple[int, ...]) -> tuple[int, ...]:
        """The contributions that a join needs: each once, but those with a weight as often as they come, for weights
        multiply and two equal ones are two."""
        found = [self._contribution_of[cause] for cause in causes]
        weighted = [one for one in found if self.contributions[one].weight != WEIGHT_ONE]
        return tuple(sorted([*weighted, *set(found).difference(weighted)]))

    def causes_of(self, handle: int) -> tuple[int, ...]:
        """The cause ids of a class, ascending."""
        return self._sets[handle]

    def find(self, asked: Iterable[Asked]) -> int:
        """The handle of a set of causes with what they ask for, or -1 while none has it."""
        causes = [self._cause_ids.get(pair, -1) for pair in asked]
        return self._handles.get(tuple(sorted(set(causes))), -1)

    def named(self, cause: int) -> Cause:
        """A cause by its id."""
        return self._causes[cause]

    def contribution(self, cause: int) -> Contribution:
        """What a cause asks for."""
        return self.contributions[self._contribution_of[cause]]

    def remapped(self, handles: Handles, change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Handles:
        """int32[n]: the handles after ``change`` was applied to each distinct cause set among ``handles``."""
        return mapped(handles, self.size, lambda handle: self.intern(change(self._sets[handle])))


def renewed(classes: Classes, handles: Handles) -> tuple[Classes, Callable[[int], int], frozenset[int]]:
    """New intern tables, what gives a cause of ``classes`` its id in them, and the ids in ``classes`` of all causes
    that the ``handles`` int32[n] in use have."""
    kept, known = Classes(), dict[int, int]()

    def again(cause: int) -> int:
        if cause not in known:
            known[cause] = kept.cause(classes.named(cause), classes.contribution(cause))
        return known[cause]

    present = np.zeros(classes.size, dtype=np.bool_)
    present[handles] = True
    used = {cause for handle in np.flatnonzero(present).tolist() for cause in classes.causes_of(handle)}
    return kept, again, frozenset(used)


_TABLE = 1 << 22
"""Codes below this are mapped by a table, greater ones by sorting."""


def mapped(codes: NDArray[np.integer], size: int, change: Callable[[int], int]) -> Handles:
    """int32[n], fresh: ``change`` of every code, called once per distinct one. Codes lie in [0, ``size``)."""
    if codes.size == 1:
        return np.array([change(int(codes[0]))], dtype=np.int32)
    if size > _TABLE:
        values, inverse = np.unique(codes, return_inverse=True)
        return np.array([change(int(value)) for value in values], dtype=np.int32)[inverse]
    present = np.zeros(size, dtype=np.bool_)
    present[codes] = True
    values = np.flatnonzero(present)
    table = np.zeros(size, dtype=np.int32)
    table[values] = [change(value) for value in values.tolist()]
    changed: Handles = table[codes]
    return changed
