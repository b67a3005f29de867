"""What is installed with Weir may be used with it under Apache-2.0, and every bit of what it runs on is pinned."""

from __future__ import annotations

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from tests.unit.house.test_dependencies import CONSTRAINTS, INSTALLED_EXTRAS, PINNED, PROJECT, normal

FREE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "HPND", "ISC", "LLVM-exception", "MIT", "MIT-0",
    "MIT-CMU", "PSF-2.0", "Unlicense", "Zlib",
}  # fmt: skip
LIBRARIES = {"LGPL-3.0-only", "MPL-2.0"}
"""Used as they are, by import, and replaceable: these ask nothing of Weir's own code."""

SPELLED = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
UNSAID = {"hnswlib": "Apache-2.0"}
"""Distributions whose metadata do not say it; their licence file does."""


def licences(name: str) -> set[str]:
    """The SPDX names of a distribution's licences, from its expression, its classifiers, or its one line of text."""
    said = metadata.metadata(name)
    (expression,) = said.get_all("License-Expression") or [""]
    if expression:
        return set(re.findall(r"[A-Za-z0-9.-]+", expression)) - {"AND", "OR", "WITH"}
    classified = [
        line.rpartition(" :: ")[2] for line in said.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    lines = [line for line in classified if line != "DFSG approved"] or [
        one.strip() for one in said.get_all("License") or []
    ]
    words = {part for line in lines for part in re.split(r" AND | OR ", line) if part}
    return {SPELLED.get(word, word) for word in words} or {UNSAID.get(name, "unsaid")}


def installed() -> list[str]:
    names = [line.partition("==")[0] for line in CONSTRAINTS]
    return [name for name in names if any(True for _ in metadata.distributions(name=name))]


def needed(*extras: str) -> set[str]:
    """Everything that an installation with these extras brings here, its own extras and markers taken into account."""
    asked = list(PROJECT["dependencies"]) + [
        line for extra in extras for line in PROJECT["optional-dependencies"][extra]
    ]
    todo, done = [Requirement(line) for line in asked], set[tuple[str, str]]()
    while todo:
        requirement = todo.pop()
        name = normal(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in done:
                done.add((name, extra))
                inner = [Requirement(line) for line in metadata.requires(name) or []]
                todo += [one for one in inner if one.marker is None or one.marker.evaluate({"extra": extra})]
    return {name for name, _ in done}


@pytest.mark.parametrize("name", installed())
def test_what_is_installed_may_be_used_under_apache_2(name: str) -> None:
    assert licences(name) <= FREE | LIBRARIES, f"{name}: {licences(name)}"


def test_licences_that_ask_for_more_are_told_apart() -> None:
    for other in ("GPL-3.0-only", "AGPL-3.0-or-later", "SSPL-1.0", "BUSL-1.1", "unsaid"):
        assert other not in FREE | LIBRARIES


def test_everything_that_runs_is_pinned_extras_and_all() -> None:
    runtime = needed()
    assert {"fastapi", "uvloop", "httptools", "psycopg-binary", "cryptography", "hiredis", "starlette"} <= runtime
    assert sorted(runtime - PINNED.keys()) == []
    assert sorted(needed(*INSTALLED_EXTRAS) - PINNED.keys()) == []


def test_what_is_installed_is_what_was_pinned() -> None:
    other = {name: metadata.version(name) for name in needed() if metadata.version(name) != PINNED[name]}
    assert other == {}
