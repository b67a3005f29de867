"""Statements: the database's fields, each with its bounds, and nothing that names a person."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from controls.dsa import LANGUAGES, TERRITORIES, Category, ContentType, Keyword, SourceType, Visibility
from controls.statements import StatementFields, batches, impersonal

WHOLE: dict[str, Any] = {
    "decision_visibility": ["DECISION_VISIBILITY_CONTENT_DEMOTED"],
    "decision_facts": "The item is recommended less often.",
    "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
    "incompatible_content_ground": "4.2",
    "incompatible_content_explanation": "It was found to be a rumour.",
    "content_type": ["CONTENT_TYPE_TEXT"],
    "category": "STATEMENT_CATEGORY_OTHER_VIOLATION_TC",
    "content_date": "2026-01-01",
    "application_date": "2026-01-02",
    "source_type": "SOURCE_VOLUNTARY",
    "automated_detection": "Yes",
    "automated_decision": "AUTOMATED_DECISION_FULLY",
    "puid": "r0123-abc_X",
}
REQUIRED = sorted(
    set(WHOLE) - {"decision_visibility", "incompatible_content_ground", "incompatible_content_explanation"}
)
LONG = {
    "decision_facts": 5000,
    "incompatible_content_ground": 500,
    "incompatible_content_explanation": 2000,
    "decision_ground_reference_url": 500,
}


def made(**fields: Any) -> StatementFields:
    return StatementFields.model_validate(
        {name: value for name, value in {**WHOLE, **fields}.items() if value != "gone"}
    )


def refused(**fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        made(**fields)
    return str(caught.value)


def test_a_whole_statement_is_taken_and_written_as_it_came():
    assert made().document() == WHOLE


@pytest.mark.parametrize("field", REQUIRED)
def test_what_is_required_may_not_be_missing(field: str):
    assert field in refused(**{field: "gone"})


@pytest.mark.parametrize(("field", "longest"), LONG.items())
def test_texts_have_a_greatest_length_and_are_never_empty(field: str, longest: int):
    made(**{field: "x" * longest})
    assert field in refused(**{field: "x" * (longest + 1)})
    assert field in refused(**{field: ""})


def test_a_statement_decides_something():
    assert "at least one of decision_visibility" in refused(decision_visibility="gone")
    for decided in (
        {"decision_account": "DECISION_ACCOUNT_SUSPENDED"},
        {"decision_provision": "DECISION_PROVISION_PARTIAL_SUSPENSION"},
        {"decision_monetary": "DECISION_MONETARY_TERMINATION"},
    ):
        made(decision_visibility="gone", **decided)


@pytest.mark.parametrize(
    ("value", "with_it"),
    [
        ({"decision_visibility": ["DECISION_VISIBILITY_OTHER"]}, "decision_visibility_other"),
        ({"decision_monetary": "DECISION_MONETARY_OTHER"}, "decision_monetary_other"),
        ({"content_type": ["CONTENT_TYPE_TEXT", "CONTENT_TYPE_OTHER"]}, "content_type_other"),
    ],
)
def test_other_is_explained_and_nothing_else_is(value: dict[str, Any], with_it: str):
    assert f"{with_it} is missing" in refused(**value)
    made(**value, **{with_it: "what it is"})
    assert f"{with_it} is not for this" in refused(**{with_it: "what it is"})


def test_each_ground_has_its_own_explanation():
    illegal = {
        "decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT",
        "illegal_content_legal_ground": "Art. 1",
        "illegal_content_explanation": "It is unlawful.",
        "incompatible_content_ground": "gone",
        "incompatible_content_explanation": "gone",
    }
    made(**illegal)
    assert "illegal_content_explanation is missing" in refused(**{**illegal, "illegal_content_explanation": "gone"})
    assert "incompatible_content_ground is not for" in refused(**{**illegal, "incompatible_content_ground": "4.2"})
    assert "belongs to incompatible content" in refused(**illegal, incompatible_content_illegal="Yes")
    assert made(incompatible_content_illegal="Yes").document()["incompatible_content_illegal"] == "Yes"


@pytest.mark.parametrize(
    "fields",
    [
        {"content_date": "1999-12-31"},
        {"content_date": "2038-01-02"},
        {"application_date": "2019-12-31"},
        {"application_date": "2026-13-01"},
        {"end_date_visibility_restriction": "2026-01-01"},
        {"end_date_account_restriction": "2038-01-02"},
        {"puid": "with space"},
        {"puid": "x" * 501},
        {"puid": ""},
        {"territorial_scope": ["US"]},
        {"content_language": "de"},
        {"content_language": "XX"},
        {"content_id": {"EAN-13": "123"}},
        {"content_id": {"ISBN": "1234567890123"}},
        {"category": "STATEMENT_CATEGORY_SOMETHING"},
        {"category_specification": ["KEYWORD_SOMETHING"]},
        {"category_specification_other": "what it is"},
        {"content_type": []},
        {"source_identity": "a trusted flagger"},
        {"automated_detection": "yes"},
        {"reader": "r1"},
    ],
)
def test_what_the_database_would_refuse_is_refused_here(fields: dict[str, Any]):
    refused(**fields)


def test_optional_fields_are_taken_where_they_hold():
    full = made(
        territorial_scope=["DE", "FR"],
        content_language="DE",
        content_id={"EAN-13": "1234567890123"},
        category_specification=["KEYWORD_OTHER"],
        category_specification_other="what it is",
        end_date_visibility_restriction="2026-02-01",
        source_type="SOURCE_ARTICLE_16",
        source_identity="a body",
        account_type="ACCOUNT_TYPE_BUSINESS",
    )
    assert full.end_date_visibility_restriction == datetime.date(2026, 2, 1)


def test_the_enumerations_are_as_long_as_the_databases():
    assert (len(Visibility), len(ContentType), len(SourceType), len(Category), len(Keyword)) == (7, 8, 4, 16, 69)
    assert (len(TERRITORIES), len(LANGUAGES)) == (30, 184)
    assert all(word.value == f"KEYWORD_{word.name}" for word in Keyword)


def test_batches_hold_a_hundred_at_most_and_every_statement_once():
    statements = [made(puid=f"s{number}") for number in range(250)]
    sent = list(batches(statements))
    assert [len(batch["statements"]) for batch in sent] == [100, 100, 50]
    assert [one["puid"] for batch in sent for one in batch["statements"]] == [one.puid for one in statements]
    assert list(batches([])) == []


@pytest.mark.parametrize(
    "told",
    [
        "write to jane.doe@example.org at once",
        "as @jane_doe said",
        "call +49 (170) 123-45678 now",
        "pay DE89 3704 0044 0532 0130 00 to them",
        "author-7 wrote it",
        "Jane Doe wrote it",
    ],
)
def test_what_names_a_person_is_withheld(told: str):
    cleared = impersonal(told, ["author-7", "Jane Doe"])
    assert "[withheld]" in cleared
    for name in ("jane", "doe", "123", "3704", "author-7"):
        assert name not in cleared.lower()


@pytest.mark.parametrize("told", ["clause 4.2 of 2026-01-02", "5,000 readers", "art. 17 (3)", "authority said so"])
def test_what_names_nobody_is_left_as_it_is(told: str):
    assert impersonal(told, ["author"]) == told


@given(st.text(max_size=300), st.sampled_from(["x@example.org", "@somebody", "+43 660 123 45 67"]))
def test_no_text_around_a_person_brings_them_back(text: str, person: str):
    assert person not in impersonal(f"{text} {person} {text}")
