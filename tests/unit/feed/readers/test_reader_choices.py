"""What stored settings mean, and that those that cannot be read mean the strictest."""

from __future__ import annotations

import orjson
import pytest

from controls.scopes import AgeClass, Audience, Sensitive
from feed.readers.choices import UNREADABLE, read_choices
from ranking.reader import Mode, Mute, Settings


def test_nothing_stored_are_the_defaults() -> None:
    choices = read_choices("{}")
    assert (choices.settings, choices.audience, choices.break_minutes) == (Settings(), Audience(), 0)


def test_every_choice_is_read() -> None:
    stored = {
        "mode": "latest",
        "muted_authors": ["a"],
        "mutes": [{"kind": "topic", "name": "t", "until": 9}],
        "sensitive": "hide",
        "age": "minor",
        "region": "DE",
        "break_minutes": 20,
    }
    choices = read_choices(orjson.dumps(stored).decode())
    assert choices.settings == Settings(mode=Mode.LATEST, muted_authors=("a",), mutes=(Mute("topic", "t", 9),))
    assert choices.audience == Audience("DE", AgeClass.MINOR, sensitive=Sensitive.HIDE)
    assert choices.break_minutes == 20


@pytest.mark.parametrize(
    "text",
    ["[odd", "[]", '{"mode": "odd"}', '{"sensitive": "odd"}', '{"mutes": [{"kind": "topic"}]}', '{"mutes": [3]}'],
)
def test_what_cannot_be_read_is_off_and_hides_what_is_sensitive(text: str) -> None:
    assert read_choices(text) == UNREADABLE
    assert not UNREADABLE.settings.personalization
    assert UNREADABLE.audience.sensitive is Sensitive.HIDE


def test_mutes_hold_up_to_their_second_beside_those_without_one() -> None:
    chosen = Settings(muted_authors=("x",), mutes=(Mute("author", "a", 10), Mute("topic", "t", 20)))
    assert chosen.at(9) == Settings(muted_authors=("x", "a"), muted_topics=("t",))
    assert chosen.at(10) == Settings(muted_authors=("x",), muted_topics=("t",))
    assert chosen.at(20) == Settings(muted_authors=("x",))
    assert Settings(muted_authors=("x",)).at(5) == Settings(muted_authors=("x",))
