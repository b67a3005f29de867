"""The journal of a search outlives a kill and is never mixed with another's."""

from __future__ import annotations

import pytest

from experiments.trial_journal import journal
from experiments.trials import Candidate, Tried
from ranking.errors import DataError

SEARCH = {"data": "abc", "seed": 0}


def trial(number):
    return Tried(Candidate("ease", {"regularization": number / 3}), {"ndcg@20": 0.1 + number / 7}, 1.5)


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "tuned.json.journal"
    with journal(made, SEARCH) as kept:
        for number in range(3):
            kept.add(trial(number))
    return made


def test_trials_are_read_back_as_they_were(path):
    with journal(path, SEARCH) as kept:
        assert kept.tried == [trial(number) for number in range(3)]


@pytest.mark.parametrize("cut", [1, 20])
def test_a_last_line_that_a_kill_cut_short_is_dropped(path, cut):
    path.write_bytes(path.read_bytes()[:-cut])
    with journal(path, SEARCH) as kept:
        assert kept.tried == [trial(0), trial(1)]
        kept.add(trial(9))
    with journal(path, SEARCH) as kept:
        assert kept.tried == [trial(0), trial(1), trial(9)]


def test_a_first_line_that_a_kill_cut_short_is_written_again(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(b'{"tuning": 1, "da')
    with journal(path, SEARCH) as kept:
        kept.add(trial(0))
    with journal(path, SEARCH) as kept:
        assert kept.tried == [trial(0)]


def test_the_journal_of_other_data_is_refused_and_left_as_it_is(path):
    before = path.read_bytes()
    changed = r"is of another tuning \(data was 'abc', now it is 'def'\); remove it"
    with pytest.raises(DataError, match=changed), journal(path, {**SEARCH, "data": "def"}):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"hello\n", b"[]\n", b"hello", b'{"model": "ease"}\n'])
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "letter"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is no journal of a tuning; name another file"), journal(path, SEARCH):
        pass
    assert path.read_bytes() == content


def test_a_line_that_is_no_trial_is_named(path):
    path.write_bytes(path.read_bytes() + b'{"model": "ease"}\n')
    with pytest.raises(DataError, match=r"journal:5: is no trial"), journal(path, SEARCH):
        pass


def test_two_searches_do_not_write_one_journal(path):
    in_use = pytest.raises(DataError, match="is in use by another tuning")
    with journal(path, SEARCH), in_use, journal(path, SEARCH):
        pass
