"""goodbooks: authors, years, shelves that are no topics, and times by rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from feed.importers import GoodBooks, detect
from feed.importers.goodbooks import EPOCH, STEP
from feed.importers.lines import START, Position
from feed.importers.reading import Taken
from feed.storage.records import AuthorRecord, EventRecord, ItemRecord
from ranking.reader import EventKind

NOW = 1_800_000_000
BOOKS = """book_id,goodreads_book_id,authors,original_publication_year,original_title,title,language_code
1,2767,"Suzanne Collins, Somebody Else",2008.0,The Hunger Games,"The Hunger Games (#1)",eng
2,3,Homer,-750.0,,The Odyssey,en-US
3,4,Suzanne Collins,,,Catching Fire,fre
"""
RATINGS = "user_id,book_id,rating\n7,1,5\n7,2,3\n8,1,4\n"
TAGS = "tag_id,tag_name\n1,to-read\n2,science-fiction\n3,dystopia\n"
BOOK_TAGS = "goodreads_book_id,tag_id,count\n2767,1,9000\n2767,3,40\n2767,2,100\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "books": BOOKS,
        "ratings": RATINGS,
        "tags": TAGS,
        "book_tags": BOOK_TAGS,
    }.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def read(path: Path, part: int, after: Position = START) -> list[Taken]:
    data = GoodBooks(path)
    data.prepare(lambda *_: None)
    return list(data.read(part, after, NOW))


def test_the_first_named_author_is_the_author_and_told_once(folder: Path) -> None:
    records = [record for taken in read(folder, 0) for record in taken.records]
    authors = [record for record in records if isinstance(record, AuthorRecord)]
    assert [author.id for author in authors] == ["Suzanne Collins", "Homer"]
    items = [record for record in records if isinstance(record, ItemRecord)]
    assert [item.author for item in items] == ["Suzanne Collins", "Homer", "Suzanne Collins"]


def test_years_languages_and_titles_are_kept(folder: Path) -> None:
    items = [record for taken in read(folder, 0) for record in taken.records if isinstance(record, ItemRecord)]
    assert [item.published_at for item in items] == [1_199_145_600, 0, 0]
    assert [item.language for item in items] == ["en", "en", "fr"]
    assert items[0].title == "The Hunger Games (#1)"


def test_a_book_of_a_year_to_come_is_refused_by_its_line(folder: Path) -> None:
    (folder / "books.csv").write_text(BOOKS.replace("-750.0", "2040.0"), encoding="utf-8")
    refused = [taken for taken in read(folder, 0) if taken.refusal]
    assert [(taken.line, taken.refusal and taken.refusal.reason) for taken in refused] == [(3, "time")]


def test_topics_are_the_most_counted_tags_without_shelves(folder: Path) -> None:
    items = [record for taken in read(folder, 0) for record in taken.records if isinstance(record, ItemRecord)]
    assert items[0].topics == ("science fiction", "dystopia")
    assert items[1].topics == ()


def test_the_tags_may_be_missing(folder: Path) -> None:
    (folder / "book_tags.csv").unlink()
    assert len(read(folder, 0)) == 3


def test_a_rating_happens_by_its_line_also_when_reading_continues(folder: Path) -> None:
    whole = read(folder, 1)
    events = [record for taken in whole for record in taken.records if isinstance(record, EventRecord)]
    assert [event.occurred_at for event in events] == [EPOCH + line * STEP for line in (2, 3, 4)]
    assert [event.kind for event in events] == [EventKind.MORE, EventKind.IMPRESSION, EventKind.LIKE]
    assert read(folder, 1, Position(whole[0].end, whole[0].line)) == whole[1:]


def test_the_format_is_found_by_its_files(folder: Path) -> None:
    assert detect(folder).format == "goodbooks"


def test_a_year_that_is_none_is_refused_with_its_line(folder: Path) -> None:
    path = folder / "books.csv"
    path.write_text(BOOKS.replace("2008.0", "MMVIII"), encoding="utf-8")
    first = read(folder, 0)[0]
    assert first.line == 2
    assert first.refusal is not None and "MMVIII" in first.refusal.message
