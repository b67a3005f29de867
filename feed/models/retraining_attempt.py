"""Attempts at retraining: one that was interrupted is taken up again on the events that it began with.

Blocks of a training are found again by what they were computed from, and a running server's events change by the
second. So an attempt notes how far its events reach. What was erased since is gone all the same: events are read from
the store, and what depended on it is computed anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from feed.models.retraining import kept
from feed.storage.records import EventColumns
from ranking.models.scratch import cleared


def attempt(folder: Path, columns: EventColumns, now: int, *, fresh_for: int) -> tuple[EventColumns, int]:
    """The events to train on and the second from which the model counts as trained.

    Those of the attempt that was begun in ``folder`` less than ``fresh_for`` seconds ago and not finished; else
    everything, now, in an empty folder. Who finishes removes the folder.
    """
    note = folder / "attempt.json"
    try:
        begun = orjson.loads(note.read_bytes())
        at, until = int(begun["at"]), int(begun["until"])
    except (OSError, ValueError, TypeError, KeyError):
        at = until = -1
    if now - fresh_for < at <= now:
        return kept(columns, columns.times <= until), at
    cleared(folder)
    folder.mkdir(parents=True)
    beside = folder / ".attempt.new"
    beside.write_bytes(orjson.dumps({"at": now, "until": int(columns.times.max(initial=0))}))
    os.replace(beside, note)
    return columns, now
