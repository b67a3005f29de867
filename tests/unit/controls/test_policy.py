"""Policy documents: what is read, what is refused, and where the refusal points."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from controls.errors import PolicyError, Problem
from controls.policy import canonical, content_hash, load, parse, validated
from controls.verdicts import Source
from tests.unit.controls.building import policy, rule

WHOLE = """\
name: community-rules
tiers:
  encouraged: {weight: 1.3, min_share: 0.10, max_share: 0.30}
  restricted: {weight: 0.4, max_share: 0.05, sources: [graph]}
sets:
  quiet-topics: [grief, illness]
rules:
  - id: unverified-rumour
    tier: restricted
    when: {all: [{signal: label.rumour, min: 0.8, max_age: 10m}, {signal: author.standing, below: 60}]}
    missing: hold
    scope: {surfaces: [home], regions: ["*"], audience: any}
    effect: {weight: 0.2, notice: disputed, disable: [share]}
    basis: {kind: terms, clause: "4.2", url: "https://rules.example/4.2", category: misinformation}
    mode: live
    review_by: 2027-05-01
  - id: quiet
    tier: standard
    when: {any: [{signal: topic, in_set: quiet-topics}, {not: {signal: item.age, above: 7d}}]}
    missing: apply
"""


def problems(text: str) -> list[Problem]:
    with pytest.raises(PolicyError) as refused:
        parse(text)
    return list(refused.value.problems)


def only_problem(text: str) -> Problem:
    (problem,) = problems(text)
    return problem


def document(when: object, **fields: object) -> dict[str, Any]:
    return {"name": "n", "rules": [{"id": "r", "tier": "restricted", "missing": "skip", "when": when} | fields]}


def refusal(value: object) -> str:
    with pytest.raises(PolicyError) as refused:
        validated(value)
    return str(refused.value)


def test_a_whole_document_is_read_as_it_is_written() -> None:
    read = parse(WHOLE)
    first, second = read.rules
    assert read.tiers.encouraged.min_share == 0.1
    assert read.tiers.restricted.mask == 1 << Source.GRAPH
    assert first.when.model_dump(by_alias=True, exclude_none=True) == {
        "all": (
            {"signal": "label.rumour", "min": 0.8, "max_age": 600},
            {"signal": "author.standing", "below": 60.0},
        )
    }
    assert first.effect.notice == "disputed" and first.review_by == datetime.date(2027, 5, 1)
    assert second.basis is None and second.mode == "live"


def test_json_is_read_like_yaml() -> None:
    read = parse(
        '{"name": "n", "rules": [{"id": "r", "tier": "blocked", "missing": "hold", "when": '
        '{"signal": "language", "in": ["no", "on"]}}]}'
    )
    assert read == validated(document({"signal": "language", "in": ["no", "on"]}, tier="blocked", missing="hold"))


def test_words_that_older_yaml_takes_for_booleans_are_words() -> None:
    read = parse("name: n\nsets: {languages: [no, yes, on, off, y]}")
    assert read.sets["languages"] == ("no", "yes", "on", "off", "y")


def test_the_canonical_form_reads_back_as_the_same_policy_with_the_same_hash() -> None:
    read = parse(WHOLE)
    again = load(canonical(read))
    assert again == read
    assert content_hash(again) == content_hash(read)


def test_saying_a_default_aloud_does_not_change_the_hash() -> None:
    plain = document({"signal": "topic", "in": ["a"]})
    spoken = document({"signal": "topic", "in": ["a"]}, mode="live", scope={"audience": "any"}, effect={"weight": 1})
    assert content_hash(validated(plain)) == content_hash(validated(spoken | {"sets": {}, "tiers": {}}))


def test_another_bound_is_another_hash() -> None:
    one, other = (policy(rule({"signal": "author.standing", "below": points})) for points in (59, 60))
    assert content_hash(one) != content_hash(other)


@pytest.mark.parametrize(("written", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7_200), ("7d", 604_800), (45, 45)])
def test_a_duration_is_a_number_with_a_unit(written: object, seconds: int) -> None:
    (made,) = validated(document({"signal": "item.age", "below": written})).rules
    assert made.when.model_dump()["below"] == seconds


@pytest.mark.parametrize("written", ["10", "1w", "-5m", "1.5h", "0s", "", "99999999d", True, 1.5])
def test_what_is_no_duration_is_refused(written: object) -> None:
    assert refusal(document({"signal": "item.age", "below": written})).startswith("rules.0.when.below: a duration is")


@pytest.mark.parametrize("signal", ["item.age", "author.standing"])
def test_a_number_without_a_bound_is_refused(signal: str) -> None:
    assert f"{signal} needs below or above" in refusal(document({"signal": signal, "below": None}))


def test_every_problem_is_listed_with_its_path_and_line() -> None:
    text = WHOLE.replace("below: 60", "belo: 60").replace("[share]", "[Share!]").replace("missing: apply", "mising: x")
    found = [(problem.line, problem.path) for problem in problems(text)]
    assert (10, "rules.0.when.all.1.belo") in found
    assert (13, "rules.0.effect.disable.0") in found
    assert (17, "rules.1.missing") in found
    assert (20, "rules.1.mising") in found


def test_an_unknown_field_is_named_with_the_nearest_known_one() -> None:
    problem = only_problem("name: n\nruels: []\n")
    assert (problem.path, problem.line) == ("ruels", 2)
    assert "did you mean 'rules'" in problem.message


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"signal": "topics", "in": ["a"]}, "'topic'"),
        ({"signal": "label.Rumour", "min": 0.5}, "pattern"),
        ({"signal": "label.rumour"}, "needs min or max"),
        ({"signal": "label.rumour", "min": 1.5}, "less than or equal to 1"),
        ({"signal": "label.rumour", "min": "0.5"}, "valid number"),
        ({"signal": "label.rumour", "min": True}, "valid number"),
        ({"signal": "label.rumour", "min": float("nan")}, "finite number"),
        ({"signal": "author.standing", "min": 1, "below": 3}, "unknown field"),
        ({"signal": "topic"}, "exactly one of in"),
        ({"signal": "topic", "in": ["a"], "in_set": "s"}, "exactly one of in"),
        ({"signal": "topic", "in": []}, "at least 1 item"),
        ({"signal": "topic", "in_set": "s"}, "the set 's', which is not under sets"),
        ({"all": []}, "at least 1 item"),
        ({"all": [{"signal": "topic", "in": ["a"]}], "any": []}, "unknown field"),
        ({"reader": "x"}, "a condition is one of all, any, not"),
        ("topic", "a condition is one of all, any, not"),
    ],
)
def test_a_condition_outside_the_closed_set_is_refused(when: object, said: str) -> None:
    assert said in refusal(document(when))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tier": "banned"}, "'encouraged', 'standard', 'restricted' or 'blocked'"),
        ({"missing": "ignore"}, "'apply', 'skip' or 'hold'"),
        ({"mode": "off"}, "'live' or 'shadow'"),
        ({"id": "No Spaces"}, "pattern"),
        ({"scope": {"surfaces": ["front"]}}, "unknown surface 'front'"),
        ({"scope": {"regions": ["de"]}}, "two capital letters"),
        ({"scope": {"regions": []}}, "at least 1 item"),
        ({"scope": {"audience": "children"}}, "'any', 'adult' or 'minor'"),
        ({"effect": {"weight": 0}}, "greater than 0"),
        ({"effect": {"weight": 5}}, "less than or equal to 4"),
        ({"basis": {"kind": "whim", "clause": "1"}}, "'law', 'terms', 'editorial' or 'operations'"),
        ({"basis": {"kind": "law", "clause": ""}}, "at least 1 character"),
        ({"review_by": 1_800_000_000}, "YYYY-MM-DD"),
        ({"review_by": "2027-02-30"}, "date"),
    ],
)
def test_a_rule_with_a_wrong_field_is_refused(fields: dict[str, object], said: str) -> None:
    assert said in refusal(document({"signal": "topic", "in": ["a"]}, **fields))


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ({"encouraged": {"weight": 0.9}}, "encouraging would demote"),
        ({"restricted": {"weight": 1.1}}, "restricting would promote"),
        ({"restricted": {"min_share": 0.1}}, "never owed a place"),
        ({"encouraged": {"max_share": 1.1}}, "less than or equal to 1"),
        ({"restricted": {"sources": []}}, "at least 1 item"),
        ({"restricted": {"sources": ["graf"]}}, "'graph'"),
        ({"blocked": {"weight": 1}}, "unknown field"),
    ],
)
def test_a_tier_that_contradicts_its_name_is_refused(tiers: object, said: str) -> None:
    assert said in refusal({"name": "n", "tiers": tiers})


def test_two_rules_of_one_id_are_refused() -> None:
    twice = document({"signal": "topic", "in": ["a"]})
    twice["rules"] *= 2
    assert "two rules have the id 'r'" in refusal(twice)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: &n x\nother: *n\n", 2, "an alias"),
        ("name: x\nname: y\n", 2, "stands here twice"),
        ("name: !!python/object:os.system x\n", 1, "the tag"),
        ("name: !custom x\n", 1, "the tag"),
        ("name: !!int x\n", 1, "the tag"),
        ("name: x\n? [a]\n: 1\n", 2, "a key that is not text"),
        ("1: x\n", 1, "a key that is not text"),
        ("name: [x\n", 2, "not YAML"),
        ("name: x\n---\nname: y\n", 2, "not YAML"),
        ("- name: x\n", None, "not a mapping"),
        ("", None, "not a mapping"),
        ("name: \x07\n", None, "not YAML"),
        ("x: " + "[" * 40 + "]" * 40, 1, "nested more than 32 deep"),
        ("x" * (256 * 1024 + 1), None, "bytes long"),
    ],
)
def test_text_that_cannot_be_a_policy_is_refused_where_it_goes_wrong(text: str, line: int | None, said: str) -> None:
    problem = only_problem(text)
    assert problem.line == line
    assert said in problem.message
    assert problem.remedy


def test_what_was_stored_and_is_no_json_is_refused() -> None:
    with pytest.raises(PolicyError, match="not JSON"):
        load("{")


def test_a_problem_reads_as_one_line_with_the_remedy() -> None:
    assert str(only_problem("name: n\nruels: []\n")).startswith("line 2, ruels: unknown field")
    assert str(Problem("", None, "is wrong", "mend it")) == "document: is wrong; mend it"


def test_a_share_that_stands_elsewhere_is_refused_and_pointed_to_its_place() -> None:
    said = refusal(document({"signal": "topic", "in": ["a"]}, effect={"min_share": 0.1}))
    assert "shares belong to tiers and effects" in said


def test_more_rules_with_a_share_than_a_verdict_has_bits_are_refused() -> None:
    rules = [{"id": f"r{n}", "tier": "standard", "when": {"signal": "topic", "in": ["a"]}} for n in range(9)]
    capped = [{**one, "missing": "skip", "effect": {"max_share": 0.5}} for one in rules]
    assert len(validated({"name": "n", "rules": capped[:8]}).rules) == 8
    with pytest.raises(PolicyError, match="more than 8 live rules have a max_share"):
        validated({"name": "n", "rules": capped})
    shadow = {**capped[8], "mode": "shadow"}
    assert len(validated({"name": "n", "rules": [*capped[:8], shadow]}).rules) == 9


@pytest.mark.parametrize("effect", [{"age_gate": 18}, {"age_gate": "minor"}, {"hold": "yes"}])
def test_gates_and_holds_are_written_as_they_are_meant(effect: dict[str, object]) -> None:
    assert "rules.0.effect" in refusal(document({"signal": "topic", "in": ["a"]}, effect=effect))
