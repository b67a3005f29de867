"""MovieLens folders: movies.csv, ratings.csv and, if there, tags.csv (grouplens.org/datasets/movielens).

A film's topics are its genres and its frequent tags. It counts as published when it was first rated; without
ratings on the first of January of the year in its title.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from feed.importers.lines import Position, Table
from feed.importers.reading import (
    Malformed,
    Progress,
    Refusal,
    Taken,
    first_of_january,
    identifier,
    past,
    rating_event,
    second,
    stars,
    topic,
    words,
)
from feed.schemas.fields import TOPICS
from feed.storage.records import EventRecord, ItemRecord

TAG_FILMS = 3
"""A tag becomes a topic when it was given to at least so many films."""

TAGS_A_FILM = 4
"""Most tags that become topics of one film, the most often given first."""

_NO_GENRE = "(no genres listed)"
_YEAR = re.compile(r"\((\d{4})\)\s*$")


class MovieLens:
    """A folder as GroupLens hands it out."""

    format = "movielens"

    def __init__(self, folder: Path, prefix: str = "") -> None:
        """``prefix`` goes before every id. Raises ImportRefused for missing files or columns."""
        self._prefix = prefix
        self._movies = Table(folder / "movies.csv", "movieId", "title", "genres")
        self._ratings = Table(folder / "ratings.csv", "userId", "movieId", "rating", "timestamp")
        tags = folder / "tags.csv"
        self._tags = Table(tags, "userId", "movieId", "tag") if tags.is_file() else None
        self._film = self._movies.picker("movieId", "title", "genres")
        self._rating = self._ratings.picker("userId", "movieId", "rating", "timestamp")
        self._first_rated: dict[str, int] = {}
        self._film_tags: dict[str, list[str]] = {}

    @staticmethod
    def fits(folder: Path) -> bool:
        """Whether a folder looks like MovieLens."""
        return (folder / "movies.csv").is_file() and (folder / "ratings.csv").is_file()

    @property
    def parts(self) -> Sequence[Path]:
        """Films, then ratings."""
        return self._movies.path, self._ratings.path

    def prepare(self, progress: Progress) -> None:
        """Read when each film was first rated, and which tags are frequent."""
        size = self._ratings.path.stat().st_size
        pick = self._ratings.picker("movieId", "timestamp")
        for number, (line, fields) in enumerate(self._ratings.rows()):
            if number % 10_000 == 0:
                progress("looking through ratings", line.end, size)
            if not line.fault:
                film, when = pick(fields)
                if when.isdecimal():
                    self._first_rated[film] = min(int(when), self._first_rated.get(film, int(when)))
        if self._tags is not None:
            self._film_tags = frequent_tags(self._tags)

    def read(self, part: int, after: Position, now: int) -> Iterator[Taken]:
        """Items (part 0) or events (part 1)."""
        table = (self._movies, self._ratings)[part]
        for line, fields in table.rows(after):
            if line.fault:
                yield Taken(line.number, line.end, refusal=Refusal("unreadable", line.fault))
                continue
            try:
                record = self._item(fields, now) if part == 0 else self._event(fields, now)
                yield Taken(line.number, line.end, (record,))
            except Malformed as malformed:
                yield Taken(line.number, line.end, refusal=malformed.refusal)

    def _item(self, fields: Sequence[str], now: int) -> ItemRecord:
        film, title, genres = self._film(fields)
        year = _YEAR.search(title)
        published = self._first_rated.get(film, first_of_january(int(year.group(1)) if year else 1970))
        names = [topic(genre) for genre in genres.split("|") if genre != _NO_GENRE]
        names += self._film_tags.get(film, [])
        return ItemRecord(
            id=self._prefix + identifier(film, "movieId"),
            title=words(title, "title"),
            topics=tuple(dict.fromkeys(name for name in names if name))[:TOPICS],
            published_at=past("published_at", published, now),
        )

    def _event(self, fields: Sequence[str], now: int) -> EventRecord:
        reader, film, rating, timestamp = self._rating(fields)
        return rating_event(
            self._prefix + identifier(reader, "userId"),
            self._prefix + identifier(film, "movieId"),
            stars(rating),
            second(timestamp, "timestamp", now),
            now,
            f"rating:{film}:{timestamp}",
        )


def frequent_tags(tags: Table) -> dict[str, list[str]]:
    """Film to its tags that are topics, the most often given first, then by name."""
    pick = tags.picker("movieId", "tag")
    given = Counter(
        (film, topic(tag)) for line, fields in tags.rows() if not line.fault for film, tag in [pick(fields)]
    )
    films = Counter(tag for _, tag in given)
    by_film: dict[str, list[str]] = {}
    for (film, tag), _ in sorted(given.items(), key=lambda entry: (-entry[1], entry[0])):
        chosen = by_film.setdefault(film, [])
        if tag and films[tag] >= TAG_FILMS and len(chosen) < TAGS_A_FILM:
            chosen.append(tag)
    return by_film
