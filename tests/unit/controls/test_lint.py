"""Lint: each finding says what, where, why and how to fix; sound policies have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controls.lint import Finding, check_policy, lint
from controls.policy import content_hash, parse
from tests.unit.controls.building import policy, rule

NOW = 1_800_000_000
SHIPPED = (Path(__file__).resolve().parents[3] / "docs" / "policies").glob("*.yaml")
EXAMPLES = sorted(path for path in SHIPPED if not path.name.endswith(".corpus.yaml"))

RUMOUR = {"signal": "label.rumour", "min": 0.8}
TOPIC = {"signal": "topic", "in": ["a", "b"]}


def findings(*rules: dict[str, object], **fields: Any) -> list[Finding]:
    return check_policy(policy(*rules, **fields), NOW)


def kinds(*rules: dict[str, object], **fields: Any) -> list[str]:
    return [finding.kind for finding in findings(*rules, **fields)]


def truth(when: dict[str, object], **fields: Any) -> list[str]:
    return kinds(rule(when), **fields)


def test_a_sound_policy_has_no_finding() -> None:
    assert (
        findings(rule(RUMOUR), rule(TOPIC, id="b", tier="encouraged"), tiers={"encouraged": {"min_share": 0.1}}) == []
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_shipped_example_reads_and_has_no_finding(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert lint(text, NOW) == []
    assert content_hash(parse(text))


def test_there_is_a_shipped_example() -> None:
    assert EXAMPLES


def test_every_finding_says_what_where_why_and_how_to_fix() -> None:
    text = "name: n\nrules:\n  - id: a\n    tier: blocked\n    missing: skip\n    when: {signal: topic, in: [x]}\n"
    found = lint(text, NOW)
    assert [(f.kind, f.where, f.line) for f in found] == [
        ("missing-basis", ("rules", 0), 3),
        ("missing-review-date", ("rules", 0), 3),
        ("blocked-skips", ("rules", 0, "missing"), 5),
    ]
    for finding in found:
        assert finding.fatal and finding.what and finding.why and finding.fix
        assert str(finding.problem).startswith(f"line {finding.line}, rules.0")


def test_what_cannot_be_read_is_a_finding_too() -> None:
    (finding,) = lint(
        "name: n\nrules:\n  - {id: a, tier: blocked, missing: hold, when: {signal: mood, in: [x]}}\n", NOW
    )
    assert (finding.kind, finding.fatal, finding.line) == ("invalid", True, 3)
    assert finding.where == ("rules", "0", "when", "signal")


def test_a_live_rule_without_basis_or_review_date_is_fatal_and_a_shadow_rule_is_not() -> None:
    live = rule(RUMOUR, basis=None, review_by=None)
    assert [(f.kind, f.fatal) for f in findings(live)] == [("missing-basis", True), ("missing-review-date", True)]
    assert {f.fatal for f in findings(live | {"mode": "shadow"})} == {False}


def test_a_review_that_is_due_is_advice() -> None:
    (finding,) = findings(rule(RUMOUR, review_by="2027-01-15"))
    assert (finding.kind, finding.fatal) == ("review-overdue", False)
    assert kinds(rule(RUMOUR, review_by="2027-01-16")) == []


def test_a_blocking_rule_may_not_skip_a_missing_signal() -> None:
    assert kinds(rule(RUMOUR, tier="blocked", missing="skip")) == ["blocked-skips"]
    assert kinds(rule(RUMOUR, tier="blocked", missing="hold")) == []
    assert kinds(rule(RUMOUR, tier="blocked", missing="apply")) == []


def test_a_rule_that_encourages_what_it_holds_is_advised_against() -> None:
    (finding,) = findings(rule(RUMOUR, tier="encouraged", effect={"hold": True}))
    assert (finding.kind, finding.fatal) == ("encourages-what-it-holds", False)
    assert finding.where == ("rules", 0, "effect", "hold")
    assert kinds(rule(RUMOUR, tier="standard", effect={"hold": True})) == []


def test_a_label_that_no_item_has_is_named_when_the_labels_are_known() -> None:
    made = policy(rule({"any": [RUMOUR, {"signal": "label.spam", "min": 0.5}]}))
    (finding,) = check_policy(made, NOW, labels=frozenset({"spam"}))
    assert finding.kind == "unknown-signal" and "'rumour'" in finding.what
    assert check_policy(made, NOW) == []


@pytest.mark.parametrize(
    "when",
    [
        {"signal": "label.rumour", "min": 0.8, "max": 0.7},
        {"signal": "author.standing", "above": 60, "below": 60},
        {"signal": "author.standing", "below": 0},
        {"signal": "author.standing", "above": 100},
        {"signal": "item.age", "above": "1h", "below": "1h"},
        {"signal": "item.age", "above": "59s", "below": "60s"},
        {"all": [RUMOUR, {"signal": "label.rumour", "max": 0.5}]},
        {"all": [RUMOUR, {"not": RUMOUR}]},
        {"all": [RUMOUR, {"not": {"any": [RUMOUR, TOPIC]}}]},
        {"not": {"any": [RUMOUR, {"not": RUMOUR}]}},
        {"not": {"signal": "label.rumour", "min": 0.0}},
        {"all": [{"signal": "language", "in": ["de"]}, {"signal": "language", "in": ["en"]}]},
        {"all": [{"signal": "topic", "in": ["a"]}, {"not": TOPIC}]},
        {"all": [{"any": [TOPIC, RUMOUR]}, {"not": TOPIC}, {"not": RUMOUR}]},
    ],
)
def test_a_condition_that_can_never_hold_is_fatal(when: dict[str, object]) -> None:
    assert truth(when) == ["never-true"]


@pytest.mark.parametrize(
    "when",
    [
        {"signal": "label.rumour", "min": 0.8, "max": 0.8},
        {"signal": "item.age", "above": "58s", "below": "60s"},
        {"all": [{"signal": "topic", "in": ["a"]}, {"signal": "topic", "in": ["b"]}]},
        {"all": [{"signal": "language", "in": ["de", "en"]}, {"not": {"signal": "language", "in": ["de"]}}]},
        {"all": [RUMOUR, {"not": {"signal": "label.rumour", "min": 0.9}}]},
        {"not": {"all": [RUMOUR, TOPIC]}},
    ],
)
def test_a_condition_that_some_item_could_fulfil_is_left_alone(when: dict[str, object]) -> None:
    assert truth(when) == []


def test_a_part_that_contradicts_the_rest_is_advice() -> None:
    (finding,) = findings(rule({"any": [TOPIC, {"all": [RUMOUR, {"not": RUMOUR}]}]}))
    assert (finding.kind, finding.fatal) == ("contradiction", False)


def test_an_empty_set_can_hold_for_nobody() -> None:
    found = findings(rule({"signal": "topic", "in_set": "s"}), sets={"s": []})
    assert [(f.kind, f.fatal) for f in found] == [("empty-set", False), ("never-true", True)]


def test_a_set_that_no_rule_tests_is_named() -> None:
    assert truth(RUMOUR, sets={"s": ["x"]}) == ["unused-set"]


def test_a_very_large_condition_is_left_undecided() -> None:
    pairs = [{"any": [{"signal": f"label.l{n}", "min": 0.5}, TOPIC]} for n in range(12)]
    assert truth({"all": [*pairs, RUMOUR, {"not": RUMOUR}]}) == []


NARROW = {"all": [{"signal": "label.rumour", "min": 0.9}, {"signal": "topic", "in": ["a"]}]}


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ({}, {"tier": "blocked", "missing": "hold"}),
        ({"tier": "encouraged"}, {}),
        ({}, {}),
        ({"effect": {"notice": "disputed", "disable": ["share"]}}, {"tier": "blocked", "missing": "hold"}),
        ({"effect": {"notice": "disputed"}}, {"effect": {"notice": "disputed", "disable": ["share"]}}),
        (
            {"scope": {"surfaces": ["home"], "regions": ["DE"], "audience": "minor"}},
            {"scope": {"regions": ["DE", "AT"]}},
        ),
        ({"missing": "apply"}, {"missing": "apply"}),
    ],
)
def test_a_rule_without_effect_beside_a_stricter_one_is_shadowed(narrow: dict[str, Any], wide: dict[str, Any]) -> None:
    rules = [rule(NARROW, id="narrow") | narrow, rule(RUMOUR, id="wide") | wide]
    for order in (rules, rules[::-1]):
        (finding,) = findings(*order)
        assert finding.kind == "shadowed" and not finding.fatal
        assert "'narrow' changes nothing" in finding.what and "'wide'" in finding.what


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ({"tier": "blocked", "missing": "hold"}, {}),
        ({"effect": {"notice": "disputed"}}, {}),
        ({"effect": {"weight": 0.5}}, {}),
        ({"effect": {"hold": True}}, {}),
        ({"effect": {"age_gate": "adult"}}, {}),
        ({"effect": {"sensitive": {"notice": "graphic"}}}, {}),
        ({}, {"scope": {"regions": ["DE"]}}),
        ({}, {"scope": {"surfaces": ["home"]}}),
        ({}, {"scope": {"audience": "minor"}}),
        ({}, {"mode": "shadow"}),
        ({"mode": "shadow"}, {}),
        ({"missing": "hold"}, {"missing": "hold"}),
        ({"missing": "apply"}, {}),
        ({}, {"when": {"signal": "label.rumour", "min": 0.95}}),
        ({}, {"when": {"signal": "label.spam", "min": 0.1}}),
        ({}, {"when": {"signal": "label.rumour", "min": 0.8, "max_age": "1h"}}),
        ({}, {"when": {"all": [RUMOUR, {"signal": "topic", "in": ["b"]}]}}),
        ({}, {"when": {"all": [RUMOUR, {"not": {"signal": "topic", "in": ["b"]}}]}}),
    ],
)
def test_a_rule_that_still_does_something_is_not_shadowed(narrow: dict[str, Any], wide: dict[str, Any]) -> None:
    assert "shadowed" not in kinds(rule(NARROW, id="narrow") | narrow, rule(RUMOUR, id="wide") | wide)


def test_a_rule_that_also_catches_labels_too_old_is_not_shadowed() -> None:
    fresh = {"not": {"signal": "label.suitable", "min": 0.9, "max_age": "30d"}}
    ever, longer = ({"not": {"signal": "label.suitable", "min": 0.9} | age} for age in ({}, {"max_age": "60d"}))
    for wide in (ever, longer):
        rules = [rule(fresh, id="fresh", missing="apply"), rule(wide, id="wide", tier="blocked", missing="hold")]
        assert "shadowed" not in kinds(*rules)
    shorter = {"not": {"signal": "label.suitable", "min": 0.9, "max_age": "30d"}}
    rules = [rule(fresh, id="fresh", missing="apply"), rule(shorter, id="wide", tier="blocked", missing="hold")]
    assert kinds(*rules) == ["shadowed"]


def test_of_two_equal_rules_the_later_one_is_too_many() -> None:
    (finding,) = findings(rule(RUMOUR, id="first"), rule(RUMOUR, id="second"))
    assert "'second' changes nothing" in finding.what


@pytest.mark.parametrize(
    ("encouraged", "fits"),
    [
        ({"min_share": 0.10, "max_share": 0.30}, True),
        ({"min_share": 0.3, "max_share": 0.3}, True),
        ({"min_share": 0.31, "max_share": 0.30}, False),
        ({"min_share": 0.01, "max_share": 0.02}, False),
    ],
)
def test_a_minimum_share_must_fit_within_the_maximum(encouraged: dict[str, float], fits: bool) -> None:
    found = findings(rule(TOPIC, tier="encouraged"), tiers={"encouraged": encouraged})
    assert [(f.kind, f.fatal) for f in found] == ([] if fits else [("shares-do-not-fit", True)])


def test_a_minimum_share_that_no_rule_can_fill_is_advice() -> None:
    (finding,) = findings(rule(TOPIC), tiers={"encouraged": {"min_share": 0.1}})
    assert (finding.kind, finding.fatal) == ("shares-do-not-fit", False)
