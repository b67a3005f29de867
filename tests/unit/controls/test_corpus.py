"""Golden corpora: the shipped policies do what their examples say, and a change of a rule shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from controls.corpus import Tried, try_corpus
from controls.errors import PolicyError
from controls.policy import parse
from tests.unit.controls.building import policy, rule

NOW = 1_800_000_000
FOLDER = Path(__file__).resolve().parents[3] / "docs" / "policies"
SHIPPED = ("childrens-service", "community-rules", "news-site")


def tried(*examples: dict[str, Any], rules: tuple[dict[str, object], ...]) -> Tried:
    named = [{"name": f"example {number}"} | example for number, example in enumerate(examples)]
    return try_corpus(policy(*rules), yaml.safe_dump({"examples": named}), NOW)


def test_every_shipped_policy_has_a_corpus() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.yaml")) == sorted(
        name for each in SHIPPED for name in (f"{each}.yaml", f"{each}.corpus.yaml")
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_gives_the_verdicts_of_its_corpus_and_every_rule_decides_one(name: str) -> None:
    found = try_corpus(
        parse((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")),
        (FOLDER / f"{name}.corpus.yaml").read_text(encoding="utf-8"),
        NOW,
    )
    assert [(o.example, o.wrong) for o in found.outcomes if o.wrong] == []
    assert found.undecided == ()
    assert found.kept


@pytest.mark.parametrize("name", SHIPPED)
def test_without_one_of_its_rules_a_shipped_policy_fails_its_corpus_unless_the_rule_is_a_shadow(name: str) -> None:
    whole = parse((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    corpus = (FOLDER / f"{name}.corpus.yaml").read_text(encoding="utf-8")
    for one in whole.rules:
        less = whole.model_copy(update={"rules": tuple(other for other in whole.rules if other != one)})
        broken = any(outcome.wrong for outcome in try_corpus(less, corpus, NOW).outcomes)
        assert broken is (one.mode == "live"), one.id


SPAM = rule({"signal": "label.spam", "min": 0.5}, id="spam", effect={"notice": "spam", "weight": 0.5})


def test_what_comes_out_otherwise_is_told_field_by_field_with_its_line() -> None:
    found = tried({"item": {"labels": {"spam": 0.9}}, "expect": {"tier": "standard", "weight": 1.0}}, rules=(SPAM,))
    (outcome,) = found.outcomes
    assert outcome.wrong == ("tier is restricted, not standard", "notices is spam, not none", "weight is 0.5, not 1.0")
    assert outcome.line == 2 and outcome.decided_by == ("spam",)
    assert not found.kept


def test_a_rule_that_no_example_hangs_on_is_named() -> None:
    milder = rule({"signal": "label.spam", "min": 0.9}, id="milder", tier="standard")
    found = tried(
        {"item": {"labels": {"spam": 0.95}}, "expect": {"tier": "restricted", "notices": ["spam"]}},
        rules=(SPAM, milder),
    )
    assert found.outcomes[0].wrong == () and found.undecided == ("milder",)


def test_a_shadow_rule_is_decided_where_it_is_recorded() -> None:
    shadow = rule({"signal": "topic", "in": ["a"]}, id="shadow", mode="shadow")
    missed = tried({"item": {"topics": ["b"]}, "expect": {"tier": "standard"}}, rules=(shadow,))
    met = tried({"item": {"topics": ["a"]}, "expect": {"tier": "standard"}}, rules=(shadow,))
    assert (missed.undecided, met.undecided) == (("shadow",), ())


@pytest.mark.parametrize(
    ("signal", "item"),
    [
        ("item.id", {"id": "v"}),
        ("topic", {"topics": ["u", "v"]}),
        ("community", {"community": "v"}),
        ("language", {"language": "v"}),
        ("region", {"region": "v"}),
        ("author.id", {"author": {"id": "v"}}),
        ("author.kind", {"author": {"kind": "v"}}),
        ("author.identity", {"author": {"identity": "v"}}),
    ],
)
def test_an_example_may_have_every_categorical_signal(signal: str, item: dict[str, object]) -> None:
    found = tried({"item": item, "expect": {"tier": "restricted"}}, rules=(rule({"signal": signal, "in": ["v"]}),))
    assert found.kept


def test_an_example_may_have_every_numeric_signal_and_labels_have_an_age() -> None:
    rules = (
        rule({"signal": "author.standing", "below": 50}, id="standing"),
        rule({"signal": "item.age", "above": "1d"}, id="age"),
        rule({"signal": "label.old", "min": 0.5, "max_age": "1h"}, id="label"),
    )
    found = tried(
        {"item": {"author": {"standing": 49}}, "expect": {"tier": "restricted"}},
        {"item": {"age": "2d"}, "expect": {"tier": "restricted"}},
        {"item": {"labels": {"old": {"score": 0.9, "age": "1h"}}}, "expect": {"tier": "restricted"}},
        {"item": {"labels": {"old": {"score": 0.9, "age": "2h"}}}, "expect": {"tier": "standard"}},
        rules=rules,
    )
    assert found.kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("examples: []\n", "examples"),
        ("examples:\n  - {name: a, item: {colour: red}, expect: {tier: standard}}\n", "line 2, examples.0.item.colour"),
        ("examples:\n  - {name: a, item: {}, expect: {tier: mild}}\n", "expect.tier"),
        ("examples:\n" + "  - {name: a, item: {}, expect: {tier: standard}}\n" * 2, "two examples are named 'a'"),
        ("[", "not YAML"),
    ],
)
def test_a_corpus_that_cannot_be_read_is_refused_where_it_goes_wrong(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        try_corpus(policy(SPAM), text, NOW)
    assert said in str(refused.value)
