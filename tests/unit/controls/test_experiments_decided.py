"""Experiments as decisions: what an experiment must be, what it may not meet, and how it begins and ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controls.decisions import DecisionType
from controls.delegation import delegated
from controls.errors import (
    AlreadyReversed,
    ExperimentClash,
    ExperimentOver,
    InvalidDecision,
    NotAllowed,
    UnknownReference,
)
from controls.proposals import Proposal
from controls.scopes import Scope
from controls.service import DecisionService
from tests.unit.controls.office import ADMIN, LATER, NOW, Office, experiment, propose


def start(*sets: dict[str, object], name: str = "weights", **fields: Any) -> Proposal:
    return propose("start_experiment", parameters=experiment(name, *sets), **fields)


def stop(experiment_id: str) -> Proposal:
    return propose("stop_experiment", parameters={"experiment": experiment_id})


def running(office: Office) -> list[str]:
    return [one.name for one in office.sandbox.state.governance().experiments]


def test_an_experiment_runs_from_its_start_to_its_end_by_the_second() -> None:
    office = Office()
    office.decide(start(starts_at=NOW + 10, expires_at=NOW + 20))
    seen = []
    for second in (NOW, NOW + 9, NOW + 10, NOW + 19, NOW + 20):
        office.sandbox.state.advance(second)
        seen.append(running(office))
    assert seen == [[], [], ["weights"], ["weights"], []]


def test_what_governance_tells_of_an_experiment_is_what_was_decided() -> None:
    office = Office()
    made = office.decide(start({}, {"weight_like": 3, "weight_click": 2}, scope=Scope(("home",), ("DE",), "adult")))
    (told,) = office.sandbox.state.governance().experiments
    assert (told.id, told.name, told.outcome, told.measure) == (made.id, "weights", "click", "per_reader")
    assert [(arm.name, arm.share, arm.sets) for arm in told.arms] == [
        ("a", 500, ()),
        ("b", 500, (("weight_click", 2), ("weight_like", 3))),
    ]
    assert (told.scope, told.starts_at, told.expires_at) == (Scope(("home",), ("DE",), "adult"), NOW, LATER)
    assert told.sets == {"weight_click", "weight_like"}


@pytest.mark.parametrize("starts_at", [NOW, NOW + 10])
def test_a_stop_ends_an_experiment_that_runs_and_one_that_has_not_begun(starts_at: int) -> None:
    office = Office()
    made = office.decide(start(starts_at=starts_at))
    office.decide(stop(made.id))
    office.sandbox.state.advance(NOW + 20)
    assert running(office) == [] and office.sandbox.state.governance().planned == ()
    assert office.service.undone_by(made) is not None


def test_a_reversal_of_the_start_stops_too_and_a_stop_cannot_be_reversed() -> None:
    office = Office()
    made = office.decide(start())
    office.decide(propose("reverse", reverses=made.id))
    assert running(office) == []
    again = office.decide(start())
    stopped = office.decide(stop(again.id))
    with pytest.raises(InvalidDecision, match="cannot be reversed"):
        office.decide(propose("reverse", reverses=stopped.id))
    with pytest.raises(AlreadyReversed):
        office.decide(propose("reverse", reverses=again.id))


def test_only_an_experiment_that_runs_or_will_can_be_stopped() -> None:
    office = Office()
    with pytest.raises(UnknownReference, match="no experiment has this id"):
        office.decide(stop("nowhere"))
    frozen = office.decide(propose("freeze"))
    with pytest.raises(UnknownReference):
        office.decide(stop(frozen.id))
    made = office.decide(start())
    office.decide(stop(made.id))
    with pytest.raises(ExperimentOver, match="was ended by"):
        office.decide(stop(made.id))
    short = office.decide(start(expires_at=NOW + 1))
    with pytest.raises(ExperimentOver, match=f"ended at second {NOW + 1}"):
        office.service.decide(stop(short.id), ADMIN, NOW + 1)


def arms(*changed: dict[str, object]) -> dict[str, object]:
    usual: list[dict[str, object]] = [{"name": "a", "share": 500, "sets": {}}, {"name": "b", "share": 500, "sets": {}}]
    return {"arms": [one | other for one, other in zip(usual, changed, strict=True)]}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "Weights!"}, "parameters.name"),
        ({"name": None}, "parameters.name"),
        ({"arms": None}, "parameters.arms"),
        ({"arms": "two"}, "parameters.arms"),
        ({"arms": [{"name": "a", "share": 1000, "sets": {}}]}, "parameters.arms"),
        ({"arms": [{"name": f"a{n}", "share": 1, "sets": {}} for n in range(11)]}, "parameters.arms"),
        ({"arms": ["a", "b"]}, "parameters.arms.0"),
        (arms({}, {"name": "a"}), "parameters.arms.1.name"),
        (arms({}, {"name": 7}), "parameters.arms.1.name"),
        (arms({"share": 0}, {}), "parameters.arms.0.share"),
        (arms({"share": True}, {}), "parameters.arms.0.share"),
        (arms({"share": 0.5}, {}), "parameters.arms.0.share"),
        (arms({"share": 501}, {}), "parameters.arms"),
        (arms({"policy": "none"}, {}), "parameters.arms.0.policy"),
        (arms({}, {"sets": ["weight_click"]}), "parameters.arms.1.sets"),
        (arms({}, {"sets": {"weight_click": 99}}), "parameters.arms.1.sets.weight_click"),
        ({"outcome": "impression"}, "parameters.outcome"),
        ({"outcome": None}, "parameters.outcome"),
        ({"measure": "best"}, "parameters.measure"),
        ({"surfaces": ["home"]}, "parameters.surfaces"),
    ],
)
def test_what_is_wrong_with_an_experiment_is_named_where_it_stands(wrong: dict[str, object], field: str) -> None:
    office = Office()
    with pytest.raises(InvalidDecision) as refused:
        office.decide(propose("start_experiment", parameters={**experiment(), **wrong}))
    assert refused.value.field == field
    assert office.ledger.decisions == []


def test_a_value_that_ranking_refuses_is_refused_with_its_arm() -> None:
    with pytest.raises(InvalidDecision, match="arm 'b': weight_click is 99; it must be a digit"):
        Office().decide(start({}, {"weight_click": 99}))


def test_a_service_that_was_not_told_what_can_be_set_lets_nothing_be_set() -> None:
    office = Office()
    service = DecisionService(
        office.ledger,
        governance=office.sandbox.state.governance,
        columns=lambda: office.columns,
        policy_known=lambda _: False,
        model_known=lambda _: False,
        new_id=lambda: "d",
    )
    with pytest.raises(InvalidDecision, match="weight_click cannot be set here"):
        service.decide(start(), ADMIN, NOW)


def test_an_experiment_has_an_end_and_is_about_personalized_pages() -> None:
    office = Office()
    with pytest.raises(InvalidDecision, match="give expires_at"):
        office.decide(start(expires_at=None, review_by=LATER))
    with pytest.raises(InvalidDecision, match="not personalized"):
        office.decide(start(scope=Scope(("related",))))
    assert office.decide(start(scope=Scope(("related", "home")))).revision == 1


CLASHING = [
    ({}, {}),
    ({"scope": Scope(("home",))}, {"scope": Scope(("home", "topic"))}),
    ({"expires_at": NOW + 20}, {"starts_at": NOW + 19}),
    ({"scope": Scope(regions=("DE",))}, {"scope": Scope(regions=("*",))}),
]
APART = [
    ({"scope": Scope(("home",))}, {"scope": Scope(("topic",))}),
    ({"expires_at": NOW + 20}, {"starts_at": NOW + 20}),
    ({"scope": Scope(regions=("DE",))}, {"scope": Scope(regions=("FR",))}),
    ({"scope": Scope(audience="adult")}, {"scope": Scope(audience="minor")}),
]


@pytest.mark.parametrize(("one", "other"), CLASHING)
def test_two_experiments_cannot_set_one_parameter_for_the_same_pages(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    office = Office()
    first = office.decide(start(**one))
    with pytest.raises(ExperimentClash, match=f"experiment {first.id} .*weight_click") as refused:
        office.decide(start(name="others", **other))
    assert refused.value.field == "parameters.arms"
    office.decide(stop(first.id))
    assert office.decide(start(name="others", **other)).revision == 3


@pytest.mark.parametrize(("one", "other"), APART)
def test_they_can_where_no_page_meets_both(one: dict[str, Any], other: dict[str, Any]) -> None:
    office = Office()
    office.decide(start(**one))
    assert office.decide(start(name="others", **other)).revision == 2


def test_experiments_on_other_parameters_run_side_by_side_under_names_of_their_own() -> None:
    office = Office()
    office.decide(start())
    office.decide(start({}, {"fresh_every": 5}, name="places"))
    assert running(office) == ["places", "weights"]
    with pytest.raises(ExperimentClash, match="has the name 'places'"):
        office.decide(start({}, {"popular_every": 5}, name="places"))


def test_of_two_that_are_started_at_once_one_meets_the_other() -> None:
    office = Office()
    rival = Office().decide(start(name="rival"))
    office.ledger.meanwhile = [replace(rival, id="rival")]
    with pytest.raises(ExperimentClash, match="experiment rival"):
        office.decide(start())


def test_there_is_a_most_of_experiments_at_a_time() -> None:
    office = Office()
    for number in range(20):
        office.decide(start({}, {}, name=f"aa-{number}"))
    with pytest.raises(ExperimentClash, match="20 experiments run at that time"):
        office.decide(start({}, {}, name="one-more"))


def test_no_community_starts_an_experiment() -> None:
    with pytest.raises(NotAllowed):
        delegated(start(), "cleo", "c", frozenset({"founder"}), inside=lambda _: True)


def test_the_same_experiments_are_the_same_tuple_from_second_to_second() -> None:
    office = Office()
    office.decide(start())
    before = office.sandbox.state.governance().experiments
    office.sandbox.state.advance(NOW + 1)
    office.decide(propose("pin"))
    assert office.sandbox.state.governance().experiments is before
    assert DecisionType.START_EXPERIMENT not in {made.type for made in office.sandbox.state.governance().pinned}
