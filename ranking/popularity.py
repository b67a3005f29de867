"""Popular lists: one voice per reader and item, decayed by age, damped where one reader is loud. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TABLE = 1 << 20


def popular(
    readers: NDArray[np.int32],
    items: NDArray[np.int32],
    times: NDArray[np.int64],
    *,
    n_items: int,
    half_life: int,
    limit: int,
) -> NDArray[np.int32]:
    """Item codes, most popular first, int32[<= limit]; only items with at least one voice.

    ``readers``, ``items`` int32[n] codes and ``times`` int64[n] seconds describe positive events in any order. Each
    reader has one voice per item, at the newest time; a voice counts half after ``half_life`` seconds before the newest
    of all; a reader with v voices casts each at 1/sqrt(v) of a single one, so that no one account moves the list by
    volume. Ties by code.
    """
    if len(items) == 0:
        return np.empty(0, dtype=np.int32)
    order = np.lexsort((times, items, readers))
    reader, item, time = readers[order], items[order], times[order]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (reader[1:] != reader[:-1]) | (item[1:] != item[:-1])
    reader, item, time = reader[last], item[last], time[last]
    voices = np.bincount(reader)
    ages = (time.max() - time) / half_life
    weights = np.exp2(-ages) / np.sqrt(voices[reader])
    quantised = np.rint(weights * _TABLE).astype(np.int64)
    scores = np.zeros(n_items, dtype=np.int64)
    np.add.at(scores, item, quantised)
    voiced = np.flatnonzero(np.bincount(item, minlength=n_items))
    ranked = voiced[np.lexsort((voiced, -scores[voiced]))][:limit]
    return ranked.astype(np.int32)
