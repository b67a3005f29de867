"""Popular lists that cannot be bought: one voice per reader and item, weighed by what is known of the account. Pure.

Each damping stands against one way of buying a place. Volume: a reader's voices share what one reader counts. New and
empty accounts: their voices together add no more to an item than what readers that are known said of it and what the
item of an average voice has, however many they are. Bursts: voices that come within a few hours count less the more of
them there are. Scripts: so do voices of accounts that were heard on the same items.

docs/popularity.md tells what attackers achieve all the same, measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TABLE = 1 << 20
_SALTS = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0x8CB92BA72F3D8DD7)


@dataclass(frozen=True, slots=True)
class Damping:
    """From when on a voice is a known reader's, and what makes a burst."""

    voices: int = 10
    """Items that a known reader was heard on. Nobody's voice weighs more than one of so many."""

    seconds: int = 7 * 86_400
    """Time from a known reader's first event to the voice."""

    burst: int = 6 * 3600
    """Length of the spans of time within which an item's voices make a burst."""


DAMPING = Damping()

_FADING = 0.45
"""So that n voices that are a burst, or of a kind, weigh about as the square root of n, and what is both hardly more
than one, but always more the more there are: in a service's first hours, or after an import, all may be such."""

_LEAST_VOICES, _LEAST_SECONDS = 2, 86_400
"""Where most voices are of newer or emptier accounts than a known reader's, as in a service's first days, their median
is asked for instead; where it is below these, it tells nobody apart, and nothing is asked for."""


def popular(
    readers: NDArray[np.int32],
    items: NDArray[np.int32],
    times: NDArray[np.int64],
    *,
    came: NDArray[np.int64],
    since: NDArray[np.int64],
    n_items: int,
    half_life: int,
    limit: int,
    damping: Damping | None = DAMPING,
) -> NDArray[np.int32]:
    """Item codes, most popular first, int32[<= limit]; only items with at least one voice. Ties by code.

    ``readers``, ``items`` int32[n] codes describe positive events in any order; ``times`` and ``came`` int64[n] are the
    seconds at which they happened, as clients tell, and at which the service heard of them. ``since`` int64[readers] is
    when it first heard anything of each reader, by code. Each reader has one voice per item, at the newest time; it
    counts half after ``half_life`` seconds before the newest of all. Without ``damping`` that is all of it.
    """
    if len(items) == 0:
        return np.empty(0, dtype=np.int32)
    order = np.lexsort((came, times, items, readers))
    reader, item, time, heard = readers[order], items[order], times[order], came[order]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (reader[1:] != reader[:-1]) | (item[1:] != item[:-1])
    reader, item, time, heard = reader[last], item[last], time[last], heard[last]
    weights = np.exp2((time - time.max()) / half_life)
    if damping is None:
        scores = _sums(weights, item, n_items)
    else:
        scores = _damped(weights, reader, item, heard, since, n_items, damping)
    voiced = np.flatnonzero(np.bincount(item, minlength=n_items))
    ranked = voiced[np.lexsort((voiced, -scores[voiced]))][:limit]
    return ranked.astype(np.int32)


def first_heard(readers: NDArray[np.int32], times: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """int64[count]: the least of each reader's times, by code; the greatest of all for who has none."""
    first = np.full(count, times.max(initial=0), dtype=np.int64)
    np.minimum.at(first, readers, times)
    return first


def _damped(
    weights: NDArray[np.float64],
    reader: NDArray[np.int32],
    item: NDArray[np.int32],
    heard: NDArray[np.int64],
    since: NDArray[np.int64],
    n_items: int,
    damping: Damping,
) -> NDArray[np.int64]:
    """Scores int64[n_items] of voices in the order of reader, then item."""
    voices = np.bincount(reader)[reader]
    together = _alike(item, heard // damping.burst, weights) * _alike(item, _kinds(reader, item), weights)
    weights = weights / np.sqrt(np.maximum(voices, damping.voices)) / together**_FADING
    ages = heard - since[reader]
    known = _had(ages, damping.seconds, _LEAST_SECONDS) & _had(voices, damping.voices, _LEAST_VOICES)
    firm = _sums(weights[known], item[known], n_items)
    loose = _sums(weights[~known], item[~known], n_items).astype(np.float64)
    total = firm + loose
    room = firm + float((total * (total / max(float(total.sum()), 1.0))).sum()) + 1.0
    return firm + np.rint(loose * (room / (loose + room))).astype(np.int64)


def _had(had: NDArray[np.int64], wanted: int, least: int) -> NDArray[np.bool_]:
    """bool[n]: who had ``wanted``, or the median if that is less; everybody where the median is below ``least``."""
    median = float(np.median(had))
    return had >= min(wanted, median) if median >= least else np.ones(len(had), dtype=np.bool_)


def _alike(item: NDArray[np.int32], key: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[n], at least 1: what the voices of a voice's item weigh that have the same key, itself included."""
    order = np.lexsort((key, item))
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (item[order][1:] != item[order][:-1]) | (key[order][1:] != key[order][:-1])
    starts = np.flatnonzero(new)
    sums = np.maximum(np.add.reduceat(weights[order], starts), 1.0)
    alike = np.empty(len(order))
    alike[order] = np.repeat(sums, np.diff(starts, append=len(order)))
    return alike


def _kinds(reader: NDArray[np.int32], item: NDArray[np.int32]) -> NDArray[np.int64]:
    """int64[n]: a number that voices share whose readers are of a kind: the items of both have the same minima under
    three hashes. Two readers with a share s of their items in common are so with a chance of about s³ (MinHash: Broder,
    "On the resemblance and containment of documents", 1997)."""
    starts = np.flatnonzero(np.diff(reader, prepend=-1))
    minima = [np.minimum.reduceat(_hashed(item, salt), starts) for salt in _SALTS]
    _, kind = np.unique(np.stack(minima, axis=1), axis=0, return_inverse=True)
    kinds: NDArray[np.int64] = np.repeat(kind.reshape(-1), np.diff(starts, append=len(reader)))
    return kinds


def _hashed(codes: NDArray[np.int32], salt: int) -> NDArray[np.uint64]:
    """uint64[n]: the finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) of codes, by a salt."""
    word = (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(salt)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def _sums(weights: NDArray[np.float64], item: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
    """int64[n_items]: quantised weights by item, so that no order of adding matters."""
    scores = np.zeros(n_items, dtype=np.int64)
    np.add.at(scores, item, np.rint(weights * _TABLE).astype(np.int64))
    return scores
