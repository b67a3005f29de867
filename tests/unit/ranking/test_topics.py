"""How the topics of a page stand to those of its reader, and how near to each other items of one topic stand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controls.scopes import SurfaceKind
from ranking.errors import InvalidParameters
from ranking.parameters import Parameters
from ranking.reader import CONSUMED, EventKind, Mode, Reader, Surface
from tests.unit.ranking.scenes import NOW, PLAIN, Scene, item, scene

AS_SCORED = replace(PLAIN, calibration=0)
CALIBRATED = replace(PLAIN, calibration=1000)


def of_topics(*names: str, **told: object) -> Scene:
    """Items named by the first letters of their topics and a number: ``a0``, ``ab1``."""
    words = {"a": "art", "b": "bees", "c": "chess", "d": "dance"}
    entries = [
        item(name, topics=tuple(words[letter] for letter in name if letter in words), published_at=NOW + n)
        for n, name in enumerate(names)
    ]
    return scene(entries, **told)  # type: ignore[arg-type]


def two_tastes(**told: object) -> tuple[Scene, Reader]:
    """A reader of art and bees alike, whose graph knows far more of art."""
    near = {"a2": 100, "a3": 99, "a4": 98, "a5": 97, "b2": 60, "b3": 55}
    made = of_topics("a0", "b0", "a2", "a3", "a4", "a5", "b2", "b3", graph={"a0": near}, **told)
    return made, made.reader(liked=["a0", "b0"], seen={"a0": CONSUMED, "b0": CONSUMED})


class TestCalibration:
    def test_without_it_the_order_is_that_of_scores(self) -> None:
        made, reader = two_tastes()
        assert made.shown(reader, AS_SCORED, limit=6) == "a2 a3 a4 a5 b2 b3"

    def test_topics_come_in_the_proportions_of_the_history(self) -> None:
        made, reader = two_tastes()
        assert made.shown(reader, CALIBRATED, limit=4) == "a2 b2 a3 b3"

    def test_a_little_of_it_moves_only_what_is_close(self) -> None:
        made, reader = two_tastes()
        assert made.shown(reader, replace(PLAIN, calibration=10), limit=3) == "a2 a3 a4"

    def test_an_item_of_both_topics_fills_both_by_halves(self) -> None:
        near = {"a2": 100, "a3": 90, "ab4": 80}
        made = of_topics("a0", "b0", "a2", "a3", "ab4", graph={"a0": near})
        reader = made.reader(liked=["a0", "b0"], seen={"a0": CONSUMED, "b0": CONSUMED})
        # For the first place a2 fills its half of a voice, and so does ab4 twice a half: 100 · 1.5 against 80 · 2.
        assert made.shown(reader, CALIBRATED, limit=3) == "ab4 a2 a3"

    def test_what_the_session_had_before_counts_too(self) -> None:
        made, reader = two_tastes()
        assert made.shown(reader, CALIBRATED, limit=1, after=["a2", "a3"]) == "b2"

    def test_votes_weigh_the_shares_and_votes_against_have_none(self) -> None:
        made, _ = two_tastes()
        seen = {"a0": CONSUMED, "b0": CONSUMED}
        reader = made.reader(did=[("a0", EventKind.LIKE), ("b0", EventKind.LESS)], seen=seen)
        assert made.shown(reader, replace(CALIBRATED, weight_less=-1), limit=6) == "a2 a3 a4 a5 b2 b3"

    def test_a_history_without_topics_changes_nothing(self) -> None:
        made = scene("x a b c", graph={"x": {"a": 3, "b": 2, "c": 1}})
        reader = made.reader(liked=["x"], seen={"x": CONSUMED})
        assert made.shown(reader, CALIBRATED) == made.shown(reader, AS_SCORED) == "a b c"

    def test_only_personalized_pages_have_it(self) -> None:
        made, reader = two_tastes(popular={"home": "a2 a3 a4 a5 b2 b3"})
        for mode in (Mode.POPULAR, Mode.LATEST, Mode.EDITORIAL):
            assert made.shown(reader, CALIBRATED, mode=mode) == made.shown(reader, AS_SCORED, mode=mode)
        related = Surface(SurfaceKind.RELATED, "a0")
        assert made.shown(reader, CALIBRATED, surface=related) == made.shown(reader, AS_SCORED, surface=related)

    def test_the_scores_that_are_told_are_the_graphs_own(self) -> None:
        made, reader = two_tastes()
        by_row = {
            parameters: dict(zip(page.rows.tolist(), page.scores.tolist(), strict=True))
            for parameters in (AS_SCORED, CALIBRATED)
            for page in [made.page(reader, parameters, limit=6)]
        }
        assert by_row[AS_SCORED] == by_row[CALIBRATED]

    def test_more_topics_than_eight_are_counted_as_the_first_eight(self) -> None:
        many = tuple(f"topic-{n}" for n in range(20))
        entries = [item("x", topics=many), item("a", topics=many[8:]), item("b", topics=many[7:])]
        made = scene(entries, graph={"x": {"a": 100, "b": 96}})
        reader = made.reader(liked=["x"], seen={"x": CONSUMED})
        assert made.shown(reader, CALIBRATED) == "b a", "of a's first eight topics the reader has no share"

    def test_the_worthiest_that_does_not_fit_leaves_its_place_to_the_next(self) -> None:
        near = {"a2": 100, "a3": 99, "b2": 10}
        entries = [item("a0", topics=("art",)), *(item(name, author="x", topics=("art",)) for name in ("a2", "a3"))]
        made = scene([*entries, item("b2", author="y")], graph={"a0": near})
        reader = made.reader(liked=["a0"], seen={"a0": CONSUMED})
        assert made.shown(reader, replace(CALIBRATED, author_max=1), limit=3) == "a2 b2 a3"


class TestTopicWindow:
    def test_a_topic_has_at_most_so_many_items_in_a_window(self) -> None:
        made, reader = two_tastes()
        parameters = replace(AS_SCORED, topic_window=3, topic_max=2)
        assert made.shown(reader, parameters, limit=6) == "a2 a3 b2 a4 a5 b3"

    def test_it_gives_way_rather_than_leave_the_page_short(self) -> None:
        made = of_topics("a0", "a1", "a2", popular={"home": "a0 a1 a2"})
        assert made.shown(None, replace(AS_SCORED, topic_max=1)) == "a0 a1 a2"

    def test_the_window_reaches_back_into_the_session(self) -> None:
        made, reader = two_tastes()
        parameters = replace(AS_SCORED, topic_window=3, topic_max=2)
        assert made.shown(reader, parameters, limit=2, after=["a2", "a3"]) == "b2 a4"

    def test_a_window_of_one_item_holds_nothing_back(self) -> None:
        made, reader = two_tastes()
        parameters = replace(AS_SCORED, topic_window=1, topic_max=1)
        assert made.shown(reader, parameters, limit=6) == made.shown(reader, AS_SCORED, limit=6)

    def test_the_topic_that_a_page_is_about_may_have_any_number(self) -> None:
        made = of_topics("ab0", "ab1", "ac2", popular={"topic:art": "ab0 ab1 ac2"})
        art = Surface(SurfaceKind.TOPIC, "art")
        assert made.shown(None, replace(AS_SCORED, topic_max=1), surface=art) == "ab0 ac2 ab1"

    def test_pages_that_are_not_personalized_keep_it_too_unless_their_order_stands(self) -> None:
        made = of_topics("a0", "a1", "b2", popular={"home": "a0 a1 b2"})
        parameters = replace(AS_SCORED, topic_max=1)
        assert made.shown(None, parameters, mode=Mode.POPULAR) == "a0 b2 a1"
        assert made.shown(None, parameters, mode=Mode.LATEST) == "b2 a1 a0"


@pytest.mark.parametrize("wrong", [{"topic_window": 0}, {"topic_max": -1}, {"calibration": 4001}, {"calibration": 0.5}])
def test_parameters_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidParameters, match="must be a whole number"):
        Parameters(**wrong)
