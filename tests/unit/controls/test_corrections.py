"""Corrections: when they are sent, and how far they are told to have come."""

from __future__ import annotations

from controls.corrections import WITHIN, Correction, Reach
from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind

DAY = 86_400


def decided(**more: object) -> Decision:
    fields: dict[str, object] = {
        "id": "d1",
        "type": DecisionType.CORRECT,
        "subject": Subject(SubjectKind.ITEM, "i1"),
        "actor": "eve",
        "role": "moderator",
        "reason": "the figure was wrong",
        "basis": Basis("terms", "4.2"),
        "decided_at": 100,
        "starts_at": 100,
        "review_by": 90 * DAY,
        "parameters": {"notice": "corrected", "text": "It was 12."},
    }
    return Decision(**(fields | more))  # type: ignore[arg-type]


def test_a_correction_names_the_item_first_and_each_near_duplicate_once() -> None:
    made = Correction.of(decided(), ["i2", "i1", "i2"], 30 * DAY)
    assert made.members == ("i1", "i2")
    assert (made.decision, made.item, made.notice, made.text) == ("d1", "i1", "corrected", "It was 12.")


def test_a_correction_is_sent_until_its_days_are_over_or_the_decision_expires() -> None:
    assert Correction.of(decided(), [], 30 * DAY).ends_at == 100 + 30 * DAY
    assert Correction.of(decided(expires_at=500), [], 30 * DAY).ends_at == 500


def test_exposures_of_the_second_in_which_it_begins_count_as_before() -> None:
    assert Correction.of(decided(), [], DAY).before == 101


def test_reach_counts_who_has_seen_it_by_how_long_that_took() -> None:
    reach = Reach().grown(4).told([60, 61, 10_000_000], unconfirmed=1)
    assert (reach.exposed, reach.seen, reach.unconfirmed, reach.share) == (4, 3, 1, 0.75)
    assert reach.within[:2] == (1, 1) and reach.within[-1] == 1
    assert reach.reached_within(0.25) == WITHIN[0]
    assert reach.reached_within(0.5) == WITHIN[1]
    assert reach.reached_within(0.75) is None


def test_nobody_is_exposed_less_and_no_share_is_told_of_nobody() -> None:
    assert Reach(exposed=9).grown(3).exposed == 9
    assert Reach().share == 0.0
    assert Reach().reached_within(0.5) is None
