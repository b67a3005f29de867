"""The error tree: each kind has a type of its own that stays."""

from __future__ import annotations

from controls.errors import (
    ControlsError,
)


def test_every_error_has_a_type_of_its_own_that_stays() -> None:
    kinds: dict[str, type[ControlsError]] = {}
    pending = [ControlsError]
    while pending:
        error = pending.pop()
        kinds[error.type] = error
        pending += error.__subclasses__()
    assert sorted(kinds) == [
        "already-reversed",
        "appeal-late",
        "case-changed",
        "case-held",
        "case-resolved",
        "conflict",
        "controls-error",
        "decided-since",
        "evidence-altered",
        "experiment-clash",
        "experiment-over",
        "ineligible-subject",
        "invalid-case",
        "invalid-decision",
        "invalid-policy",
        "ledger-altered",
        "ledger-leaf",
        "ledger-note",
        "needs-approval",
        "not-allowed",
        "nothing-to-restore",
        "nothing-to-revoke",
        "position-taken",
        "same-decider",
        "state-order",
        "unknown-reference",
    ]
