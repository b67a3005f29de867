"""The last scheduled training, in a file of the home folder: it outlives the server, so that a restart is no reset."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from feed.models.retraining_outcome import Outcome
from feed.settings import Settings


@dataclass(frozen=True, slots=True)
class LastRun:
    """When it was tried, what came of it and why, how many seconds it took, and when one last succeeded."""

    tried_at: int
    outcome: Outcome
    detail: str
    seconds: float
    succeeded_at: int | None


def last_run(settings: Settings) -> LastRun | None:
    """The last one; None when there was none, or its file cannot be read. Blocks."""
    try:
        told = orjson.loads(_file(settings).read_bytes())
        return LastRun(**{**told, "outcome": Outcome(told["outcome"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def remember(settings: Settings, run: LastRun) -> None:
    """Write the file, whole or not at all. Blocks."""
    path = _file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(orjson.dumps(asdict(run)))
    os.replace(beside, path)


def _file(settings: Settings) -> Path:
    return settings.home / "training" / "retraining.json"
