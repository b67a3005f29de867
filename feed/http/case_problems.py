"""The problems of cases: ways in which work on them is refused (``feed.http.problems``)."""

from __future__ import annotations

from feed.http.problem import Problem

CASE_PROBLEMS = (
    Problem(
        "same-decider",
        403,
        "It is your own decision",
        "An appeal is decided by somebody else than who first decided or appeals, and nobody decides a case about what "
        "is their own.",
        "Leave the case to somebody else.",
    ),
    Problem(
        "case-resolved",
        409,
        "The case is resolved",
        "The case has its answer, and nothing changes it any more.",
        "Read the case; an appeal is a case of its own.",
    ),
    Problem(
        "case-held",
        409,
        "You do not hold the case",
        "Somebody else holds the case, or nobody does.",
        "Claim it first; if somebody holds it, take another one or wait for the end of the lease.",
    ),
    Problem(
        "appeal-late",
        409,
        "Too late for an appeal",
        "The days within which an appeal can be made are over.",
        "Nothing is left to do here; `detail` names the last day.",
    ),
    Problem(
        "case-changed",
        412,
        "The case has changed",
        "`If-Match` names another version than the case has.",
        "Read the case again, then act.",
    ),
    Problem(
        "invalid-case",
        422,
        "That cannot be done with the case",
        "A field of the case, or of what is to be done with it, does not hold.",
        "Correct the field that `errors` names.",
    ),
)
