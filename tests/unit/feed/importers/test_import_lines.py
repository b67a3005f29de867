"""Lines and tables: numbered, bounded, resumable; what is wrong stays on its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from feed.importers.errors import ImportRefused
from feed.importers.lines import LONGEST_LINE, Position, Table, lines
from feed.importers.reading import identifier
from feed.schemas.fields import Id


def written(folder: Path, content: bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(content)
    return path


def test_lines_continue_exactly_after_a_position(tmp_path: Path) -> None:
    path = written(tmp_path, "eins\nzwö\r\n\ndrei".encode())
    whole = list(lines(path))
    assert [(line.number, line.text) for line in whole] == [(1, "eins"), (2, "zwö"), (3, ""), (4, "drei")]
    for at, line in enumerate(whole):
        assert list(lines(path, Position(line.end, line.number))) == whole[at + 1 :]


def test_a_line_that_is_too_long_is_refused_and_the_next_one_read(tmp_path: Path) -> None:
    path = written(tmp_path, b"a\n" + b"x" * (2 * LONGEST_LINE) + b"\nb\n")
    read = list(lines(path))
    assert [(line.number, line.text, bool(line.fault)) for line in read] == [
        (1, "a", False),
        (2, "", True),
        (3, "b", False),
    ]


def test_a_line_that_is_not_utf8_names_its_byte(tmp_path: Path) -> None:
    path = written(tmp_path, b"good\nbad \xff\n")
    assert "byte 5" in list(lines(path))[1].fault


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    assert Table(written(tmp_path, b"\xef\xbb\xbfid,name\n1,a\n"), "id").has("id")


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"absent\.csv: cannot be read"):
        Table(tmp_path / "absent.csv", "id")


def test_a_missing_column_is_refused_with_what_the_header_names(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"table\.csv:1: no column rating; .*names id, name"):
        Table(written(tmp_path, b"id,name\n"), "id", "rating")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="empty"):
        Table(written(tmp_path, b""), "id")


def test_quotes_hold_within_their_line(tmp_path: Path) -> None:
    table = Table(written(tmp_path, b'id,name\n1,"a, ""b"""\n2,"open\n3,c\n'), "id")
    rows = list(table.rows())
    assert rows[0][1] == ["1", 'a, "b"']
    assert "quote" in rows[1][0].fault
    assert rows[1][0].number == 3
    assert rows[2][1] == ["3", "c"]


def test_a_row_of_another_width_says_so_and_an_empty_one_passes(tmp_path: Path) -> None:
    rows = list(Table(written(tmp_path, b"id,name\n1\n\n2,b\n"), "id").rows())
    assert rows[0][0].fault == "1 fields where the header names 2"
    assert rows[1][1] == ["2", "b"]
    assert len(rows) == 2


def test_columns_are_taken_by_name_in_any_order(tmp_path: Path) -> None:
    table = Table(written(tmp_path, b"name,id\na,1\n"), "id", "name")
    assert [table.picker("id", "name")(fields) for _, fields in table.rows()] == [("1", "a")]


@given(st.text(max_size=140) | st.text(alphabet="ab/\x00\x85\u2028 ", max_size=6))
def test_ids_keep_the_limits_of_the_api(text: str) -> None:
    def kept(check: Callable[[str], object]) -> bool:
        try:
            check(text)
        except ValueError:
            return False
        return True

    assert kept(lambda one: identifier(one, "id")) == kept(TypeAdapter(Id).validate_python)
