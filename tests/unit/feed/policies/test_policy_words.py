"""The policy and the ranking in plain language: nothing that is set goes untold, nothing is told that is not so."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from feed.policies.words import criteria, options, rules_in_words
from ranking.parameters import DEFAULTS, Parameters
from tests.unit.controls.building import policy, rule


def words(parameters: Parameters) -> str:
    return " ".join(f"{one.what} {one.why}" for one in criteria(parameters))


def test_every_parameter_of_the_ranking_belongs_to_a_criterion():
    told = [name for one in criteria(DEFAULTS) for name in one.parameters]
    assert sorted(told) == sorted(field.name for field in fields(Parameters))


def test_rules_and_the_readers_own_choices_come_before_what_was_seen_of_them():
    assert [one.name for one in criteria(DEFAULTS)][:3] == [
        "rules and decisions",
        "what you chose",
        "what you did lately",
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"weight_share": 77}, "a share 77"),
        ({"history": 33}, "Your last 33 clicks"),
        ({"half_life_items": 9, "half_life_days": 0}, "half after 9 items that you chose since,"),
        ({"seen_discount_permille": 250}, "leaves 25 % of its score"),
        ({"topic_max": 3, "topic_window": 9}, "3 of one topic among 9"),
        ({"popular_every": 6}, "one of 6 goes to a popular item"),
        ({"explore_every": 40}, "one of 40 to an item that few readers were shown"),
    ],
)
def test_the_words_follow_the_parameters_in_force(changed, said):
    assert said in words(replace(DEFAULTS, **changed))
    assert said not in words(DEFAULTS)


def test_what_is_off_is_not_told():
    off = replace(DEFAULTS, half_life_items=0, half_life_days=0, calibration=0, explore_every=0, fresh_every=0)
    assert "counts half" not in words(off) and "proportions" not in words(off)
    none = replace(off, editorial_every=0, popular_every=0)
    assert "No place is kept for others." in words(none)


def test_a_feed_without_profiling_is_the_first_option_and_every_option_says_how_and_when():
    told = options()
    assert told[0].name == "a feed that is not based on profiling" and "personalization" in told[0].how
    assert all(one.how and one.takes_effect for one in told)


def test_every_rule_is_told_with_its_ground_and_where_it_holds():
    made = policy(
        rule({"signal": "topic", "in": ["news"]}, id="news", scope={"regions": ["DE"], "audience": "minor"}),
        rule({"signal": "item.age", "below": "2h"}, id="fresh", mode="shadow"),
    )
    first, second = rules_in_words(made)
    assert (first.id, first.where) == ("news", "on all surfaces, in DE, for minors")
    assert (first.basis, first.review_by) == ("terms 4.2", "2030-01-01")
    assert second.mode == "shadow" and "its age is below 2 hours" in second.words
