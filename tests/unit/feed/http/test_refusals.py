from __future__ import annotations

import inspect
from pathlib import Path

import orjson
import pytest
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

import controls.errors
import feed.control.errors
import feed.errors
import feed.storage.errors
import ranking.errors
from controls.errors import InvalidDecision, PolicyError, Problem
from feed.errors import Fault, InputInvalid
from feed.http.problems import PROBLEMS
from feed.http.refusals import MEDIA_TYPE, named, refusal_of
from feed.storage.errors import DiskFull, StoreBusy, VersionConflict

DOCS = Path(__file__).parents[4] / "docs"
_NO_ANSWERS = ("ControlsError", "EvidenceAltered", "LeafError", "LedgerAltered", "NoteError", "StateError")
"""Those of the fold, and of what is checked offline."""
TREES = (feed.errors, feed.control.errors, controls.errors, ranking.errors, feed.storage.errors)


def kinds_of(module):
    return [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, Exception)]


def test_every_error_that_carries_a_type_has_its_problem():
    for module in (feed.errors, controls.errors):
        for kind in kinds_of(module):
            if kind.__name__ not in _NO_ANSWERS:
                assert kind.type in PROBLEMS, kind


def test_every_error_of_the_house_is_answered_by_a_problem():
    for module in TREES:
        for kind in kinds_of(module):
            error = kind.__new__(kind)
            Exception.__init__(error, "said")
            for name, value in {"detail": "said", "faults": (), "headers": {}, "message": "said"}.items():
                setattr(error, name, value)
            error.field, error.problems = "", ()
            assert refusal_of(error).name in PROBLEMS


def test_what_nobody_expected_is_answered_without_its_words():
    refusal = refusal_of(RuntimeError("SELECT secret FROM keys"))
    assert refusal.name == "internal"
    assert "secret" not in refusal.detail


def test_failures_of_the_store_tell_no_paths():
    assert "/var" not in refusal_of(DiskFull("/var/lib/weir/weir.db: no space")).detail
    assert refusal_of(StoreBusy("100000 rows wait")).headers["Retry-After"] == "1"


def test_a_version_conflict_is_a_failed_precondition():
    assert PROBLEMS[refusal_of(VersionConflict("at version 3", 3)).name].status == 412


def test_a_policy_answers_every_problem_with_its_line():
    problems = [
        Problem("rules.0.when", 7, "unknown signal", "use label.rumour"),
        Problem("", None, "no name", "add it"),
    ]
    refusal = refusal_of(PolicyError(problems))
    assert refusal.name == "invalid-policy"
    assert refusal.faults[0] == Fault("rules.0.when", "unknown signal; use label.rumour", 7)
    assert len(refusal.faults) == 2


def test_a_decision_names_the_field_at_fault():
    refusal = refusal_of(InvalidDecision("expires_at lies in the past", "expires_at"))
    assert refusal.faults == (Fault("expires_at", "expires_at lies in the past"),)


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415])
def test_the_frameworks_own_refusals_become_problems_of_the_same_status(status):
    assert PROBLEMS[refusal_of(HTTPException(status, "no")).name].status == status


def test_json_that_cannot_be_read_names_its_line():
    text = '{\n  "a": 1,\n  oops\n}'
    detail = {"type": "json_invalid", "loc": ("body", text.index("oops")), "msg": "x", "ctx": {"error": "expected"}}
    refusal = refusal_of(RequestValidationError([detail], body=text))
    assert refusal.name == "body-unreadable"
    assert refusal.faults[0].line == 3


def test_fields_are_named_as_their_sender_knows_them():
    assert named(("body", "events", 3, "kind")) == "events.3.kind"
    assert named(("query", "limit")) == "limit"
    assert named(("body",)) == "body"


def test_an_answer_is_a_problem_document():
    refusal = refusal_of(InputInvalid("one field", faults=(Fault("limit", "is no number"),)))
    response = refusal.response("abc12345")
    assert response.media_type == MEDIA_TYPE
    assert response.status_code == 422
    assert orjson.loads(response.body) == {
        "type": "/problems/input-invalid",
        "title": "Some fields do not hold",
        "status": 422,
        "detail": "one field",
        "errors": [{"field": "limit", "message": "is no number"}],
        "request_id": "abc12345",
    }


def test_the_problems_page_lists_exactly_the_register():
    rows = [
        line.split(" | ")
        for line in (DOCS / "problems.md").read_text().splitlines()
        if line.startswith("| 4") or line.startswith("| 5")
    ]
    listed = {row[1].strip("`"): (int(row[0].strip("| ")), row[2], row[3].removesuffix(" |")) for row in rows}
    assert listed == {name: (p.status, p.meaning, p.remedy) for name, p in PROBLEMS.items()}
