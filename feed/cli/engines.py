"""Engines as ``weir train`` takes them: named, opened for one command, and leaving nothing behind when it succeeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from feed.settings import Settings

if TYPE_CHECKING:
    from ranking.models.engine import Engine


class EngineName(StrEnum):
    """Where models are trained."""

    LOCAL = "local"
    SPARK = "spark"


@contextmanager
def engine(name: EngineName, settings: Settings, *, master: str, exchange: Path | None) -> Iterator[Engine]:
    """The engine of a name. What the local one has finished when it is interrupted stays for the next run."""
    from ranking.models.scratch import cleared

    folder = workroom(settings)
    if name is EngineName.LOCAL:
        from ranking.models.engine import Resuming

        yield Resuming(folder / "blocks")
        cleared(folder / "blocks")
        return
    from feed.models.parquet import Exchange
    from ranking.models.spark import Spark, session

    between = Exchange(exchange or folder / "exchange")
    try:
        with session(master, folder=str(folder / "spark")) as running:
            yield Spark(running, between)
    finally:
        cleared(folder / "spark")
        between.clear()
        if exchange is None:
            cleared(between.folder)


def workroom(settings: Settings) -> Path:
    """The folder in which training keeps what is not finished; made by who writes into it."""
    return settings.home / "training"
