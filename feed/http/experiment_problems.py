"""The problems of experiments: ways in which starting and stopping them is refused (``feed.http.problems``)."""

from __future__ import annotations

from feed.http.problem import Problem

EXPERIMENT_PROBLEMS = (
    Problem(
        "experiment-clash",
        409,
        "Another experiment stands in the way",
        "Another experiment has the name at that time, or sets the same parameter for some of the same pages.",
        "Stop the experiment that `detail` names, or choose another name, parameters, scope or time.",
    ),
    Problem(
        "experiment-over",
        409,
        "The experiment is over",
        "The experiment has ended already.",
        "Nothing is left to do.",
    ),
)
