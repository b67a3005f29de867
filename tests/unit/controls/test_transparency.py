"""Transparency: days that add up to periods."""

from __future__ import annotations

import datetime
from dataclasses import asdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.experiments import Arm, Experiment
from controls.scopes import Scope
from controls.transparency import Day, report_of, rows_of, tier_of

FIRST = datetime.date(2026, 11, 1)
FIELDS = {
    "decision_visibility": ["DECISION_VISIBILITY_CONTENT_DEMOTED", "DECISION_VISIBILITY_CONTENT_LABELLED"],
    "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
    "category": "STATEMENT_CATEGORY_VIOLENCE",
    "source_type": "SOURCE_VOLUNTARY",
    "automated_decision": "AUTOMATED_DECISION_FULLY",
}


def day(**counts: object) -> Day:
    made = Day()
    for name, value in counts.items():
        if isinstance(value, dict):
            getattr(made, name).update(value)
        else:
            setattr(made, name, value)
    return made


def reported(*days: Day, last: int | None = None):
    ordinals = {FIRST.toordinal() + number: one for number, one in enumerate(days)}
    until = FIRST + datetime.timedelta(days=len(days) - 1 if last is None else last)
    return report_of(ordinals, FIRST, until, window=604_800)


def test_acts_are_counted_by_tier_rule_ground_category_and_by_who_acted():
    made = Day()
    made.act(FIELDS, kind="rule", cause="rumours")
    by_person = FIELDS | {
        "automated_decision": "AUTOMATED_DECISION_NOT_AUTOMATED",
        "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
        "decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT",
        "source_type": "SOURCE_ARTICLE_16",
    }
    made.act(by_person, kind="decision", cause="d1")
    told = reported(made).acts
    assert (told["total"], told["automated"], told["automated_share"]) == (2, 1, 0.5)
    assert told["by_tier"] == {"blocked": 1, "restricted": 1}
    assert told["by_rule"] == {"rumours": 1}
    assert told["by_visibility"] == {"CONTENT_DEMOTED": 1, "CONTENT_LABELLED": 1, "CONTENT_REMOVED": 1}
    assert told["by_ground"] == {"ILLEGAL_CONTENT": 1, "INCOMPATIBLE_CONTENT": 1}
    assert told["by_category"] == {"VIOLENCE": 2}
    assert told["by_source"] == {"ARTICLE_16": 1, "VOLUNTARY": 1}


@pytest.mark.parametrize(
    ("fields", "tier"),
    [
        ({"decision_visibility": ["DECISION_VISIBILITY_CONTENT_DISABLED"]}, "blocked"),
        ({"decision_visibility": ["DECISION_VISIBILITY_CONTENT_LABELLED"]}, "standard"),
        ({"decision_visibility": ["DECISION_VISIBILITY_OTHER"]}, "author"),
        ({"decision_account": "DECISION_ACCOUNT_SUSPENDED"}, "author"),
        ({"decision_provision": "DECISION_PROVISION_PARTIAL_SUSPENSION"}, "author"),
    ],
)
def test_the_tier_of_an_act_is_told_from_its_fields(fields, tier):
    assert tier_of(fields) == tier


def test_appeals_waits_and_feeds_become_rates_and_a_median():
    told = reported(
        day(appeals={"upheld": 1}, waits=[10, 30], personalized=3, other_feeds=1, cases={"appeal": 2}),
        day(appeals={"dismissed": 3}, waits=[50]),
    )
    assert told.appeals == {"made": 2, "upheld": 1, "dismissed": 3, "moot": 0, "overturn_rate": 0.25}
    assert told.cases["median_seconds_to_act"] == 30
    assert told.feeds == {"total": 4, "personalized": 3, "personalized_share": 0.75}


def test_where_there_is_nothing_shares_are_not_made_up():
    told = reported(Day())
    shares = (told.acts["automated_share"], told.appeals["overturn_rate"], told.feeds["personalized_share"])
    assert shares == (None, None, None) and told.cases["median_seconds_to_act"] is None


def test_days_outside_the_period_do_not_count():
    assert reported(day(followed=1), day(followed=2), day(followed=4), last=1).exposure["acts_followed"] == 3


def test_counts_come_most_first_and_zero_ones_not_at_all():
    told = reported(day(decisions={"pin": 1, "takedown": 3, "boost": 0}, decided_by_service=1)).decisions
    assert list(told["by_type"].items()) == [("takedown", 3), ("pin", 1)]
    assert (told["total"], told["by_people"], told["by_the_service"]) == (4, 3, 1)


def test_every_value_of_a_report_has_one_row():
    rows = list(rows_of(reported(day(decisions={"pin": 1}))))
    assert ("decisions", "by_type", "pin", "1") in rows
    assert ("acts", "automated_share", "", "") in rows
    assert rows[0] == ("since", "", "", "2026-11-01")
    assert len({row[:3] for row in rows}) == len(rows)


_COUNTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 9))
_DAYS = st.builds(
    day,
    acts=st.integers(0, 9),
    by_rule=_COUNTS,
    decisions=_COUNTS,
    appeals=st.dictionaries(st.sampled_from(["upheld", "dismissed"]), st.integers(1, 9)),
    waits=st.lists(st.integers(0, 99)),
    personalized=st.integers(0, 9),
)


@given(st.lists(_DAYS, min_size=1, max_size=6), st.randoms())
def test_a_period_is_the_sum_of_its_days_in_whatever_order_they_are_added(days, random):
    whole, shuffled = Day(), list(days)
    random.shuffle(shuffled)
    for one in shuffled:
        whole.add(one)
    once, summed = asdict(reported(whole)), asdict(reported(*days))
    assert {**once, "until": ""} == {**summed, "until": ""}
    assert all(before >= after for before, after in pairwise(list(summed["acts"]["by_rule"].values())))


def ran(id: str, first: datetime.date, last: datetime.date, scope: Scope | None = None) -> tuple[Experiment, int]:
    """An experiment that ran from the noon of a day to the noon of another."""
    starts, ends = (
        int(datetime.datetime.combine(day, datetime.time(12), datetime.UTC).timestamp()) for day in (first, last)
    )
    arms = (Arm("usual", 500, ()), Arm("other", 500, (("history", 9),)))
    return Experiment(id, f"name-{id}", arms, "click", "per_reader", scope or Scope(), starts, ends + 10**6), ends


def test_experiments_are_told_that_ran_on_some_day_of_the_period():
    days = [FIRST + datetime.timedelta(days=number) for number in range(-3, 6)]
    every = [
        ran("before", days[0], days[2]),
        ran("into", days[0], days[3]),
        ran("within", days[4], days[4]),
        ran("over", days[0], days[8], Scope(("home", "topic"))),
        ran("after", days[6], days[8]),
        (ran("called off", days[4], days[5])[0], 0),
    ]
    every[2] = (every[2][0], every[2][1] + 60)
    made = day(decisions={"start_experiment": 2, "stop_experiment": 1})
    told = report_of({FIRST.toordinal(): made}, FIRST, days[5], window=1, ran=every)
    assert (told.experiments["started"], told.experiments["stopped"]) == (2, 1)
    assert [one["id"] for one in told.experiments["run"]] == ["into", "within", "over"]
    assert told.experiments["run"][2] == {
        "id": "over",
        "name": "name-over",
        "arms": 2,
        "surfaces": ["home", "topic"],
        "outcome": "click",
        "measure": "per_reader",
        "from": "2026-10-29",
        "to": "2026-11-06",
    }
    rows = [row for row in rows_of(told) if row[:2] == ("experiments", "run")]
    assert rows[0] == (
        "experiments",
        "run",
        "name-into",
        "2 arms on all, click per reader, 2026-10-29 to 2026-11-01",
    )
