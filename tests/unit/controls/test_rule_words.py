"""Rules in plain language."""

from __future__ import annotations

import pytest

from controls.rule_words import rule_in_words, seconds_in_words, standing_in_words
from tests.unit.controls.building import policy, rule


def words(when: dict[str, object], **fields: object) -> str:
    made = policy(rule(when, **fields), tiers={"restricted": {"weight": 0.4, "max_share": 0.05, "sources": ["graph"]}})
    return rule_in_words(made.rules[0], made.tiers)


def test_a_rule_says_when_it_holds_what_follows_and_what_missing_means():
    told = words(
        {
            "all": [
                {"signal": "label.rumour", "min": 0.8, "max_age": "10m"},
                {"signal": "author.standing", "below": 60},
            ]
        },
        effect={"weight": 0.5, "notice": "disputed", "disable": ["share"]},
        missing="hold",
    )
    assert told == (
        "An item is met when its label 'rumour' scores at least 0.8 of 1, given within the last 10 minutes and its "
        "author's standing is below 60 points. It is restricted: its score counts 0.2 times, so that it is recommended "
        "less often. Restricted items are at most 5% of a session. Only these sources may bring them: graph. The "
        "notice 'disputed' is shown with it. Readers cannot share it. Where a signal is missing, the item waits until "
        "it is there."
    )


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"signal": "item.age", "below": "2h"}, "its age is below 2 hours"),
        ({"signal": "item.age", "above": "1d", "below": "90s"}, "its age is above 1 day and below 90 seconds"),
        ({"not": {"signal": "topic", "in": ["news", "sport"]}}, "not (a topic of it is news or sport)"),
        (
            {"any": [{"signal": "region", "in": ["DE"]}, {"signal": "language", "in": ["de"]}]},
            "its region is DE or its",
        ),
    ],
)
def test_every_condition_has_words(when: dict[str, object], said: str):
    assert said in words(when)


def test_single_authors_and_items_are_not_named():
    assert "secret-author" not in words({"signal": "author.id", "in": ["secret-author"]})


@pytest.mark.parametrize(
    ("tier", "effect", "said"),
    [
        ("blocked", {}, "It is not shown."),
        ("encouraged", {"weight": 1.5}, "It is encouraged: its score counts 1.5 times."),
        ("standard", {"weight": 0.5}, "Its score counts 0.5 times."),
        ("standard", {"hold": True}, "It is kept back while this is so."),
        ("standard", {"age_gate": "adult"}, "only to readers who are known to be adult"),
        ("standard", {"sensitive": {"notice": "gore"}}, "It is sensitive"),
    ],
)
def test_every_outcome_has_words(tier: str, effect: dict[str, object], said: str):
    assert said in words({"signal": "topic", "in": ["news"]}, tier=tier, effect=effect, missing="apply")


def test_a_rule_that_is_only_tried_says_so():
    assert "only being tried" in words({"signal": "topic", "in": ["news"]}, mode="shadow")


@pytest.mark.parametrize(
    ("seconds", "said"), [(60, "1 minute"), (7200, "2 hours"), (61, "61 seconds"), (86400, "1 day")]
)
def test_durations_are_said_in_their_largest_unit(seconds: int, said: str):
    assert seconds_in_words(seconds) == said


def test_thresholds_of_standing_are_told_the_highest_first():
    limits = [{"below": 20, "service": "suspended"}, {"below": 80, "service": "rate", "per_day": 5}]
    made = policy(standing={"thresholds": limits, "basis": {"kind": "terms", "clause": "6.1"}})
    assert standing_in_words(made.standing) == [
        "Below 80 points of standing, at most 5 of the author's items are taken a day.",
        "Below 20 points of standing, the author's items are recommended to nobody, and new ones are refused.",
    ]
    assert standing_in_words(None) == []
