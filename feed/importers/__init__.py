"""Data in: MovieLens, goodbooks and Weir NDJSON become records of the store, streaming, resumable, line by line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from feed.importers.errors import FormatUnknown, ImportFailed, ImportRefused, ImportStopped
from feed.importers.goodbooks import GoodBooks
from feed.importers.importing import Importer, Summary
from feed.importers.movielens import MovieLens
from feed.importers.ndjson import WeirNdjson
from feed.importers.reading import DataSet
from feed.importers.resume import Bookmark

__all__ = [
    "FORMATS",
    "Bookmark",
    "DataSet",
    "FormatUnknown",
    "GoodBooks",
    "ImportFailed",
    "ImportRefused",
    "ImportStopped",
    "Importer",
    "MovieLens",
    "Summary",
    "WeirNdjson",
    "detect",
]

FORMATS: dict[str, Callable[[Path, str], DataSet]] = {
    MovieLens.format: MovieLens,
    GoodBooks.format: GoodBooks,
    WeirNdjson.format: WeirNdjson,
}
"""Format name to its reader of a path, with the prefix that goes before every id."""


def detect(path: Path, prefix: str = "") -> DataSet:
    """The data set at a path, by its files. Raises FormatUnknown, naming what was looked for."""
    for kind in (MovieLens, GoodBooks, WeirNdjson):
        if kind.fits(path):
            return FORMATS[kind.format](path, prefix)
    missing = "" if path.exists() else " (there is nothing at this path)"
    raise FormatUnknown(
        f"{path}: no known data set{missing}; expected a folder with movies.csv and ratings.csv (MovieLens),"
        " with books.csv and ratings.csv (goodbooks), or NDJSON files"
    )
