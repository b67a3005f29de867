"""Stating: what governance did, as the statement that is owed for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.categories import category_of, check_categories
from controls.decisions import Basis
from controls.dsa import TERRITORIES, AutomatedDecision, ContentType, SourceType, YesNo
from controls.restrictions import Effect, Holding, Restriction
from controls.scopes import Scope
from controls.statements import LATEST, OLDEST_APPLICATION
from controls.stating import (
    Concerned,
    Desk,
    Reasons,
    act_stated,
    restriction_stated,
    territory,
)
from tests.unit.controls.building import decision

NOW = 1_790_000_000
DAY = 86_400
TERMS = Reasons(Basis("terms", "4.2"), "It is a rumour.", AutomatedDecision.FULLY, YesNo.YES)
DESK = Desk({"misinformation": "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS"})


def restricted(*effects: Effect, kind: str = "rule", scope: Scope | None = None) -> Restriction:
    return Restriction("i1", Holding(kind, "r", effects, scope or Scope()), NOW)


def stated(restriction: Restriction, **changed):
    given = {"reasons": TERMS, "concerned": Concerned(NOW - DAY, "de", "person"), "desk": DESK, **changed}
    return restriction_stated(restriction, **given)


def test_a_demotion_has_a_statement_as_every_restriction_has():
    told = stated(restricted(Effect.DEMOTED)).document()
    assert told["decision_visibility"] == ["DECISION_VISIBILITY_CONTENT_DEMOTED"]
    assert told["decision_ground"] == "DECISION_GROUND_INCOMPATIBLE_CONTENT"
    assert told["incompatible_content_ground"] == "4.2"
    assert told["automated_decision"] == "AUTOMATED_DECISION_FULLY"
    assert told["account_type"] == "ACCOUNT_TYPE_PRIVATE"
    assert told["content_language"] == "DE"
    assert told["puid"] == restricted(Effect.DEMOTED).id
    assert "recommended less often" in told["decision_facts"]
    assert "end_date_visibility_restriction" not in told


@pytest.mark.parametrize(
    ("effect", "word"),
    [
        (Effect.BLOCKED, "CONTENT_DISABLED"),
        (Effect.SUPPRESSED, "CONTENT_DEMOTED"),
        (Effect.HELD, "CONTENT_DISABLED"),
        (Effect.AGE_GATED, "CONTENT_AGE_RESTRICTED"),
        (Effect.DISABLED, "CONTENT_INTERACTION_RESTRICTED"),
        (Effect.LABELLED, "CONTENT_LABELLED"),
    ],
)
def test_every_effect_has_its_word(effect: Effect, word: str):
    assert stated(restricted(effect)).document()["decision_visibility"] == [f"DECISION_VISIBILITY_{word}"]


def test_several_effects_of_one_cause_are_one_statement():
    told = stated(restricted(Effect.DEMOTED, Effect.LABELLED)).document()
    assert [word.rpartition("_")[2] for word in told["decision_visibility"]] == ["DEMOTED", "LABELLED"]


def test_what_is_taken_down_everywhere_is_removed_and_elsewhere_disabled():
    by_person = replace(TERMS, automated=AutomatedDecision.NOT, detected=YesNo.NO, source=SourceType.ARTICLE_16)
    for regions, word in ((("*",), "REMOVED"), (("DE", "US"), "DISABLED")):
        scope = Scope(regions=regions)
        made = decision("takedown", "item:i1", expires_at=NOW + 30 * DAY, scope=scope)
        told = stated(restricted(Effect.BLOCKED, kind="decision", scope=scope), decision=made, reasons=by_person)
        document = told.document()
        assert document["decision_visibility"] == [f"DECISION_VISIBILITY_CONTENT_{word}"]
        assert document["end_date_visibility_restriction"] == "2026-10-21"
        assert document["source_type"] == "SOURCE_ARTICLE_16"


def test_territory_is_the_part_of_the_scope_in_the_economic_area():
    assert territory(Scope()) == TERRITORIES
    assert territory(Scope(regions=("US", "FR", "DE"))) == ("DE", "FR")
    assert territory(Scope(regions=("US",))) is None


def test_the_law_is_another_ground_than_the_terms():
    told = stated(restricted(Effect.BLOCKED), reasons=replace(TERMS, basis=Basis("law", "§ 130 StGB"))).document()
    assert told["decision_ground"] == "DECISION_GROUND_ILLEGAL_CONTENT"
    assert told["illegal_content_legal_ground"] == "§ 130 StGB"
    assert told["illegal_content_explanation"] == "It is a rumour."
    assert "incompatible_content_ground" not in told
    assert told["category"] == "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE"


@pytest.mark.parametrize(
    ("word", "category", "keyword"),
    [
        ("misinformation", "NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS", None),
        ("scam", "SCAMS_AND_FRAUD", "PHISHING"),
        ("self-harm", "SELF_HARM", None),
        ("STATEMENT_CATEGORY_VIOLENCE", "VIOLENCE", None),
        ("nudity", "OTHER_VIOLATION_TC", "NUDITY"),
        ("", "OTHER_VIOLATION_TC", None),
    ],
)
def test_categories_come_from_the_operators_table_or_from_the_word_itself(word, category, keyword):
    table = {**DESK.categories, "scam": "scams_and_fraud/phishing"}
    found = category_of(word, "terms", table)
    assert (found[0].name, found[1].name if found[1] is not None else None) == (category, keyword)


@pytest.mark.parametrize("named", ["NONSENSE", "VIOLENCE/NONSENSE", ""])
def test_a_table_that_names_no_category_is_refused_with_the_word(named: str):
    with pytest.raises(ValueError, match="'mine' names"):
        check_categories({"mine": named})
    check_categories({"mine": "STATEMENT_CATEGORY_VIOLENCE/KEYWORD_OTHER"})


def test_nothing_in_a_statement_names_the_author_or_who_decided():
    told = replace(
        TERMS, explanation="author-7 (jane@example.org) wrote it, says ada", basis=Basis("terms", "author-7")
    )
    concerned = Concerned(NOW, names=("author-7", "ada", "i1"))
    text = str(stated(restricted(Effect.DEMOTED), reasons=told, concerned=concerned).document())
    assert not any(name in text for name in ("author-7", "jane", "ada", "i1"))


@pytest.mark.parametrize(
    ("parameters", "field", "word"),
    [
        ({"service": "suspended"}, "decision_account", "DECISION_ACCOUNT_SUSPENDED"),
        ({"service": "pre_review"}, "decision_provision", "DECISION_PROVISION_PARTIAL_SUSPENSION"),
        ({"service": "rate", "per_day": 3}, "decision_provision", "DECISION_PROVISION_PARTIAL_SUSPENSION"),
        ({"service": "no_recommendation"}, "decision_visibility", ["DECISION_VISIBILITY_CONTENT_DEMOTED"]),
    ],
)
def test_an_act_on_an_author_has_a_statement_of_its_own(parameters, field, word):
    made = decision("restrict_author", "author:a", parameters=parameters, starts_at=NOW, expires_at=NOW + 7 * DAY)
    told = act_stated(made, TERMS, Concerned(), DESK, puid="a1").document()
    assert told[field] == word
    assert "2026-09-28" in [told[name] for name in told if name.startswith("end_date_")]


def test_a_strike_says_how_many_points_it_takes():
    made = decision("strike", "author:a", parameters={"points": 20}, starts_at=NOW, expires_at=NOW + DAY)
    told = act_stated(made, TERMS, Concerned(), DESK, puid="a1").document()
    assert told["decision_visibility"] == ["DECISION_VISIBILITY_OTHER"]
    assert "20 points" in told["decision_facts"]


def test_content_of_another_type_is_said_what_it_is():
    desk = Desk({}, (ContentType.OTHER,), "a short story")
    told = stated(restricted(Effect.DEMOTED), desk=desk).document()
    assert (told["content_type"], told["content_type_other"]) == (["CONTENT_TYPE_OTHER"], "a short story")


@given(
    at=st.integers(0, 1 << 34),
    published=st.integers(0, 1 << 34),
    ends=st.none() | st.integers(0, 1 << 40),
    clause=st.text(max_size=700),
    why=st.text(max_size=5000),
    language=st.text(max_size=4),
    kind=st.sampled_from(["law", "terms", "editorial", "operations"]),
    category=st.text(max_size=64),
    effects=st.lists(st.sampled_from(list(Effect)), min_size=1, unique=True),
)
def test_whatever_was_decided_the_statement_can_be_sent(
    at, published, ends, clause, why, language, kind, category, effects
):
    held = Holding("decision", "d", tuple(effects))
    made = decision("takedown", "item:i1", expires_at=ends)
    reasons = replace(TERMS, basis=Basis(kind, clause, "not a url", category), explanation=why)
    told = restriction_stated(Restriction("i1", held, at), reasons, Concerned(published, language), DESK, decision=made)
    assert OLDEST_APPLICATION <= told.application_date <= LATEST
