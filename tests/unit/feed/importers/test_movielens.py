"""MovieLens: genres and frequent tags become topics, first ratings publication, ratings events."""

from __future__ import annotations

from pathlib import Path

import pytest

from feed.importers import MovieLens, detect
from feed.importers.errors import ImportRefused
from feed.importers.lines import START
from feed.importers.reading import Taken
from feed.storage.records import EventRecord, ItemRecord
from ranking.reader import EventKind

NOW = 1_800_000_000
MOVIES = """movieId,title,genres
1,Toy Story (1995),Adventure|Animation|Children
2,"American President, The (1995)",Comedy|Drama
3,Silent (1921),(no genres listed)
4,Unrated (2001),Sci-Fi
"""
RATINGS = """userId,movieId,rating,timestamp
1,1,4.0,1000000000
1,2,3.5,1000000100
2,1,3.0,900000000
2,3,0.5,900000500
"""


def folder(tmp_path: Path, *, movies: str = MOVIES, ratings: str = RATINGS, tags: str = "") -> Path:
    (tmp_path / "movies.csv").write_text(movies, encoding="utf-8")
    (tmp_path / "ratings.csv").write_text(ratings, encoding="utf-8")
    if tags:
        (tmp_path / "tags.csv").write_text(tags, encoding="utf-8")
    return tmp_path


def read(path: Path, part: int, prefix: str = "") -> list[Taken]:
    data = MovieLens(path, prefix)
    data.prepare(lambda *_: None)
    return list(data.read(part, START, NOW))


def films(path: Path) -> dict[str, ItemRecord]:
    records = [record for taken in read(path, 0) for record in taken.records]
    return {record.id: record for record in records if isinstance(record, ItemRecord)}


def ratings(path: Path) -> list[EventRecord]:
    records = [record for taken in read(path, 1) for record in taken.records]
    return [record for record in records if isinstance(record, EventRecord)]


def test_a_film_keeps_its_title_and_takes_its_genres_as_topics(tmp_path: Path) -> None:
    items = films(folder(tmp_path))
    assert items["1"].title == "Toy Story (1995)"
    assert items["1"].topics == ("adventure", "animation", "children")
    assert items["2"].title == "American President, The (1995)"
    assert items["3"].topics == ()


def test_a_film_is_published_when_first_rated_or_else_in_its_year(tmp_path: Path) -> None:
    items = films(folder(tmp_path))
    assert items["1"].published_at == 900_000_000
    assert items["4"].published_at == 978_307_200  # 1 January 2001
    unrated = folder(tmp_path, ratings=RATINGS.replace("2,3,0.5,900000500\n", ""))
    assert films(unrated)["3"].published_at == 0  # 1921 is before anything a second can say


def test_a_film_of_a_year_to_come_is_refused_by_its_line(tmp_path: Path) -> None:
    path = folder(tmp_path, movies=MOVIES.replace("(2001)", "(2040)"))
    refused = [taken for taken in read(path, 0) if taken.refusal]
    assert [(taken.line, taken.refusal and taken.refusal.reason) for taken in refused] == [(5, "time")]


def test_a_tag_of_several_films_becomes_a_topic_and_a_rare_one_does_not(tmp_path: Path) -> None:
    lines = ["userId,movieId,tag,timestamp"]
    lines += [f"7,{film},Mind  Bending,1" for film in (1, 2, 3)] + ["7,1,mine alone,1"]
    items = films(folder(tmp_path, tags="\n".join(lines) + "\n"))
    assert items["3"].topics == ("mind bending",)
    assert items["1"].topics == ("adventure", "animation", "children", "mind bending")
    assert "mind bending" not in items["4"].topics


def test_a_rating_is_a_click_a_like_or_a_more_by_its_stars_and_else_an_impression(tmp_path: Path) -> None:
    kinds = {(event.reader, event.item): event.kind for event in ratings(folder(tmp_path))}
    assert kinds == {
        ("1", "1"): EventKind.LIKE,
        ("1", "2"): EventKind.CLICK,
        ("2", "1"): EventKind.IMPRESSION,
        ("2", "3"): EventKind.IMPRESSION,
    }


def test_the_same_line_is_the_same_event_wherever_it_stands(tmp_path: Path) -> None:
    head, *body = RATINGS.splitlines()
    turned = "\n".join([head, *body[::-1]]) + "\n"
    before = {event.client_id: event for event in ratings(folder(tmp_path))}
    after = {event.client_id: event for event in ratings(folder(tmp_path, ratings=turned))}
    assert len(before) == 4
    assert before == after


@pytest.mark.parametrize(
    ("line", "reason", "words"),
    [
        ("1,1,7,1000", "rating", "0.5 to 5"),
        ("1,1,nan,1000", "rating", "'nan'"),
        ("1,1,4,yesterday", "time", "whole seconds"),
        ("1,1,4,-5", "time", "before 1970"),
        ("1,1,4,9999999999", "time", "future"),
        (",1,4,1000", "id", "userId"),
        ("1,1,4", "unreadable", "3 fields"),
    ],
)
def test_a_bad_rating_is_refused_with_its_line(tmp_path: Path, line: str, reason: str, words: str) -> None:
    taken = read(folder(tmp_path, ratings=RATINGS + line + "\n2,2,5,1000\n"), 1)
    (bad,) = [one for one in taken if one.refusal]
    assert bad.line == 6
    assert bad.refusal is not None and bad.refusal.reason == reason
    assert words in bad.refusal.message
    assert taken[-1].records


def test_a_prefix_goes_before_every_id(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (film, *_), (event, *_) = read(path, 0, "ml-")[0].records, read(path, 1, "ml-")[0].records
    assert isinstance(film, ItemRecord) and film.id == "ml-1"
    assert isinstance(event, EventRecord) and (event.reader, event.item) == ("ml-1", "ml-1")


def test_a_folder_without_ratings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "movies.csv").write_text(MOVIES, encoding="utf-8")
    with pytest.raises(ImportRefused, match=r"ratings\.csv: cannot be read"):
        MovieLens(tmp_path)


def test_the_format_is_found_by_its_files(tmp_path: Path) -> None:
    assert detect(folder(tmp_path)).format == "movielens"


def test_the_real_folder_is_read_whole(movielens: Path) -> None:
    items = films(movielens)
    assert len(items) == 9_125
    assert items["1"].title == "Toy Story (1995)"
    assert len(ratings(movielens)) == 100_004
    assert max(len(item.topics) for item in items.values()) <= 8
    assert not [one for one in read(movielens, 1) if one.refusal]
