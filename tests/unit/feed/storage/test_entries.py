"""Journal entries survive their bytes, and bytes that are not theirs are refused."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.storage.entries import decode, encode, encode_entries, pack
from feed.storage.errors import SchemaTooNew, StoreCorrupt
from ranking.journal import AuthorChanged, Entry, ItemPublished, ItemWithdrawn, LabelGiven, ListPublished, RowGrown

texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**63 - 1)
entries = st.one_of(
    st.builds(ItemPublished, texts, texts, st.lists(texts).map(tuple), numbers, texts, texts, texts),
    st.builds(ItemWithdrawn, texts),
    st.builds(AuthorChanged, texts, numbers, texts, texts),
    st.builds(LabelGiven, texts, texts, st.floats(allow_nan=False, allow_infinity=False), texts, numbers),
    st.builds(ListPublished, texts, texts, st.lists(texts).map(tuple)),
    st.builds(RowGrown, texts, st.lists(texts).map(tuple), st.lists(st.integers(1, 1024)).map(tuple)),
)


@given(st.lists(entries))
def test_entries_come_back_as_they_were(written):
    assert decode(pack(encode_entries(written))) == written


@given(entries)
def test_an_entry_is_one_line(entry):
    assert encode(entry).count(b"\n") == 1 and encode(entry).endswith(b"\n")


@given(st.lists(entries), st.lists(entries))
def test_lines_join_by_putting_them_together(first, second):
    assert encode_entries(first) + encode_entries(second) == encode_entries(first + second)


def test_the_format_is_the_one_that_stores_already_hold():
    lines = (
        b'["item","i1","au",["film"],1700000000,"en","DE","cinema"]\n'
        b'["label","i1","spam",0.25,"m",50]\n'
        b'["author","au",80,"person","verified"]\n'
        b'["withdrawn","i2"]\n'
        b'["list","popular","home",["i1","i2"]]\n'
        b'["row","i1",["i3","i4"],[1024,7]]\n'
    )
    known: list[Entry] = [
        ItemPublished("i1", "au", ("film",), 1_700_000_000, "en", "DE", "cinema"),
        LabelGiven("i1", "spam", 0.25, "m", 50),
        AuthorChanged("au", 80, "person", "verified"),
        ItemWithdrawn("i2"),
        ListPublished("popular", "home", ("i1", "i2")),
        RowGrown("i1", ("i3", "i4"), (1024, 7)),
    ]
    assert encode_entries(known) == lines
    assert decode(zlib.compress(lines)) == known


def test_no_entries_are_no_lines():
    assert (encode_entries([]), decode(pack(b""))) == (b"", [])


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_altered_bytes_are_refused_or_decode_to_the_same(position, change):
    written = [ItemPublished(f"i{n}", "au", ("film",), n) for n in range(50)]
    packed = bytearray(pack(encode_entries(written)))
    packed[position % len(packed)] ^= change
    try:
        assert decode(bytes(packed)) == written
    except StoreCorrupt as refusal:
        assert "backup" in str(refusal)


def test_a_truncated_edition_is_refused():
    packed = pack(encode_entries([ItemPublished(f"i{n}") for n in range(50)]))
    for length in (0, 1, len(packed) // 2, len(packed) - 1):
        with pytest.raises(StoreCorrupt):
            decode(packed[:length])


@pytest.mark.parametrize("line", [b"7\n", b"[]\n", b'["item"]\n', b'["withdrawn","a","b"]\n', b'[["item"],"a"]\n'])
def test_a_malformed_entry_is_refused(line):
    with pytest.raises(StoreCorrupt, match="malformed"):
        decode(pack(line))


def test_an_entry_of_a_later_release_asks_for_that_release():
    with pytest.raises(SchemaTooNew, match=r"poll.*install"):
        decode(pack(b'["poll","p1"]\n'))


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_no_number_has_no_bytes(score):
    with pytest.raises(ValueError, match="spam"):
        encode(LabelGiven("i1", "spam", score, "m", 1))
