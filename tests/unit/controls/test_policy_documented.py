"""docs/policies/README.md tells every field of a policy and of a corpus, and every finding of the lint."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from controls import corpus, lint
from controls.grounds import BasisDocument
from controls.parameters import Service
from controls.policy import (
    EffectDocument,
    Policy,
    Rule,
    ScopeDocument,
    SensitiveDocument,
    Tiers,
    TierSettings,
    parse,
)
from controls.signals import CATEGORICAL, NUMERIC
from controls.thresholds import StandingDocument, ThresholdDocument

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "policies"
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")
TOLD = set(re.findall(r"`([a-z_.-]+)`", TEXT))
MODELS: tuple[type[BaseModel], ...] = (
    *(Policy, Tiers, TierSettings, Rule, ScopeDocument, EffectDocument, SensitiveDocument, BasisDocument),
    *(StandingDocument, ThresholdDocument),
    *(corpus.Example, corpus.ExampleItem, corpus.ExampleAuthor, corpus.ExampleAudience, corpus.Expected),
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_told(model: type[BaseModel]) -> None:
    assert {field.alias or name for name, field in model.model_fields.items()} - TOLD == set()


def test_every_signal_and_test_is_told() -> None:
    assert {*NUMERIC, *CATEGORICAL, "all", "any", "not", "min", "max", "max_age", "in", "in_set"} - TOLD == set()


def test_the_example_of_standing_is_a_part_of_a_policy() -> None:
    example = re.search(r"```yaml\n(standing:\n.*?)```", TEXT, re.DOTALL)
    assert example is not None
    standing = parse("name: n\n" + example[1]).standing
    assert standing is not None and len(standing.thresholds) == len(Service)


def test_every_finding_is_told() -> None:
    source = Path(lint.__file__).read_text(encoding="utf-8")
    kinds = set(re.findall(r'^\s+"([a-z]+-[a-z-]+)",$|_finding\("([a-z-]+)"', source, re.MULTILINE))
    assert {one or other for one, other in kinds} - TOLD == set()
    assert len(kinds) >= 10


def test_every_example_in_the_tables_of_rules_and_effects_is_a_part_of_a_policy() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|.*\| `(\1: .*)` \|$", TEXT, re.MULTILINE)
    fields = {field: example for field, example in rows if field in Rule.model_fields}
    assert set(fields) == set(Rule.model_fields)
    text = "name: n\nrules:\n  - " + "\n    ".join(fields.values()) + "\n"
    assert parse(text).rules[0].id == "unverified-rumour"
    effects = {field: example for field, example in rows if field in EffectDocument.model_fields and field != "weight"}
    assert len(effects) == 6
    whole = text.replace(fields["effect"], f"effect: {{{', '.join(effects.values())}}}")
    assert parse(whole).rules[0].effect.hold


def test_every_example_of_a_signal_is_a_condition() -> None:
    examples = re.findall(r"`(\{signal: .*?\})`", TEXT)
    assert len(examples) >= 6
    for example in examples:
        parse(
            f"name: n\nsets: {{silence: [FR]}}\nrules:\n  - {{id: r, tier: blocked, missing: hold, when: {example}}}\n"
        )
