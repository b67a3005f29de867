"""Policies of the store are parsed once while they are used, and few are remembered."""

from __future__ import annotations

import pytest

from controls.policy import canonical, content_hash
from feed.models.library import PolicyDocuments
from tests.unit.controls.building import policy, rule


class Counted:
    """Policies as a store has them, and which were asked for."""

    def __init__(self, count: int) -> None:
        made = [policy(rule({"signal": "topic", "in": [f"t{n}"]})) for n in range(count)]
        self.stored = {content_hash(one): canonical(one).decode() for one in made}
        self.asked: list[str] = []

    def get(self, digest: str) -> str | None:
        self.asked.append(digest)
        return self.stored.get(digest)


def test_the_policies_that_were_asked_for_last_are_remembered_and_no_others() -> None:
    policies = Counted(PolicyDocuments.KEPT + 8)
    documents, first = PolicyDocuments(policies), next(iter(policies.stored))  # type: ignore[arg-type]
    for digest in policies.stored:
        documents(digest)
        assert documents(first) is documents(first)
    assert policies.asked == list(policies.stored)
    assert len(documents._parsed) == PolicyDocuments.KEPT
    second = policies.asked[1]
    assert content_hash(documents(second)) == second
    assert policies.asked[-1] == second


def test_a_hash_that_nothing_has_is_not_remembered() -> None:
    documents = PolicyDocuments(Counted(1))  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        documents("0" * 64)
    assert not documents.known("0" * 64)
    assert len(documents._parsed) == 0
