"""Restrictions: an item held below standard by one cause, from when until when (law 9).

Pure: it is told what holds an item and since when no more, each with its second, and says which Restrictions began and
ended. *Debounced*: what lets go of an item and takes hold of it again within the quiet seconds is one Restriction, so
that a label that flaps yields one. A hold, which only waits for a signal or a release, becomes a Restriction when it
has lasted the quiet seconds; everything else is one at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import blake2b

from controls.causes import Cause, Contribution
from controls.scopes import Scope
from controls.tiers import Tier
from controls.verdicts import WEIGHT_ONE


class Effect(StrEnum):
    """What a cause does to an item below standard. Of the first four, a cause has the strongest alone."""

    BLOCKED = "blocked"
    SUPPRESSED = "suppressed"
    HELD = "held"
    DEMOTED = "demoted"
    AGE_GATED = "age-gated"
    DISABLED = "interactions-disabled"
    LABELLED = "labelled"


@dataclass(frozen=True, slots=True)
class Holding:
    """One cause (``rule`` or ``decision``, by id) with what it does and where."""

    kind: str
    id: str
    effects: tuple[Effect, ...]
    scope: Scope = field(default_factory=Scope)

    @property
    def waits(self) -> bool:
        """Whether it only holds the item back until something is known of it."""
        return Effect.HELD in self.effects


def holding(cause: Cause, asked: Contribution) -> Holding | None:
    """What a cause holds below standard; None when it does not, or when the item's owner took it away."""
    if cause.kind == "withdrawn":
        return None
    effects = []
    if asked.tier is Tier.BLOCKED:
        effects.append(Effect.BLOCKED)
    elif asked.ineligible:
        effects.append(Effect.HELD if asked.held else Effect.SUPPRESSED)
    elif asked.tier is Tier.RESTRICTED or asked.weight < WEIGHT_ONE:
        effects.append(Effect.DEMOTED)
    sensitive = asked.sensitive is not None
    flags = (
        (Effect.AGE_GATED, asked.adults_only or sensitive),
        (Effect.DISABLED, asked.disabled),
        (Effect.LABELLED, asked.notices or sensitive),
    )
    effects += [effect for effect, does in flags if does]
    return Holding(cause.kind, cause.id, tuple(effects), asked.scope) if effects else None


def _capped(asked: Contribution) -> bool:
    """Whether it bounds the item's part of a session."""
    return bool(asked.caps) and asked.tier is not Tier.ENCOURAGED


@dataclass(frozen=True, slots=True)
class Restriction:
    """An item held by one cause from a second on, until another; None while it lasts."""

    item: str
    holding: Holding
    from_at: int
    until: int | None = None

    @property
    def id(self) -> str:
        """Its name, the same whoever works it out: the second at which it began, then a digest."""
        held = self.holding
        parts = (self.item, held.kind, held.id, *held.effects, *held.scope.surfaces, *held.scope.regions)
        digest = blake2b(digest_size=11)
        for part in (*parts, held.scope.audience):
            digest.update(f"{len(part)}:{part}".encode())
        return f"r{self.from_at:010x}{digest.hexdigest()}"


_Key = tuple[str, Holding]


class Restrictions:
    """Those that are open or about to end. Seconds never step back; ``open_ones`` are taken up as they are."""

    def __init__(self, quiet: int, open_ones: Iterable[Restriction] = ()) -> None:
        self._quiet = quiet
        self._open: dict[_Key, int] = {(one.item, one.holding): one.from_at for one in open_ones}
        self._waiting: dict[_Key, int] = {}
        self._absent: dict[_Key, int] = {}
        self._due: deque[tuple[int, _Key]] = deque()
        self._told: list[Restriction] = []

    def __len__(self) -> int:
        return len(self._open)

    def open_keys(self) -> list[_Key]:
        """The item and holding of each open one."""
        return list(self._open)

    def takes_hold(self, item: str, held: Holding, at: int) -> None:
        """A cause holds an item from a second on. Told again, nothing changes."""
        self._pass(at)
        key = (item, held)
        if key in self._open:
            self._absent.pop(key, None)
        elif not held.waits:
            self._begin(key, at)
        elif key not in self._waiting:
            self._waiting[key] = at
            self._due.append((at, key))

    def lets_go(self, item: str, held: Holding, at: int, *, for_good: bool = False) -> None:
        """A cause holds an item no more from a second on; ``for_good`` when it cannot come back."""
        self._pass(at)
        key = (item, held)
        self._waiting.pop(key, None)
        if key not in self._open:
            return
        if for_good or not self._quiet:
            self._end(key, self._absent.get(key, at))
        elif key not in self._absent:
            self._absent[key] = at
            self._due.append((at, key))

    def settled(self, now: int) -> list[Restriction]:
        """Those that began, or ended (``until`` is set), since the last call, in the order in which it came about."""
        self._pass(now)
        told, self._told = self._told, []
        return told

    def _pass(self, now: int) -> None:
        """End what was quiet for long enough by a second, begin what waited for long enough."""
        while self._due and self._due[0][0] + self._quiet <= now:
            at, key = self._due.popleft()
            if self._absent.get(key) == at:
                self._end(key, at)
            elif self._waiting.get(key) == at:
                del self._waiting[key]
                self._begin(key, at)

    def _begin(self, key: _Key, at: int) -> None:
        self._open[key] = at
        self._told.append(Restriction(*key, at))

    def _end(self, key: _Key, at: int) -> None:
        self._absent.pop(key, None)
        began = Restriction(*key, self._open.pop(key))
        self._told.append(replace(began, until=max(at, began.from_at)))
