"""Bought popularity: what somebody with accounts to spare achieves on popular lists, and what the guard costs.

Attackers are put among the voices that a store or a simulated community has, and the list is made without and with
damping (`ranking.popularity`). They know how lists are made; what they lack is time, effort or both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from experiments.world import World
from ranking.errors import DataError
from ranking.models import Progress, silent
from ranking.newcomers import VOICES
from ranking.popularity import DAMPING, Damping, first_heard, popular

HOUR, DAY = 3600, 86_400
HALF_LIFE = 30 * DAY
LIST = 20
"""Length of the list on which honest readers are judged."""

_DECOYS, _HABITS, _KNOWN = 10, 20, 200
_STREAM = 31


class Attack(StrEnum):
    """How accounts are prepared before they all speak for one item."""

    BURST = "burst"
    """Made within the hour, heard on nothing else."""

    DECOYS = "decoys"
    """A day old, heard on ten popular items besides, each on others."""

    SCRIPT = "script"
    """A month old, all heard on the same ten popular items."""

    SLEEPERS = "sleepers"
    """A month old, heard on twenty popular items, each on others."""

    PATIENT = "patient"
    """The same, and they speak over a week instead of within the hour: to the lists they are readers."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Positive events: ``readers``, ``items`` int32[n] codes; ``times`` and ``came`` int64[n] seconds at which they
    happened and came in; ``since`` int64[readers] that of each reader's first event; ``n_items`` codes of items."""

    readers: NDArray[np.int32]
    items: NDArray[np.int32]
    times: NDArray[np.int64]
    came: NDArray[np.int64]
    since: NDArray[np.int64]
    n_items: int

    def ranked(self, damping: Damping | None) -> NDArray[np.int32]:
        """The popular list of these events."""
        return popular(
            self.readers,
            self.items,
            self.times,
            came=self.came,
            since=self.since,
            n_items=self.n_items,
            half_life=HALF_LIFE,
            limit=self.n_items,
            damping=damping,
        )

    def with_accounts(self, attack: Attack, accounts: int, target: int, rng: Generator) -> Heard:
        """These events and those of an attack for one item, made now: at the newest of them."""
        now, first = int(self.times.max()), len(self.since)
        late = int(self.came.max()) - now
        known = self.ranked(None)[:_KNOWN]
        age, besides = {
            Attack.BURST: (HOUR, 0),
            Attack.DECOYS: (DAY, _DECOYS),
            Attack.SCRIPT: (30 * DAY, _DECOYS),
            Attack.SLEEPERS: (30 * DAY, _HABITS),
            Attack.PATIENT: (30 * DAY, _HABITS),
        }[attack]
        besides = min(besides, len(known))
        scripted = rng.choice(known, besides, replace=False)
        speaking = 7 * DAY if attack is Attack.PATIENT else HOUR
        readers, items, times = [], [], []
        for account in range(accounts):
            chosen = scripted if attack is Attack.SCRIPT else rng.choice(known, besides, replace=False)
            readers += [first + account] * (besides + 1)
            items += [*chosen.tolist(), target]
            times += [*rng.integers(now - age, now, besides).tolist(), int(rng.integers(now - speaking, now + 1))]
        told = np.array(times, dtype=np.int64)
        return Heard(
            np.concatenate((self.readers, np.array(readers, dtype=np.int32))),
            np.concatenate((self.items, np.array(items, dtype=np.int32))),
            np.concatenate((self.times, told)),
            np.concatenate((self.came, told + late)),
            np.concatenate((self.since, np.full(accounts, now + late - age, dtype=np.int64))),
            self.n_items,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attack with so many accounts came to: medians over targets of the place reached, from 1, and of the
    places gained; on the list without and with damping."""

    attack: Attack
    accounts: int
    undamped_place: float
    undamped_gain: float
    damped_place: float
    damped_gain: float


@dataclass(frozen=True, slots=True)
class Quality:
    """Share of honest readers' later voices that a list of ``LIST`` items hits, in [0, 1], without and with damping."""

    readers: int
    undamped: float
    damped: float


def measure(
    heard: Heard,
    attacks: Sequence[Attack],
    accounts: Sequence[int],
    *,
    targets: int,
    seed: int,
    progress: Progress = silent,
) -> list[Outcome]:
    """Every attack with every number of accounts, on ``targets`` items drawn from the lower half of the undamped list.

    Raises DataError where readers were heard on too few items to speak of places.
    """
    if not len(heard.times):
        raise DataError("nobody was heard on anything yet, so there is no popular list to attack")
    plain, damped = heard.ranked(None), heard.ranked(DAMPING)
    if len(plain) < 2 * LIST:
        raise DataError(f"readers were heard on {len(plain)} items; places mean little below {2 * LIST}")
    rng = np.random.default_rng([seed, _STREAM])
    drawn = rng.choice(plain[len(plain) // 2 :], min(targets, len(plain) // 2), replace=False)
    before = {target: (_place(plain, target), _place(damped, target)) for target in drawn.tolist()}
    outcomes: list[Outcome] = []
    for attack in attacks:
        for number in accounts:
            progress(len(outcomes) / (len(attacks) * len(accounts)), f"{attack.value}, {number} accounts")
            reached = []
            for target in before:
                bought = heard.with_accounts(attack, number, target, rng)
                reached.append((_place(bought.ranked(None), target), _place(bought.ranked(DAMPING), target)))
            places, gains = np.array(reached), np.array(list(before.values())) - np.array(reached)
            place, gain = np.median(places, axis=0), np.median(gains, axis=0)
            outcomes.append(Outcome(attack, number, float(place[0]), float(gain[0]), float(place[1]), float(gain[1])))
    return outcomes


def quality(heard: Heard, *, held_out: float = 0.2) -> Quality:
    """How well the lists of the older events foretell what readers are newly heard on in the newest share of them."""
    cut = np.quantile(heard.times, 1 - held_out, method="lower")
    older = heard.times <= cut
    past = Heard(
        heard.readers[older],
        heard.items[older],
        heard.times[older],
        heard.came[older],
        heard.since,
        heard.n_items,
    )
    had, later = _sets(past), _sets(heard, ~older)
    later = {reader: new for reader, items in later.items() if (new := items - had.get(reader, set()))}
    if not later:
        raise DataError("nobody is heard on anything new after the older events; there is nothing to judge by")
    shares = []
    for damping in (None, DAMPING):
        ranked = past.ranked(damping).tolist()
        hits = [_hits(ranked, had.get(reader, set()), items) for reader, items in later.items()]
        shares.append(float(np.mean(hits)))
    return Quality(len(later), *shares)


def simulated(seed: int, readers: int = 2000, items: int = 4000, events: int = 60_000, days: int = 60) -> Heard:
    """The voices of a simulated community that lived through so many days."""
    past = World(seed, readers, items).history(days, events=events).events
    voiced = np.isin(past.kinds, [int(kind) for kind in VOICES])
    since = first_heard(past.readers, past.times, len(past.reader_ids))
    times = past.times[voiced]
    return Heard(past.readers[voiced], past.items[voiced], times, times, since, len(past.item_ids))


def _place(ranked: NDArray[np.int32], item: int) -> int:
    return int(np.flatnonzero(ranked == item)[0]) + 1


def _sets(heard: Heard, chosen: NDArray[np.bool_] | slice = slice(None)) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for reader, item in zip(heard.readers[chosen].tolist(), heard.items[chosen].tolist(), strict=True):
        found.setdefault(reader, set()).add(item)
    return found


def _hits(ranked: list[int], had: set[int], later: set[int]) -> float:
    shown: list[int] = []
    for item in ranked:
        if item not in had:
            shown.append(item)
            if len(shown) == LIST:
                break
    return len(later.intersection(shown)) / min(LIST, len(later))
