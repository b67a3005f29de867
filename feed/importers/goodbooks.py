"""goodbooks folders (github.com/zygmuntz/goodbooks-10k): books.csv, ratings.csv and, if there, tags and book_tags.

The ratings carry no times, only an order. The rule: the rating in line n of ratings.csv was given ``n * STEP``
seconds after ``EPOCH``. A book counts as published on the first of January of its year, of 1970 at the earliest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from feed.importers.lines import Position, Table
from feed.importers.reading import (
    LONGEST_NAME,
    Malformed,
    Progress,
    Record,
    Refusal,
    Taken,
    first_of_january,
    identifier,
    past,
    rating_event,
    stars,
    topic,
    words,
)
from feed.schemas.fields import TOPICS
from feed.storage.records import AuthorRecord, EventRecord, ItemRecord

EPOCH = 1_451_606_400
"""1 January 2016."""

STEP = 10
"""Seconds between two ratings: the ten-thousand-book set spans 1.9 years."""

SHELVES = frozenset(
    "to-read currently-reading favorites favourites owned books-i-own owned-books i-own my-books library books "
    "my-library default kindle ebook ebooks e-book e-books audiobook audiobooks audio audio-book wish-list to-buy "
    "re-read reread all-time-favorites my-favorites favorite-books read-in-2014 read-in-2015 read-in-2016".split()
)
"""Tags that tell where a reader keeps a book, not what it is about."""

_LANGUAGES = {
    "eng": "en", "fre": "fr", "ger": "de", "spa": "es", "ita": "it", "por": "pt", "nl": "nl", "dan": "da",
    "swe": "sv", "nor": "no", "pol": "pl", "rus": "ru", "tur": "tr", "ara": "ar", "per": "fa", "jpn": "ja",
    "ind": "id", "fil": "tl", "rum": "ro", "vie": "vi", "heb": "he", "gre": "el", "cze": "cs", "chi": "zh",
}  # fmt: skip


class GoodBooks:
    """A folder as goodbooks-10k hands it out."""

    format = "goodbooks"

    def __init__(self, folder: Path, prefix: str = "") -> None:
        """``prefix`` goes before every id. Raises ImportRefused for missing files or columns."""
        self._prefix = prefix
        self._books = Table(folder / "books.csv", "book_id", "authors", "original_publication_year", "title")
        self._ratings = Table(folder / "ratings.csv", "user_id", "book_id", "rating")
        tags, book_tags = folder / "tags.csv", folder / "book_tags.csv"
        self._tags = Table(tags, "tag_id", "tag_name") if tags.is_file() and book_tags.is_file() else None
        self._book_tags = Table(book_tags, "goodreads_book_id", "tag_id", "count") if self._tags else None
        language = ("language_code",) if self._books.has("language_code") else ()
        foreign = "goodreads_book_id" if self._books.has("goodreads_book_id") else "book_id"
        self._book = self._books.picker("book_id", "authors", "original_publication_year", "title", foreign, *language)
        self._rating = self._ratings.picker("user_id", "book_id", "rating")
        self._topics: dict[str, list[str]] = {}
        self._authors: set[str] = set()

    @staticmethod
    def fits(folder: Path) -> bool:
        """Whether a folder looks like goodbooks."""
        return (folder / "books.csv").is_file() and (folder / "ratings.csv").is_file()

    @property
    def parts(self) -> Sequence[Path]:
        """Books, then ratings."""
        return self._books.path, self._ratings.path

    def prepare(self, progress: Progress) -> None:
        """Read the tags of books."""
        if self._tags is not None and self._book_tags is not None:
            self._topics = _book_topics(self._tags, self._book_tags, progress)

    def read(self, part: int, after: Position, now: int) -> Iterator[Taken]:
        """Authors and items (part 0) or events (part 1)."""
        table = (self._books, self._ratings)[part]
        for line, fields in table.rows(after):
            if line.fault:
                yield Taken(line.number, line.end, refusal=Refusal("unreadable", line.fault))
                continue
            try:
                records = self._works(fields, now) if part == 0 else (self._event(fields, line.number, now),)
                yield Taken(line.number, line.end, records)
            except Malformed as malformed:
                yield Taken(line.number, line.end, refusal=malformed.refusal)

    def _works(self, fields: Sequence[str], now: int) -> tuple[Record, ...]:
        book, authors, year, title, foreign, *language = self._book(fields)
        name = words(authors.split(",")[0], "authors", LONGEST_NAME)
        author = self._prefix + identifier(name.replace("/", "-"), "authors") if name else ""
        item = ItemRecord(
            id=self._prefix + identifier(book, "book_id"),
            author=author,
            title=words(title, "title"),
            topics=tuple(self._topics.get(foreign, ()))[:TOPICS],
            published_at=past("published_at", first_of_january(_year(year)), now),
            language=_language(language[0]) if language else "",
        )
        if not author or author in self._authors:
            return (item,)
        self._authors.add(author)
        return AuthorRecord(author, name, kind="person"), item

    def _event(self, fields: Sequence[str], line: int, now: int) -> EventRecord:
        reader, book, rating = self._rating(fields)
        return rating_event(
            self._prefix + identifier(reader, "user_id"),
            self._prefix + identifier(book, "book_id"),
            stars(rating),
            min(EPOCH + line * STEP, now),
            now,
            f"rating:{book}",
        )


def _language(code: str) -> str:
    """ISO 639-1 of a code as books.csv has it (``eng``, ``en-US``, ``nl``); empty when unknown."""
    first = code.split("-", maxsplit=1)[0].lower()
    return first if len(first) == 2 else _LANGUAGES.get(first, "")


def _year(text: str) -> int:
    """A year as books.csv has it (``2008.0``, ``-750.0`` or nothing); 1970 when there is none."""
    try:
        return int(float(text)) if text else 1970
    except (ValueError, OverflowError):
        raise Malformed("year", f"original_publication_year {text[:40]!r} must be a year or empty") from None


def _book_topics(tags: Table, book_tags: Table, progress: Progress) -> dict[str, list[str]]:
    """Foreign book id to its topics: its most counted tags that are no shelves, most counted first."""
    tag, given = tags.picker("tag_id", "tag_name"), book_tags.picker("goodreads_book_id", "tag_id", "count")
    names = {
        number: topic(name.replace("-", " "))
        for line, fields in tags.rows()
        if not line.fault
        for number, name in [tag(fields)]
        if name not in SHELVES
    }
    counted: dict[str, list[tuple[int, str]]] = {}
    size = book_tags.path.stat().st_size
    for number, (line, fields) in enumerate(book_tags.rows()):
        if number % 10_000 == 0:
            progress("looking through tags", line.end, size)
        if not line.fault:
            book, tag_id, count = given(fields)
            if names.get(tag_id) and count.isdecimal():
                counted.setdefault(book, []).append((-int(count), names[tag_id]))
    return {book: list(dict.fromkeys(name for _, name in sorted(found)))[:TOPICS] for book, found in counted.items()}
