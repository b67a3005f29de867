"""Leaves: canonical bytes of a decision, and what can be erased without touching them."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.errors import LeafError
from controls.ledger import ERASED, SALT_BYTES, attachments, commitment, decision_from, leaf, names, opens
from controls.scopes import Scope
from tests.unit.controls.building import decision

PARTS = ("reason", "persons", "evidence", "subject", "person")
SALTS = {name: bytes([number]) * SALT_BYTES for number, name in enumerate(PARTS)}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
seconds = st.integers(0, 2**40)
parameters = st.one_of(
    st.just({}),
    st.builds(lambda value: {"position": value}, st.integers(0, 499)),
    st.builds(lambda value: {"factor": value}, st.floats(1e-6, 4)),
    st.builds(lambda value: {"model": value}, texts),
    st.builds(lambda person: {"person": person, "power": "manager"}, texts),
    st.dictionaries(
        texts, st.one_of(texts, st.integers(-(2**53) + 1, 2**53 - 1), st.booleans(), st.none(), st.floats(-9, 9))
    ),
)
decisions = st.builds(
    Decision,
    id=texts,
    type=st.sampled_from(DecisionType),
    subject=st.builds(Subject, st.sampled_from(SubjectKind), texts),
    actor=texts,
    role=texts,
    reason=texts,
    basis=st.builds(Basis, texts, texts, texts, texts),
    decided_at=seconds,
    starts_at=seconds,
    expires_at=st.none() | seconds,
    review_by=st.none() | seconds,
    scope=st.builds(
        Scope, st.lists(texts, max_size=3).map(tuple), st.lists(texts, max_size=3).map(tuple), st.just("any")
    ),
    parameters=parameters,
    evidence=st.lists(texts, max_size=3).map(tuple),
    reverses=st.none() | texts,
    approved_by=st.none() | texts,
    idempotency_key=texts,
    revision=st.integers(1, 2**40),
)


@given(decisions)
def test_leaf_and_attachments_give_the_decision_back(made: Decision) -> None:
    assert decision_from(leaf(made, SALTS), attachments(made), made.revision) == made


@given(decisions)
def test_a_leaf_is_canonical_json_and_opens_its_attachments(made: Decision) -> None:
    bytes_of_leaf = leaf(made, SALTS)
    assert rfc8785.dumps(json.loads(bytes_of_leaf)) == bytes_of_leaf
    for name, content in attachments(made).items():
        assert rfc8785.dumps(json.loads(content)) == content
        assert opens(bytes_of_leaf, name, SALTS[name], content)
        assert not opens(bytes_of_leaf, name, bytes(31) + b"x", content)
        assert not opens(bytes_of_leaf, name, SALTS[name], content + b" ")
        assert not opens(bytes_of_leaf, name, b"", content)


@given(decisions, st.sets(st.sampled_from(PARTS)))
def test_what_is_erased_comes_back_empty_and_the_rest_as_it_was(made: Decision, erased: set[str]) -> None:
    kept = {name: content for name, content in attachments(made).items() if name not in erased}
    expected = made
    if "reason" in erased:
        expected = replace(expected, reason="")
    if "persons" in erased:
        expected = replace(expected, actor="", role="", approved_by=None, idempotency_key="")
    if "evidence" in erased:
        expected = replace(expected, evidence=())
    if "subject" in erased and made.subject.kind is SubjectKind.AUTHOR:
        surrogate = ERASED + json.loads(leaf(made, SALTS))["commitments"]["subject"]
        expected = replace(expected, subject=Subject(SubjectKind.AUTHOR, surrogate))
    if "person" in erased and "person" in made.parameters:
        surrogate = ERASED + json.loads(leaf(made, SALTS))["commitments"]["person"]
        expected = replace(expected, parameters={**made.parameters, "person": surrogate})
    assert decision_from(leaf(made, SALTS), kept, made.revision) == expected


def test_who_was_granted_a_power_is_not_in_the_leaf() -> None:
    made = decision("grant", "community:c", parameters={"person": "cleopatra", "power": "founder"})
    assert b"cleopatra" not in leaf(made, SALTS) and b'"power":"founder"' in leaf(made, SALTS)
    assert decision_from(leaf(made, SALTS), attachments(made), 1).parameters == made.parameters


def test_a_leaf_holds_no_text_that_may_have_to_be_erased() -> None:
    made = decision(
        "takedown", "item:a", reason="the secret reason", actor="ada-lovelace", role="moderator-of-the-night",
        approved_by="charles", evidence=("https://e.example/screenshot",), idempotency_key="key-of-ada",
    )  # fmt: skip
    bytes_of_leaf = leaf(made, SALTS)
    for text in ("secret", "ada", "night", "charles", "screenshot"):
        assert text.encode() not in bytes_of_leaf


def test_a_leaf_about_an_author_holds_a_surrogate_in_place_of_the_id() -> None:
    made = decision("boost", "author:ada-lovelace", parameters={"factor": 2.0}, id="d1")
    bytes_of_leaf = leaf(made, SALTS)
    assert b"lovelace" not in bytes_of_leaf
    assert opens(bytes_of_leaf, "subject", SALTS["subject"], b'"ada-lovelace"')
    assert leaf(made, SALTS | {"subject": bytes(SALT_BYTES)}) != leaf(made, SALTS | {"subject": b"x" * SALT_BYTES})


def test_a_leaf_from_before_surrogates_still_names_its_author() -> None:
    made = decision("boost", "author:x", parameters={"factor": 2.0})
    body = json.loads(leaf(made, SALTS))
    body["subject"]["id"] = "x"
    assert decision_from(rfc8785.dumps(body), attachments(made), made.revision) == made


@given(texts, texts, st.none() | texts, texts)
def test_the_persons_of_a_decision_are_found_by_its_attachment_and_nobody_else_is(
    person: str, actor: str, approver: str | None, key: str
) -> None:
    made = replace(
        decision("takedown", "item:a"),
        actor=actor,
        approved_by=approver,
        idempotency_key=key,
        role=f'"actor":"{person}",',
    )
    begins, contains = names(person)
    persons = attachments(made)["persons"]
    assert persons.startswith(begins) == (actor == person)
    assert (contains in persons) == (approver == person)


def test_a_leaf_does_not_hold_its_revision() -> None:
    made = decision("takedown", "item:a")
    assert leaf(made, SALTS) == leaf(replace(made, revision=7), SALTS)


def test_the_form_of_a_leaf_is_fixed() -> None:
    made = decision("boost", "item:x", parameters={"factor": 2.0}, expires_at=9, id="d1")
    commitments = {name: commitment(name, SALTS[name], content).hex() for name, content in attachments(made).items()}
    assert leaf(made, SALTS).decode() == (
        '{"basis":{"category":"","clause":"4.2","kind":"terms","url":""},'
        f'"commitments":{{"persons":"{commitments["persons"]}","reason":"{commitments["reason"]}"}},'
        '"decided_at":0,"expires_at":9,"id":"d1","parameters":{"factor":2},"reverses":null,"review_by":null,'
        '"scope":{"audience":"any","regions":["*"],"surfaces":["*"]},"starts_at":0,'
        '"subject":{"id":"x","kind":"item"},"type":"boost","version":1}'
    )
    salted = SALTS["reason"] + b"reason\x00" + b'"because it was asked for"'
    assert commitments["reason"] == sha256(salted).hexdigest()


def test_every_attachment_needs_its_own_salt() -> None:
    for salts in ({}, {"reason": SALTS["reason"]}, SALTS | {"persons": b"short"}):
        with pytest.raises(LeafError, match="the salt of"):
            leaf(decision("takedown", "item:a"), salts)
    assert commitment("reason", SALTS["reason"], b"x") != commitment("persons", SALTS["reason"], b"x")


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(LeafError, match="not valid Unicode"):
        leaf(decision("takedown", "item:\ud800"), SALTS)


@pytest.mark.parametrize(
    "spoilt", [b"", b"{", b"\xff", b"[]", b"{}", b'{"version":2}', b'{"version":1}', b'{"version":1,"type":"nothing"}']
)
def test_bytes_that_are_no_leaf_are_refused(spoilt: bytes) -> None:
    with pytest.raises(LeafError, match="restore the ledger"):
        decision_from(spoilt, {}, 1)


def test_attachments_that_are_no_json_are_refused() -> None:
    made = decision("takedown", "item:a")
    with pytest.raises(LeafError, match="revision 3"):
        decision_from(leaf(made, SALTS), {"reason": b"{"}, 3)
